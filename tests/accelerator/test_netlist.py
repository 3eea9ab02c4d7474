"""Netlists of gates of two small machines leave in memory what the interpreter does.

Memories of 1024 words or more stay whole, which makes the netlists of machines with larger ones
the smaller. With ``--deep``.
"""

import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from sim.accelerator.machine import regress
from sim.streams import Stalls

from ..faults import STALLS
from ..small import PARAMETERS

LARGE = {"bank_words": 1024, "instructions": 1024}
CONFIGURATIONS = {
    "small": PARAMETERS["accelerator"].replace(**LARGE),
    "scaled": PARAMETERS["accelerator"].replace(
        **LARGE, columns=2, port_bits=64, format="nvfp4:block=8"
    ),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_netlists(name, deep):
    if not deep:
        pytest.skip("synthesis takes minutes")
    p = CONFIGURATIONS[name]
    gates = netlist(generate("accelerator", p), "gates")
    for stalls in (Stalls(), STALLS):
        report = regress(p, seed=5, blocks=100, stalls=stalls, netlist=gates)
        assert (report.message, report.mismatches) == ("", 0)
        assert report.values > 0
