"""Faults in the Verilog of sparse units, each of which the unit's regression must catch."""

import re
from collections.abc import Callable

from hw.flow.emit import generate
from sim.streams import Stalls
from sw.parameters import Parameters
from tests.plant import plant

__all__ = ["PLAIN", "STALLS", "Fault", "assert_caught"]

STALLS = Stalls(idle=0.3, back_pressure=0.5)
PLAIN = Stalls()

Fault = tuple[str, str, str, Stalls, str]
"""Module, text, what it becomes, stalls, a pattern of what the message says."""


def assert_caught(
    unit: str, parameters: Parameters, fault: Fault, found: Callable[..., str]
) -> None:
    """Plant a fault; ``found`` says what the regression finds with stalls and a netlist."""
    module, text, wrong, stalls, sign = fault
    verilog = generate(unit, parameters).verilog
    said = found(stalls, netlist=plant(verilog, module, re.escape(text), wrong))
    assert re.search(sign, said), said
