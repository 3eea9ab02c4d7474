"""What the bits of a field mean, as a data sheet tells it: tables, formulas, numbers both ways."""

import abc
import dataclasses
from fractions import Fraction

from . import FloatFormat

__all__ = [
    "BITS",
    "Coding",
    "FloatCoding",
    "Rows",
    "SignedCoding",
    "decimal",
    "hexadecimal",
    "span",
]

Rows = list[tuple[str, str]]
"""What there is, and what is told of it."""


class Coding(abc.ABC):
    """The meaning of the codes of a field.

    ``number(code)`` is exact, None where a code is no number. ``some(count)`` are codes for an
    example. ``rows()`` tells what is where, ``samples()`` what some codes are.
    """

    @property
    @abc.abstractmethod
    def title(self) -> str:
        """What it is called."""

    @property
    @abc.abstractmethod
    def formula(self) -> str:
        """What a code is worth."""

    @abc.abstractmethod
    def rows(self) -> Rows:
        """Return what the bits are, named."""

    @abc.abstractmethod
    def samples(self) -> Rows:
        """Return codes, in hexadecimal, and what they are."""

    @abc.abstractmethod
    def some(self, count: int) -> list[int]:
        """Return codes of numbers, for an example."""

    @abc.abstractmethod
    def number(self, code: int) -> Fraction | None:
        """Return what a code is worth, where that is a number."""


@dataclasses.dataclass(frozen=True)
class _Bits(Coding):
    @property
    def title(self) -> str:
        """What it is called."""
        return "bits"

    @property
    def formula(self) -> str:
        """What a bit says."""
        return "1 is yes, 0 is no"

    def rows(self) -> Rows:
        """Return the only bit."""
        return [("bit 0", "1: it is so, 0: it is not")]

    def samples(self) -> Rows:
        """Return both codes."""
        return [("0", "no"), ("1", "yes")]

    def some(self, count: int) -> list[int]:
        """Return a pattern that differs from its reverse."""
        return [int(n % 5 in (0, 3)) for n in range(count)]

    def number(self, code: int) -> Fraction:
        """Return the bit."""
        return Fraction(code)


BITS: Coding = _Bits()
"""Truth values, a bit each."""


@dataclasses.dataclass(frozen=True)
class SignedCoding(Coding):
    """An integer of ``bits`` bits in two's complement."""

    bits: int

    @property
    def title(self) -> str:
        """What it is called."""
        return f"integer of {self.bits} bits in two's complement"

    @property
    def formula(self) -> str:
        """The value of a code ``c``."""
        return f"value = c if c < {1 << self.bits - 1} else c - {1 << self.bits}"

    def rows(self) -> Rows:
        """Return sign and rest."""
        return [
            (f"bit {self.bits - 1}", f"worth -{1 << self.bits - 1}"),
            (span(self.bits - 2, 0), "bit i is worth 2^i"),
        ]

    def samples(self) -> Rows:
        """Return the ends."""
        top = 1 << self.bits - 1
        return [
            (hexadecimal(c, self.bits), str(self.number(c)))
            for c in (0, 1, top - 1, top, 2 * top - 1)
        ]

    def some(self, count: int) -> list[int]:
        """Return numbers of both signs."""
        return [(1 - 2 * (n % 2)) * (n + 1) % (1 << self.bits) for n in range(count)]

    def number(self, code: int) -> Fraction:
        """Return the integer."""
        return Fraction(code - (code >> self.bits - 1 << self.bits))


@dataclasses.dataclass(frozen=True)
class FloatCoding(Coding):
    """A value of an IEEE 754 format, subnormals read as zeros."""

    format: FloatFormat

    @property
    def title(self) -> str:
        """What it is called."""
        f = self.format
        if f.name != "custom":
            return f.name
        return f"floating point, {f.exponent_bits} exponent and {f.fraction_bits} fraction bits"

    @property
    def formula(self) -> str:
        """The value of sign s, exponent field e and fraction field f."""
        f = self.format
        ones = f.exponent_ones
        return f"value = (-1)^s x 2^(e - {f.bias}) x (1 + f / 2^{f.fraction_bits}), 0 < e < {ones}"

    def rows(self) -> Rows:
        """Return sign, exponent, fraction and what is special."""
        f = self.format
        nan = ((2 * f.exponent_ones) + 1) << f.fraction_bits - 1
        return [
            (f"bit {f.width - 1}", "s, the sign: 1 is negative"),
            (span(f.width - 2, f.fraction_bits), f"e, the exponent, with the bias {f.bias}"),
            (span(f.fraction_bits - 1, 0), "f, the fraction; a one stands in front of it"),
            (
                "e = 0",
                "zero, with its sign; subnormals (f not 0) are read as zero, and never given",
            ),
            (f"e = {f.exponent_ones}, f = 0", "infinity, with its sign"),
            (
                f"e = {f.exponent_ones}, f not 0",
                f"NaN; the one that is given is {hexadecimal(nan, f.width)}",
            ),
        ]

    def samples(self) -> Rows:
        """Return one, minus one half, the ends, and what is no number."""
        f = self.format
        one, infinity = f.bias << f.fraction_bits, f.exponent_ones << f.fraction_bits
        named = [(1 << f.fraction_bits, "the least normal number"), (infinity - 1, "the largest")]
        codes = [0, one, one - (1 << f.fraction_bits) | 1 << f.width - 1]
        return [
            *((hexadecimal(c, f.width), decimal(self.number(c))) for c in codes),
            *((hexadecimal(c, f.width), f"{decimal(self.number(c))}, {what}") for c, what in named),
            (hexadecimal(infinity, f.width), "infinity"),
            (hexadecimal(2 * infinity + (1 << f.fraction_bits) >> 1, f.width), "NaN"),
        ]

    def some(self, count: int) -> list[int]:
        """Return small numbers of both signs, with a few fraction bits."""
        f = self.format
        codes = []
        for n in range(count):
            exponent = f.bias - 1 + (n * 2 + 1) % 3
            fraction = (n * 3 + 1) % 4 << f.fraction_bits - 2
            codes.append((n % 2) << f.width - 1 | exponent << f.fraction_bits | fraction)
        return codes

    def number(self, code: int) -> Fraction | None:
        """Return the value."""
        f = self.format
        sign, field = code >> f.width - 1, code >> f.fraction_bits & f.exponent_ones
        if field == f.exponent_ones:
            return None
        size = (1 << f.fraction_bits) + (code & (1 << f.fraction_bits) - 1) if field else 0
        return (1 - 2 * sign) * Fraction(size) * Fraction(2) ** (field - f.bias - f.fraction_bits)


def hexadecimal(code: int, bits: int) -> str:
    """Return a code in as many hexadecimal digits as ``bits`` take."""
    return f"{code:0{-(-bits // 4)}X}"


def decimal(number: Fraction | None) -> str:
    """Return a number in decimal."""
    return "no number" if number is None else f"{float(number):.9g}"


def span(high: int, low: int) -> str:
    """Return the name of a range of bits."""
    return f"bit {low}" if high == low else f"bits {high}..{low}"
