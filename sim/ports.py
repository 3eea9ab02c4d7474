"""Names of streams and registers, looked up in a manifest."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sw.checks import array, known, whole

__all__ = ["check_beats", "check_stream", "decode_read", "encode_write", "find_register"]


def check_stream(manifest: Mapping[str, Any], name: str, direction: str) -> str:
    """Return ``name`` if it is a stream of this direction, ``in`` or ``out``."""
    streams = {n: s for n, s in manifest["streams"].items() if s["direction"] == direction}
    known(f"{direction}put stream", name, streams)
    return name


def check_beats(manifest: Mapping[str, Any], name: str, beats: np.ndarray) -> np.ndarray:
    """Return ``beats`` if they fit the input stream."""
    count = manifest["streams"][check_stream(manifest, name, "in")]["bytes"]
    return array(name, beats, "uint8", shape=("beats", count))


def find_register(manifest: Mapping[str, Any], name: str) -> tuple[int, int, int]:
    """Return the address of ``register`` or ``register.field`` and the field's offset and width."""
    register, _, field = name.partition(".") if isinstance(name, str) else (name, "", "")
    found = known("register", register, {r["name"]: r for r in manifest["registers"]})
    if not field:
        return found["offset"], 0, 32
    fields = {f["name"]: f for f in found["fields"]}
    part = known(f"field of register {register}", field, fields)
    return found["offset"], part["offset"], part["bits"]


def encode_write(manifest: Mapping[str, Any], name: str, value: int) -> tuple[int, int]:
    """Return the address and the word that set a register, or one of its fields."""
    address, offset, bits = find_register(manifest, name)
    return address, whole(name, value, 0, (1 << bits) - 1) << offset


def decode_read(manifest: Mapping[str, Any], name: str, word: int) -> int:
    """Return the value of a register or of one of its fields in the word read."""
    _, offset, bits = find_register(manifest, name)
    return word >> offset & ((1 << bits) - 1)
