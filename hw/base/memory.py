"""Memory without initial contents, as large block RAM is best described."""

from typing import Any

from amaranth.lib import memory

__all__ = ["is_uninitialized", "uninitialized_memory"]

_MARK = "uninitialized"


def uninitialized_memory(*, shape: int, depth: int, no_collision: bool = False) -> memory.Memory:
    """Return a memory whose words are unknown in Verilog until they are written.

    Amaranth's simulator starts with zeros. With ``no_collision`` nothing uses what is read of a
    word in the cycle in which it is written, so that synthesis need not see to it.
    """
    attributes: dict[str, Any] = {_MARK: "yes"} | ({"no_rw_check": 1} if no_collision else {})
    return memory.Memory(shape=shape, depth=depth, init=[], attrs=attributes)


def is_uninitialized(words: memory.Memory) -> bool:
    """Tell whether a memory is from `uninitialized_memory`."""
    return _MARK in words.attrs
