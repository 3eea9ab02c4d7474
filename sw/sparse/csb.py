"""Compressed sparse blocks: a mask, a pointer and the values that are not zero of each block.

A block is a plane of a kernel, so that the backward pass reads the same storage: planes in another
order are the transpose of input and output channels, and a mask and values from behind are a plane
turned by 180 degrees. Yang et al., "Procrustes", MICRO 2020 (arXiv 2009.10976).
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from ..arrays import Flags, Floats, Integers
from ..checks import array, divides, instance, whole
from ..errors import UserError
from ..formats import binary32
from .csb_parameters import NUMBER_BITS, VALUE_BITS, CsbDecoderParameters, CsbParameters

__all__ = [
    "Compressed",
    "Walk",
    "check",
    "decode",
    "encode",
    "limited",
    "read",
    "requested",
    "rotated",
    "steps",
    "transposed",
    "walk",
]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Compressed:
    """Blocks that are compressed together.

    Parameters
    ----------
    masks : array of bool, (blocks, elements)
        Which elements have a value, row by row.
    pointers : array of int64, (blocks,)
        Number of each block's first value.
    values : array of float32
        Values of all blocks.
    """

    masks: Flags
    pointers: Integers
    values: Floats

    def __post_init__(self) -> None:
        """Check types and shapes; what the blocks say of each other is for `check`."""
        masks = array("masks", self.masks, "bool", shape=("blocks", "elements"))
        blocks, most = (len(masks),), 2**32 - 1
        pointers = array("pointers", self.pointers, "integer", shape=blocks, low=0, high=most)
        values = array("values", self.values, "float32", shape=("values",))
        for name, found in (("masks", masks), ("values", values)):
            object.__setattr__(self, name, found)
        object.__setattr__(self, "pointers", pointers.astype(np.int64))

    def bits(self, parameters: CsbParameters) -> int:
        """Return how many bits the blocks take."""
        of_blocks = len(self.pointers) * (parameters.elements + parameters.pointer_bits)
        return of_blocks + VALUE_BITS * len(self.values)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """Values in the order in which a processing element takes them; a beat for an empty block.

    Parameters
    ----------
    value : array of float32, (beats,)
        Values; 0 for an empty block.
    position : array of int64, (beats,)
        Number of the element in its block; 0 for an empty block.
    mask : array of bool, (beats, elements)
        Mask of the block, in each of its beats.
    empty, corrupt, last : arrays of bool, (beats,)
        The block has no values; it is empty because it is corrupt; this is its last beat.
    """

    value: Floats
    position: Integers
    mask: Flags
    empty: Flags
    corrupt: Flags
    last: Flags


def encode(
    parameters: CsbParameters, dense: npt.ArrayLike, keep: npt.ArrayLike | None = None
) -> Compressed:
    """Return blocks compressed together.

    Parameters
    ----------
    parameters : CsbParameters
        Of the encoder.
    dense : array of float32, (blocks, rows, columns)
        Blocks. Zeros and subnormal numbers have no value; NaN has one.
    keep : array of bool, like ``dense``, or None
        Elements that are not to count as zeros; without, all.
    """
    p = instance("parameters", parameters, CsbParameters)
    dense = array("dense", dense, "float32", shape=("blocks", p.rows, p.columns))
    masks = binary32.flush(dense) != 0
    if keep is not None:
        masks &= array("keep", keep, "bool", shape=dense.shape)
    values = dense[masks]
    if len(values) > p.most_values:
        raise UserError(
            f"blocks of {len(values)} values are too many for pointers of {p.pointer_bits} bits"
        )
    masks = masks.reshape(len(dense), p.elements)
    return Compressed(masks=masks, pointers=_ends(masks) - masks.sum(1), values=values)


def check(parameters: CsbParameters, compressed: Compressed) -> Flags:
    """Return which blocks are corrupt, (blocks,).

    A block is sound if its values end where those of the next one begin, or all if it is the last,
    and the first block if its values are the first. A mask, pointer or number of values that was
    changed is found by this, unless a mask has as many ones as before.
    """
    p = instance("parameters", parameters, CsbParameters)
    c = instance("compressed", compressed, Compressed)
    if c.masks.shape != (len(c.pointers), p.elements):
        raise UserError(
            f"masks must have shape {(len(c.pointers), p.elements)}, not {c.masks.shape}"
        )
    ends = c.pointers + c.masks.sum(1)
    next_pointers = np.append(c.pointers[1:], len(c.values))
    corrupt = (ends != next_pointers) | (ends > len(c.values))
    corrupt[:1] |= c.pointers[:1] != 0
    return corrupt


def decode(parameters: CsbParameters, compressed: Compressed) -> Floats:
    """Return dense blocks, (blocks, rows, columns); `UserError` if one is corrupt."""
    corrupt = check(parameters, compressed)
    if corrupt.any():
        raise UserError(f"block {int(corrupt.argmax())} of {len(corrupt)} is corrupt")
    return read(parameters, compressed, np.arange(len(corrupt)))[0]


def limited(parameters: CsbDecoderParameters, compressed: Compressed) -> Compressed:
    """Return as many of the blocks and values as a decoder holds; the others it leaves out."""
    p = instance("parameters", parameters, CsbDecoderParameters)
    c = instance("compressed", compressed, Compressed)
    return Compressed(
        masks=c.masks[: p.blocks], pointers=c.pointers[: p.blocks], values=c.values[: p.values]
    )


def rotated(compressed: Compressed) -> Compressed:
    """Return sound blocks turned by 180 degrees: each one's mask and values from behind."""
    c = instance("compressed", compressed, Compressed)
    ends = _ends(c.masks)
    block = np.repeat(np.arange(len(ends)), c.masks.sum(1))
    from_behind = c.pointers[block] + ends[block] - 1 - np.arange(len(c.values))
    return Compressed(masks=c.masks[:, ::-1], pointers=c.pointers, values=c.values[from_behind])


def transposed(rows: int, columns: int) -> Integers:
    """Return the order in which blocks of a matrix by rows are those of its transpose by rows."""
    whole("rows", rows, 0, 1 << 16)
    whole("columns", columns, 0, 1 << 16)
    return np.arange(rows * columns).reshape(rows, columns).T.ravel()


def read(
    parameters: CsbParameters,
    compressed: Compressed,
    numbers: npt.ArrayLike,
    rotate: npt.ArrayLike = False,
) -> tuple[Floats, Flags]:
    """Return dense blocks, (requests, rows, columns), and which are corrupt, (requests,).

    Parameters
    ----------
    parameters : CsbParameters
        Of the decoder.
    compressed, numbers, rotate
        As for `requested`; corrupt blocks are empty.
    """
    masks, corrupt, index = requested(parameters, compressed, numbers, rotate)
    dense = np.zeros(masks.shape, np.float32)
    dense[masks] = compressed.values[index]
    return dense.reshape(-1, parameters.rows, parameters.columns), corrupt


def walk(
    parameters: CsbParameters,
    compressed: Compressed,
    numbers: npt.ArrayLike,
    rotate: npt.ArrayLike = False,
) -> Walk:
    """Return the values of blocks one by one; arguments as of `read`."""
    masks, corrupt, index = requested(parameters, compressed, numbers, rotate)
    counts = masks.sum(1)
    lengths = np.maximum(counts, 1)
    block = np.repeat(np.arange(len(masks)), lengths)
    full = counts[block] > 0
    value, position = np.zeros(len(block), np.float32), np.zeros(len(block), np.int64)
    value[full], position[full] = compressed.values[index], np.nonzero(masks)[1]
    last = np.zeros(len(block), np.bool_)
    last[np.cumsum(lengths) - 1] = True
    return Walk(
        value=value,
        position=position,
        mask=masks[block],
        empty=~full,
        corrupt=corrupt[block],
        last=last,
    )


def steps(masks: npt.ArrayLike, part: int) -> int:
    """Return the cycles that blocks take: in each part of one, one for each value, or one."""
    found = array("masks", masks, "bool")
    part = whole("part", part, 1, 1 << 16)
    divides("part", part, found.size, f"the {found.size} bits of masks")
    return int(np.maximum(found.reshape(-1, part).sum(1), 1).sum())


def _ends(masks: Flags) -> Integers:
    """Return behind which value each block ends."""
    return masks.sum(1).cumsum().astype(np.int64)


def requested(
    parameters: CsbParameters,
    compressed: Compressed,
    numbers: npt.ArrayLike,
    rotate: npt.ArrayLike = False,
) -> tuple[Flags, Flags, Integers]:
    """Return masks and corruption of the blocks asked for, and the numbers of all their values.

    Arguments are as of `read`.
    """
    p = instance("parameters", parameters, CsbParameters)
    c = instance("compressed", compressed, Compressed)
    # A negative number is one beyond all blocks, as the field of a request holds it.
    low, high = -(1 << (NUMBER_BITS - 1)), (1 << NUMBER_BITS) - 1
    numbers = array("numbers", numbers, "integer", shape=("requests",), low=low, high=high)
    turn = array("rotate", rotate, "bool")
    turn = np.broadcast_to(turn, numbers.shape) if not turn.ndim else turn
    array("rotate", turn, "bool", shape=numbers.shape)
    corrupt = np.append(check(p, c), True)
    masks = np.append(c.masks, np.zeros((1, p.elements), np.bool_), axis=0)
    absent = (numbers < 0) | (numbers >= len(c.pointers))
    place = np.where(absent, len(c.pointers), numbers)
    corrupt = corrupt[place]
    masks = masks[place] & ~corrupt[:, None]
    masks = np.where(turn[:, None], masks[:, ::-1], masks)
    counts = masks.sum(1)
    block = np.repeat(np.arange(len(masks)), counts)
    nth = np.arange(len(block)) - (_ends(masks) - counts)[block]
    first = np.append(c.pointers, 0)[place][block]
    return masks, corrupt, first + np.where(turn[block], counts[block] - 1 - nth, nth)
