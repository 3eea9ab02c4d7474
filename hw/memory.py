"""Memory without initial contents, as large block RAM is best described."""

from amaranth.lib import memory

__all__ = ["is_uninitialized", "uninitialized_memory"]

_MARK = "uninitialized"


def uninitialized_memory(*, shape: int, depth: int) -> memory.Memory:
    """Return a memory whose words are unknown in Verilog until they are written.

    Amaranth's simulator starts with zeros.
    """
    return memory.Memory(shape=shape, depth=depth, init=[], attrs={_MARK: "yes"})


def is_uninitialized(words: memory.Memory) -> bool:
    """Tell whether a memory is from `uninitialized_memory`."""
    return _MARK in words.attrs
