"""Beats of a stream, as bytes and as fields, and how they stall."""

import dataclasses
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from sw.checks import array, is_number, shown
from sw.errors import UserError

from .beats import pack_beats, unpack_beats

__all__ = ["Stalls", "every_third", "pack", "stall_threshold", "stream_seed", "unpack"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stalls:
    """Random gaps on both sides of a design.

    Parameters
    ----------
    idle : float
        Chance that a source that has a beat to offer waits a cycle first, 0 to below 1.
    back_pressure : float
        Chance that a sink is not ready in a cycle, 0 to below 1.
    """

    idle: float = 0.0
    back_pressure: float = 0.0

    def __post_init__(self) -> None:
        """Check both chances."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not is_number(value) or not 0 <= value < 1:
                raise UserError(
                    f"{field.name} must be a number from 0 to below 1, not {shown(value)}"
                )


def stream_seed(seed: int, name: str) -> int:
    """Return the non-zero start of the stall pattern of a stream."""
    return zlib.crc32(f"{seed} {name}".encode()) or 1


def stall_threshold(chance: float) -> int:
    """Return the largest of the 32-bit random numbers that mean a stall."""
    return int(chance * (2**32 - 1))


def every_third(blocks: int, beats: int) -> np.ndarray:
    """Return ``tlast`` of blocks of so many beats, a row a block: every third ends a packet."""
    last = np.zeros((blocks, beats), np.bool_)
    last[2::3, -1] = True
    return last


def pack(stream: Mapping[str, Any], fields: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the beats of a stream, uint8 of shape (beats, bytes), from its fields.

    ``stream`` is its entry of the manifest. A field of ``count`` values is an integer array of
    shape (beats, count), one of a single value may be (beats,). Truth values are bits; negative
    values, from ``-2**bits`` up, are taken modulo the width.
    """
    names = [field["name"] for field in stream["fields"]]
    if not isinstance(fields, Mapping) or sorted(names) != sorted(map(str, fields)):
        found = list(fields) if isinstance(fields, Mapping) else shown(fields)
        raise UserError(f"fields must be {names}, not {found}")
    beats = len(np.atleast_1d(next(iter(fields.values()))))
    for field in stream["fields"]:
        _check(field, fields[field["name"]], beats)
    return pack_beats(stream, fields)


def _check(field: Mapping[str, Any], values: np.ndarray, beats: int) -> None:
    """Check that the values of a field fit its bits."""
    name, bits, count = field["name"], field["bits"], field["count"]
    values = np.asarray(values)
    values = values.astype(np.uint8) if values.dtype == bool else values
    found = array(name, values, "integer", low=-(1 << bits), high=(1 << bits) - 1)
    if found.shape != (beats, count) and (count > 1 or found.shape != (beats,)):
        raise UserError(f"{name} must have the shape ({beats}, {count}), not {found.shape}")


def unpack(stream: Mapping[str, Any], packed: np.ndarray) -> dict[str, np.ndarray]:
    """Return the fields of beats as int64 arrays of shape (beats, count): `pack` undone."""
    return unpack_beats(stream, packed)
