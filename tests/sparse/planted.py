"""Faults in the Verilog of sparse units, each of which the unit's regression must catch."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

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

    def tests(self, faults: Mapping[str, Fault]) -> tuple[Callable[..., None], ...]:
        """Return a test that nothing is found without a fault, and one of each planted fault."""

        def sound() -> None:
            assert self._found(PLAIN) == self._found(STALLS) == ""

        @pytest.mark.parametrize("fault", faults)
        def caught(fault: str) -> None:
            module, text, wrong, stalls, sign = faults[fault]
            verilog = generate(self.unit, self.parameters).verilog
            said = self._found(stalls, netlist=plant(verilog, module, re.escape(text), wrong))
            assert re.search(sign, said), said

        return sound, caught

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
