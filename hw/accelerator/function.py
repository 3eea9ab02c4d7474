"""The vector engine's functions: exp, 1/x, 1/sqrt and ln of binary32."""

from functools import partial
from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, signed
from amaranth.lib.wiring import In, Out

from sw.accelerator.functions import (
    DISTANCE,
    EXP_LATENCY,
    FACTOR,
    INDEX,
    INFINITE,
    LATENCY,
    LN2,
    LN2_PLACES,
    LOG2_E,
    LOG2_E_PLACES,
    OFFSET,
    PLACES,
    POWER,
    REACH,
    ROUGH,
    SHIFTED,
    VALUE,
    ZERO,
)
from sw.accelerator.instructions import FUNCTIONS

from ..base.circuit import Circuit
from ..base.pipeline import delay, register, wire
from ..float.classify import classify
from ..float.from_integer import FromInteger
from .polynomial import Polynomial
from .unsigned_product import UnsignedProduct, multiply

__all__ = ["ExpArgument", "FunctionUnit"]

_EXPONENT_BITS = 10


class ExpArgument(Circuit):
    """The argument of exp as a multiple of ln(2) and a rest, as `sw.accelerator.functions` has it.

    Latency is `latency` enabled cycles, interval one cycle.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a : In(32)
        Argument, a binary32 from registers; of ``2**REACH`` and more the outputs mean nothing.
    power : Out(POWER)
        The multiple, `OFFSET` too high; from registers.
    rest : Out(PLACES)
        The rest, below 1; from registers.
    """

    latency = EXP_LATENCY

    def __init__(self) -> None:
        super().__init__({"en": In(1), "a": In(32), "power": Out(POWER), "rest": Out(PLACES)})

    def elaborate(self, platform: Any) -> Module:
        """Shift to fixed point, make it positive, find the multiple and subtract it."""
        m = Module()
        reg, net = partial(register, m, self.en), partial(wire, m)
        right = net("right", 8, 127 + REACH - 1 - self.a[23:31])
        right = reg("right_1", 6, right[:6] | right[6:].any().replicate(6))
        a = reg("a_1", 32, self.a)

        size = PLACES + REACH
        magnitude = reg("magnitude_2", size, Cat(Const(0, size - 24), a[:23], 1) >> right)
        negative = reg("negative_2", 1, a[31])

        # A negative one is inverted and carries a one in.
        size = PLACES + POWER
        inverted = net("inverted_3", size, magnitude ^ negative.replicate(size))
        shifted = reg("moved_3", size, (Cat(negative, inverted) + Cat(1, Const(SHIFTED, size)))[1:])

        upper = UnsignedProduct(a_bits=LOG2_E.bit_length(), b_bits=POWER + ROUGH, constant=LOG2_E)
        power = multiply(m, self.en, "upper", upper, shifted[PLACES - ROUGH :])
        power = net("power", POWER, power[LOG2_E_PLACES + ROUGH :])
        multiple = UnsignedProduct(a_bits=LN2_PLACES, b_bits=POWER, constant=LN2)
        taken = multiply(m, self.en, "multiple", multiple, power)
        # What lies above the point of the rest cancels.
        left = delay(m, self.en, shifted[:PLACES], upper.latency + multiple.latency, name="left")
        m.d.comb += [
            self.rest.eq(reg("rest_", PLACES, left - taken[LN2_PLACES - PLACES : LN2_PLACES])),
            self.power.eq(delay(m, self.en, power, multiple.latency + 1, name="power_later")),
        ]
        return m


class FunctionUnit(Circuit):
    """A function of a binary32, as `sw.accelerator.functions.evaluate` has it.

    Latency is `latency` enabled cycles, interval one cycle, whichever function. The result is a
    polynomial of a part of the operand, times a factor, with something added: integers, which are
    rounded once. Without DSP blocks; the table is read-only memory.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    function : In(3)
        Code of the function, as in `FUNCTIONS`; any other gives any result. From registers.
    a : In(32)
        Operand, from registers.
    o : Out(32)
        The result, from registers.
    """

    latency = LATENCY

    def __init__(self) -> None:
        super().__init__({"en": In(1), "function": In(3), "a": In(32), "o": Out(32)})

    def elaborate(self, platform: Any) -> Module:
        """Split the operand, evaluate the polynomial, multiply, add and round."""
        m = Module()
        late = partial(delay, m, self.en)
        parts = self._split(m)

        m.submodules.polynomial = polynomial = Polynomial()
        m.d.comb += [
            polynomial.en.eq(self.en),
            polynomial.row.eq(parts.row),
            polynomial.distance.eq(parts.distance),
        ]
        scale = UnsignedProduct(a_bits=len(polynomial.o), b_bits=FACTOR)
        factor = late(parts.factor, polynomial.latency, name="factor_later")
        scaled = multiply(m, self.en, "scale", scale, factor, polynomial.o)

        whole = UnsignedProduct(a_bits=LN2_PLACES, b_bits=len(parts.count), constant=LN2)
        until = polynomial.latency + scale.latency
        count = late(parts.count, until - whole.latency, name="count_later")
        addend = multiply(m, self.en, "whole", whole, count)
        addend = Cat(Const(0, VALUE + FACTOR - LN2_PLACES), addend)
        width = len(addend)
        total = register(m, self.en, "total", width, scaled + addend)

        m.submodules.round = rounding = FromInteger(
            width=width + 1, exponent_bits=_EXPONENT_BITS, extra_stage=True
        )
        facts = late(Cat(parts.exponent, parts.nan), until + 1, name="facts_later")
        m.d.comb += [
            rounding.en.eq(self.en),
            rounding.mantissa.eq(total),
            rounding.exponent.eq(facts[:-1].as_signed()),
            rounding.nan.eq(facts[-1]),
        ]
        negative = late(parts.negative, until + 1 + rounding.latency, name="negative_later")
        m.d.comb += self.o.eq(Cat(rounding.o[:31], negative))
        return m

    def _split(self, m: Module) -> SimpleNamespace:
        """Return what of the operand goes where, a cycle after exp's argument, from registers."""
        reg, net = partial(register, m, self.en), partial(wire, m)
        m.submodules.argument = argument = ExpArgument()
        m.d.comb += [argument.en.eq(self.en), argument.a.eq(self.a)]
        both = delay(m, self.en, Cat(self.a, self.function), argument.latency, name="operand")
        a, function = both[:32], both[32:]
        exp, recip, rsqrt, log = (
            net(name, 1, function == FUNCTIONS.index(name))
            for name in ("exp", "recip", "rsqrt", "log")
        )
        kind, sign, field = classify(a), a[31], a[23:31]
        low = net("low", 1, field < 127)

        # Of all but exp places count from the end of a row.
        fraction = Cat(Const(-1, PLACES - 23), ~a[: 23 - INDEX], a[23 - INDEX : 23])
        place = net("place", PLACES, Mux(exp, argument.rest, fraction))
        segment = Mux(log, 4 + low, function[:2] - 1 + (rsqrt & ~field[0]))
        above = net("above", 9, field + 1)
        large = net("large", 1, field >= 127 + REACH)
        infinite = Mux(exp, large & ~sign, kind.zero | (kind.special & log))
        none = Mux(exp, large & sign, kind.special & ~log)
        nan = net("nan", 1, kind.nan | (sign & ~kind.zero & (rsqrt | log)))
        unit = VALUE + FACTOR
        exponent = Mux(recip, 129 - unit - above, Mux(rsqrt, 65 - unit - above[1:], -unit))
        exponent = Mux(exp, argument.power - (OFFSET - 2 + unit), exponent)
        exponent = Mux(infinite, INFINITE - unit, Mux(none, ZERO - unit, exponent))
        less = Mux(low, (1 << FACTOR - 1) - a[:23], a[:23] << 1)
        return SimpleNamespace(
            row=reg("row", INDEX + 3, Cat(place[DISTANCE:], segment[:3])),
            distance=reg("distance", DISTANCE, place[:DISTANCE]),
            factor=reg("factor", FACTOR, Mux(log, less, 1 << FACTOR - 1)),
            # Of the operand's exponent the magnitude; one less if it is negative.
            count=reg("count", 8, Mux(log, Mux(low, ~above[:7], Cat(above[:7], above[8])), 0)),
            exponent=reg("exponent", signed(_EXPONENT_BITS), exponent),
            nan=reg("nan_", 1, nan),
            negative=reg("negative", 1, Mux(log, low, sign & ~exp) & ~nan),
        )
