"""The scale of a tensor, and those of its blocks, in NVFP4 (TransformerEngine, NVIDIA).

Every operation is binary32, rounded to nearest even, in the order of TransformerEngine's reference
quantizer. With the largest finite magnitude ``amax`` of a tensor, ``L`` of `FloatScale.largest`
and 6 for the element's largest number:

    S_enc = 6 * L / amax, or 1 where amax is 0;  S_dec = 1 / S_enc
    code  = UE4M3 of amax_block * (S_enc * (1 / 6)), to nearest even, saturating
    enc   = min(1 / (value(code) * S_dec), FLT_MAX)

"Four over six" (TransformerEngine; Cook et al., arXiv 2512.02010) has two codes to choose from, and
another order: ``base = amax_block / 6 * S_enc`` makes one, ``base * 1.5`` the other. That with the
smaller error is kept, the former where both are equal (`error`).

What is subnormal counts as zero. An ``amax`` below ``6 * L * 2**-116`` counts as that, so that
``S_enc`` and ``S_dec`` are none; the reference, which keeps subnormals, bounds ``S_enc`` by FLT_MAX
instead.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import array
from ..errors import UserError
from . import binary32
from .block import BlockFormat, MxFormat
from .floating import BINARY32
from .scale import FloatScale

__all__ = [
    "LEAST",
    "amax_of",
    "block_codes",
    "checked_amax",
    "counted_amax",
    "decode_factor",
    "encode_factor",
    "error",
    "full_scale",
    "given_amax",
    "inverse_largest",
    "number_of",
    "product_scale",
    "tensor_scale",
]

Floats = npt.NDArray[np.float32]

ONE = np.float32(1)
LEAST = np.float32(2.0**-116)
"""Of an ``amax`` over what it is scaled to."""


def amax_of(x: npt.ArrayLike) -> np.float32:
    """Return the largest finite magnitude of a tensor, subnormals as zeros; 0 of nothing."""
    values = np.abs(binary32.flush(array("x", x, "float32")))
    return np.float32(np.max(values, initial=0, where=np.isfinite(values)))


def number_of(format: MxFormat, integer: Any) -> Any:
    """Return the numbers of integers of elements, as binary32."""
    return np.float32(integer) / np.float32(2.0**format.element.places)


def _scale_of(format: MxFormat) -> FloatScale:
    assert isinstance(format.scale, FloatScale)
    return format.scale


def full_scale(format: MxFormat) -> np.float32:
    """Return what a tensor's largest magnitude is scaled to, 2688 in NVFP4."""
    return np.float32(_scale_of(format).largest) * number_of(format, format.largest)


def inverse_largest(format: MxFormat) -> np.float32:
    """Return the reciprocal of the elements' largest number, 1/6 in NVFP4."""
    return ONE / number_of(format, format.largest)


def checked_amax(format: MxFormat, amax: Any) -> np.float32:
    """Return ``amax`` as it counts, a finite float32 that is not negative."""
    value = array("amax", amax, "float32", shape=(), low=0, finite=True)
    return counted_amax(format, np.float32(value))


def counted_amax(format: MxFormat, amax: np.float32) -> np.float32:
    """Return `checked_amax` of what is not negative, and infinities and NaN as they are."""
    value = np.float32(binary32.flush(amax))
    return max(value, full_scale(format) * LEAST) if value > 0 else value


def given_amax(format: BlockFormat, x: Floats, amax: npt.ArrayLike | None) -> np.float32:
    """Return ``amax`` as it counts of what is quantized, 0 where there is no scale a tensor."""
    if not (isinstance(format, MxFormat) and format.has_tensor_scale):
        if amax is not None:
            raise UserError(f"amax has no effect in {format.name}: its tensors have no scale")
        return np.float32(0)
    return checked_amax(format, amax_of(x) if amax is None else amax)


def tensor_scale(format: MxFormat, amax: np.float32) -> np.float32:
    """Return ``S_enc`` of a tensor, given ``amax`` as it counts."""
    return full_scale(format) / amax if amax > 0 else ONE


def block_codes(
    format: MxFormat, top: Floats, scale: np.float32, *, four: bool = False
) -> npt.NDArray[np.int64]:
    """Return the scales' codes of blocks with the largest magnitudes ``top``, finite.

    ``scale`` is `tensor_scale`; ``four`` asks for the other codes of four over six.
    """
    if _scale_of(format).four_over_six:
        base = binary32.multiply(binary32.flush(top / number_of(format, format.largest)), scale)
        return _scale_codes(binary32.multiply(base, np.float32(1.5 if four else 1)), format)
    return _scale_codes(binary32.multiply(top, scale * inverse_largest(format)), format)


def _scale_codes(quotient: Floats, format: MxFormat) -> npt.NDArray[np.int64]:
    """Return the scales' codes of numbers that are not negative: to nearest even, saturating."""
    element = _scale_of(format).element
    bits = quotient.view(np.uint32).astype(np.int64)
    field = bits >> 23
    significand = np.where(field > 0, bits & 0x7FFFFF | 1 << 23, 0)
    # Of normal codes 3 fraction bits are kept, of subnormal ones fewer.
    least = BINARY32.bias - element.bias + 1
    drop = np.clip(20 + np.maximum(least - field, 0), 0, 62)
    kept = significand >> drop
    rest, half = significand - (kept << drop), np.int64(1) << (drop - 1)
    kept += (rest > half) | ((rest == half) & (kept & 1 == 1))
    code = kept + (np.maximum(field - least, 0) << 3)
    return np.minimum(code, element.largest_code)


def decode_factor(format: MxFormat, scale: np.float32) -> np.float32:
    """Return ``S_dec`` of a tensor, given `tensor_scale`; the headroom is multiplied at last."""
    return ONE / scale * np.float32(_scale_of(format).headroom)


def encode_factor(format: MxFormat, code: Any, scale: np.float32) -> Floats:
    """Return ``enc``, by which the elements of blocks are multiplied, given the blocks' codes."""
    value = _scale_of(format).value(code)
    with np.errstate(divide="ignore"):
        factor = ONE / (value * decode_factor(format, scale))
    return binary32.flush(np.minimum(factor, np.float32(binary32.LARGEST)))


def error(
    format: MxFormat, x: Floats, number: Floats, code: npt.NDArray[np.int64], amax: np.float32
) -> Floats:
    """Return the error by which four over six chooses, of each block.

    It is the sum of ``|number * value(code) * amax / (6 * L) - x|``, from left to right, in
    binary32. Of a block of several rows each has its sum; the sums of the lower half of the rows
    are added to those of the upper half, and so on until one is left. Where the rows are no power
    of two, zeros fill them up.

    Parameters
    ----------
    format : MxFormat
    x : array of float32, (..., elements)
        Of blocks without NaN and infinities; elsewhere the error means nothing.
    number : array of float32, (..., elements)
        The numbers of the codes.
    code : array of int64, (..., 1)
        The scales' codes.
    amax : float32
        The tensor's, as it counts.
    """
    with np.errstate(all="ignore"):
        value = binary32.multiply(number, _scale_of(format).value(code))
        value = binary32.multiply(value, amax)
        difference = binary32.add(binary32.flush(value / full_scale(format)), -x)
        *_, side = format.block
        rows = format.block_elements // side
        terms = np.abs(difference).reshape(*x.shape[:-1], rows, side)
        width = 1 << (rows - 1).bit_length()
        total = np.zeros((*x.shape[:-1], width), np.float32)
        for k in range(side):
            total[..., :rows] = binary32.add(total[..., :rows], terms[..., k])
        while width > 1:
            width //= 2
            total = binary32.add(total[..., :width], total[..., width:])
    return total


def product_scale(
    formats: tuple[MxFormat, MxFormat], amax: tuple[np.float32, np.float32]
) -> np.float32:
    """Return what the sums of products of two tensors are multiplied by.

    It is ``amax_a * amax_b / (6 * L)**2``, product and quotient rounded to binary32 and flushed;
    where the formats have headroom, times that of both, rounded likewise.
    """
    product = binary32.multiply(*amax)
    full = full_scale(formats[0]) * full_scale(formats[1])
    scale = binary32.flush(product / full)
    first, second = (_scale_of(format).headroom for format in formats)
    return np.float32(binary32.multiply(scale, np.float32(first * second)))
