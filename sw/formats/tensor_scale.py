"""The scale of a tensor, and those of its blocks, in NVFP4 (TransformerEngine, NVIDIA).

Every operation is binary32, rounded to nearest even, in the order of TransformerEngine's reference
quantizer. With the largest finite magnitude ``amax`` of a tensor, ``L`` of `FloatScale.largest`
and 6 for the element's largest number:

    S_enc = 6 * L / amax, or 1 where amax is 0;  S_dec = 1 / S_enc
    code  = UE4M3 of amax_block * (S_enc * (1 / 6)), to nearest even, saturating
    enc   = min(1 / (value(code) * S_dec), FLT_MAX)

An ``amax`` below ``6 * L * 2**-116`` counts as that, so that nothing here is subnormal; the
reference, which keeps subnormals, bounds ``S_enc`` by FLT_MAX instead.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import array
from ..errors import UserError
from . import binary32
from .block import BlockFormat, MxFormat
from .floating import BINARY32

__all__ = [
    "LEAST",
    "amax_of",
    "block_codes",
    "checked_amax",
    "encode_factor",
    "full_scale",
    "inverse_largest",
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


def full_scale(format: MxFormat) -> np.float32:
    """Return what a tensor's largest magnitude is scaled to, 2688 in NVFP4."""
    element = format.element
    return np.float32(format.scale.largest * element.largest / 2.0**element.places)


def inverse_largest(format: MxFormat) -> np.float32:
    """Return the reciprocal of the elements' largest number, 1/6 in NVFP4."""
    element = format.element
    return ONE / np.float32(element.largest / 2.0**element.places)


def checked_amax(format: MxFormat, amax: Any) -> np.float32:
    """Return ``amax`` as it counts, a finite float32 that is not negative."""
    value = array("amax", amax, "float32", shape=(), low=0, finite=True)[()]
    value = binary32.flush(value)[()]
    return np.maximum(value, full_scale(format) * LEAST) if value > 0 else value


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


def block_codes(format: MxFormat, top: Floats, scale: np.float32) -> npt.NDArray[np.int64]:
    """Return the scales' codes of blocks with the largest magnitudes ``top``, finite."""
    element = format.scale.element
    quotient = binary32.multiply(top, scale * inverse_largest(format))
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


def encode_factor(format: MxFormat, code: Any, scale: np.float32) -> Floats:
    """Return ``enc``, by which the elements of blocks are multiplied, given the blocks' codes."""
    value = format.scale.value(code)
    with np.errstate(divide="ignore"):
        factor = ONE / (value * (ONE / scale))
    return np.minimum(factor, np.float32(binary32.LARGEST))


def product_scale(
    formats: tuple[MxFormat, MxFormat], amax: tuple[np.float32, np.float32]
) -> np.float32:
    """Return what the sums of products of two tensors are multiplied by.

    It is ``amax_a * amax_b / (6 * L)**2``, product and quotient rounded to binary32 and flushed.
    """
    product = binary32.multiply(*amax)
    full = full_scale(formats[0]) * full_scale(formats[1])
    return binary32.flush(product / full)[()]
