"""Streams of random words, as a unit's registers start them."""

from collections.abc import Mapping

from sw.checks import whole
from sw.words import Words

__all__ = ["start_words"]


def start_words(streams: Mapping[str, Words]) -> list[tuple[str, int]]:
    """Return the writes that start streams, by the suffix of their registers' names."""
    writes = []
    for suffix, stream in streams.items():
        whole("first", stream.first, 0, 0)
        halves = stream.key & 0xFFFFFFFF, stream.key >> 32
        names = (f"stream{suffix}_low", f"stream{suffix}_high")
        writes += zip(names, halves, strict=True)
    return [*writes, ("restart", 1)]
