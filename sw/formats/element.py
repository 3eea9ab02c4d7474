"""Elements of blocks: the integers that their codes mean, and the codes of these integers.

What a block format needs of its elements is what both kinds have: the bits of a code, the least and
the largest integer, how many places lie behind the point, and the codec between integers and codes.
The element of a floating-point stream is a `FloatFormat`, whose codec is `sw.formats.binary32`.
"""

import dataclasses
import functools
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import choice, flag, whole
from ..errors import UserError
from ..parameters import table_record
from .meaning import ByMeaning

__all__ = ["ELEMENTS", "Element", "FloatElement", "IntegerElement", "read_element"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class IntegerElement(ByMeaning):
    """A signed integer, as sign and magnitude or in two's complement.

    With ``m = magnitude_bits``, sign and magnitude hold ``-(2**m - 1) .. 2**m - 1``, two's
    complement ``-2**m .. 2**m - 1``, in ``bits`` bits either way. A zero has no sign: no code is
    made for -0, and that of sign and magnitude is read as 0.

    Elements are equal if they hold the same integers in the same codes and quantizers make the
    same of them, however their bits are counted.

    Parameters
    ----------
    mantissa_bits : int
        Bits of a mantissa, 2..24, as the format's authors count them.
    sign_inside : bool
        Whether ``mantissa_bits`` counts the sign.
    symmetric : bool
        Whether quantizers leave out the most negative code of two's complement.
    twos_complement : bool or None
        Whether codes are in two's complement; None where the element is not symmetric.
    """

    mantissa_bits: int
    sign_inside: bool = True
    symmetric: bool = True
    twos_complement: bool | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        whole("mantissa_bits", self.mantissa_bits, 2, 24)
        flag("sign_inside", self.sign_inside)
        flag("symmetric", self.symmetric)
        if self.twos_complement is not None:
            flag("twos_complement", self.twos_complement)
        if not (self.symmetric or self.in_twos_complement):
            raise UserError("symmetric must be true where twos_complement is false, not False")

    @property
    def meaning(self) -> Hashable:
        """What decides the integers and their codes."""
        return self.magnitude_bits, self.symmetric, self.in_twos_complement

    @property
    def magnitude_bits(self) -> int:
        """Bits of a magnitude, without the sign: ``m``."""
        return self.mantissa_bits - self.sign_inside

    @property
    def bits(self) -> int:
        """Bits of a code, sign included."""
        return self.magnitude_bits + 1

    @property
    def places(self) -> int:
        """Places of the integer behind the point, where the top magnitude bit is worth 1."""
        return self.magnitude_bits - 1

    @property
    def emax(self) -> int:
        """The exponent of the largest number, where the top magnitude bit is worth 1."""
        return 0

    @property
    def fraction_bits(self) -> int:
        """Bits behind the leading one of the largest number."""
        return self.magnitude_bits - 1

    @property
    def nan_code(self) -> int:
        """The code of elements of a block that is NaN: 0, that of zero."""
        return 0

    @property
    def in_twos_complement(self) -> bool:
        """Whether codes are in two's complement; else they are sign and magnitude."""
        return not self.symmetric if self.twos_complement is None else self.twos_complement

    @property
    def largest(self) -> int:
        """The largest integer."""
        return (1 << self.magnitude_bits) - 1

    @property
    def most_negative(self) -> int:
        """The most negative integer that has a code."""
        return -self.largest - self.in_twos_complement

    @property
    def lowest(self) -> int:
        """The most negative integer that a quantizer makes."""
        return -self.largest - (not self.symmetric)

    def encode(self, q: npt.NDArray[np.integer]) -> npt.NDArray[np.uint32]:
        """Return the codes of integers from ``most_negative`` to ``largest``."""
        q = q.astype(np.int64)
        sign = np.int64(1) << self.magnitude_bits
        code = q & (2 * sign - 1) if self.in_twos_complement else np.where(q < 0, sign - q, q)
        return code.astype(np.uint32)

    def decode(self, code: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """Return the integers of codes."""
        code = code.astype(np.int32)
        if self.in_twos_complement:
            unused = np.int32(32 - self.bits)
            return code << unused >> unused
        ones = -(code >> np.int32(self.magnitude_bits))
        return ((code & np.int32(self.largest)) ^ ones) - ones


SPECIALS = ("none", "nan", "ieee")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FloatElement(ByMeaning):
    """A small floating-point number of sign, exponent and fraction, with subnormals.

    A code of the exponent field ``e`` and the fraction ``f`` is ``(2**F + f) * 2**(e - 1)`` times
    ``2**-places``, with ``e = 0`` it is ``f * 2**-places``: an integer, which is what products are
    made of. Zero has a sign, which the integer has not.

    Parameters
    ----------
    exponent_bits : int
        1..5.
    fraction_bits : int
        ``F``, 1..5; with the sign and the exponent no more than 8 bits.
    specials : str
        Codes that are no numbers: ``none``; ``nan``: that of all ones (E4M3 of OCP FP8); ``ieee``:
        those of the highest exponent field, infinity where the fraction is zero (E5M2).
    """

    exponent_bits: int
    fraction_bits: int
    specials: str = "none"

    symmetric = True
    in_twos_complement = False

    def __post_init__(self) -> None:
        """Check every field."""
        whole("exponent_bits", self.exponent_bits, 1, 5)
        whole("fraction_bits", self.fraction_bits, 1, 5)
        if self.bits > 8:
            raise UserError(
                f"exponent_bits and fraction_bits must be 7 together at most, not {self.bits - 1}"
            )
        choice("specials", self.specials, SPECIALS)
        if self.specials == "ieee" and self.exponent_bits == 1:
            raise UserError("specials must be none or nan with an exponent bit, not 'ieee'")

    @property
    def meaning(self) -> Hashable:
        """What decides the numbers and their codes."""
        return self.exponent_bits, self.fraction_bits, self.specials

    @property
    def bits(self) -> int:
        """Bits of a code, sign included."""
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def bias(self) -> int:
        """The exponent field of 1.0."""
        return max(1, (1 << (self.exponent_bits - 1)) - 1)

    @property
    def largest_code(self) -> int:
        """The code of the largest number."""
        ones = (1 << (self.bits - 1)) - 1
        return ones - {"none": 0, "nan": 1, "ieee": 1 << self.fraction_bits}[self.specials]

    @property
    def nan_code(self) -> int:
        """The code of elements of a block that is NaN: the positive one of all ones, or 0."""
        return 0 if self.specials == "none" else (1 << (self.bits - 1)) - 1

    @property
    def emax(self) -> int:
        """The exponent of the largest number."""
        return (self.largest_code >> self.fraction_bits) - self.bias

    @property
    def places(self) -> int:
        """Places of the integer behind the point."""
        return self.bias - 1 + self.fraction_bits

    @property
    def largest(self) -> int:
        """The integer of the largest number."""
        return int(self._magnitudes[self.largest_code])

    @property
    def most_negative(self) -> int:
        """The most negative integer that has a code."""
        return -self.largest

    @property
    def lowest(self) -> int:
        """The most negative integer that a quantizer makes."""
        return -self.largest

    @property
    def magnitude_bits(self) -> int:
        """Bits of the largest integer."""
        return self.largest.bit_length()

    @functools.cached_property
    def _magnitudes(self) -> npt.NDArray[np.int64]:
        """The integers of all codes without a sign; those that are no numbers are 0."""
        code = np.arange(1 << (self.bits - 1), dtype=np.int64)
        field, fraction = code >> self.fraction_bits, code & ((1 << self.fraction_bits) - 1)
        size = np.where(field > 0, fraction | 1 << self.fraction_bits, fraction)
        return np.where(code > self.largest_code, 0, size << np.maximum(field - 1, 0))

    @functools.cached_property
    def _integers(self) -> npt.NDArray[np.int64]:
        """The integers of all codes; those that are no numbers are 0."""
        return np.concatenate([self._magnitudes, -self._magnitudes])

    def encode(self, q: npt.NDArray[np.integer]) -> npt.NDArray[np.uint32]:
        """Return the codes of integers that have one; zero becomes +0."""
        numbers = self._magnitudes[: self.largest_code + 1]
        code = np.searchsorted(numbers, np.abs(q.astype(np.int64)))
        return (code | (q < 0).astype(np.int64) << (self.bits - 1)).astype(np.uint32)

    def decode(self, code: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return the integers of codes; infinities and NaN are 0."""
        return self._integers[code]


Element = IntegerElement | FloatElement

ELEMENTS: dict[str, Element] = {
    "e2m1": FloatElement(exponent_bits=2, fraction_bits=1),
    "e2m3": FloatElement(exponent_bits=2, fraction_bits=3),
    "e3m2": FloatElement(exponent_bits=3, fraction_bits=2),
    "e4m3": FloatElement(exponent_bits=4, fraction_bits=3, specials="nan"),
    "e5m2": FloatElement(exponent_bits=5, fraction_bits=2, specials="ieee"),
    "int8": IntegerElement(mantissa_bits=8, twos_complement=True),
}
"""Elements of the OCP Microscaling Formats (MX) specification 1.0, by name."""


def read_element(value: Any) -> Element:
    """Return the element for a name, a table of fields, or an element.

    A table may have a ``preset`` whose other fields it keeps; one with ``mantissa_bits`` is of an
    integer.
    """

    def kind(table: Mapping[str, Any]) -> type[Element]:
        return IntegerElement if "mantissa_bits" in table else FloatElement

    return table_record("element", value, ELEMENTS, kind)
