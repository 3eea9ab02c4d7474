"""The registers that a unit's regression reads: all of them."""

from collections.abc import Mapping
from typing import Any

from .bench import Result

__all__ = ["constants", "counting", "readable"]

QUIET = {f"status.{name}" for name in ("access", "aborted", "aborting", "restarted", "exhausted")}


def readable(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of all registers, and of the bits of ``status``, for `sim.bench.run`."""
    status = next(r for r in manifest["registers"] if r["name"] == "status")
    names = [r["name"] for r in manifest["registers"] if r is not status]
    return names + [f"status.{field['name']}" for field in status["fields"]]


def constants(manifest: Mapping[str, Any]) -> dict[str, int]:
    """Return the values of the registers that nothing changes, and of those that no run should.

    What can be written only is read as 0.
    """
    quiet = ["interrupt_enable", *(name for name in readable(manifest) if name in QUIET)]
    commands = [r["name"] for r in manifest["registers"] if r["access"] == "wo"]
    values = {r["name"]: r["reset"] for r in manifest["registers"] if r["constant"]}
    return values | dict.fromkeys((*commands, *quiet), 0)


def counting(result: Result, *names: str) -> dict[str, range]:
    """Return for counters of cycles all that they can have counted, where nothing more is known."""
    return dict.fromkeys(names, range(result.countable + 1))
