"""The machine as Verilog: what tools complain of, and that a larger array makes no more modules."""

import functools
import re

import pytest

from hw.accelerator.machine import Accelerator
from hw.bus.top import AxiTop
from hw.flow.emit import emit
from sw.accelerator.parameters import AcceleratorParameters
from sw.formats import BLOCK_FORMATS, MX_FORMATS

from ..flow.test_emit import accepted_by_icarus
from ..lint import lint

FORMATS = {"fb16_linear": 4, "mxfp4": 8}
"""Lanes by format; the default's is asked with all units."""


@functools.cache
def verilog(name: str, rows: int = 4) -> str:
    p = AcceleratorParameters(
        rows=rows, columns=rows, lanes=FORMATS[name], format=(BLOCK_FORMATS | MX_FORMATS)[name]
    )
    top = AxiTop(unit="accelerator", core=Accelerator, parameters=p)
    return emit(top, "accelerator", parameters=p).verilog


@pytest.mark.parametrize("name", FORMATS)
def test_no_tool_complains(name, tmp_path):
    path = tmp_path / "accelerator.v"
    path.write_text(verilog(name))
    assert lint(path) == ""
    accepted_by_icarus(path)


def test_a_larger_array_has_no_more_modules():
    small, large = (
        len(re.findall(r"^module ", verilog("fb16_linear", rows), re.M)) for rows in (4, 8)
    )
    assert small == large
