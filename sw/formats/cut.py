"""Arrays cut into blocks, and put together again."""

import math

import numpy as np

from ..checks import instance, whole
from ..errors import UserError
from . import BlockFormat

__all__ = ["blocked_axes", "cut", "join"]


def blocked_axes(format: BlockFormat, axis: int | None, ndim: int, field: str) -> tuple[int, ...]:
    """Return the blocked axes, not negative: ``axis``, or the last ones of squares and boxes."""
    need = len(instance("format", format, BlockFormat).block)
    if ndim < need:
        raise UserError(f"{field} must have at least {need} axes for {format.name}, not {ndim}")
    if need > 1:
        return tuple(range(ndim - need, ndim))
    return (whole("axis", axis, -ndim, ndim - 1) % ndim,)


def cut(x: np.ndarray, axes: tuple[int, ...], block: tuple[int, ...]) -> np.ndarray:
    """Cut into blocks, filled up with zeros: (..., blocks along each axis, elements of one)."""
    count = len(axes)
    sides = dict(zip(axes, block, strict=True))
    x = np.pad(x, [(0, -n % sides.get(axis, 1)) for axis, n in enumerate(x.shape)])
    x = np.moveaxis(x, axes, range(-count, 0))
    outer = x.shape[: x.ndim - count]
    counts = [n // side for n, side in zip(x.shape[len(outer) :], block, strict=True)]
    pairs = zip(counts, block, strict=True)
    x = x.reshape(*outer, *(part for pair in pairs for part in pair))
    x = np.moveaxis(x, range(len(outer) + 1, x.ndim, 2), range(-count, 0))
    return x.reshape(*outer, *counts, math.prod(block))


def join(
    groups: np.ndarray, axes: tuple[int, ...], block: tuple[int, ...], shape: tuple[int, ...]
) -> np.ndarray:
    """Undo `cut` for an array of ``shape``."""
    count = len(axes)
    *outer, _ = groups.shape
    counts = outer[len(outer) - count :]
    outer = outer[: len(outer) - count]
    x = groups.reshape(*outer, *counts, *block)
    # The elements of an axis go behind its blocks.
    x = np.moveaxis(x, range(-count, 0), range(len(outer) + 1, x.ndim, 2))
    x = x.reshape(*outer, *(n * side for n, side in zip(counts, block, strict=True)))
    x = np.moveaxis(x, range(-count, 0), axes)
    return np.ascontiguousarray(x[tuple(slice(n) for n in shape)])
