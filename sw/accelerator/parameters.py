"""Parameters of the accelerator, and the widths and depths that follow from them."""

import dataclasses
from typing import ClassVar

from ..bfp.array import ArrayParameters
from ..checks import choice, divides, one_of, whole
from ..errors import UserError
from ..formats import BLOCK_FORMATS, BlockFormat, read_format
from ..formats.converter import ConverterParameters
from ..formats.stages import has_tensor_scale
from ..parameters import Parameters
from ..timing import Timing

__all__ = ["MOST_BANK_WORDS", "VALUE_BITS", "AcceleratorParameters"]

VALUE_BITS = 32
"""Of a value in the scratchpad, a binary32."""

MOST_BANK_WORDS = 65_536
"""That a bank may have."""


def _powers(least: int, most: int) -> list[int]:
    return [1 << n for n in range(most.bit_length()) if least <= 1 << n <= most]


def _power(number: int) -> int:
    return 1 << (number - 1).bit_length()


@dataclasses.dataclass(frozen=True, kw_only=True)
class AcceleratorParameters(Parameters):
    """Parameters of ``accelerator``.

    Parameters
    ----------
    rows, columns, lanes : int
        Of the matrix engine, a ``bfp_array``: a tile's rows and columns, powers of two of 1..64,
        and products a cycle of each result.
    format : BlockFormat
        Of both operands of all products; blocks lie along the reduction.
    banks : int
        Of the scratchpad, a power of two of 2..16.
    bank_words : int
        Words of a bank, a power of two of 16..65536.
    port_bits : int
        Width of the memory port, a power of two of 32..512.
    instructions : int
        Of the longest program, a power of two of 16..16384.
    burst : int
        Beats of the longest burst, a power of two of 1..256.
    outstanding : int
        Bursts under way of each direction, 1..16.
    vector_lanes : int
        Values a cycle of the vector engine, a power of two of 1..256, or all of a word that has
        fewer.
    watchdog : int
        Binary logarithm of the cycles in which nothing moves before the machine stops, 8..30.
    stochastic : str
        Operands that programs round by random words where the format is rounded so: ``all``, or
        ``gradients`` of outputs alone, as recipes for FP4 do (NVIDIA's TransformerEngine), the
        others to nearest, ties away.
    target : str
        As in `ArrayParameters`.
    """

    PRESETS: ClassVar = {name: {"format": name} for name in ("hbfp4", "hbfp8")}

    rows: int = 4
    columns: int = 4
    lanes: int = 8
    format: BlockFormat = BLOCK_FORMATS["hbfp8"]
    banks: int = 8
    bank_words: int = 512
    port_bits: int = 128
    instructions: int = 1024
    burst: int = 16
    outstanding: int = 4
    vector_lanes: int = 8
    watchdog: int = 20
    stochastic: str = "all"
    target: str = "generic"

    def __post_init__(self) -> None:
        """Check every field."""
        object.__setattr__(self, "format", read_format(self.format))
        for name in ("rows", "columns"):
            one_of(name, getattr(self, name), _powers(1, 64))
        if self.format.shape.is_square:
            raise UserError(f"format must have blocks along the reduction, not {self.format.name}")
        one_of("banks", self.banks, _powers(2, 16))
        one_of("bank_words", self.bank_words, _powers(16, MOST_BANK_WORDS))
        one_of("port_bits", self.port_bits, _powers(32, 512))
        one_of("instructions", self.instructions, _powers(16, 16_384))
        one_of("burst", self.burst, _powers(1, 256))
        whole("outstanding", self.outstanding, 1, 16)
        one_of("vector_lanes", self.vector_lanes, _powers(1, 256))
        whole("watchdog", self.watchdog, 8, 30)
        choice("stochastic", self.stochastic, ("all", "gradients"))
        if self.stochastic != "all" and self.format.rounding != "stochastic":
            raise UserError(
                f"stochastic must be all where {self.format.name} is not rounded stochastically, "
                f"not {self.stochastic}"
            )
        if self.tensor_scale:
            whole("values of a word", self.values, 4, 256)
        assert self.array
        divides("lanes", self.quantizer_lanes, self.values, f"a word of {self.values} values")
        divides("lanes", self.quantizer_lanes, self.lanes, f"{self.lanes} lanes of the array")
        assert self.converter

    @property
    def array(self) -> ArrayParameters:
        """The matrix engine's."""
        return ArrayParameters(
            rows=self.rows,
            columns=self.columns,
            lanes=self.lanes,
            format=self.format,
            target=self.target,
        )

    @property
    def converter(self) -> ConverterParameters:
        """The quantizer's."""
        return ConverterParameters(format=self.format, lanes=self.quantizer_lanes)

    def draws(self, which: str, side: int, gradient: bool | None = None) -> bool:
        """Return whether programs round an operand by random words.

        ``which`` pass has it on this ``side``. It is a ``gradient`` of an output; if that is not
        said the first operands of backward passes are.
        """
        if gradient is None:
            gradient = which != "forward" and side == 0
        return self.format.rounding == "stochastic" and (gradient or self.stochastic == "all")

    @property
    def forward(self) -> BlockFormat:
        """The format as programs round operands of forward passes."""
        return self.format if self.draws("forward", 0) else self.nearest

    @property
    def nearest(self) -> BlockFormat:
        """The format, rounded as it is without random words: to nearest, ties away, if by them."""
        if self.format.rounding != "stochastic":
            return self.format
        return dataclasses.replace(self.format, rounding="nearest_away")

    @property
    def tensor_scale(self) -> bool:
        """Whether tensors have a scale of their own."""
        return has_tensor_scale(self.format)

    @property
    def slice_bits(self) -> int:
        """Bits of a word for the codes of a row, or column, of the array."""
        return _power(max(VALUE_BITS, self.lanes * self.format.element_bits))

    @property
    def slices(self) -> int:
        """Slices of a word."""
        return max(self.rows, self.columns)

    @property
    def word_bits(self) -> int:
        """Bits of a word of the scratchpad."""
        return max(128, self.port_bits, self.slices * self.slice_bits)

    @property
    def values(self) -> int:
        """Values of a word."""
        return self.word_bits // VALUE_BITS

    @property
    def side_bits(self) -> int:
        """Bits beside a word: an exponent code for each slice."""
        return self.slices * self.format.exponent_bits

    @property
    def quantizer_lanes(self) -> int:
        """Elements a cycle that are quantized."""
        return min(self.lanes, self.values)

    @property
    def vector_width(self) -> int:
        """Lanes of the vector engine."""
        return min(self.vector_lanes, self.values)

    @property
    def vector_beats(self) -> int:
        """Beats of a word in the vector engine."""
        return self.values // self.vector_width

    @property
    def beats(self) -> int:
        """Beats of a block in the array."""
        return self.array.beats

    @property
    def timing(self) -> Timing:
        """From ``start`` to ``done`` of a program of one HALT, the memory answering at once."""
        return Timing(latency=10, fixed=False)

    @property
    def bank_values(self) -> int:
        """Values of a bank."""
        return self.bank_words * self.values
