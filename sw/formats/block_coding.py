"""What the codes of blocks mean: of their elements, of their scales."""

import dataclasses
from fractions import Fraction

import numpy as np

from . import BlockFormat
from .coding import Coding, Rows, hexadecimal, span
from .element import FloatElement, IntegerElement
from .scale import FloatScale, PowerOfTwoScale

__all__ = ["ElementCoding", "ScaleCoding"]


@dataclasses.dataclass(frozen=True)
class ElementCoding(Coding):
    """An element of a block: the integer q, worth what the block's scale says."""

    format: BlockFormat

    @property
    def title(self) -> str:
        """What it is called."""
        return f"element of a block of {self.format.name}"

    @property
    def formula(self) -> str:
        """The value of an element q under a scale's code c."""
        f = self.format
        if isinstance(f.scale, FloatScale):
            return f"value = q x scale(c) / 2^{f.element.places}, times the scale of the tensor"
        return f"value = q x 2^(c - {-int(f.last_place(0))})"

    def rows(self) -> Rows:
        """Return how an element is coded, and where its point is."""
        e = self.format.element
        return [*(_integer_rows(e) if isinstance(e, IntegerElement) else _small_rows(e))]

    def samples(self) -> Rows:
        """Return all codes if they are few, else some."""
        e = self.format.element
        bits = e.bits
        ends = (0, 1, (1 << bits - 1) - 1, 1 << bits - 1, (1 << bits - 1) + 1, (1 << bits) - 1)
        codes = range(1 << bits) if bits <= 4 else dict.fromkeys(ends)
        rows = []
        for code in codes:
            q = self.number(code)
            rows.append((hexadecimal(code, bits), "no number" if q is None else f"q = {q}"))
        return rows

    def some(self, count: int) -> list[int]:
        """Return codes that differ, of numbers, none of them a zero with a sign."""
        bits = self.format.element_bits
        step = 3 << bits >> 3 | 1
        codes = [c * step + 3 & (1 << bits) - 1 for c in range(1 << min(bits, 10))]
        good = [c for c in codes if self.number(c) is not None and c != 1 << bits - 1]
        return [good[n % len(good)] for n in range(count)]

    def number(self, code: int) -> Fraction | None:
        """Return q."""
        e = self.format.element
        if isinstance(e, FloatElement) and code & (1 << e.bits - 1) - 1 > e.largest_code:
            return None
        return Fraction(int(e.decode(np.array([code]))[0]))


def _integer_rows(e: IntegerElement) -> Rows:
    m = e.magnitude_bits
    point = f"in front of bit {m - 1} under a power of two 2^E: |value| < 2^E"
    if e.in_twos_complement:
        return [
            ("coding", f"two's complement, {m + 1} bits: q from {e.most_negative} to {e.largest}"),
            (f"bit {m}", f"worth -{1 << m}"),
            (f"bits {m - 1}..0", "bit i is worth 2^i"),
            ("binary point", point),
        ]
    return [
        ("coding", f"sign and magnitude, {m + 1} bits: q from {-e.largest} to {e.largest}"),
        (f"bit {m}", "the sign: 1 is negative; -0 is read as 0, and never given"),
        (f"bits {m - 1}..0", "the magnitude |q|, without a hidden one"),
        ("binary point", point),
    ]


def _small_rows(e: FloatElement) -> Rows:
    specials = {
        "none": "none: every code is a number",
        "nan": "codes of all ones behind the sign, NaN; read as 0, for a scale tells of NaN",
        "ieee": "the highest e, infinities and NaN; read as 0, for a scale tells of NaN",
    }[e.specials]
    return [
        (f"bit {e.bits - 1}", "s, the sign: 1 is negative; zero has both signs"),
        (span(e.bits - 2, e.fraction_bits), f"e, the exponent, of bias {e.bias}; 0: subnormals"),
        (span(e.fraction_bits - 1, 0), "f, the fraction"),
        ("e > 0", f"the number is (-1)^s x 2^(e - {e.bias}) x (1 + f / {1 << e.fraction_bits})"),
        ("e = 0", f"the number is (-1)^s x 2^(1 - {e.bias}) x f / {1 << e.fraction_bits}"),
        ("q", f"that number times 2^{e.places}, an integer, from {-e.largest} to {e.largest}"),
        ("no numbers", specials),
    ]


@dataclasses.dataclass(frozen=True)
class ScaleCoding(Coding):
    """The code c of what the elements of a block share."""

    format: BlockFormat

    @property
    def title(self) -> str:
        """What it is called."""
        return f"exponent code of a block of {self.format.name}"

    @property
    def formula(self) -> str:
        """The scale of a code c."""
        scale = self.format.scale
        if isinstance(scale, FloatScale):
            return "scale(c) = (8 + c mod 8) x 2^(c div 8 - 10) for c >= 8, c x 2^-9 below"
        if isinstance(scale, PowerOfTwoScale):
            return f"scale = 2^E, E = c - {scale.bias - 1}"
        return f"scale = 2^(c - {scale.bias})"

    def rows(self) -> Rows:
        """Return what codes there are, and which are special."""
        f = self.format
        return [
            ("coding", f"unsigned, {f.exponent_bits} bits, biased"),
            ("shared by", f"a block of {f.shape.text} elements"),
            ("finite", f"{f.lowest_code} to {f.highest_code} are what a quantizer makes"),
            ("a block of zeros", f"{f.lowest_code}"),
            (
                "NaN",
                f"{f.nan_code}: the block holds a NaN or an infinity; all its elements are NaN",
            ),
        ]

    def samples(self) -> Rows:
        """Return the ends, and the code of about 1."""
        f = self.format
        codes = dict.fromkeys((0, f.lowest_code, *self.some(3), f.highest_code))
        bits = f.exponent_bits
        rows = [(hexadecimal(c, bits), f"an element is worth q x {_power(f, c)}") for c in codes]
        return [*rows, (hexadecimal(f.nan_code, bits), "NaN")]

    def some(self, count: int) -> list[int]:
        """Return codes of blocks whose largest elements are about 1."""
        f = self.format
        codes = range(f.lowest_code, f.highest_code + 1)
        one = next(c for c in codes if f.largest * (self.number(c) or 0) >= Fraction(1, 2))
        return [one + n % 3 for n in range(count)]

    def number(self, code: int) -> Fraction | None:
        """Return what an element of the integer 1 is worth, but for the scale of a tensor."""
        f = self.format
        if code == f.nan_code:
            return None
        return Fraction(int(f.factor(code))) * Fraction(2) ** int(f.last_place(code))


def _power(format: BlockFormat, code: int) -> str:
    factor = int(format.factor(code))
    return ("" if factor == 1 else f"{factor} x ") + f"2^{int(format.last_place(code))}"
