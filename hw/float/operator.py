"""The base class of operations on two floating-point values."""

from amaranth.lib.wiring import In, Out

from sw.formats import FloatFormat

from ..base.circuit import Circuit

__all__ = ["FloatOperator"]


class FloatOperator(Circuit):
    """Pipelined operation on two values of a floating-point format.

    Interval is one cycle; latency is `latency` enabled cycles.

    Parameters
    ----------
    format : FloatFormat
        Format of operands and result.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a, b : In(format.width)
        Operands; expected straight from registers.
    o : Out(format.width)
        The result, from registers.
    """

    def __init__(self, *, format: FloatFormat) -> None:
        self.format = format
        word = format.width
        super().__init__({"en": In(1), "a": In(word), "b": In(word), "o": Out(word)})
