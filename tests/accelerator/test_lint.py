"""The machine as Verilog: what tools complain of, and that a larger array makes no more modules."""

import pytest

from hw.accelerator.machine import Accelerator
from hw.bus.top import AxiTop
from hw.flow.emit import emit
from hw.flow.rtlil import Emission
from sw.accelerator.parameters import AcceleratorParameters
from sw.formats import BLOCK_FORMATS, MX_FORMATS

from ..flow.test_emit import accepted_by_icarus
from ..lint import lint

FORMATS = {"fb16_linear": 4, "mxfp4": 8}
"""Lanes by format; the default's is asked with all units."""


def top(name: str, rows: int) -> AxiTop:
    p = AcceleratorParameters(
        rows=rows,
        columns=rows,
        lanes=FORMATS[name],
        format=(BLOCK_FORMATS | MX_FORMATS)[name],
        vector_lanes=4,
    )
    return AxiTop(unit="accelerator", core=Accelerator, parameters=p)


@pytest.mark.parametrize("name", FORMATS)
def test_no_tool_complains(name, tmp_path):
    path = tmp_path / "accelerator.v"
    path.write_text(emit(top(name, 4), "accelerator").verilog)
    assert lint(path) == ""
    accepted_by_icarus(path)


def test_a_larger_array_has_no_more_modules():
    small, large = (
        len(Emission(top("fb16_linear", rows), name="accelerator", prefix="").names)
        for rows in (4, 8)
    )
    assert small == large
