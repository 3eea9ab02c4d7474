"""Arrays in block formats, by the codes of the wire."""

import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Codes
from ..checks import array, instance
from ..errors import UserError
from . import BlockFormat, MxFormat, tensor_scale
from .cut import blocked_axes

__all__ = ["NO_AMAX", "Blocks", "decode", "encode"]

Integers = npt.NDArray[np.int32]
NO_AMAX = np.float32(0)


def encode(mantissa: npt.ArrayLike, format: BlockFormat) -> Codes:
    """Return the codes of integers, of ``element_bits`` each, see `sw.formats.element`."""
    element = instance("format", format, BlockFormat).element
    what = f"mantissa in {format.name}"
    q = array(what, mantissa, "integer", low=element.most_negative, high=element.largest)
    code = element.encode(q)
    wrong = element.decode(code) != q
    if wrong.any():
        raise UserError(f"{what} must be an element of it, not {q[wrong].flat[0]}")
    return code


def decode(code: npt.ArrayLike, format: BlockFormat) -> npt.NDArray[np.signedinteger]:
    """Return the integers that codes of elements mean; a negative zero is zero."""
    highest = (1 << instance("format", format, BlockFormat).element_bits) - 1
    codes = array(f"code in {format.name}", code, "integer", low=0, high=highest)
    return format.element.decode(codes)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Blocks:
    """An array in a block format, by the codes of the wire.

    Parameters
    ----------
    code : array of uint32
        Codes of elements, in the shape of the array that was quantized.
    exponent : array of int32
        Codes of scales: the same shape, with the number of blocks in place of each blocked extent.
    format : BlockFormat
        Their format.
    axis : int or None
        The blocked axis; None for squares and boxes, which tile the last axes.
    amax : float32 or None
        Of the tensor, see `sw.formats.tensor_scale`; must be given where the format has a scale a
        tensor, and is 0 elsewhere.
    """

    code: Codes
    exponent: Integers
    format: BlockFormat
    axis: int | None
    amax: Any = None

    def __post_init__(self) -> None:
        """Check that codes are the format's and shapes fit each other."""
        form = instance("format", self.format, BlockFormat)
        most = (1 << form.element_bits) - 1
        code = array(f"code in {form.name}", self.code, "integer", low=0, high=most)
        what = f"exponent in {form.name}"
        codes = array(what, self.exponent, "integer", low=0, high=form.nan_code)
        axes = blocked_axes(form, self.axis, code.ndim, "code")
        shape = list(code.shape)
        for axis, side in zip(axes, form.block, strict=True):
            shape[axis] = -(-shape[axis] // side)
        if list(codes.shape) != shape:
            raise UserError(
                f"exponent must have shape {tuple(shape)} for a code of shape "
                f"{code.shape} in {form.name}, not {codes.shape}"
            )
        scaled = isinstance(form, MxFormat) and form.has_tensor_scale
        if scaled and self.amax is None:
            raise UserError(f"amax must be given in {form.name}, whose tensors have a scale")
        given = NO_AMAX if self.amax is None else self.amax
        amax = array("amax", given, "float32", shape=(), low=0, finite=True)[()]
        if amax > 0 and not scaled:
            what = f"amax in {form.name}, whose tensors have no scale,"
            raise UserError(f"{what} must be 0, not {amax}")
        if scaled:
            amax = tensor_scale.checked_amax(form, amax)
        object.__setattr__(self, "code", code.astype(np.uint32, copy=False))
        object.__setattr__(self, "exponent", codes.astype(np.int32, copy=False))
        object.__setattr__(self, "axis", axes[0] if len(axes) == 1 else None)
        object.__setattr__(self, "amax", amax)

    @classmethod
    def of(
        cls, mantissa: npt.ArrayLike, exponent: Any, format: BlockFormat, **fields: Any
    ) -> "Blocks":
        """Return blocks of integers that have codes; ``fields`` are the others."""
        return cls(code=encode(mantissa, format), exponent=exponent, format=format, **fields)

    @functools.cached_property
    def mantissa(self) -> npt.NDArray[np.signedinteger]:
        """The integers that the codes mean; those of NaN and infinities are 0."""
        return self.format.element.decode(self.code)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array that was quantized."""
        return self.code.shape

    @property
    def transposed(self) -> "Blocks":
        """A matrix with its axes exchanged; square blocks are then those of the transpose."""
        if len(self.shape) != 2:
            raise UserError(f"a matrix has 2 axes, not {len(self.shape)}")
        _ = self.format.reduction  # boxes have none
        axis = None if self.axis is None else 1 - self.axis
        return dataclasses.replace(self, code=self.code.T, exponent=self.exponent.T, axis=axis)

    def codes(self, *axes: int) -> Integers:
        """Return the codes of scales with the blocked ones of ``axes`` spread over elements."""
        codes = self.exponent
        blocked = blocked_axes(self.format, self.axis, len(self.shape), "code")
        for axis, side in zip(blocked, self.format.block, strict=True):
            if axis in [a % len(self.shape) for a in axes]:
                codes = np.repeat(codes, side, axis)
                codes = codes.take(range(self.shape[axis]), axis)
        return codes
