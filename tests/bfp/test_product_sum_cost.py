"""What a multiply-add costs: exact cell counts of the pinned Yosys, held against the bars."""

import subprocess

import pytest

from hw.bfp.product_sum import ProductSum
from hw.cells import models
from hw.flow.emit import emit
from hw.flow.synth import synthesize
from sim.costs.clocked import Clocked
from sw.bfp.dot import DotParameters
from sw.formats import BLOCK_FORMATS, BfpFormat

HBFP4, HBFP8, MXINT8 = (BLOCK_FORMATS[name] for name in ("hbfp4", "hbfp8", "mxint8"))
SIGN_MAGNITUDE = BfpFormat(name="sign_magnitude", block=(32,))


def design(form, lanes, **fields):
    p = DotParameters(format=form, lanes=lanes, **fields)
    return emit(Clocked(inner=ProductSum(parameters=p)), "product_sum", parameters=p)


def counts(family, form, lanes, **fields):
    """Return the use of each resource by its title; the first is what the bars are about."""
    cost = synthesize(design(form, lanes, **fields), family)
    return {column.title: cost.total(column) for column in cost.columns}


def test_ecp5_without_dsp():
    used = counts("ecp5", HBFP4, 16, target="ecp5")
    assert (used["LUT4"], used["CCU2C"]) == (32, 148)
    assert used["LUT4 equivalents"] / 16 == 20.5 <= 40


@pytest.mark.parametrize(
    "form, luts", [(MXINT8, 1679), (SIGN_MAGNITUDE, 1612)], ids=["mxint8", "sign_magnitude"]
)
def test_xilinx_without_dsp(form, luts):
    used = counts("xilinx", form, 32, target="xilinx")
    assert used["LUT"] == luts <= 85 * 32
    assert not {"DSP48E1", "SRL"} & set(used)


def test_ecp5_two_products_in_a_dsp_block():
    used = counts("ecp5", HBFP4, 16, target="ecp5", multiplier="dsp")
    assert used["MULT18X18D"] == 8
    assert used["LUT4 equivalents"] == 146


def test_gates():
    """Mapped in seconds; the registers' enables are gates."""
    used = counts("gates", HBFP4, 64)
    assert used["NAND2 equivalents"] / 64 <= 170


def test_logic_takes_no_dsp_block_even_where_allowed():
    """A generic sum has no multiplication that synthesis could put in one."""
    text = design(HBFP8, 2).verilog
    assert " * " not in text


@pytest.mark.parametrize("target", ["generic", "ecp5", "xilinx"])
def test_icarus_has_no_warning(tmp_path, target):
    (tmp_path / "top.v").write_text(design(HBFP4, 4, target=target).verilog)
    sources = ["top.v", str(models(target))]
    command = ["iverilog", "-Wall", "-g2005", "-o", "/dev/null", *sources]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
