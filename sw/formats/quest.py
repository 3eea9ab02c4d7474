"""Scales by deviation: the projection of Quartet's forward pass (Castro et al., 2025; QuEST).

A block of MX has the scale ``2**floor(log2(0.48708 * std + 1e-8))``, which clips what is beyond the
element's largest number, and elements are rounded to nearest, ties toward zero. 0.48708 is
2.92247856 / 6. In the authors' kernel the order of the sums is that of a compiler; here (inferred)
sums of neighbours are added pairwise, and every operation is binary32, without subnormals:

    mean = sum(x) / n;  var = sum(x * x) / n - mean * mean;  std = sqrt(var), 1 if var < 0

where ``n`` are the elements of the block; the last block is filled up with zeros.
"""

import numpy as np
import numpy.typing as npt

from ..arrays import Flags, Floats
from ..checks import array, instance
from . import binary32
from .block import MxFormat
from .blocks import Blocks
from .cut import cut, join
from .element import FloatElement
from .scale import MxScale

__all__ = ["LEAST", "RATIO", "middles", "quantize_by_deviation"]

RATIO = np.float32(2.92247856 / 6)
"""Of the scale to the deviation of normal numbers, for the least squared error in E2M1."""

LEAST = np.float32(1e-8)


def quantize_by_deviation(x: npt.ArrayLike, format: MxFormat) -> tuple[Blocks, Flags]:
    """Return a matrix in blocks along its rows, and which elements were not clipped.

    The format's rule of scales and its rounding have no say. A block that holds a NaN or an
    infinity is NaN, and all of it clipped.
    """
    element = instance("element", format.element, FloatElement)
    scale = instance("scale", format.scale, MxScale)
    values = binary32.flush(array("x", x, "float32", shape=("rows", "columns")))
    groups = cut(values, (1,), format.block)
    finite: Flags = np.asarray(np.isfinite(groups).all(-1))
    groups = np.where(finite[..., None], groups, np.float32(0))
    code = np.clip(_exponents(groups) + scale.bias, scale.lowest_code, scale.highest_code)
    # Exact: a power of two.
    scaled = np.ldexp(groups.astype(np.float64), -format.last_place(code)[..., None])
    size = np.abs(scaled)
    codes = np.searchsorted(middles(element), size, "left")
    codes = codes | np.signbit(groups).astype(np.int64) << (element.bits - 1)
    codes = np.where(finite[..., None], codes, element.nan_code).astype(np.uint32)
    kept = (size < element.largest) & finite[..., None]
    blocks = Blocks(
        code=join(codes, (1,), format.block, values.shape),
        exponent=np.where(finite, code, format.nan_code).astype(np.int32),
        format=format,
        axis=1,
    )
    return blocks, join(kept, (1,), format.block, values.shape)


def middles(element: FloatElement) -> npt.NDArray[np.float64]:
    """Return what lies midway between the integers of codes, from zero up."""
    numbers = element.decode(np.arange(element.largest_code + 1)).astype(np.float64)
    return (numbers[1:] + numbers[:-1]) / 2


def _exponents(groups: Floats) -> npt.NDArray[np.int64]:
    """Return ``floor(log2(0.48708 * std + 1e-8))`` of finite groups along the last axis."""
    count = np.float32(1 / groups.shape[-1])
    mean = binary32.multiply(_sum(groups), count)
    squares = binary32.multiply(_sum(binary32.multiply(groups, groups)), count)
    variance = binary32.add(squares, -binary32.multiply(mean, mean))
    with np.errstate(invalid="ignore"):
        deviation = np.where(variance >= 0, np.sqrt(variance), np.float32(1))
    scale = binary32.add(binary32.multiply(deviation, RATIO), LEAST)
    return np.frexp(np.minimum(scale, np.float32(binary32.LARGEST)))[1].astype(np.int64) - 1


def _sum(values: Floats) -> Floats:
    """Return sums along the last axis, neighbours first; an odd one waits."""
    while values.shape[-1] > 1:
        odd = values[..., -1:] if values.shape[-1] % 2 else values[..., :0]
        pairs = values[..., : values.shape[-1] // 2 * 2]
        values = np.concatenate([binary32.add(pairs[..., ::2], pairs[..., 1::2]), odd], -1)
    return values[..., 0]
