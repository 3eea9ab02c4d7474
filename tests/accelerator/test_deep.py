"""Gates of the whole machine, in minutes: run by ``pytest tests/accelerator --deep``."""

import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from sim.accelerator.machine import regress
from sim.costs.accelerator import beside, costs
from sim.streams import Stalls
from sw.accelerator.parameters import AcceleratorParameters

from ..faults import STALLS
from ..small import PARAMETERS

# Memories of 1024 words and more stay whole, which makes these netlists the smaller ones.
WHOLE = PARAMETERS["accelerator"].replace(bank_words=1024, instructions=1024)
NETLISTS = {
    "small": WHOLE,
    "scaled": WHOLE.replace(columns=2, port_bits=64, format="nvfp4:block=8"),
}


@pytest.mark.parametrize("lanes", [8, 4])
def test_all_but_the_matrix_engine_is_a_third(lanes):
    p = AcceleratorParameters(rows=8, columns=8, lanes=16, vector_lanes=lanes)
    assert beside(costs(p)) <= 0.35


@pytest.mark.parametrize("name", NETLISTS)
def test_netlists_leave_in_memory_what_the_interpreter_does(name):
    p = NETLISTS[name]
    gates = netlist(generate("accelerator", p), "gates")
    for stalls in (Stalls(), STALLS):
        report = regress(p, seed=5, blocks=100, stalls=stalls, netlist=gates)
        assert (report.message, report.mismatches) == ("", 0)
        assert report.values > 0
