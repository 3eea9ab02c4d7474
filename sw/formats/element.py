"""Elements of blocks: the integers that their codes mean, and the codes of these integers.

What a block format needs of its elements is what `IntegerElement` has: the bits of a code, the
least and the largest integer, and the codec between integers and codes. The element of a
floating-point stream is a `FloatFormat`, whose codec is `sw.formats.binary32`.
"""

import dataclasses
from collections.abc import Hashable

import numpy as np
import numpy.typing as npt

from ..checks import flag, whole
from ..errors import UserError
from .meaning import ByMeaning

__all__ = ["IntegerElement"]


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
    sign_inside: bool
    symmetric: bool
    twos_complement: bool | None

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
        code = code.astype(np.int64)
        sign = np.int64(1) << self.magnitude_bits
        magnitude = code & (sign - 1)
        below = magnitude - sign if self.in_twos_complement else -magnitude
        return np.where(code >= sign, below, magnitude).astype(np.int32)
