"""Alignment and addition of a count and a sum of different scales."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.stochastic.outer_parameters import OuterProductParameters

from ..base.circuit import Circuit
from ..base.pipeline import delay

__all__ = ["Accumulator", "alignment"]


def alignment(p: OuterProductParameters) -> data.StructLayout:
    """Return how a count meets a sum.

    ``sum_shift``: places that the sum moves right, all of them at most; ``count_shift``: those that
    the count moves right, after ``guard`` places to the left, all of them and one more at most;
    ``first``: the sum is left out.
    """
    return data.StructLayout(
        {
            "sum_shift": p.sum_bits.bit_length(),
            "count_shift": (p.count_bits + p.guard + 1).bit_length(),
            "first": 1,
        }
    )


class Accumulator(Circuit):
    """Adder of ``sum * 2**-sum_shift`` and ``count * 2**-count_shift``, each rounded.

    It is that of `sw.stochastic.outer_product.add_up`. Latency is `latency` cycles from the count,
    interval one cycle; ``o`` is an adder behind registers.

    Parameters
    ----------
    parameters : OuterProductParameters
        Widths of counts and sums.

    Members
    -------
    count : In(count_bits)
    negative : In(1)
        Its sign.
    align : In(alignment(parameters))
        Shifts of both.
    sum : In(sum_bits)
        A cycle later than the others.
    o : Out(sum_bits)
        The new sum.
    """

    latency = 2

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {
                "count": In(p.count_bits),
                "negative": In(1),
                "align": In(alignment(p)),
                "sum": In(p.sum_bits),
                "o": Out(p.sum_bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build both shifters, each with the bit below its last place, and the adder."""
        m = Module()
        p = self.parameters
        scaled = Signal(p.count_bits + p.guard + 1, reset_less=True)
        m.d.sync += scaled.eq(Cat(Const(0, p.guard + 1), self.count) >> self.align.count_shift)
        negative = delay(m, 1, self.negative, 1, name="negative")
        first = delay(m, 1, self.align.first, 1, name="first")
        sum_shift = delay(m, 1, self.align.sum_shift, 1, name="sum_shift")

        term = Signal(signed(len(scaled)), reset_less=True)
        signed_term = scaled ^ negative.replicate(len(scaled))
        m.d.sync += term.eq(Cat(signed_term[1:], negative).as_signed() + signed_term[0])
        total = Signal(signed(p.sum_bits + 1), reset_less=True)
        m.d.sync += total.eq(Mux(first, 0, Cat(0, self.sum).as_signed() >> sum_shift))
        m.d.comb += self.o.eq(total[1:].as_signed() + term + total[0])
        return m
