"""Scales by deviation by compiled loops: the bits of `sw.formats.quest`, and far faster.

numba compiles the loops when they are first called and keeps what it made.
"""

import math
from typing import Any

import numpy as np

from ..arrays import Flags, Floats
from ..checks import array, instance
from ..jit import njit
from .block import MxFormat
from .blocks import Blocks
from .element import FloatElement
from .quest import LEAST, RATIO, middles
from .scale import MxScale

__all__ = ["quantize_by_deviation"]

jit: Any = njit()

SMALL = 2.0**-126
"""The least normal number of binary32."""


def quantize_by_deviation(x: Floats, format: MxFormat) -> tuple[Blocks, Flags]:
    """Return what `sw.formats.quest.quantize_by_deviation` returns."""
    x = np.ascontiguousarray(array("x", x, "float32", shape=("rows", "columns")))
    side, element = format.block[0], instance("element", format.element, FloatElement)
    scale = instance("scale", format.scale, MxScale)
    code = np.empty(x.shape, np.uint32)
    exponent = np.empty((len(x), -(-x.shape[1] // side)), np.int32)
    kept = np.empty(x.shape, np.bool_)
    codes = scale.bias, scale.highest_code, scale.nan_code
    rules = element.places, element.bits - 1, element.nan_code, float(element.largest)
    _quantize(x, code, exponent, kept, side, middles(element), codes, rules)
    return Blocks(code=code, exponent=exponent, format=format, axis=1), kept


@jit
def _flushed(value):
    """Return a product that is exact in binary64 as `sw.formats.binary32.multiply` does."""
    if abs(value) < SMALL * (1 - 2.0**-25):
        return np.float32(0.0)
    return np.float32(value)


@jit
def _sum(terms):
    """Add neighbours pairwise; an odd one waits. The terms are lost."""
    count = len(terms)
    while count > 1:
        for k in range(count // 2):
            total = np.float32(terms[2 * k] + terms[2 * k + 1])
            terms[k] = np.float32(0.0) if abs(total) < SMALL else total
        if count % 2:
            terms[count // 2] = terms[count - 1]
        count = (count + 1) // 2
    return terms[0]


@jit
def _quantize(x, code, exponent, kept, side, bounds, codes, rules):
    """Fill with codes of elements and of scales, and with what is not clipped."""
    bias, highest, nan_code = codes
    places, sign_bit, nan_element, largest = rules
    share = np.float32(1 / side)
    values = np.zeros(side, np.float32)
    terms = np.zeros(side, np.float32)
    for i in range(x.shape[0]):
        for j in range(exponent.shape[1]):
            start = j * side
            count = min(side, x.shape[1] - start)
            finite = True
            for k in range(side):
                value = x[i, start + k] if k < count else np.float32(0.0)
                finite = finite and np.isfinite(value)
                values[k] = value if abs(value) >= SMALL else np.float32(0.0)
            if not finite:
                exponent[i, j] = nan_code
                code[i, start : start + count] = nan_element
                kept[i, start : start + count] = False
                continue
            terms[:] = values
            mean = _flushed(np.float64(_sum(terms)) * np.float64(share))
            for k in range(side):
                terms[k] = _flushed(np.float64(values[k]) * np.float64(values[k]))
            squares = _flushed(np.float64(_sum(terms)) * np.float64(share))
            variance = np.float32(squares - _flushed(np.float64(mean) * np.float64(mean)))
            variance = np.float32(0.0) if abs(variance) < SMALL else variance
            deviation = np.float32(np.sqrt(variance)) if variance >= 0 else np.float32(1.0)
            scale = np.float32(_flushed(np.float64(deviation) * np.float64(RATIO)) + LEAST)
            power = min(np.int64(np.float32(scale).view(np.uint32) >> np.uint32(23)), 254) - 127
            power = min(max(power + bias, 0), highest) - bias
            exponent[i, j] = power + bias
            for k in range(count):
                size = math.ldexp(abs(np.float64(values[k])), places - power)
                number = np.searchsorted(bounds, size)
                negative = np.float32(x[i, start + k]).view(np.uint32) >> np.uint32(31)
                code[i, start + k] = np.uint32(number) | negative << np.uint32(sign_bit)
                kept[i, start + k] = size < largest
