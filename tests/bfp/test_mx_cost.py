"""What a multiply-add of small floats costs, its share of the sum included, against the bars."""

import pytest

from hw.bfp.mx_product_sum import MxProductSum
from hw.flow.emit import emit
from hw.flow.synth import synthesize
from sim.costs.clocked import Clocked
from sw.bfp.dot import DotParameters

LANES = 16


def luts(family: str, **fields) -> float:
    """Return look-up tables a multiply-add of E4M3, 16 lanes, on Xilinx 7 or ECP5."""
    p = DotParameters.make(preset="mxfp8_e4m3", lanes=LANES, target=family, **fields)
    design = emit(Clocked(inner=MxProductSum(parameters=p)), "product_sum", parameters=p)
    cost = synthesize(design, family)
    used = {column.title: cost.total(column) for column in cost.columns}
    assert not {"DSP48E1", "MULT18X18D"} & set(used)
    return used["LUT" if family == "xilinx" else "LUT4 equivalents"]


@pytest.mark.parametrize(("window", "total"), [(20, 1655), (None, 1734)])
def test_e4m3_on_xilinx(window, total):
    """The bar is 120 LUT6 under a window of 20 bits."""
    assert luts("xilinx", window=window) == total <= 120 * LANES


def test_e4m3_on_ecp5():
    assert luts("ecp5") == 2158
