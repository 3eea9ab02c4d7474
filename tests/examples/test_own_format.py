"""Block formats of a user's own: the README's commands, what the fields mean, refusals."""

import pytest
from click.testing import CliRunner

from examples.own_format import training
from hw.__main__ import main as hw
from sim.__main__ import main as sim
from sw.bfp.array import ArrayParameters
from sw.errors import UserError
from sw.train.arithmetic import read
from tests.book import ROOT

from .readme import Example

FOLDER = ROOT / "examples" / "own_format"
E3M1, INT5 = (ArrayParameters.make(config=FOLDER / f"{name}.toml") for name in ("e3m1", "int5"))


def test_training(tmp_path):
    example = Example("own_format", tmp_path)
    e3m1, int5 = example.commands[:2]
    [told] = example.blocks("text")
    assert int5.endswith(" examples/own_format/int5.toml")
    assert f"{example.run(e3m1)}{training.compare(INT5)}\n" == told


def test_the_other_commands(tmp_path, monkeypatch):
    *_, simulate, emit, train = Example("own_format", tmp_path).commands
    monkeypatch.chdir(tmp_path)
    for command, main in ((simulate, sim), (emit, hw)):
        done = CliRunner().invoke(main, command.split()[3:])
        assert done.exit_code == 0, done.output
    # The format as a text is that of the file.
    assert read(train.split()[-1]) == E3M1.format


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
