"""Quantization to blocks by compiled loops: the bits of `sw.formats.quantize`, and far faster.

numba compiles the loops when they are first called and keeps what it made. The scales of blocks are
those of the model (`sw.formats.block_scales`).
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import checks
from ..errors import UserError
from ..jit import njit
from ..words import Words, fields_of
from . import fast_loops, tensor_scale
from .block import BlockFormat, MxFormat
from .block_scales import INFINITY, BlockScales, block_scales, least_error
from .blocks import Blocks
from .cut import blocked_axes
from .element import FloatElement
from .fast_loops import ROUNDINGS
from .quantize import zero_set_counts
from .scale import FloatScale

__all__ = ["quantize", "zero_set"]

jit: Any = njit()

Random = tuple[npt.NDArray[np.uint16], int, int]


def quantize(
    x: npt.NDArray[np.float32],
    format: BlockFormat,
    *,
    random: Words | None = None,
    amax: npt.ArrayLike | None = None,
) -> Blocks:
    """Return a matrix in blocks along its rows, or in square ones.

    Equal to `sw.formats.quantize.quantize` with ``axis=1``; only stochastic rounding needs
    ``random``.
    """
    x = np.ascontiguousarray(checks.array("x", x, "float32", shape=("rows", "columns")))
    block = _sides(format)
    shape = (-(-x.shape[0] // block[0]), -(-x.shape[1] // block[1]))
    words = _words(format, shape, random)
    top = np.zeros(shape, np.uint32)
    fast_loops.tops(x.view(np.uint32), block, top)
    special = top >= INFINITY
    if amax is None and not special.any():
        largest = tensor_scale.given_amax(format, top.view(np.float32), None)
    else:
        largest = tensor_scale.given_amax(format, x, amax)
    code, scale = least_error(
        block_scales(format, top.astype(np.int64), largest),
        lambda scales: _elements(x, scales, format, words),
        lambda code, scale: _error(x, code, scale, format, largest),
        lambda which, tried, code: _take(which, tried, code, block),
    )
    if special.any():
        code = _take(special, np.full_like(code, format.element.nan_code), code, block)
    exponent = np.where(special, format.nan_code, scale).astype(np.int32)
    axis = 1 if len(format.block) == 1 else None
    return Blocks(code=code, exponent=exponent, format=format, axis=axis, amax=largest)


def _words(format: BlockFormat, shape: tuple[int, int], random: Words | None) -> Random:
    """Return the keys, the first word and the words of a block of what rounds a matrix's blocks."""
    if format.rounding != "stochastic":
        return np.zeros(1, np.uint16), 0, 1
    if random is None:
        raise UserError(f"random must be given: {format.name} rounds stochastically")
    stream: Words = checks.instance("random", random, Words)
    stream.blocks(math.prod(shape) * format.block_elements, format.random_bits)
    return np.array(stream.keys, np.uint16), stream.first, fields_of(format.random_bits)


def _elements(
    x: npt.NDArray[np.float32], scales: BlockScales, format: BlockFormat, words: Random
) -> npt.NDArray[np.uint32]:
    """Return the codes of elements of blocks without NaN and infinities."""
    element = format.element
    code = np.empty(x.shape, np.uint32)
    scaled = scales.factor is not None
    factor = scales.factor if scaled else np.ones((1, 1), np.float32)
    if isinstance(element, FloatElement):
        kind = element.fraction_bits, element.exponent_bits
        limits = element.largest_code, element.largest_code
    else:
        kind, limits = (-1, 0), (element.largest, -element.lowest)
    fast_loops.elements(
        x.view(np.uint32),
        words,
        code,
        _sides(format),
        (scales.place, factor),
        (*kind, element.bits - 1, element.in_twos_complement, *limits),
        (ROUNDINGS[format.rounding], format.random_bits, scaled),
    )
    return code


def _error(
    x: npt.NDArray[np.float32],
    code: npt.NDArray[np.uint32],
    scale: npt.NDArray[np.int64],
    format: BlockFormat,
    amax: np.float32,
) -> npt.NDArray[np.float32]:
    """Return what `tensor_scale.error` returns of each block."""
    assert isinstance(format, MxFormat)
    codes = np.arange(1 << format.element_bits)
    numbers = tensor_scale.number_of(format, format.element.decode(codes))
    result = np.empty(scale.shape, np.float32)
    assert isinstance(format.scale, FloatScale)
    full, value = tensor_scale.full_scale(format), format.scale.value(scale)
    fast_loops.error(x, code, numbers, value, amax, full, _sides(format), result)
    return result


def _sides(format: BlockFormat) -> tuple[int, int]:
    """Return the extents of a matrix's blocks, of which flat ones lie along rows."""
    blocked_axes(format, 1, 2, "x")
    down, side = (1, *format.block)[-2:]
    return down, side


@jit
def _take(which, tried, code, block):
    """Replace the codes of some blocks, and return all."""
    for r in range(code.shape[0]):
        for c in range(code.shape[1]):
            if which[r // block[0], c // block[1]]:
                code[r, c] = tried[r, c]
    return code


def zero_set(x: npt.NDArray[np.float32], format: BlockFormat) -> int:
    """Return how many elements of a tensor `sw.formats.quantize` counts as set to zero.

    Blocks of one dimension lie along its last axis.
    """
    x = checks.array("x", x, "float32")
    blocked_axes(format, -1, x.ndim, "x")
    *more, down, deep, side = (1, 1, *format.block)
    if isinstance(format, MxFormat) or math.prod(more) > 1:
        return zero_set_counts(x, format)[0]
    shape = (1, 1, *x.shape)
    cut = np.ascontiguousarray(x).view(np.uint32).reshape(math.prod(shape[:-3]), *shape[-3:])
    return int(_zero_set(cut, (down, deep, side), format.magnitude_bits))


@jit
def _zero_set(bits, block, m):
    """Count exponents that are ``m`` or more below the largest of their block, and zeros."""
    count = 0
    for n in range(bits.shape[0]):
        for i in range(0, bits.shape[1], block[0]):
            for j in range(0, bits.shape[2], block[1]):
                for k in range(0, bits.shape[3], block[2]):
                    box = bits[n, i : i + block[0], j : j + block[1], k : k + block[2]]
                    count += _zeros(box, m)
    return count


@jit
def _zeros(box, m):
    """Count those of a block."""
    largest = np.int64(0)
    for word in box.flat:
        largest = max(largest, np.int64(word >> np.uint32(23)) & 255)
    count = 0
    if 0 < largest < 255:
        for word in box.flat:
            field = np.int64(word >> np.uint32(23)) & 255
            count += field == 0 or largest - field >= m
    return count
