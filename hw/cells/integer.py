"""What multipliers of integers have in common."""

from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit

__all__ = ["IntegerMultiplier"]


class IntegerMultiplier(Circuit):
    """Base of the multipliers of two integers of equal width: ``o - offset`` is ``a * b``.

    Parameters
    ----------
    width : int
        Bits of an operand.
    signed : bool
        Whether operands are in two's complement.

    Members
    -------
    en : In(1)
        Clock enable.
    a, b : In(width)
        Operands.
    o : Out(2 * width)
        The product.
    """

    def __init__(self, *, width: int, signed: bool) -> None:
        self.width = width
        self.signed = signed
        super().__init__({"en": In(1), "a": In(width), "b": In(width), "o": Out(2 * width)})

    @property
    def offset(self) -> int:
        """The constant by which the product is too high: its top bit is inverted."""
        return self.signed << 2 * self.width - 1
