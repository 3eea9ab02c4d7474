"""A regression of a unit: its options, and the comparison of its registers and results."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from .bench import Result
from .registers import constants, counting
from .report import Report, compare
from .streams import Stalls

__all__ = ["Regression"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Regression:
    """What a bench's `regress` is given beside the unit's parameters.

    Parameters
    ----------
    blocks : int
        The amount of random data, in what the unit takes: blocks, beats, requests.
    options : dict
        Those of `sim.bench.run`, ``seed`` and ``stalls`` among them.
    """

    blocks: int
    options: dict[str, Any]

    @classmethod
    def of(cls, options: Mapping[str, Any], *, blocks: int = 1000) -> "Regression":
        """Return the regression of the keywords of `regress`; ``blocks`` unless they say else."""
        rest = {"seed": 1, **options, "stalls": options.get("stalls") or Stalls()}
        return cls(blocks=rest.pop("blocks", blocks), options=rest)

    @property
    def seed(self) -> int:
        """Of the data and of the stalls."""
        return self.options["seed"]

    @property
    def stalls(self) -> Stalls:
        """Of the streams."""
        return self.options["stalls"]

    @functools.cached_property
    def rng(self) -> np.random.Generator:
        """The source of the data."""
        return np.random.default_rng(self.seed)

    def compare(
        self,
        manifest: Mapping[str, Any],
        result: Result,
        found: Mapping[str, Any],
        expected: Mapping[str, Any],
        *,
        counters: tuple[str, ...] = (),
        waits_for_source: tuple[str, ...] = (),
        waits_for_sink: tuple[str, ...] = (),
        cycles: int | None = None,
        inputs: dict[str, Any] | None = None,
    ) -> Report:
        """Return the report of a run, of which all registers are compared.

        Parameters
        ----------
        manifest : dict
            The unit's.
        result : Result
            The run.
        found, expected : dict
            What was found beside the registers, and what this and the registers should be, as in
            `sim.report.compare`; without the registers that no run changes.
        counters : tuple of str
            Registers that count cycles of which nothing more is known.
        waits_for_source, waits_for_sink : tuple of str
            Registers that count waits for a stream: 0 where its other end never stalls.
        cycles : int or None
            Cycles of the run if nothing stalls; None for any.
        inputs : dict or None
            As in `sim.report.compare`.
        """
        source, sink = self.stalls.idle, self.stalls.back_pressure
        known: dict[str, Any] = {
            **counting(result, *counters, *waits_for_source, *waits_for_sink),
            **expected,
            **constants(manifest),
        }
        known |= dict.fromkeys(() if source else waits_for_source, 0)
        known |= dict.fromkeys(() if sink else waits_for_sink, 0)
        actual = {**result.registers, **found}
        if cycles is not None:
            actual["cycles"] = result.cycles
            known |= counting(result, "cycles") if source or sink else {"cycles": cycles}
        return compare(actual, known, result, inputs or {})
