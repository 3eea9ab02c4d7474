"""Beats as bytes: fields by the descriptions of a manifest.

The source of this file is also part of the drivers that are delivered, so that it takes nothing
of Gradgate, and NumPy only where there are many beats at once.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["pack_beat", "pack_beats", "unpack_beat", "unpack_beats"]

CHUNK = 1 << 26  # bits expanded at a time, one byte each


def pack_beat(stream: Mapping[str, Any], fields: Mapping[str, Any]) -> bytes:
    """Return a beat of a stream, its entry of the manifest, from its fields.

    What a stream carries in parts has an entry too; its beat is whole beats of the stream.

    A field of ``count`` values is a sequence of them, one of a single value may be an integer.
    Values from ``-2**bits`` up to below ``2**bits`` are taken modulo the width; `ValueError` for
    others, and for other fields than the stream's.
    """
    names = [field["name"] for field in stream["fields"]]
    if sorted(names) != sorted(fields):
        raise ValueError(f"fields must be {names}, not {[*fields]}")
    word = 0
    for field in stream["fields"]:
        name, bits, count = field["name"], field["bits"], field["count"]
        values = fields[name]
        values = [values] if count == 1 and not hasattr(values, "__len__") else values
        if len(values) != count:
            raise ValueError(f"{name} must have {count} values, not {len(values)}")
        size, mask, part = 1 << bits, (1 << bits) - 1, 0
        for value in reversed(values):
            if not -size <= value < size:
                raise ValueError(f"{name} must be from {-size} to {mask}, not {value}")
            part = part << bits | int(value) & mask
        word |= part << field["offset"]
    return word.to_bytes(stream["bytes"], "little")


def unpack_beat(stream: Mapping[str, Any], beat: bytes) -> dict[str, list[int]]:
    """Return the fields of a beat: `pack_beat` undone, each a list of values of 0 and up."""
    if len(beat) != stream["bytes"]:
        raise ValueError(f"a beat must have {stream['bytes']} bytes, not {len(beat)}")
    word = int.from_bytes(beat, "little")
    fields = {}
    for field in stream["fields"]:
        bits = field["bits"]
        part, mask = word >> field["offset"], (1 << bits) - 1
        fields[field["name"]] = [part >> i * bits & mask for i in range(field["count"])]
    return fields


def pack_beats(stream: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
    """Return many beats, uint8 of shape (beats, bytes), as `pack_beat` makes each of them.

    Fields are integer arrays of shape (beats, count), whose values fit; one of a single value may
    be (beats,). No field is wider than 64 bits.
    """
    import numpy as np

    beats = len(next(iter(fields.values())))
    field = stream["fields"][0]
    whole = field["bits"] * field["count"] == 8 * stream["bytes"]
    if len(fields) == 1 and whole and field["bits"] in (8, 16, 32, 64):
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


def unpack_beats(stream: Mapping[str, Any], packed: Any) -> dict[str, Any]:
    """Return the fields of beats as int64 arrays of shape (beats, count): `pack_beats` undone."""
    import numpy as np

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
