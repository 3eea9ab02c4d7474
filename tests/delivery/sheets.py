"""Data sheets for tests: made without a simulation, and read again as text."""

import functools
import re
from typing import Any

import numpy as np

from delivery.delivered import Delivered, Recorded
from delivery.sheet.part import files
from hw.units import unit
from sim.job import Job, Outcome, Transfer
from sim.streams import Stalls
from sim.units import bench

__all__ = ["Unrecorded", "bytes_of", "columns", "section", "sheet"]


class _AskedError(Exception):
    pass


class Unrecorded(Delivered):
    """A delivery whose recorded run has the bench's beats in, and zeros out."""

    @functools.cached_property
    def recorded(self) -> tuple[Recorded, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        found: list[Recorded] = []

        def engine(job: Job) -> Outcome:
            streams = job.manifest["streams"]
            beats = {
                n: np.zeros((k, streams[n]["bytes"]), np.uint8) for n, k in job.outputs.items()
            }
            counts = {n: len(b) for n, b in job.inputs.items()} | dict(job.outputs)
            found.append(
                Recorded(
                    job,
                    Outcome(
                        transfers={n: Transfer(k, 9, 8 + k) for n, k in counts.items()},
                        outputs=beats,
                        last={n: np.zeros(k, bool) for n, k in job.outputs.items()},
                        registers=[],
                        cycles=1,
                        resets=1,
                        seconds=1,
                        waves=None,
                    ),
                )
            )
            raise _AskedError

        options: dict[str, Any] = {"engine": engine, "stalls": Stalls()}
        try:
            bench(self.unit_name).regress(self.parameters, seed=1, blocks=6, **options)
        except _AskedError:
            pass
        return tuple(found)


@functools.cache
def sheet(name: str, which: str = "small") -> dict[str, str]:
    """Return the files of the data sheet of a unit: ``small``, ``second`` or its defaults."""
    record = unit(name)
    parameters = record.parameters() if which == "default" else getattr(record, which)
    return files(Unrecorded(unit_name=name, parameters=parameters))


def section(text: str, title: str) -> str:
    """Return what is below a heading, up to the next one."""
    found = re.split(r"^#+ (.*)$", text, flags=re.M)
    return dict(zip(found[1::2], found[2::2], strict=True))[title]


def columns(text: str) -> list[list[str]]:
    """Return the cells of the first table of a text, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in rows[2:] if len(row) == len(rows[0])]


def bytes_of(text: str) -> bytes:
    """Return the bytes that a worked beat ends with."""
    return bytes.fromhex("".join(re.findall(r"^byte +\d+: ([0-9A-F ]+)$", text, re.M)))
