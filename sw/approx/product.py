"""Products of floating-point values by an approximate multiplier, and of matrices of them."""

import dataclasses
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..arrays import Integers
from ..checks import array, broadcast, instance, shown, whole
from ..errors import UserError
from ..formats import BINARY32, FloatFormat, binary32
from .multipliers import multiplier

__all__ = ["Datapath", "Fractions", "gemm", "matrices", "multiply", "multiply_bits"]


@runtime_checkable
class Fractions(Protocol):
    """What multiplies fractions: a `Datapath` or a `sw.approx.table.Table`."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    @property
    def bits(self) -> int:
        """Bits of the fractions."""
        ...

    def codes(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Integers:
        """Return ``carry << bits | fraction``."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Datapath:
    """A multiplier by name for fractions of ``bits`` bits."""

    name: str
    bits: int

    def __post_init__(self) -> None:
        """Check every field."""
        multiplier(self.name).check(self.bits)

    def codes(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Integers:
        """Return carry and fraction of fractions."""
        return multiplier(self.name).codes(x, y, self.bits)


def _check(fractions: object) -> None:
    """Check that an object multiplies fractions."""
    if isinstance(fractions, type) or not isinstance(fractions, Fractions):
        raise UserError(
            f"fractions must be a Datapath, a Table or an object like them, not {shown(fractions)}"
        )


def multiply_bits(
    fractions: Fractions, a: npt.ArrayLike, b: npt.ArrayLike, format: FloatFormat = BINARY32
) -> npt.NDArray[np.uint32]:
    """Return the patterns of products of patterns of ``format``, element by element.

    The operands' fractions are cut to their first `Fractions.bits` bits; those of the product
    behind them are 0. The exponent is the sum of the operands' and of the carry. Where it is below
    that of normal numbers, and for an operand of zero or subnormal, the product is a zero, and
    where it is beyond it is an infinity, of the sign of the operands' exclusive or. An infinite
    operand gives an infinity; times a zero, or with a NaN, the positive quiet NaN with an empty
    payload.
    """
    _check(fractions)
    instance("format", format, FloatFormat)
    bits, point, ones = fractions.bits, format.fraction_bits, format.exponent_ones
    whole(f"bits of {fractions.name} in {format.name}", bits, 1, point)
    most = (1 << format.width) - 1
    a, b = (
        array(name, x, "integer", low=0, high=most).astype(np.int64)
        for name, x in (("a", a), ("b", b))
    )
    broadcast(a=a, b=b)
    fields = [(x >> point & ones, x & ((1 << point) - 1)) for x in (a, b)]
    (exponent_a, fraction_a), (exponent_b, fraction_b) = fields
    code = fractions.codes(fraction_a >> (point - bits), fraction_b >> (point - bits))
    exponent = exponent_a + exponent_b - format.bias + (code >> bits)
    fraction = (code & ((1 << bits) - 1)) << (point - bits)
    zero = (exponent_a == 0) | (exponent_b == 0)
    infinite = (exponent_a == ones) | (exponent_b == ones)
    nan = infinite & zero
    for field, rest in fields:
        nan = nan | ((field == ones) & (rest != 0))
    size = exponent << point | fraction
    size = np.where(zero | (exponent <= 0), 0, size)
    size = np.where(infinite | (~zero & (exponent >= ones)), ones << point, size)
    sign = (a ^ b) >> (format.width - 1) << (format.width - 1)
    return np.where(nan, (2 * ones + 1) << (point - 1), sign | size).astype(np.uint32)


def multiply(fractions: Fractions, a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return the products of binary32 values, as `multiply_bits` makes them."""
    a, b = (binary32.to_bits(x) for x in (a, b))
    return multiply_bits(fractions, a, b).view(np.float32)


def matrices(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[npt.NDArray[np.float32], ...]:
    """Check that ``a`` (m, k) and ``b`` (k, n) are binary32 and fit each other."""
    a, b = array("a", a, "float32"), array("b", b, "float32")
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise UserError(f"a and b must be (m, k) and (k, n), not {a.shape} and {b.shape}")
    return a, b


def gemm(fractions: Fractions, a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return the product of matrices in binary32.

    Products are those of `multiply`; `sw.formats.binary32.add` adds those of a result one after the
    other in the order of their place in the reduction, to +0.

    Parameters
    ----------
    fractions : Fractions
        The multiplier of fractions.
    a, b : array of float32, (m, k) and (k, n)

    Returns
    -------
    array of float32, (m, n)
    """
    _check(fractions)
    a, b = matrices(a, b)
    total = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for k in range(a.shape[1]):
        total = binary32.add(total, multiply(fractions, a[:, k, None], b[k]))
    return total
