"""Streams of random words, as a unit's registers start them."""

from collections.abc import Mapping
from typing import Any

from sw.checks import whole
from sw.words import Words

__all__ = ["start_words", "started"]


def start_words(streams: Mapping[str, Words]) -> list[tuple[str, int]]:
    """Return the writes that start streams, by the suffix of their registers' names."""
    writes = []
    for suffix, stream in streams.items():
        whole("first", stream.first, 0, 0)
        halves = stream.key & 0xFFFFFFFF, stream.key >> 32
        names = (f"stream{suffix}_low", f"stream{suffix}_high")
        writes += zip(names, halves, strict=True)
    return [*writes, ("restart", 1)]


def started(manifest: Mapping[str, Any], streams: Mapping[str, Words]) -> dict[str, int]:
    """Return the values of the registers of all streams, of which some were started."""
    rows = [r for r in manifest["registers"] if r["name"].startswith("stream")]
    values = {r["name"]: r["reset"] for r in rows}
    return values | {n: value for n, value in start_words(streams) if n in values}
