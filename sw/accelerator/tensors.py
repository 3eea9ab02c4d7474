"""What a training does to whole tensors between its products, in the order of the machine.

Samples are innermost: (features, samples), or (channels, height, width, samples).
"""

import numpy as np

from ..arrays import Floats
from ..formats import binary32
from ..formats.binary32 import add

__all__ = [
    "in_turn",
    "larger",
    "largest",
    "pairwise",
    "patches",
    "positive",
    "scattered",
    "spread",
    "sum_in_turn",
    "sum_samples",
    "sum_words",
]

PARTIALS = 8
"""Sums that the words of a reduction are added to in turn."""


def sum_words(x: Floats) -> Floats:
    """Return the sum along the first axis, by interleaved partial sums."""
    partial = np.zeros((PARTIALS, *x.shape[1:]), np.float32)
    for number, each in enumerate(x):
        partial[number % PARTIALS] = add(partial[number % PARTIALS], each)
    return pairwise(partial)


def in_turn(x: Floats) -> Floats:
    """Return the sum along the first axis, one after the other."""
    total = x[0]
    for each in x[1:]:
        total = add(total, each)
    return total


def pairwise(x: Floats) -> Floats:
    """Return the sum along the first axis, of neighbours, then of these, and so on."""
    while len(x) > 1:
        x = add(x[::2], x[1::2])
    return x[0]


def sum_samples(x: Floats, values: int) -> Floats:
    """Return the sums along the last axis: of each of the ``values`` of a word, then of these."""
    lanes = sum_words(np.moveaxis(x.reshape(*x.shape[:-1], -1, values), -2, 0))
    return pairwise(np.moveaxis(lanes, -1, 0))


def sum_in_turn(x: Floats, values: int) -> Floats:
    """Return the sums along the last axis, word after word of ``values``, then of these in turn."""
    words = x.reshape(*x.shape[:-1], -1, values)
    lanes = in_turn(np.moveaxis(words, -2, 0))
    return in_turn(np.moveaxis(lanes, -1, 0))


def positive(x: Floats) -> Floats:
    """Return what is positive and normal, and NaN; else +0."""
    x = binary32.flush(x)
    return np.where(np.isnan(x), binary32.NAN, np.where(x > 0, x, np.float32(0)))


def larger(x: Floats, y: Floats) -> Floats:
    """Return the larger one, the second of equal ones; NaN if one is."""
    x, y = binary32.flush(x), binary32.flush(y)
    return np.where(np.isnan(x) | np.isnan(y), binary32.NAN, np.where(x > y, x, y))


def patches(x: Floats, kernel: int, padding: int, *, stride: int = 1) -> Floats:
    """Return what each tap of kernels sees: (channels * taps, pixels of the result * samples)."""
    reach = (x.shape[1] + 2 * padding - kernel) // stride * stride + kernel
    seen = np.zeros((len(x), reach, reach, x.shape[-1]), x.dtype)
    inside = max(0, reach - padding)
    inner = x[:, :inside, :inside]
    seen[:, padding : padding + inner.shape[1], padding : padding + inner.shape[2]] = inner
    taps = np.lib.stride_tricks.sliding_window_view(seen, (kernel, kernel), axis=(1, 2))
    # (channels, y, x, samples, down, across)
    taps = taps[:, ::stride, ::stride]
    return taps.transpose(0, 4, 5, 1, 2, 3).reshape(len(x) * kernel**2, -1)


def scattered(terms: Floats, size: int, padding: int, stride: int) -> Floats:
    """Return sums of terms (channels, taps down, across, y, x, samples) where taps of kernels lie.

    They are (channels, pixels * samples) of planes of a size, to which terms come one after the
    other: in the order of the pixels that they come from, so the last tap's first.
    """
    channels, kernel, _, outputs, _, samples = terms.shape
    reach = stride * (outputs - 1) + 1
    side = max(reach + kernel - 1, padding + size)
    planes = np.zeros((channels, side, side, samples), np.float32)
    for down in reversed(range(kernel)):
        for across in reversed(range(kernel)):
            place = np.s_[:, down : down + reach : stride, across : across + reach : stride]
            planes[place] = add(planes[place], terms[:, down, across])
    inner = slice(padding, padding + size)
    return planes[:, inner, inner].reshape(channels, -1)


def _corners(x: Floats) -> list[Floats]:
    """Return the pixels of each corner of squares of 2 x 2, without an odd last line or column."""
    height, width = (side // 2 * 2 for side in x.shape[1:3])
    return [x[:, i:height:2, j:width:2] for i in range(2) for j in range(2)]


def largest(x: Floats) -> Floats:
    """Return the largest of each 2 x 2 pixels."""
    y, *others = _corners(x)
    for each in others:
        y = larger(each, y)
    return y


def spread(x: Floats, gradient: Floats) -> Floats:
    """Return the gradient of the input of `largest`: all of it at the first that is the largest."""
    result = np.zeros_like(x)
    y, rest = largest(x), gradient
    for corner, to in zip(_corners(x), _corners(result), strict=True):
        to[...] = np.where(corner == y, rest, np.float32(0))
        rest = add(rest, -to)
    return result
