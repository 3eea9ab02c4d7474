"""The fields of a stream's data, and how wide a beat of them is."""

import dataclasses

__all__ = ["StreamField", "beat_bits", "beat_bytes"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamField:
    """``count`` equal lanes of ``bits`` in a stream's data, lane 0 lowest."""

    name: str
    bits: int
    count: int
    description: str


def beat_bits(fields: tuple[StreamField, ...]) -> int:
    """Return the bits of a beat."""
    return sum(field.bits * field.count for field in fields)


def beat_bytes(fields: tuple[StreamField, ...]) -> int:
    """Return the bytes of a beat, the last of which may be padded."""
    return -(-beat_bits(fields) // 8)
