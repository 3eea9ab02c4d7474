"""The addition of a count to a sum of another scale."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from sw.stochastic.outer_parameters import OuterProductParameters

from ..base.circuit import Circuit
from ..base.pipeline import delay

__all__ = ["Accumulator", "fall_bits", "rise_bits"]


def fall_bits(p: OuterProductParameters) -> int:
    """Return the bits of the places that a count may move: all of them and one more."""
    return (p.count_bits + p.guard + 1).bit_length()


def rise_bits(p: OuterProductParameters) -> int:
    """Return the bits of the places that a sum may move: all of them."""
    return p.sum_bits.bit_length()


class Accumulator(Circuit):
    """``sum * 2**-rise + count * 2**-fall``, each term rounded: `sw.stochastic.outer_product`.

    The sum comes a cycle behind the count. One addition per cycle.

    Parameters
    ----------
    parameters : OuterProductParameters
        Of the outer product.

    Members
    -------
    count : In(count_bits)
    negative : In(1)
        Its sign.
    fall : In(fall_bits(parameters))
        Places that the count moves right, after ``guard`` places to the left.
    fresh : In(1)
        Leave the sum out.
    rise : In(rise_bits(parameters))
        Places that the sum moves right.
    sum : In(sum_bits)
        A cycle later than the others.
    o : Out(sum_bits)
        Their sum, two cycles behind the count; depends on registers.
    """

    latency = 2

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {
                "count": In(p.count_bits),
                "negative": In(1),
                "fall": In(fall_bits(p)),
                "fresh": In(1),
                "rise": In(rise_bits(p)),
                "sum": In(p.sum_bits),
                "o": Out(p.sum_bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        # Below the places that are kept lies the one by which is rounded.
        fallen = Signal(p.count_bits + p.guard + 1, reset_less=True)
        m.d.sync += fallen.eq(Cat(Const(0, p.guard + 1), self.count) >> self.fall)
        about = delay(m, 1, Cat(self.negative, self.fresh, self.rise), 1, name="about")
        negative, fresh, rise = about[0], about[1], about[2:]

        term = Signal(signed(len(fallen)), reset_less=True)
        flipped = fallen ^ negative.replicate(len(fallen))
        m.d.sync += term.eq(Cat(flipped[1:], negative).as_signed() + flipped[0])
        risen = Signal(signed(p.sum_bits + 1), reset_less=True)
        m.d.sync += risen.eq(Mux(fresh, 0, Cat(0, self.sum).as_signed() >> rise))
        m.d.comb += self.o.eq(risen[1:].as_signed() + term + risen[0])
        return m
