"""Faults in sparse units, on Amaranth or in the Verilog, which the unit's regression must catch."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hw.flow.emit import generate
from sim.report import Report
from sim.streams import Stalls
from sw.parameters import Parameters
from tests import faults
from tests.plant import message, plant

from .stimuli import STALLS

__all__ = ["PLAIN", "STALLS", "Bench", "Fault"]

PLAIN = Stalls()

Fault = tuple[str, str, str, Stalls, str]
"""Module, text, what it becomes, stalls, a pattern of what the message says."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bench:
    """The regression of a unit, in a run for each of several options."""

    unit: str
    parameters: Parameters
    regress: Callable[..., Report]
    runs: tuple[dict[str, Any], ...]

    def tests(self, planted: Mapping[str, Fault | faults.Fault]) -> tuple[Callable[..., None], ...]:
        """Return a test that nothing is found without a fault, and one of each planted fault."""

        def sound() -> None:
            assert self._found(PLAIN) == self._found(STALLS) == ""

        @pytest.mark.parametrize("fault", planted)
        def caught(fault: str) -> None:
            netlist, stalls, sign = self._planted(planted[fault])
            said = self._found(stalls, netlist=netlist)
            assert re.search(sign, said), said

        return sound, caught

    def _planted(self, fault: Fault | faults.Fault) -> tuple[str, Stalls, str]:
        """Return the Verilog with a fault, the stalls with which it shows, and its sign."""
        if isinstance(fault, faults.Fault):
            return faults.faulty(self.unit, self.parameters, fault), fault.stalls, fault.sign
        module, text, wrong, stalls, sign = fault
        verilog = generate(self.unit, self.parameters).verilog
        return plant(verilog, module, re.escape(text), wrong), stalls, sign

    def _found(self, stalls: Stalls, **options: Any) -> str:
        """Return what the first run says that finds something; empty if none does.

        Registers that nothing was written to hold zeros in these runs: a fault shows as a wrong
        value, not as an unknown one.
        """
        said = (
            message(self.regress, self.parameters, stalls=stalls, engine="batch", **run, **options)
            for run in self.runs
        )
        return next(filter(None, said), "")
