"""Block formats of a user's own: the README's commands, what the fields mean, refusals."""

import pytest

from examples.own_format import training
from sw.bfp.array import ArrayParameters
from sw.errors import UserError
from tests.readme import ROOT

from .readme import Example

FOLDER = ROOT / "examples" / "own_format"
E3M1, INT5 = (ArrayParameters.make(config=FOLDER / f"{name}.toml") for name in ("e3m1", "int5"))


def test_the_commands(tmp_path):
    example = Example("own_format", tmp_path)
    e3m1, int5, simulate, emit, train = example.commands
    [told] = example.blocks("text")
    assert int5.endswith(" examples/own_format/int5.toml")
    assert f"{example.run(e3m1)}{training.compare(INT5)}\n" == told
    assert "mismatches" in example.run(simulate)
    assert "bfp_array bfp_array_0 (" in example.run(emit)
    assert "88.02%" in example.run(train)


def test_what_the_fields_mean():
    form = E3M1.format
    # Of three exponent bits and no codes for infinities or NaN: 1.5 times 2 ** (7 - 3).
    assert form.element.largest / 2**form.element.places == 24
    assert (form.element_bits, form.block, form.exponent_bits) == (5, (16,), 8)
    form = INT5.format
    assert (form.largest, form.element_bits, form.block, form.exponent_bits) == (15, 5, (24,), 6)


def test_a_wrong_product_is_found(monkeypatch):
    right = training.circuit.matmul

    def wrong(*arguments):
        product = right(*arguments).copy()
        product[0, 0] += 1
        return product

    monkeypatch.setattr(training.circuit, "matmul", wrong)
    last = training.compare(INT5, epochs=1, steps=1).splitlines()[1]
    assert last.startswith("1 steps through the RTL: ") and " 0 weights" not in last


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("exponent_bits = 11", "exponent_bits must be an integer from 4 to 10, not 11"),
        ("exponents = 4", "unknown field 'format.exponents'"),
        ("block = [2, 3, 4]", "block must be a length"),
    ],
)
def test_mistakes_are_worded(tmp_path, line, words):
    path = tmp_path / "own.toml"
    path.write_text(f"[format]\nmantissa_bits = 5\n{line}\n")
    with pytest.raises(UserError, match=words):
        ArrayParameters.make(config=path)
