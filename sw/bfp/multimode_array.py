"""Parameters and models of the array whose precision is switched at run time (FlexBlock).

Noh, Koo, Lee, Park, Kung: "FlexBlock: A Flexible DNN Training Accelerator With Multi-Mode Block
Floating Point Support", IEEE Trans. Computers 72(9), 2023. The paper's formats FB12, FB16 and FB24
have groups of 216, 108 and 54 elements of 4, 8 and 16 bits: 864 bits in every mode. How its
multipliers are composed is not published; what follows is this project's design.
"""

import dataclasses
import itertools
from collections.abc import Hashable, Iterable, Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import choice, divides, instance, whole
from ..errors import UserError
from ..formats import BLOCK_FORMATS, MX_FORMATS, BfpFormat, BlockFormat, MxFormat, read_format
from ..formats.blocks import Blocks
from ..parameters import TARGETS, Parameters
from ..timing import Timing
from .array import gemm
from .dot import DotParameters
from .stages import LEAST_SPACING, ComposedStages

__all__ = [
    "BFP_FAMILIES",
    "DIGIT_BITS",
    "DIGITS",
    "FAMILIES",
    "MODES",
    "MODE_BITS",
    "MultimodeParameters",
    "matmul",
]

DIGIT_BITS = 4
DIGITS = 4
"""Digits of a word: an element of 16 bits, two of 8 or four of 4."""

MODES = (1, 2, 4)
"""Digits of an element, by mode."""

MODE_BITS = 2
"""Of a mode in a beat."""


def _hbfp(bits: int, *block: int) -> BfpFormat:
    name = f"hbfp{bits}_{'x'.join(map(str, block))}"
    return dataclasses.replace(BLOCK_FORMATS["hbfp8"], name=name, mantissa_bits=bits, block=block)


def _mx(name: str) -> tuple[BlockFormat, ...]:
    """Return MXFP4, a format of MX of 6 or 8 bits, and BFP of 16 bits, in blocks of 32."""
    wide = BfpFormat(name="bfp16_32", mantissa_bits=16, block=(32,))
    return MX_FORMATS["mxfp4"], read_format(name), wide


BFP_FAMILIES: Mapping[str, tuple[BfpFormat, ...]] = {
    "flexblock": tuple(BLOCK_FORMATS[n] for n in ("fb12", "fb16", "fb24")),
    "flexblock_inside": tuple(BLOCK_FORMATS[f"{n}_sign_inside"] for n in ("fb12", "fb16", "fb24")),
    "hbfp": (_hbfp(4, 256), _hbfp(8, 128), _hbfp(16, 64)),
    "boosters": (_hbfp(4, 256), _hbfp(6, 128), _hbfp(16, 64)),
    "boosters_16x16": (_hbfp(4, 16, 16), _hbfp(6, 16, 16), _hbfp(16, 16, 16)),
}
"""Those of `FAMILIES` that are of BFP alone."""

FAMILIES: Mapping[str, tuple[BlockFormat, ...]] = {
    **BFP_FAMILIES,
    **{name: _mx(name) for name in ("mxint8", "mxfp6_e2m3", "mxfp6_e3m2", "mxfp8_e4m3")},
}
"""Formats of the three modes: elements of up to 4, 8 and 16 bits.

Their blocks have one payload, or are square tiles of one side: then a tensor that was quantized
once serves all three passes of a layer. Those of OCP MX have blocks of 32 in every mode, or tiles
of 32 x 32; their names are those of the modes of 6 and 8 bits. In none are E5M2, whose exact sums
of 70 bits are wider than `FromInteger` takes, and NVFP4, whose scales have significands and whose
tensors have scales of their own, so that it multiplies none of the others.
"""


def _codes(format: BlockFormat) -> tuple[Hashable, ...]:
    """Return what decides the meaning of a format's codes along a reduction."""
    length = 0 if format.is_box else format.reduction
    return format.element, length, int(format.last_place(0)), format.nan_code


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultimodeParameters(Parameters):
    """Parameters of ``bfp_multimode_array``.

    Parameters
    ----------
    rows, columns : int
        Words of each operand side by side, 1..64. A tile of results has as many rows as the words
        hold elements: ``rows``, twice or four times as many, and so the columns.
    lanes : int
        Places along the reduction that are multiplied in a cycle; divides the shortest block.
    family : str
        The formats of the three modes, see `FAMILIES`.
    target : str
        As in `DotParameters`.
    """

    PRESETS: ClassVar = {
        name: {"family": name} | ({"rows": 1} if len(formats[0].block) == 2 else {})
        for name, formats in FAMILIES.items()
    }

    rows: int = 2
    columns: int = 4
    lanes: int = 1
    family: str = "flexblock"
    target: str = "generic"

    def __post_init__(self) -> None:
        """Check every field."""
        choice("family", self.family, FAMILIES)
        whole("rows", self.rows, 1, 64)
        whole("columns", self.columns, 1, 64)
        shortest = self.formats[-1].reduction
        whole("lanes", self.lanes, 1, shortest)
        what = f"the block of {shortest} of {self.formats[-1].name}"
        divides("lanes", self.lanes, shortest, what)
        most = self.formats[0].reduction // (self.lanes * DIGITS**2)
        if self.rows > most:
            raise UserError(
                f"rows must be at most {most} with {self.lanes} lanes in {self.family}: they share "
                f"an adder, which takes {DIGITS**2} sums of each a block; not {self.rows}"
            )
        choice("target", self.target, TARGETS)

    @property
    def formats(self) -> tuple[BlockFormat, ...]:
        """Formats of the modes."""
        return FAMILIES[self.family]

    @property
    def coded(self) -> bool:
        """Whether words hold elements in the codes of their formats."""
        return isinstance(self.formats[0], MxFormat)

    @property
    def moved(self) -> bool:
        """Whether the elements of 8 bits are too large to be integers of as many bits.

        Of such an element, a float, the significand is a digit and the exponent another, by which
        products are moved to their places before they are added.
        """
        return self.formats[1].magnitude_bits > DIGIT_BITS * MODES[1]

    @property
    def sign_inside(self) -> bool:
        """Whether signs are among the 16 bits of a word's elements, not beside them."""
        form = self.formats[0]
        return not isinstance(form, BfpFormat) or form.sign_inside

    @property
    def packed_bits(self) -> int:
        """Bits of a word in a beat: 16, and 4 signs where these are beside."""
        return DIGITS * (DIGIT_BITS + (not self.sign_inside))

    @property
    def digits(self) -> DotParameters:
        """Parameters of the sum of the products of a pair of digits."""
        digit = BfpFormat(
            name="digit", mantissa_bits=DIGIT_BITS, sign_inside=False, block=(self.lanes,)
        )
        return DotParameters(format=digit, lanes=self.lanes, target=self.target)

    @property
    def total_bits(self) -> tuple[int, ...]:
        """Widths of a block's exact signed sums of digit products, see `digit_sum_bits`."""
        return self.digit_sum_bits(self.formats[0].reduction)

    def digit_sum_bits(self, terms: int) -> tuple[int, ...]:
        """Widths of exact signed sums of ``terms`` products of digits, by those of ``a`` and ``b``.

        A digit that is moved counts where it goes.
        """
        moved = self.formats[1].largest if self.moved else 0
        largest = [
            max(self.digits.format.largest, 0 if i % MODES[1] else moved) for i in range(DIGITS)
        ]
        return tuple(
            (terms * x * y).bit_length() + 1 for x, y in itertools.product(largest, repeat=2)
        )

    @property
    def sum_bits(self) -> int:
        """Width of any mode's exact signed sum of products, where its digits lie in the words."""
        widest = 0
        for a, b in itertools.product(range(len(MODES)), repeat=2):
            block = min(self.formats[mode].reduction for mode in (a, b))
            largest = block * self.formats[a].most_negative * self.formats[b].most_negative
            place = 2 * DIGITS - MODES[a] - MODES[b]
            widest = max(widest, (largest << DIGIT_BITS * place).bit_length())
        return widest + 1

    def takes(self, format: BlockFormat) -> bool:
        """Return whether the format is that of a mode, but for rounding and rules of scales.

        Square blocks are as good as others of one side.
        """
        return _codes(format) in map(_codes, self.formats)

    def mode(self, format: BlockFormat) -> int:
        """Return the number of a format: 0, 1 or 2."""
        if not self.takes(format):
            known = ", ".join(f.name for f in self.formats)
            raise UserError(f"format must be one of {known}, not {format.name}")
        return list(map(_codes, self.formats)).index(_codes(format))

    def tile(self, mode_a: int, mode_b: int) -> tuple[int, int]:
        """Rows and columns of a tile of results."""
        return self.rows * DIGITS // MODES[mode_a], self.columns * DIGITS // MODES[mode_b]

    def sums(self, mode_a: int, mode_b: int) -> int:
        """Results of each pair of words."""
        return DIGITS**2 // (MODES[mode_a] * MODES[mode_b])

    def beats(self, k: int) -> int:
        """Beats of a tile with a reduction of ``k``, in every mode."""
        return -(-k // self.lanes)

    def block_beats(self, k: int, mode_a: int, mode_b: int) -> list[int]:
        """Beats of each block of a tile: those of the shorter blocks, and the rest of ``k``."""
        block = min(self.formats[mode].reduction for mode in (mode_a, mode_b)) // self.lanes
        beats = self.beats(k)
        return [min(block, beats - first) for first in range(0, beats, block)]

    def job_cycles(self, tiles: int, k: int, mode_a: int, mode_b: int) -> int:
        """Cycles of a job of equal tiles; `cycles` in closed form."""
        spacing = self.mode_timing(mode_a, mode_b).interval
        tile = sum(max(beats, spacing) for beats in self.block_beats(k, mode_a, mode_b))
        # In a shell `self.cycles` counts another way.
        first = MultimodeParameters.cycles(self, [(k, mode_a, mode_b)])
        return first + (tiles - 1) * tile

    def cycles(self, tiles: Iterable[tuple[int, int, int]]) -> int:
        """Cycles of a job without stalls, from the first accepted beat to the last result.

        ``tiles`` gives the reduction and the modes of each tile. A beat takes a cycle; a block's
        last one waits until the sums of the block before are out of the way.
        """
        total = 0
        timing = Timing(latency=0, interval=0)
        for k, mode_a, mode_b in tiles:
            for beats in self.block_beats(k, mode_a, mode_b):
                total += max(beats, timing.interval)
                timing = self.mode_timing(mode_a, mode_b)
        return total + timing.latency + timing.drain

    @property
    def timing(self) -> Timing:
        """That of the modes with the most results, see `mode_timing`."""
        return self.mode_timing(0, 0)

    def mode_timing(self, mode_a: int, mode_b: int) -> Timing:
        """Return the timing of blocks in a pair of modes.

        From a tile's last beat to its first results: a register, the totals of the block, another
        register, the stages of a result, the FIFO.
        """
        results = self.rows * self.sums(mode_a, mode_b)
        return Timing(
            latency=1 + self.stages.hold + 1 + self.stages.result + 1,
            interval=max(results, LEAST_SPACING),
            drain=results - 1,
        )

    @property
    def stages(self) -> ComposedStages:
        """Pipeline stages of a column."""
        return ComposedStages(self.digits, self.moved)


def matmul(parameters: MultimodeParameters, a: Blocks, b: Blocks) -> npt.NDArray[np.float32]:
    """Return what ``bfp_multimode_array`` makes of two matrices, each in a format of its own.

    Blocks of the formats of a family divide one another; the products of the shorter ones are
    summed exactly, rounded once to binary32 and added in order (`gemm`).
    """
    instance("parameters", parameters, MultimodeParameters)
    for name, blocks in (("a", a), ("b", b)):
        instance(name, blocks, Blocks)
        parameters.mode(blocks.format)
    return gemm(a, b)
