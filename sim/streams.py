"""Beats of a stream, as bytes and as fields, and how they stall."""

import dataclasses
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from sw.checks import array, is_number, shown
from sw.errors import UserError

__all__ = ["Stalls", "every_third", "pack", "stall_threshold", "stream_seed", "unpack"]

CHUNK = 1 << 26  # bits expanded at a time, one byte each


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
    field = stream["fields"][0]
    if len(names) == 1 and field["bits"] in (8, 16, 32, 64):
        words = np.asarray(fields[field["name"]]).astype(f"<u{field['bits'] // 8}", order="C")
        return words.view(np.uint8).reshape(beats, stream["bytes"])
    packed = np.zeros((beats, stream["bytes"]), np.uint8)
    step = max(1, CHUNK // (8 * stream["bytes"]))
    for start in range(0, beats, step):
        part = slice(start, min(start + step, beats))
        bits = np.zeros((part.stop - start, 8 * stream["bytes"]), np.uint8)
        for field in stream["fields"]:
            width, count = field["bits"], field["count"]
            values = np.asarray(fields[field["name"]][part]).reshape(-1, count)
            values = np.ascontiguousarray(values.astype("<i8"))
            expanded = np.unpackbits(values.view(np.uint8), bitorder="little")
            expanded = expanded.reshape(-1, count, 64)[:, :, :width].reshape(-1, count * width)
            bits[:, field["offset"] : field["offset"] + count * width] = expanded
        packed[part] = np.packbits(bits, axis=1, bitorder="little")
    return packed


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
    values = {
        field["name"]: np.empty((len(packed), field["count"]), np.int64)
        for field in stream["fields"]
    }
    step = max(1, CHUNK // (8 * stream["bytes"]))
    for start in range(0, len(packed), step):
        bits = np.unpackbits(packed[start : start + step], axis=1, bitorder="little")
        for field in stream["fields"]:
            width, count = field["bits"], field["count"]
            part = bits[:, field["offset"] : field["offset"] + count * width]
            wide = np.zeros((len(bits), count, 64), np.uint8)
            wide[:, :, :width] = part.reshape(-1, count, width)
            bytes_ = np.packbits(wide, axis=2, bitorder="little")
            values[field["name"]][start : start + step] = bytes_.view("<i8")[:, :, 0]
    return values
