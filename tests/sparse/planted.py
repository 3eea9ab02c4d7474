"""Tests of faults planted in sparse units, which the unit's regression must catch."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sim.report import Report
from sim.streams import Stalls
from sw.parameters import Parameters
from tests.faults import STALLS, Fault, faulty, message

__all__ = ["Bench"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bench:
    """The regression of a unit, in a run for each of several options."""

    unit: str
    parameters: Parameters
    regress: Callable[..., Report]
    runs: tuple[dict[str, Any], ...]

    def tests(self, planted: Mapping[str, Fault]) -> tuple[Callable[..., None], ...]:
        """Return a test that nothing is found without a fault, and one of each planted fault."""

        def sound() -> None:
            assert self._found(Stalls()) == self._found(STALLS) == ""

        @pytest.mark.parametrize("name", planted)
        def caught(name: str) -> None:
            fault = planted[name]
            netlist = faulty(self.unit, self.parameters, fault)
            said = self._found(fault.stalls, netlist=netlist)
            assert re.search(fault.sign, said), said

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
