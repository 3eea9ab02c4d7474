"""What is too large is refused in words, at once: before anything of it is elaborated."""

import dataclasses
import json

import pytest
from amaranth.lib import wiring
from click.testing import CliRunner

from hw.__main__ import main
from hw.base.circuit import Circuit
from hw.base.field import Field
from hw.engine.core import Core
from hw.engine.size import MOST_BITS, warnings
from hw.flow.emit import generate
from hw.stream.packet import Packet
from hw.units import UNITS
from sw.errors import UserError

WIDE = "bits of tdata in a cycle"
TOO_LARGE = [
    (
        "bfp_array",
        ["rows=64", "columns=64", "lanes=64"],
        "streams in may have at most 49,152 bits of tdata in a cycle, not 66,816 as with rows=64, ",
    ),
    (
        "stochastic_converter",
        ["elements=1024", "parallel=64"],
        "the stream out may have at most 49,152 bits of tdata in a cycle, not 66,568 as with lane",
    ),
    ("bfp_array", ["rows=64", "columns=64", "lanes=64", "multiplier=dsp", "target=ecp5"], WIDE),
    ("bfp_array", ["rows=64", "columns=1", "lanes=1024", "format.block=1024"], "is too large: a"),
    ("bfp_dot", ["lanes=1024", 'format={preset="hbfp8",mantissa_bits=24,block=1024}'], WIDE),
    ("bfp_dot", ["lanes=1024", "operands=binary32", "format.block=1024"], "lanes must be .* 256"),
    ("bfp_converter", ["lanes=1024", "format.block=1024"], "lanes must be .* 256, not 1024"),
    ("stochastic_converter", ["elements=1024", "lanes=1024"], "lanes must be .* 256, not 1024"),
    ("outer_product", ["rows=128", "columns=128", "lanes=512"], "lanes must be .* 256, not 512"),
    (
        "outer_product",
        ["rows=128", "columns=128", "parallel=64", "lanes=128"],
        "a Sums would have 90,126 bits of outputs",
    ),
    (
        "outer_product",
        ["rows=128", "columns=128", "parallel=32"],
        "bits of d, in all banks of columns, may take at most 131,072 registers, not 262,144 as wi",
    ),
    (
        "outer_product",
        ["rows=128", "columns=128", "length=256", "parallel=256"],
        "a Side would have 65,676 bits of outputs",
    ),
]


@pytest.fixture
def nothing_elaborated(monkeypatch):
    """Fail if a circuit is elaborated."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("elaborated")

    monkeypatch.setattr("hw.flow.emit.Emission", fail)


@pytest.mark.usefixtures("nothing_elaborated")
@pytest.mark.parametrize(("unit", "sets", "words"), TOO_LARGE)
def test_what_is_too_large_is_refused_before_it_is_elaborated(unit, sets, words):
    with pytest.raises(UserError, match=words):
        generate(unit, UNITS[unit].parameters.make(overrides=sets))


@pytest.mark.parametrize("command", ["verilog", "synth"])
def test_the_command_line_refuses_it_in_a_line(command, tmp_path):
    fields = ("rows=64", "columns=64", "lanes=64")
    sets = [word for field in fields for word in ("--set", field)]
    result = CliRunner().invoke(main, [command, "bfp_array", *sets, "-o", str(tmp_path / "x")])
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith(
        "error: streams in may have at most 49,152 bits"
    )
    assert not (tmp_path / "x").exists()


def test_what_is_just_not_too_large_inside_is_left_to_emission():
    p = UNITS["outer_product"].parameters.make(overrides=["rows=128", "columns=128", "parallel=16"])
    UNITS["outer_product"].top(p)


def test_a_beat_of_many_bits_is_warned_of(tmp_path):
    line = f"verilog bfp_array --set rows=64 --set columns=1 -o {tmp_path}"
    text = "s_axis_a_tdata has 4,736 bits: few interconnects"
    result = CliRunner().invoke(main, line.split())
    assert result.exit_code == 0, result.output
    assert f"warning: {text}" in result.stderr
    (told,) = json.loads((tmp_path / "bfp_array.json").read_text())["warnings"]
    assert told.startswith(text)


def test_nothing_is_warned_of_below():
    for name, unit in UNITS.items():
        assert warnings(unit.top(unit.parameters()).streams) == [], name
    assert MOST_BITS == 49_152


def test_a_component_with_too_many_bits_is_refused_in_words():
    class Wide(Circuit):
        def __init__(self, *, bits: int) -> None:
            super().__init__({"i": wiring.In(bits), "o": wiring.Out(1)})

    Wide(bits=65_000)
    with pytest.raises(UserError, match="a Wide would have 65,001 bits of inputs, of which"):
        Wide(bits=65_001)


def test_the_limit_of_a_beat_is_exact():
    unit = UNITS["bfp_dot"]

    def beat(*bits: int) -> dict[str, Packet]:
        fields = (Field(name="x", bits=b, count=2, description="") for b in bits)
        return {f"i_{i}": Packet(field) for i, field in enumerate(fields)}

    def make(streams: dict[str, Packet]) -> None:
        class Wide(Core):
            FLAGS = {"framing": ""}
            registers = ()

            def __init__(self, *, parameters: object) -> None:
                self.parameters = parameters
                super().__init__(streams=streams)

        dataclasses.replace(unit, core=Wide).top(unit.parameters())

    make(beat(24_576))
    make(beat(12_288, 12_288))
    for bits in ((24_577,), (12_288, 12_289)):
        with pytest.raises(UserError, match=r"not 49,154 as with lanes=8"):
            make(beat(*bits))
    odd = Field(name="x", bits=49_153, description="")
    with pytest.raises(UserError, match=r"not 49,153 as with lanes=8"):
        make({"i_x": Packet(odd)})
    assert warnings({"s_axis": beat(2_048)["i_0"]}) == []
    # In whole bytes, as the port has them.
    [warning] = warnings({"s_axis": beat(2_049)["i_0"]})
    assert warning.startswith("s_axis_tdata has 4,104 bits: ")
