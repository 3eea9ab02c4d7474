"""Parameters and model of the float to block converter."""

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from .. import binary32, lfsr
from ..checks import choice, whole
from ..errors import UserError
from ..formats import BLOCK_FORMATS, FLOAT_FORMATS, BlockFormat
from ..parameters import Parameters
from .quantize import quantize_groups

__all__ = ["ConverterParameters", "convert"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConverterParameters(Parameters):
    """Parameters of ``bfp_converter``.

    Parameters
    ----------
    format : BlockFormat
        The format made; a square block is streamed row by row.
    lanes : int
        Elements taken in a cycle; divides the elements of a block.
    source : str
        Format of the elements taken: ``binary32``, ``bfloat16`` or ``binary16``.
    seed : int
        Seed of the stochastic rounding, 1..2**32 - 1.
    """

    PRESETS: ClassVar = {name: {"format": name} for name in BLOCK_FORMATS}

    format: BlockFormat = BLOCK_FORMATS["hbfp8"]
    lanes: int = 2
    source: str = "binary32"
    seed: int = 1

    def __post_init__(self) -> None:
        """Check every field."""
        object.__setattr__(self, "format", BlockFormat.read(self.format))
        whole("lanes", self.lanes, 1, 256)
        if self.format.block_elements % self.lanes:
            raise UserError(
                f"lanes must divide the {self.format.block_elements} elements of a "
                f"{self.format.name} block, not {self.lanes}"
            )
        choice("source", self.source, FLOAT_FORMATS)
        whole("seed", self.seed, 1, 2**32 - 1)

    @property
    def beats(self) -> int:
        """Beats of a block."""
        return self.format.block_elements // self.lanes


def convert(
    parameters: ConverterParameters, x: npt.ArrayLike
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Return mantissas, exponent codes and zero-set flags of a stream of blocks since reset.

    Values that are subnormal in ``parameters.source`` are zeros. Element ``j`` of a block takes
    lane ``j % lanes``, whose random word is that of beat ``j // lanes`` (`sw.lfsr.random_words`);
    the generators run on from block to block.

    Parameters
    ----------
    parameters : ConverterParameters
        Of the converter.
    x : array of float32, (blocks, elements of a block)
        Values of ``parameters.source``; square blocks row by row.

    Returns
    -------
    mantissa : array of int32, (blocks, elements of a block)
    exponent : array of int32, (blocks,)
    zero_set : array of bool, (blocks, elements of a block)
        Elements that count in the zero-setting error, see `quantize_groups`.
    """
    x = np.asarray(x)
    format = parameters.format
    if x.dtype != np.float32 or x.ndim != 2 or x.shape[1] != format.block_elements:
        raise UserError(
            f"x must be float32 of shape (blocks, {format.block_elements}), "
            f"not {x.dtype} of shape {x.shape}"
        )
    source = FLOAT_FORMATS[parameters.source]
    binary32.to_bits(x, source)
    words = lfsr.random_words(
        beats=len(x) * parameters.beats,
        lanes=parameters.lanes,
        seed=parameters.seed,
        bits=format.random_bits,
    )
    return quantize_groups(binary32.flush(x, source), format, words.reshape(x.shape))
