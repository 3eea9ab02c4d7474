"""Parameters and model of the float to block converter."""

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import array, choice, divides, instance, whole
from ..errors import UserError
from ..parameters import Parameters
from ..timing import Timing
from ..words import Words, stream_key
from . import (
    BLOCK_FORMATS,
    FLOAT_FORMATS,
    MX_FORMATS,
    BlockFormat,
    binary32,
    float_name,
    read_format,
)
from .quantize import quantize_groups
from .stages import has_tensor_scale, quantizer_latency
from .tensor_scale import given_amax

__all__ = ["ConverterParameters", "convert"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConverterParameters(Parameters):
    """Parameters of ``bfp_converter``.

    Parameters
    ----------
    format : BlockFormat
        The format made; a square or box is streamed with its last axis first.
    lanes : int
        Elements accepted in a cycle; divides the elements of a block.
    source : str
        Format of the accepted elements: ``binary32`` (or ``fp32``), ``bfloat16`` or ``binary16``.
    seed : int
        Of the random words of stochastic rounding after reset, 1..2**32 - 1, see `stream`.
    """

    PRESETS: ClassVar = {name: {"format": name} for name in BLOCK_FORMATS | MX_FORMATS}

    format: BlockFormat = BLOCK_FORMATS["hbfp8"]
    lanes: int = 2
    source: str = "binary32"
    seed: int = 1

    def __post_init__(self) -> None:
        """Check every field."""
        object.__setattr__(self, "format", read_format(self.format))
        if has_tensor_scale(self.format) and self.format.scale.four_over_six:
            raise UserError("format.scale.four_over_six must be false in a circuit, not True")
        if has_tensor_scale(self.format) and self.format.scale.headroom != 1:
            found = self.format.scale.headroom
            raise UserError(f"format.scale.headroom must be 1 in a circuit, not {found}")
        whole("lanes", self.lanes, 1, 256)
        elements = self.format.block_elements
        what = f"the {elements} elements of a {self.format.name} block"
        divides("lanes", self.lanes, elements, what)
        object.__setattr__(self, "source", float_name(self.source))
        choice("source", self.source, FLOAT_FORMATS)
        whole("seed", self.seed, 1, 2**32 - 1)

    @property
    def beats(self) -> int:
        """Beats of a block."""
        return self.format.block_elements // self.lanes

    @property
    def timing(self) -> Timing:
        """Cycles from a block's last beat to its first one converted, and a block's beats."""
        latency = quantizer_latency(self.format, FLOAT_FORMATS[self.source], self.lanes)
        return Timing(latency=latency, interval=self.beats, drain=self.beats - 1)

    @property
    def stream(self) -> Words:
        """The random words after reset: those of the seed's step, layer, use and part 0."""
        return Words(key=stream_key(self.seed))


def convert(
    parameters: ConverterParameters,
    x: npt.ArrayLike,
    *,
    random: Words | None = None,
    amax: npt.ArrayLike | None = None,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Return codes of elements and scales, and zero-set flags, of a stream of blocks.

    Values that are subnormal in ``parameters.source`` are zeros. Each element takes one random word
    (`sw.words`), whatever the lanes; the words run on from block to block.

    Parameters
    ----------
    parameters : ConverterParameters
        Of the converter.
    x : array of float32, (blocks, elements of a block)
        Values of ``parameters.source``; squares and boxes with their last axis first.
    random : Words or None
        From the word of the first element on; None is ``parameters.stream``, as after reset.
    amax : float32, optional
        The largest magnitude of the tensor, as of `sw.formats.quantize.quantize`; None: that of
        ``x``.

    Returns
    -------
    code : array of uint32, (blocks, elements of a block)
    exponent : array of int32, (blocks,)
    zero_set : array of bool, (blocks, elements of a block)
        Elements that count in the zero-setting error, see `quantize_groups`.
    """
    format = instance("parameters", parameters, ConverterParameters).format
    x = array("x", x, "float32", shape=("blocks", format.block_elements))
    source = FLOAT_FORMATS[parameters.source]
    binary32.to_bits(x, source)
    words: npt.ArrayLike = 0
    if format.rounding == "stochastic":
        words = (random or parameters.stream).draw(x.shape, format.random_bits)
    x = binary32.flush(x, source)
    return quantize_groups(x, format, words, given_amax(format, x, amax))
