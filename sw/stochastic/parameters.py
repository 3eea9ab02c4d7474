"""Parameters that the stochastic units share."""

import dataclasses
from typing import Any

from ..checks import choice, divides, one_of, whole
from ..formats import FLOAT_FORMATS, BfpFormat
from ..formats.converter import ConverterParameters
from ..parameters import Parameters
from .bits import SHARES, BitSource, sources
from .lfsr import FORMS, LEAST_WIDTH, MOST_WIDTH, Lfsr

__all__ = ["LENGTHS", "ROUNDINGS", "StochasticParameters", "check_generators"]

LENGTHS = tuple(1 << n for n in range(9))
ROUNDINGS = ("truncate", "nearest_even")


def check_generators(p: Any) -> None:
    """Check the fields of parameters that tell of shift registers and of their words."""
    choice("share", p.share, SHARES)
    whole("width", p.width, LEAST_WIDTH, MOST_WIDTH)
    whole("bits", p.bits, 2, min(24, p.width))
    choice("form", p.form, FORMS)
    whole("seed", p.seed, 1, p.lfsr.period)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StochasticParameters(Parameters):
    """Parameters of a stream of random bits, for both units.

    A vector is converted to magnitudes of ``bits`` bits that share a power of two, the least that
    is no smaller than any of them (`sw.formats.BfpFormat`, rule ``ceil``); a magnitude is the
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
        Bits of the shift registers, 8..32, whose words repeat after ``2**width - 1`` of each.
        All are on one cycle of states, so that a register meets words that another had long before;
        a stream of random bits that never repeats is no part of what was published. Those with two
        taps (17, 31 and others) need the fewest gates, but their words hang together and errors are
        some per cent larger.
    bits : int
        Bits of magnitudes and random words, 2..24, no more than ``width``.
    form : str
        Of the shift registers, ``fibonacci`` or ``galois``.
    rounding : str
        Of magnitudes: ``truncate`` or ``nearest_even``.
    source : str
        Format of the input elements: ``binary32``, ``bfloat16`` or ``binary16``.
    lanes : int
        Input elements of a cycle.
    seed : int
        From which the states of the shift registers are counted, 1..2**width - 1.
    """

    length: int = 64
    parallel: int = 1
    share: str = "shared"
    width: int = 24
    bits: int = 8
    form: str = "fibonacci"
    rounding: str = "nearest_even"
    source: str = "binary32"
    lanes: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        """Check every field."""
        one_of("length", self.length, LENGTHS)
        whole("parallel", self.parallel, 1, 256)
        divides("parallel", self.parallel, self.length, f"the length of {self.length}")
        check_generators(self)
        choice("rounding", self.rounding, ROUNDINGS)
        choice("source", self.source, FLOAT_FORMATS)

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
        format = BfpFormat(
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
        whole("lanes", self.lanes, 1, 256)
        for name, elements in sides.items():
            divides("lanes", self.lanes, elements, f"{name}, {elements}")
