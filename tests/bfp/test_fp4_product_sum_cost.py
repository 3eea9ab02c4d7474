"""What a multiply-add of FP4 costs: exact cell counts of the pinned Yosys, and the bars."""

import subprocess

import pytest

from hw.bfp.fp4_product_sum import Fp4ProductSum
from hw.bfp.product_sum import ProductSum
from hw.cells import models
from hw.flow.emit import emit
from hw.flow.synth import synthesize
from sim.costs.clocked import Clocked
from sw.bfp.dot import DotParameters
from sw.formats import BLOCK_FORMATS
from sw.formats.presets import MX_FORMATS

HBFP4, NVFP4 = BLOCK_FORMATS["hbfp4"], MX_FORMATS["nvfp4"]


def design(form, lanes, target):
    p = DotParameters(format=form, lanes=lanes, target=target)
    kind = Fp4ProductSum if form is NVFP4 else ProductSum
    return emit(Clocked(inner=kind(parameters=p)), "product_sum", parameters=p)


def counts(family, form, lanes, target="generic"):
    """Return the use of each resource by its title; the first is what the bars are about."""
    cost = synthesize(design(form, lanes, target), family)
    return {column.title: cost.total(column) for column in cost.columns}


@pytest.mark.parametrize("lanes, luts", [(4, 55), (8, 110), (16, 222)])
def test_xilinx(lanes, luts):
    used = counts("xilinx", NVFP4, lanes, "xilinx")
    assert used["LUT"] == luts <= 16 * lanes
    assert not {"DSP48E1", "SRL"} & set(used)


def test_ecp5():
    """More than HBFP4's 20.5: products have eight bits, those of HBFP4 six."""
    used = counts("ecp5", NVFP4, 16, "ecp5")
    assert (used["LUT4"], used["CCU2C"]) == (156, 138)
    assert used["LUT4 equivalents"] / 16 == 27
    assert "MULT18X18D" not in used


def test_gates():
    """The registers' enables are gates. Latency is that of HBFP4, depth between them too."""
    used = counts("gates", NVFP4, 16)["NAND2 equivalents"]
    assert used == 3096
    assert used <= 1.5 * counts("gates", HBFP4, 16)["NAND2 equivalents"]


@pytest.mark.parametrize("target", ["generic", "ecp5", "xilinx"])
def test_icarus_has_no_warning(tmp_path, target):
    (tmp_path / "top.v").write_text(design(NVFP4, 4, target).verilog)
    sources = ["top.v", str(models(target))]
    command = ["iverilog", "-Wall", "-g2005", "-o", "/dev/null", *sources]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
