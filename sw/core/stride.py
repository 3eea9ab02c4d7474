"""Places of pixels in the stride of a convolution."""

import dataclasses
from collections.abc import Iterator

__all__ = ["Phase", "phases"]


@dataclasses.dataclass(frozen=True)
class Phase:
    """Pixels along a side that the same taps of the kernel reach.

    ``taps`` are these; tap ``i`` is of the result at ``places + steps[i]``.
    """

    pixels: tuple[int, ...]
    places: tuple[int, ...]
    taps: tuple[int, ...]
    steps: tuple[int, ...]


def phases(size: int, kernel: int, stride: int, padding: int) -> Iterator[Phase]:
    """Split the pixels along a side by their place in the stride."""
    for first in range(min(stride, size)):
        pixels = tuple(range(first, size, stride))
        taps = tuple(t for t in range(kernel) if (first + padding - t) % stride == 0)
        if taps:
            steps = tuple((first + padding - t) // stride for t in taps)
            yield Phase(pixels, tuple(range(len(pixels))), taps, steps)
