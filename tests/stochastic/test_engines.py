"""Both stochastic units as a netlist of gates, and in cocotb, against their models."""

import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from sim.stochastic import converter, outer_product
from tests.stochastic import test_converter, test_outer
from tests.stochastic.test_outer import STALLS

CONVERTER = ("stochastic_converter", converter.regress, test_converter.parameters)
OUTER = ("outer_product", outer_product.regress, test_outer.parameters)


@pytest.mark.parametrize(("case", "name"), [(CONVERTER, "a beat a vector"), (OUTER, "an element")])
def test_netlist(case, name):
    unit, regress, parameters = case
    p = parameters(name)
    gates = netlist(generate(unit, p), "gates")
    assert regress(p, seed=6, blocks=100, stalls=STALLS, netlist=gates).message == ""


@pytest.mark.parametrize(("case", "name"), [(CONVERTER, "own registers"), (OUTER, "short")])
def test_cocotb(case, name):
    _, regress, parameters = case
    options = {"engine": "cocotb", "simulator": "icarus", "stalls": STALLS}
    assert regress(parameters(name), seed=8, blocks=20, **options).message == ""
