"""Approximate multipliers of significands.

A multiplier is a function of two significands, integers from ``2**bits`` to ``2**(bits + 1) - 1``
that represent 1 up to 2, and of ``bits``. It returns their product, an integer from
``2**(2 * bits)`` to ``2**(2 * bits + 2) - 1`` that represents 1 up to 4. The functions here take
integers and arrays of them, and numba compiles them.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Integers
from ..checks import array, unknown, whole
from ..errors import UserError
from .realm import FACTOR_BITS, SEGMENTS, factors

__all__ = [
    "CORRECTION",
    "LARGEST_BITS",
    "NAMES",
    "Multiplier",
    "check_fractions",
    "encode",
    "multiplier",
]

LARGEST_BITS = 23
CORRECTION = 655_360
"""MBM's correction, ``2**-4 + 2**-6``, in units of ``2**-23``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Multiplier:
    """A multiplier by name.

    Parameters
    ----------
    name : str
        As `multiplier` reads it.
    kind : str
        The name without its number.
    number : int
        0 for a name without.
    product : callable
        The function of two significands and ``bits``.
    least_bits : int
        The fewest fraction bits that it is defined for.
    nearest : bool
        Whether the product's fraction is rounded to nearest even instead of truncated.
    """

    name: str
    kind: str
    number: int = 0
    product: Callable[[Any, Any, int], Any]
    least_bits: int = 1
    nearest: bool = False

    def check(self, bits: int) -> int:
        """Check that the multiplier is defined for ``bits`` fraction bits."""
        return whole(f"bits of {self.name}", bits, self.least_bits, LARGEST_BITS)

    def codes(self, x: npt.ArrayLike, y: npt.ArrayLike, bits: int) -> Integers:
        """Return carry and fraction, ``carry << bits | fraction``, of fractions of ``bits`` bits.

        The product is ``2**carry * (1 + fraction / 2**bits)``.
        """
        one = 1 << self.check(bits)
        a, b = (check_fractions(name, f, bits) + one for name, f in (("x", x), ("y", y)))
        return encode(self.product(a, b, bits), bits, self.nearest)


def check_fractions(field: str, x: npt.ArrayLike, bits: int) -> Integers:
    """Check fractions of ``bits`` bits."""
    highest = (1 << whole("bits", bits, 1, LARGEST_BITS)) - 1
    return array(field, x, "integer", low=0, high=highest).astype(np.int64)


def encode(product: Integers, bits: int, nearest: bool = False) -> Integers:
    """Return carry and fraction of products, truncated or rounded to nearest even."""
    carry = product >> (2 * bits + 1)
    drop = bits + carry
    if nearest:
        product = product + (1 << (drop - 1)) - 1 + (product >> drop & 1)
        carry, drop = product >> (2 * bits + 1), bits + carry
    # A product that is rounded up to 2 is a one more only in the exponent.
    return carry << bits | product >> drop & ((1 << bits) - 1)


def _exact(a, b, bits):
    """Return the exact product."""
    return a * b


def _mitchell(a, b, bits):
    """Return Mitchell's product (1962): log2(1 + x) approximated by x, and so back."""
    total = a + b - (2 << bits)
    carry = total >> bits
    return ((1 << bits) + total - (carry << bits)) << carry << bits


def _mbm(a, b, bits):
    """Return the minimally biased product (Saadat, Bokhari and Parameswaran, TCAD 2018).

    Mitchell's product and a correction of 5/64, or half as much of twice the weight behind a carry,
    in as many places as the fractions have; where the carry and the correction would reach 4 it is
    left out. Fractions shorter than binary32's have their last bit forced to one, for the bits cut
    off. So it is in ApproxTrain (arXiv 2209.04161), which has tables of it.
    """
    forced = 1 if bits < LARGEST_BITS else 0
    total = (a | forced) + (b | forced) - (2 << bits)
    carry = total >> bits
    correction = CORRECTION >> carry >> (LARGEST_BITS - bits)
    total = total - (carry << bits) + correction
    total = total - (carry & total >> bits) * correction
    return ((1 << bits) + total) << carry << bits


def _realm(segments: int) -> Callable[[Any, Any, int], Any]:
    """Return REALM's function: Mitchell's product and a factor for the pair of segments.

    A product of 4 and more becomes the largest below.
    """
    index_bits = segments.bit_length() - 1
    table = factors(segments)

    def realm(a, b, bits):
        i = (a >> (bits - index_bits)) - segments
        j = (b >> (bits - index_bits)) - segments
        total = a + b - (2 << bits)
        carry = total >> bits
        product = ((1 << bits) + total - (carry << bits)) << carry << bits
        # The table is flat: numba and NumPy alike then take integers and arrays of them.
        product = product + (flat[i * segments + j] << (2 * bits - FACTOR_BITS))
        over = product >> (2 * bits + 2)
        return product - over * (product - (4 << (2 * bits)) + 1)

    flat = table.ravel()
    return realm


def _drum(kept: int) -> Callable[[Any, Any, int], Any]:
    """Return DRUM's function (Hashemi, Bahar and Reda, ICCAD 2015).

    The exact product of the top ``kept`` bits of each significand, the last of them forced to one
    where any are cut off.
    """

    def drum(a, b, bits):
        cut = bits + 1 - kept
        if cut <= 0:
            return a * b
        return (a >> cut | 1) * (b >> cut | 1) << 2 * cut

    return drum


def _array(guard: int) -> Callable[[Any, Any, int], Any]:
    """Return the function of the truncated array multiplier.

    Partial products, each a bit of one significand times one of the other, are left out where their
    weight is below that of ``guard`` places behind the product's fraction.
    """

    def array(a, b, bits):
        cut = max(bits - guard, 0)
        product = a * 0
        for i in range(bits + 1):
            # The bits of b whose weight with bit i of a is high enough.
            low = max(cut - i, 0)
            product = product + (a >> i & 1) * (b >> low << (low + i))
        return product

    return array


NAMES: Mapping[str, str] = {
    "exact": "the exact product, truncated",
    "exact_nearest": "the exact product, rounded to nearest even",
    "mitchell": "logarithms by straight lines (Mitchell, 1962)",
    "mbm": "Mitchell's, minimally biased (TCAD 2018)",
    **{f"realm{n}": f"Mitchell's with {n} x {n} factors (DATE 2020)" for n in SEGMENTS},
    "drumK": "the exact product of the top K bits, 2 to 24 (ICCAD 2015)",
    "arrayK": "the array of partial products cut off K places behind the fraction, 0 to 23",
}
"""What multipliers there are; K is a number."""


def multiplier(name: str) -> Multiplier:
    """Return the multiplier of a name of `NAMES`; `UserError` if there is none."""
    if not isinstance(name, str):
        raise unknown("multiplier", name, NAMES)
    return _multiplier(name)


@functools.cache
def _multiplier(name: str) -> Multiplier:
    if name in ("exact", "exact_nearest"):
        return Multiplier(name=name, kind=name, product=_exact, nearest=name == "exact_nearest")
    if name in ("mitchell", "mbm"):
        return Multiplier(name=name, kind=name, product=_mitchell if name == "mitchell" else _mbm)
    number = re.fullmatch(r"(realm|drum|array)(0|[1-9]\d{0,3})", name)
    if number is not None:
        kind, k = number[1], int(number[2])
        named = partial(Multiplier, name=name, kind=kind, number=k)
        if kind == "realm" and k in SEGMENTS:
            least = max(k.bit_length() - 1, FACTOR_BITS // 2)
            return named(product=_realm(k), least_bits=least)
        if kind == "drum":
            k = whole("bits of drum", k, 2, LARGEST_BITS + 1)
            return named(product=_drum(k), least_bits=max(k - 1, 1))
        if kind == "array":
            k = whole("places of array", k, 0, LARGEST_BITS)
            return named(product=_array(k))
    if name in NAMES:
        raise UserError(f"multiplier must have a number for K, such as {name[:-1]}6, not {name!r}")
    raise unknown("multiplier", name, NAMES)
