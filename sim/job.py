"""What an engine is asked to simulate, what it answers, and the errors that end a run."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .memory import Memory
from .streams import Stalls

__all__ = [
    "BenchError",
    "ContentError",
    "HoldError",
    "Job",
    "Outcome",
    "ProtocolError",
    "ResponseError",
    "SurplusError",
    "Transfer",
    "WatchdogError",
]

WATCHDOG, SURPLUS, HOLD, RESPONSE = "watchdog", "surplus", "hold", "response"
UNKNOWN, RULE, LATE = "unknown", "rule", "late"

RESET_CYCLES = 8
"""Cycles that the reset at the start of a run takes."""


class BenchError(AssertionError):
    """A design broke the rules of its ports."""


class WatchdogError(BenchError):
    """No port moved for too long, or no interrupt came in time."""


class SurplusError(BenchError):
    """An output gave more beats than were expected."""


class HoldError(BenchError):
    """An output took back or changed a beat before it was accepted."""


class ProtocolError(BenchError):
    """A master asked a memory for what AXI4 does not allow."""


class ContentError(BenchError):
    """An output gave what its stream does not allow."""


class ResponseError(BenchError):
    """A register access was answered with an error."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One run: reset, register writes, streams with later writes, settling, register reads."""

    name: str
    verilog: str
    manifest: Mapping[str, Any]
    inputs: Mapping[str, np.ndarray]
    last: Mapping[str, np.ndarray]
    writes: list[tuple[int, int]]
    later: list[tuple[int, int, int]]
    outputs: Mapping[str, int]
    reads: list[int]
    stalls: Stalls
    seed: int
    reset_after: int | None
    watchdog: int
    settle: int
    waves: Path | None
    junit: Path | None = None
    memory: Memory | None = None
    irq_within: int | None = None

    @property
    def master(self) -> str:
        """Name of the AXI4 master, empty without one."""
        return next(iter(self.manifest.get("masters", ())), "")

    @property
    def ports(self) -> dict[str, int]:
        """Widths of the ports."""
        return {port["name"]: port["width"] for port in self.manifest["ports"]}


@dataclasses.dataclass
class Transfer:
    """What happened at a stream: beats moved, cycles of the first and last, last tvalid, tready.

    Channels of the memory have the same. The last two are None where they cannot be seen.
    """

    done: int = 0
    first: int = 0
    final: int = 0
    valid: int | None = 0
    ready: int | None = 0


@dataclasses.dataclass(kw_only=True)
class Outcome:
    """An engine's answer; ``status`` is empty or the kind of error, at ``culprit``.

    ``culprit`` is the name of a stream, or of a channel of the memory, which broke a ``rule``, or
    the index of the register write, later write or read. The streams moved for ``worked`` cycles.
    An engine that does not see the clock counts no ``cycles``; it says in ``place`` where the job
    ran, and in ``patience`` how long nothing may move.
    """

    status: str = ""
    culprit: str | int = ""
    phase: str = "streams"
    transfers: dict[str, Transfer]
    outputs: dict[str, np.ndarray]
    last: dict[str, np.ndarray]
    registers: list[int]
    response: int = 0
    rule: str = ""
    worked: int = 0
    place: str = ""
    patience: str = ""
    cycles: int
    resets: int
    seconds: float
    waves: Path | None
