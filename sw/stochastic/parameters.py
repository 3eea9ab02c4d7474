"""Parameters of the stochastic units."""

import dataclasses
from typing import Any, ClassVar

from ..bfp.converter import ConverterParameters
from ..errors import UserError
from ..formats import FLOAT_FORMATS, MOST_BLOCK, BlockFormat
from ..parameters import TARGETS, Parameters, choice, whole
from .bits import SHARES, BitSource, sources
from .lfsr import FORMS, LEAST_WIDTH, MOST_WIDTH, Lfsr

__all__ = [
    "LENGTHS",
    "RATES",
    "ROUNDINGS",
    "SCALES",
    "OuterProductParameters",
    "StochasticConverterParameters",
    "StochasticParameters",
]

LENGTHS = tuple(1 << n for n in range(9))
ROUNDINGS = ("truncate", "nearest_even")
SCALES = ("vector", "batch")
RATES = ("shift", "free")
WEIGHTS = ("none", "binary32")

LEAST_PERIOD = 4
"""Cycles after which counts that were added up may be added to again."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StochasticParameters(Parameters):
    """What a stream of random bits is, for both units.

    A vector is converted to magnitudes of ``bits`` bits that share a power of two, the least that
    is no smaller than any of them (`sw.formats.BlockFormat`, rule ``ceil``); a magnitude is the
    chance of each of its bits (`sw.stochastic.bits.BitSource`).

    Parameters
    ----------
    length : int
        Bits of a stream, a power of two, 1..256.
    parallel : int
        Bits of a stream in a cycle; divides ``length``.
    share : str
        Of `sw.stochastic.bits.SHARES`.
    width : int
        Bits of the shift registers, 8..32. Those with two taps (17, 31 and others) take the fewest
        gates, but their words hang together and errors are some per cent larger.
    bits : int
        Bits of magnitudes and random words, 2..24, no more than ``width``.
    form : str
        Of the shift registers, ``fibonacci`` or ``galois``.
    rounding : str
        Of magnitudes: ``truncate`` or ``nearest_even``.
    source : str
        Format of the elements taken: ``binary32``, ``bfloat16`` or ``binary16``.
    lanes : int
        Elements taken in a cycle.
    seed : int
        From which the states of the shift registers are counted, 1..2**width - 1.
    """

    length: int = 64
    parallel: int = 1
    share: str = "shared"
    width: int = 24
    bits: int = 16
    form: str = "fibonacci"
    rounding: str = "nearest_even"
    source: str = "binary32"
    lanes: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        """Check every field."""
        if self.length not in LENGTHS or isinstance(self.length, bool):
            raise UserError(f"length must be a power of two from 1 to 256, not {self.length!r}")
        whole("parallel", self.parallel, 1, 256)
        if self.length % self.parallel:
            raise UserError(
                f"parallel must divide the length of {self.length}, not {self.parallel}"
            )
        choice("share", self.share, SHARES)
        whole("width", self.width, LEAST_WIDTH, MOST_WIDTH)
        whole("bits", self.bits, 2, min(24, self.width))
        choice("form", self.form, FORMS)
        choice("rounding", self.rounding, ROUNDINGS)
        choice("source", self.source, FLOAT_FORMATS)
        whole("seed", self.seed, 1, self.lfsr.period)

    @property
    def lfsr(self) -> Lfsr:
        """The shift register."""
        return Lfsr(width=self.width, form=self.form)

    @property
    def stream_cycles(self) -> int:
        """Cycles of a stream."""
        return self.length // self.parallel

    def _converter(self, elements: int) -> ConverterParameters:
        """Return the parameters of the conversion of blocks of so many elements."""
        format = BlockFormat(
            name=f"{elements} magnitudes",
            mantissa_bits=self.bits,
            sign_inside=False,
            exponent_rule="ceil",
            block=(elements,),
            rounding=self.rounding,
        )
        return ConverterParameters(format=format, lanes=self.lanes, source=self.source)

    def _sources(self, elements: list[int]) -> list[BitSource]:
        """Return a source of bits for each number of elements."""
        return sources(
            self.lfsr, bits=self.bits, share=self.share, seed=self.seed, elements=elements
        )

    def _check_lanes(self, **sides: int) -> None:
        """Check that the lanes divide the elements of each side."""
        whole("lanes", self.lanes, 1, 1024)
        for name, elements in sides.items():
            if elements % self.lanes:
                raise UserError(f"lanes must divide {name}, {elements}, not {self.lanes}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class StochasticConverterParameters(StochasticParameters):
    """Parameters of ``stochastic_converter``.

    Parameters
    ----------
    elements : int
        Elements of a vector, 1..1024; ``lanes`` divides them. The others are those of
        `StochasticParameters`.
    """

    PRESETS: ClassVar = {
        "serial": {},
        "parallel": {"parallel": 8, "lanes": 4},
        "independent": {"share": "independent", "elements": 4},
    }

    elements: int = 16

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        whole("elements", self.elements, 1, 1024)
        self._check_lanes(elements=self.elements)
        self._sources([self.elements])

    @property
    def converter(self) -> ConverterParameters:
        """Parameters of the conversion to magnitudes."""
        return self._converter(self.elements)

    @property
    def bit_source(self) -> BitSource:
        """Where the bits come from."""
        return self._sources([self.elements])[0]

    @property
    def period(self) -> int:
        """Cycles from one vector to the next."""
        return max(self.stream_cycles, self.elements // self.lanes)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OuterProductParameters(StochasticParameters):
    """Parameters of ``outer_product``, a block of ``rows`` x ``columns`` results ``d * x``.

    Parameters
    ----------
    rows : int
        Elements of the vectors ``d``, of which each has a row of results, 1..128.
    columns : int
        Elements of the vectors ``x``, 1..128.
    scale : str
        What shares a power of two: each ``vector``, or all vectors of a ``batch``, which then has
        ``batch`` pairs in any case.
    batch : int
        Most pairs of vectors whose products are added up, 1..65536.
    guard : int
        Bits kept below those of a count where pairs of unlike scale are added up, 0..16.
    weights : str or BlockFormat
        ``none``: results are given, in binary32; ``binary32`` or a format of blocks along the
        columns: weights are taken and given less the results.
    results : int
        Results given in a cycle; divides ``columns``, and blocks of weights divide it.
    rate : str
        ``shift``: results are multiplied by a power of two of no more than 1; ``free``: by any
        binary32, which takes a multiplier for each of the results of a cycle.
    target : str
        Whose carry cells to use in these multipliers: ``generic`` (none), ``ecp5`` or ``xilinx``.

    The others are those of `StochasticParameters`; ``lanes`` divides rows and columns.
    """

    PRESETS: ClassVar = {
        "serial": {},
        "parallel": {"parallel": 4, "lanes": 4, "results": 4},
        "weights": {"weights": "binary32", "rate": "free", "results": 4},
        "blocks": {
            "weights": {"preset": "hbfp8", "block": 8},
            "results": 8,
            "rows": 8,
            "columns": 8,
        },
    }

    rows: int = 16
    columns: int = 16
    scale: str = "vector"
    batch: int = 64
    guard: int = 8
    weights: str | BlockFormat = "none"
    results: int = 1
    rate: str = "shift"
    target: str = "generic"

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        whole("rows", self.rows, 1, 128)
        whole("columns", self.columns, 1, 128)
        choice("scale", self.scale, SCALES)
        whole("batch", self.batch, 1, 1 << 16)
        whole("guard", self.guard, 0, 16)
        whole("results", self.results, 1, self.columns)
        choice("rate", self.rate, RATES)
        choice("target", self.target, TARGETS)
        self._check_lanes(rows=self.rows, columns=self.columns)
        if self.columns % self.results:
            raise UserError(f"results must divide columns, {self.columns}, not {self.results}")
        if self.weights not in WEIGHTS:
            self._check_blocks()
        if self.scale == "batch":
            most = MOST_BLOCK // max(self.rows, self.columns)
            whole("batch where it shares a power of two", self.batch, 1, most)
        self._sources([self.columns, self.columns, self.rows, self.rows])

    def _check_blocks(self) -> None:
        """Check a block format of weights."""
        weights: Any = self.weights
        if isinstance(weights, str):
            choices = ", ".join(WEIGHTS)
            try:
                weights = BlockFormat.read(weights)
            except UserError as error:
                raise UserError(f"weights must be {choices} or a format: {error}") from None
        format = BlockFormat.read(weights)
        object.__setattr__(self, "weights", format)
        if len(format.block) != 1 or self.results % format.block[0]:
            shape = "x".join(map(str, format.block))
            raise UserError(
                f"weights must have blocks of a length that divides results, {self.results}, "
                f"not of {shape}"
            )

    @property
    def weight_format(self) -> BlockFormat | None:
        """The format of weights in blocks, None for others."""
        return self.weights if isinstance(self.weights, BlockFormat) else None

    @property
    def x_converter(self) -> ConverterParameters:
        """Parameters of the conversion of ``x``."""
        return self._converter(self.columns * self._scaled)

    @property
    def d_converter(self) -> ConverterParameters:
        """Parameters of the conversion of ``d``."""
        return self._converter(self.rows * self._scaled)

    @property
    def _scaled(self) -> int:
        """Vectors that share a power of two."""
        return self.batch if self.scale == "batch" else 1

    @property
    def x_sources(self) -> list[BitSource]:
        """Where the bits of ``x`` come from, of even and of odd pairs."""
        return self._sources([self.columns, self.columns, self.rows, self.rows])[:2]

    @property
    def d_sources(self) -> list[BitSource]:
        """Where the bits of ``d`` come from, of even and of odd pairs."""
        return self._sources([self.columns, self.columns, self.rows, self.rows])[2:]

    @property
    def period(self) -> int:
        """Cycles from one pair to the next."""
        taken = max(self.rows, self.columns) // self.lanes
        return max(self.stream_cycles, taken, LEAST_PERIOD)

    @property
    def group_rows(self) -> int:
        """Rows whose counts are added up together: as few as leave time for all."""
        divisors = (n for n in range(1, self.rows + 1) if self.rows % n == 0)
        return next(n for n in divisors if self.rows // n <= self.period)

    @property
    def groups(self) -> int:
        """Groups of rows; each counts a cycle behind the one before."""
        return self.rows // self.group_rows

    @property
    def words(self) -> int:
        """Random words that a pair of vectors uses up."""
        return (self.stream_cycles + self.groups - 1) * self.parallel

    @property
    def count_bits(self) -> int:
        """Bits of a count."""
        return self.length.bit_length()

    @property
    def sum_bits(self) -> int:
        """Bits of a sum of counts, its sign included."""
        return self.count_bits + self.guard + (self.batch - 1).bit_length() + 1

    @property
    def unit(self) -> int:
        """Binary exponent of the last place of a sum whose pairs have the exponent codes 0."""
        bias = self._converter(1).format.exponent_bias
        return 2 * (1 - bias) - (self.length.bit_length() - 1) - self.guard
