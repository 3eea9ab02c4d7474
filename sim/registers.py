"""The registers that a unit's regression reads: all of them."""

from collections.abc import Mapping
from typing import Any

__all__ = ["constants", "readable"]


def readable(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of all registers, and of the bits of ``status``, for `sim.bench.run`."""
    status = next(r for r in manifest["registers"] if r["name"] == "status")
    names = [r["name"] for r in manifest["registers"] if r is not status]
    return names + [f"status.{field['name']}" for field in status["fields"]]


def constants(manifest: Mapping[str, Any]) -> dict[str, int]:
    """Return the values of the registers that nothing changes, and of those that no run should."""
    untouched = ("control", "interrupt_enable")
    quiet = ("access", "aborted", "aborting")
    values = {r["name"]: r["reset"] for r in manifest["registers"] if r["constant"]}
    return values | dict.fromkeys((*untouched, *(f"status.{name}" for name in quiet)), 0)
