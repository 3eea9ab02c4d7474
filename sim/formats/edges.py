"""Blocks of MX formats whose elements lie where codes change: at ties and at rules' thresholds."""

import numpy as np
import numpy.typing as npt

from sw.formats import FLOAT_FORMATS, MxFormat, tensor_scale
from sw.formats.element import Element
from sw.formats.scale import FloatScale, MxScale

from .elements import to_source

__all__ = ["with_edges", "with_scaled_edges"]

Floats = npt.NDArray[np.float32]


def with_edges(
    rng: np.random.Generator, x: npt.NDArray[np.float32], format: MxFormat, source: str
) -> npt.NDArray[np.float32]:
    """Return blocks of ``source`` (count, elements) with some elements where roundings change.

    A quarter of the finite ones lies at a tie or beside it; the largest element of half of the
    blocks has the least fraction with which the scale's code is one more, or the one below; some
    blocks are brought to where the code is 0 otherwise, if there are.
    """
    kind = FLOAT_FORMATS[source]
    one = np.int64(1) << (23 - kind.fraction_bits)
    bits = x.view(np.uint32).astype(np.int64)
    sign, field, fraction = bits >> 31, bits >> 23 & 255, bits & 0x7FFFFF
    normal = (field > 127 - kind.bias) & (field < 255)
    most = min(format.element.fraction_bits, kind.fraction_bits - 1)
    kept = rng.integers(0, most + 1, x.shape)
    tie = (rng.integers(0, 1 << 23, x.shape) >> (23 - kept) << 1 | 1) << (22 - kept)
    near = (tie + rng.integers(-1, 2, x.shape) * one) & 0x7FFFFF
    fraction = np.where((rng.random(x.shape) < 0.25) & normal, near, fraction)
    if isinstance(format.scale, MxScale):
        row, place = np.arange(len(x)), (field << 23 | fraction).argmax(1)
        top, usual = field[row, place], normal[row, place]
        # The exponent field under which the code is 0, or 1 by what the fraction reaches.
        least = format.element.emax + 127 - format.scale.bias
        low = usual & (rng.random(len(x)) < 0.1 * (least > 128 - kind.bias))
        field = np.maximum(field - np.where(low, top - least, 0)[:, None], 0)
        field = np.where(normal | ~low[:, None], field, 0)
        carry = [format.scale.carry_from(format.element, lowest=each) for each in (False, True)]
        reached = -(-np.where(field[row, place] == least, carry[1], carry[0]) // one) * one
        edge = np.minimum(reached - rng.integers(0, 2, len(x)) * one, (1 << 23) - one)
        some = usual & (rng.random(len(x)) < 0.5)
        fraction[row, place] = np.where(some, edge, fraction[row, place])
    return (sign << 31 | field << 23 | fraction).astype(np.uint32).view(np.float32)


def _ties(element: Element) -> Floats:
    """Return the magnitudes half way between two numbers that follow each other."""
    numbers = element.decode(np.arange(1 << (element.bits - 1))).astype(np.float64)
    numbers = np.unique(numbers[numbers >= 0]) / 2.0**element.places
    return ((numbers[1:] + numbers[:-1]) / 2).astype(np.float32)


def with_scaled_edges(
    rng: np.random.Generator, x: Floats, format: MxFormat, source: str, amax: np.float32
) -> Floats:
    """Return blocks as `with_edges`, of a tensor whose largest magnitude is ``amax``.

    First the largest element of a block is brought to a tie of scales' codes, then others to ties
    of elements under the block's factor.
    """
    scale = tensor_scale.tensor_scale(format, tensor_scale.checked_amax(format, amax))
    row, place = np.arange(len(x)), (x.view(np.uint32) & 0x7FFFFFFF).argmax(1)
    usual = (np.abs(x) >= 2.0**-12).any(1) & (np.abs(x) < 2.0**14).all(1)

    def beside(value: npt.NDArray[np.floating]) -> Floats:
        """Return values at most a place away."""
        places = value.astype(np.float32).view(np.int32) + rng.integers(-1, 2, value.shape)
        return places.astype(np.int32).view(np.float32)

    with np.errstate(all="ignore"):
        top = rng.choice(_ties(FloatScale.element), len(x))
        top = beside(top / (scale * tensor_scale.inverse_largest(format)))
        some = usual & (rng.random(len(x)) < 0.5)
        x = np.where(some[:, None], np.minimum(np.abs(x), top[:, None]), x)
        x[row, place] = np.where(some, top, x[row, place])
        largest = np.max(np.abs(x), 1, keepdims=True)
        code = tensor_scale.block_codes(format, largest, scale)
        factor = tensor_scale.encode_factor(format, code, scale)
        near = beside(rng.choice(_ties(format.element), x.shape) / factor)
    some = (rng.random(x.shape) < 0.5) & (near < largest) & usual.reshape(-1, 1)
    return to_source(np.where(some, np.copysign(near, x), x), source)
