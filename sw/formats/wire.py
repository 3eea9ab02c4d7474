"""Blocks as bytes, as other implementations of a format store them.

Codes of elements lie along the blocked axis (the last one of squares and boxes), each in
``element_bits`` bits from bit 0 of the first byte up, and every line begins at a byte. So two
elements of 4 bits share a byte, the one of even index in the low half (torchao,
TransformerEngine), and elements of 8 bits have one each. No reference packs the 6 bits of FP6 that
densely; four in three bytes is our reading of the same order. Bits that are left over are 0.

A scale is a byte, its code, along the same axis; one of a square stands for all of its rows.
"""

import numpy as np
import numpy.typing as npt

from ..checks import array, instance, shown, whole
from ..errors import UserError
from . import BlockFormat
from .blocks import Blocks
from .cut import blocked_axes

__all__ = ["pack", "unpack"]

Bytes = npt.NDArray[np.uint8]


def pack(blocks: Blocks) -> tuple[Bytes, Bytes]:
    """Return the bytes of elements and of scales, the blocked axis last.

    The largest magnitude of a tensor with a scale of its own, ``blocks.amax``, is not among them.

    Returns
    -------
    elements : array of uint8
        In the shape of the blocks, with the blocked axis last and as long as it has bytes.
    scales : array of uint8
        In the shape of ``blocks.exponent``, with the blocked axis last.
    """
    format = instance("blocks", blocks, Blocks).format
    axis = _axis(format, blocks.axis, len(blocks.shape))
    code = np.moveaxis(blocks.code, axis, -1)
    scales = np.moveaxis(blocks.exponent, axis, -1).astype(np.uint8)
    places = np.arange(format.element_bits, dtype=np.uint32)
    bits = (code[..., None] >> places & np.uint32(1)).astype(np.uint8)
    bits = bits.reshape(*code.shape[:-1], code.shape[-1] * format.element_bits)
    return np.packbits(bits, -1, "little"), np.ascontiguousarray(scales)


def unpack(
    elements: npt.ArrayLike,
    scales: npt.ArrayLike,
    format: BlockFormat,
    shape: tuple[int, ...],
    *,
    axis: int = -1,
    amax: np.float32 | None = None,
) -> Blocks:
    """Return the blocks of what `pack` returned.

    Parameters
    ----------
    elements, scales : array of uint8
        As `pack` returns them.
    format : BlockFormat
        Their format.
    shape : tuple of int
        Of the array that was quantized.
    axis : int
        Its blocked axis; without meaning for squares and boxes.
    amax : float32, optional
        The tensor's, see `Blocks`.
    """
    instance("format", format, BlockFormat)
    if not isinstance(shape, tuple):
        raise UserError(f"shape must be a tuple of extents, not {shown(shape)}")
    lines = [whole("extent of shape", extent, 0, 2**37) for extent in shape]
    axis = _axis(format, axis, len(lines))
    counts = list(lines)
    blocked = blocked_axes(format, axis, len(lines), "shape")
    for each, side in zip(blocked, format.block, strict=True):
        counts[each] = -(-counts[each] // side)
    for extents in (lines, counts):
        extents.append(extents.pop(axis))
    width = format.element_bits
    bytes_of_line = -(-lines[-1] * width // 8)
    packed = array("elements", elements, "uint8", shape=(*lines[:-1], bytes_of_line))
    exponent = array("scales", scales, "uint8", shape=counts)
    bits = np.unpackbits(packed, -1, bitorder="little")
    if bits[..., lines[-1] * width :].any():
        raise UserError("elements must have zeros in the bits behind the last code of a line")
    parts = bits[..., : lines[-1] * width].reshape(*lines, width).astype(np.uint32)
    code = (parts << np.arange(width, dtype=np.uint32)).sum(-1, dtype=np.uint32)
    return Blocks(
        code=np.ascontiguousarray(np.moveaxis(code, -1, axis)),
        exponent=np.moveaxis(exponent, -1, axis).astype(np.int32),
        format=format,
        axis=axis if len(format.block) == 1 else None,
        amax=amax,
    )


def _axis(format: BlockFormat, axis: int | None, ndim: int) -> int:
    """Return the axis along which bytes lie; refuse a format whose scales are no bytes."""
    along = blocked_axes(format, axis, ndim, "shape")[-1]
    if format.exponent_bits > 8:
        raise UserError(
            f"format must have scales of 8 bits at most, not {format.exponent_bits} of "
            f"{format.name}"
        )
    return along
