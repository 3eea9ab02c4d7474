"""What a regression of a unit found, and what its command and tests need of every unit's bench."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .bench import Result
from .compare import MismatchError, assert_equal
from .job import ContentError

__all__ = ["Bench", "Report", "compare", "insist", "merge"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """A run on seeded random data against the model.

    ``beats`` are those of outputs and of bursts written; ``message`` tells the first mismatch, or
    is empty.
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
    """Return the report of a run whose outcome should be ``expected``, all of it, by name.

    Expected are arrays, numbers, or a range that a number should be in; a mismatch of an array is
    told before one of a number. ``inputs`` are arrays whose first index is that of the outcome.
    """
    mismatches, message = 0, ""
    if unexpected := sorted(set(actual) - set(expected)):
        message = f"nothing is expected of {', '.join(unexpected)}"
    for name, value in sorted(
        expected.items(), key=lambda item: not isinstance(item[1], np.ndarray)
    ):
        if isinstance(value, range):
            if actual[name] not in value:
                mismatches += 1
                message = message or (
                    f"{name}: got {actual[name]}, expected {value.start} to {value.stop - 1} "
                    f"(seed {result.seed})"
                )
            continue
        got, want = np.atleast_1d(actual[name]), np.atleast_1d(value)
        try:
            assert_equal(got, want, context={"seed": result.seed, "inputs": inputs})
        except MismatchError as error:
            mismatches += error.count
            message = message or f"{name}: {error}"
    written = sum(words for name, words in result.traffic.items() if name.endswith("_w"))
    values = sum(1 if isinstance(v, range) else np.size(v) for v in expected.values())
    if not values:
        message = "nothing was compared"
    return Report(
        values=values,
        mismatches=mismatches,
        beats=sum(map(len, result.outputs.values())) + written,
        cycles=result.cycles if result.outputs else result.worked,
        simulated=result.simulated,
        seconds=result.seconds,
        seed=result.seed,
        waves=result.waves,
        message=message,
    )


def merge(reports: Mapping[str, Report]) -> Report:
    """Return the sum of the reports of several runs by name; waves are those of the first fault."""
    parts = list(reports.values())
    faults = [(name, report) for name, report in reports.items() if report.message]
    return Report(
        values=sum(part.values for part in parts),
        mismatches=sum(part.mismatches for part in parts),
        beats=sum(part.beats for part in parts),
        cycles=sum(part.cycles for part in parts),
        simulated=sum(part.simulated for part in parts),
        seconds=sum(part.seconds for part in parts),
        seed=parts[0].seed,
        waves=(faults[0][1] if faults else parts[0]).waves,
        message=f"{faults[0][0]}: {faults[0][1].message}" if faults else "",
    )


def insist(holds: Any, text: str, result: Result | None = None) -> None:
    """Raise `ContentError` with ``text``, and the run's seed and waves, unless all ``holds``."""
    if np.all(holds):
        return
    if result is not None:
        waves = f", waves in {result.waves}" if result.waves else ""
        text += f" (seed {result.seed}{waves})"
    raise ContentError(text)
