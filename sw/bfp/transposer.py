"""Parameters and model of the transposer of square blocks, and matrices as streams of tiles."""

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import array, instance, shown, whole
from ..errors import UserError
from ..formats import BLOCK_FORMATS, BlockFormat, read_format
from ..formats.blocks import NO_AMAX, Blocks
from ..formats.presets import MX_FORMATS
from ..parameters import Parameters
from ..timing import Timing

__all__ = ["TransposerParameters", "assemble", "tiles", "transpose"]

Codes = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int32]

LARGEST_SIDE = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransposerParameters(Parameters):
    """Parameters of ``bfp_transposer``, which turns square tiles of one shared exponent.

    A tile enters and leaves by rows of ``side`` elements, a row a beat.

    Parameters
    ----------
    format : BlockFormat
        The format of the tiles: square blocks of up to 64 x 64.
    """

    PRESETS: ClassVar = {
        name: {"format": name}
        for name, f in (BLOCK_FORMATS | MX_FORMATS).items()
        if len(f.block) == 2
    }

    format: BlockFormat = BLOCK_FORMATS["hbfp8_8x8"]

    def __post_init__(self) -> None:
        """Check every field."""
        object.__setattr__(self, "format", read_format(self.format))
        block = self.format.block
        if len(block) != 2 or self.side > LARGEST_SIDE:
            raise UserError(
                f"format must have square blocks of up to {LARGEST_SIDE} x {LARGEST_SIDE}, "
                f"not {' x '.join(map(str, block))} as {self.format.name}"
            )

    @property
    def side(self) -> int:
        """Rows and columns of a tile, elements and beats."""
        return self.format.reduction

    @property
    def timing(self) -> Timing:
        """Cycles from a tile's last beat to its first one out, and a tile's beats."""
        return Timing(latency=1, interval=self.side, drain=self.side - 1)

    def cycles(self, tiles: int) -> int:
        """Cycles without stalls, from the first accepted beat to the last one sent."""
        return self.timing.job(tiles, self.side)


def transpose(
    parameters: TransposerParameters,
    code: npt.ArrayLike,
    exponent: npt.ArrayLike,
    flags: npt.ArrayLike,
) -> tuple[Codes, Integers]:
    """Return the codes of elements and scales of tiles, those transposed whose flag is set.

    Parameters
    ----------
    parameters : TransposerParameters
        Of the transposer.
    code : array of integer, (tiles, rows, columns)
        Codes of elements.
    exponent : array of int32, (tiles,)
        Codes of scales.
    flags : array of bool, (tiles,)
        Which to transpose.
    """
    instance("parameters", parameters, TransposerParameters)
    exponent = array("exponent", exponent, "integer", shape=("tiles",))
    side, count = parameters.side, len(exponent)
    code = array("code", code, "integer", shape=(count, side, side))
    flags = array("flags", flags, "bool", shape=(count,))
    # No value is asked for, so the scale of a tensor does not matter.
    shape = count * side, side
    column = assemble(code, exponent, parameters.format, shape, amax=NO_AMAX)
    turned, exponent = tiles(column.transposed)
    return np.where(flags[:, None, None], turned, code).astype(np.uint32), exponent


def tiles(blocks: Blocks, *, by_columns: bool = False) -> tuple[Codes, Integers]:
    """Return codes of the tiles of a matrix, (tiles, rows, columns), and of their scales, (tiles,).

    They go by rows of tiles, or by columns of tiles, which is the order of the transpose's.
    Tiles that reach beyond the matrix are filled up with zeros.
    """
    side = instance("blocks", blocks, Blocks).format.reduction
    if len(blocks.shape) != 2 or blocks.axis is not None:
        raise UserError(f"blocks must be square ones of a matrix, not {blocks.format.name}")
    rows, columns = blocks.exponent.shape
    missing = [(0, -n % side) for n in blocks.shape]
    code = np.pad(blocks.code, missing).reshape(rows, side, columns, side).swapaxes(1, 2)
    exponent = blocks.exponent
    if by_columns:
        code, exponent = code.swapaxes(0, 1), exponent.T
    return code.reshape(-1, side, side), exponent.reshape(-1)


def assemble(
    code: npt.ArrayLike,
    exponent: npt.ArrayLike,
    format: BlockFormat,
    shape: tuple[int, ...],
    *,
    amax: np.float32 | None = None,
) -> Blocks:
    """Return the matrix of a ``shape`` whose tiles go by rows of tiles: `tiles` undone.

    ``amax`` is the tensor's where the format has a scale a tensor, see `Blocks`.
    """
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise UserError(f"shape must be the two extents of a matrix, not {shown(shape)}")
    for extent in shape:
        whole("extent", extent, 1, 2**31 - 1)
    side = instance("format", format, BlockFormat).reduction
    rows, columns = (-(-n // side) for n in shape)
    what = f"code of a matrix of {shape[0]} x {shape[1]}"
    code = array(what, code, "integer", shape=(rows * columns, side, side))
    exponent = array("exponent", exponent, "integer", shape=(rows * columns,))
    full = code.reshape(rows, columns, side, side).swapaxes(1, 2)
    full = full.reshape(rows * side, columns * side)[: shape[0], : shape[1]]
    return Blocks(
        code=np.ascontiguousarray(full),
        exponent=exponent.reshape(rows, columns),
        format=format,
        axis=None,
        amax=amax,
    )
