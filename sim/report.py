"""What a regression of a unit found, and what its command and tests need of every unit's bench."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .bench import Result
from .compare import MismatchError, assert_equal

__all__ = ["Bench", "Report", "compare"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """A run on seeded random data against the model.

    ``message`` tells the first mismatch, or is empty.
    """

    values: int
    mismatches: int
    beats: int
    cycles: int
    simulated: int
    seconds: float
    seed: int
    waves: Path | None
    message: str


class Bench(Protocol):
    """A bench's module."""

    @property
    def regress(self) -> Callable[..., Report]:
        """``regress(parameters, *, seed, blocks, **options)``; options are those of `bench.run`."""
        ...


def compare(
    actual: dict[str, Any], expected: dict[str, Any], result: Result, inputs: dict[str, Any]
) -> Report:
    """Return the report of a run whose outcome should be ``expected``, arrays or numbers by name.

    ``inputs`` are arrays whose first index is that of the outcome.
    """
    mismatches, message = 0, ""
    for name, value in expected.items():
        got, want = np.atleast_1d(actual[name]), np.atleast_1d(value)
        try:
            assert_equal(got, want, context={"seed": result.seed, "inputs": inputs})
        except MismatchError as error:
            mismatches += error.count
            message = message or f"{name}: {error}"
    return Report(
        values=sum(np.size(value) for value in expected.values()),
        mismatches=mismatches,
        beats=sum(map(len, result.outputs.values())),
        cycles=result.cycles,
        simulated=result.simulated,
        seconds=result.seconds,
        seed=result.seed,
        waves=result.waves,
        message=message,
    )
