"""Sums of products of small floats in a window of bits: the model, and its widths for circuits."""

import dataclasses

import numpy as np
import numpy.typing as npt

from ..checks import whole
from ..formats.element import FloatElement
from .sums import reduced

__all__ = ["STEP_BITS", "Window", "highest_field", "product_bits"]

STEP_BITS = 2
"""Of an exponent so many lowest bits do not count in the choice of a window."""


def product_bits(element: FloatElement) -> int:
    """Return the bits of a product of significands."""
    return 2 * (element.fraction_bits + 1)


def highest_field(element: FloatElement) -> int:
    """Return the exponent field of the largest number."""
    return element.largest_code >> element.fraction_bits


@dataclasses.dataclass(frozen=True)
class Window:
    """The bits that are kept of the products of a beat, under the largest of them.

    A product of the significands ``p``, of `product_bits`, and the sum ``e`` of the exponent fields
    (of which that of a subnormal counts as 1) is ``p * 2**(e - 2)`` integers. With ``E`` the
    largest ``e`` of the beat's products that are not zero, its lowest `STEP_BITS` bits cleared,
    the places of all products below ``2**(E + product_bits - bits)`` are cut off, toward zero. The
    sum of what is left is exact, and so are those over a block's beats, which are rounded once.

    So ``bits`` to ``bits + 3`` bits are kept of the largest product, and nothing is lost where no
    product is smaller than ``2**(product_bits - bits)`` times the power of two of the largest.

    Parameters
    ----------
    element : FloatElement
        Of both operands.
    bits : int
        See above; from `product_bits` on.
    lanes : int
        Products of a beat: consecutive ones.
    """

    element: FloatElement
    bits: int
    lanes: int

    def __post_init__(self) -> None:
        """Check the bits."""
        least = product_bits(self.element)
        whole("window", self.bits, least, least + 2 * (highest_field(self.element) - 1))

    @property
    def below(self) -> int:
        """Bits that are kept behind those of a product that is not moved."""
        return self.bits - product_bits(self.element)

    @property
    def term_bits(self) -> int:
        """Bits of what is kept of a product, without its sign."""
        return self.bits + (1 << STEP_BITS) - 1

    @property
    def sum_bits(self) -> int:
        """Bits of the sum of what is kept of a beat's products, signed."""
        return (self.lanes * ((1 << self.term_bits) - 1)).bit_length() + 1

    def sum(
        self, a: npt.NDArray[np.integer], b: npt.NDArray[np.integer], bits: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.integer] | int]:
        """Return the sums over the last axis, a block, as `sum_of_products` does.

        ``a`` and ``b`` are integers that codes mean, of shapes that are broadcast; ``bits`` are
        those of the largest sum, without its sign.
        """
        (size_a, field_a), (size_b, field_b) = self._parts(a), self._parts(b)
        product = size_a * size_b
        exponent = np.where(product != 0, field_a + field_b, 0)
        # Python's own integers where those of NumPy are too narrow.
        wide = max(bits, self.sum_bits) > 62
        kind = object if wide else np.int64
        total = np.zeros(product.shape[:-1], kind)
        for first in range(0, product.shape[-1], self.lanes):
            beat = slice(first, first + self.lanes)
            moved, places = product[..., beat], exponent[..., beat]
            top = places.max(-1) >> STEP_BITS << STEP_BITS
            # From the window's lowest place, which may be behind the point.
            place = places - top[..., None] + self.below
            up, down = (np.clip(part, 0, 63).astype(kind) for part in (place, -place))
            kept = (np.sign(moved) * (np.abs(moved).astype(kind) << up >> down)).sum(-1)
            place = top - 2 - self.below
            up, down = (np.clip(part, 0, 63).astype(kind) for part in (place, -place))
            total = total + (kept << up >> down)
        return reduced(total) if wide else (total, 0)

    def _parts(
        self, q: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the significands, with their sign, and the exponent fields of integers."""
        q = q.astype(np.int64)
        length = np.frexp(np.abs(q).astype(np.float64))[1].astype(np.int64)
        field = np.maximum(length - self.element.fraction_bits, 1)
        return q >> (field - 1), field
