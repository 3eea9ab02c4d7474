"""Faults in the Verilog of sparse units, each of which the unit's regression must catch."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from hw.flow.emit import generate
from sim.report import Report
from sim.streams import Stalls
from sw.parameters import Parameters
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

    def found(self, stalls: Stalls, **options: Any) -> str:
        """Return what the first run says that finds something; empty if none does."""
        said = (
            message(self.regress, self.parameters, stalls=stalls, **run, **options)
            for run in self.runs
        )
        return next(filter(None, said), "")

    def assert_sound(self) -> None:
        """Check that nothing is found without a fault."""
        assert self.found(PLAIN) == self.found(STALLS) == ""

    def assert_caught(self, fault: Fault) -> None:
        """Check that a planted fault is found."""
        module, text, wrong, stalls, sign = fault
        verilog = generate(self.unit, self.parameters).verilog
        said = self.found(stalls, netlist=plant(verilog, module, re.escape(text), wrong))
        assert re.search(sign, said), said
