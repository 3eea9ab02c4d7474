"""Floats as fixed-point numbers of their full range, whose sums are exact, and back."""

import dataclasses
from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.formats import FloatFormat
from sw.formats.hadamard import DIGIT, HadamardParameters
from sw.formats.transform_stages import (
    FIXED_LATENCY,
    constant_latency,
    float_latency,
    signed_digits,
)

from ..base.circuit import Circuit
from ..base.pipeline import delay, register, wire
from ..float.classify import classify
from ..float.from_integer import FromInteger

__all__ = ["FixedPoint", "FixedToFloat", "FloatToFixed"]

_EXPONENT_BITS = 10
_INFINITE = 511
"""An exponent with which any number but 0 is infinite."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedPoint:
    """Numbers of every exponent of a format, in digits that keep their carries.

    A digit has a place for each of `places` exponent fields, and an element stands in the digit of
    its own. It is wider than that by an element's significand and by what the elements of a sum
    add, so that no carry leaves it before all sums are made.

    Parameters
    ----------
    source : FloatFormat
        Format of the elements.
    scale : int
        What significands are multiplied by.
    unit : int
        Exponent of the lowest place.
    levels : int
        The base-2 logarithm of the elements of a sum.
    digits : int
        Digits.
    """

    source: FloatFormat
    scale: int
    unit: int
    levels: int
    digits: int

    @classmethod
    def of(cls, p: HadamardParameters) -> "FixedPoint":
        """Return the numbers of a transform."""
        source, (scale, exponent) = p.formats[0], p.scale
        unit = exponent - source.bias - source.fraction_bits
        return cls(source=source, scale=scale, unit=unit, levels=p.levels, digits=p.digits)

    @property
    def significand(self) -> int:
        """Bits of a scaled significand."""
        most = (2 << self.source.fraction_bits) - 1
        return (most * self.scale).bit_length()

    @property
    def places(self) -> int:
        """Places of a digit but the highest."""
        return min(DIGIT, self.source.exponent_ones)

    @property
    def placed(self) -> int:
        """Bits of an element in its digit, signed."""
        return self.places + self.significand

    @property
    def digit(self) -> int:
        """Bits of a digit of a sum, signed."""
        return self.placed + self.levels

    @property
    def width(self) -> int:
        """Bits of a sum whose carries are made, signed."""
        return (self.digits - 1) * self.places + self.digit

    @property
    def shape(self) -> data.StructLayout:
        """A number, or what is none: an infinity of either sign, of both a NaN."""
        digits = data.ArrayLayout(signed(self.digit), self.digits)
        return data.StructLayout({"digits": digits, "plus": 1, "minus": 1})

    def sum(self, a: data.View, b: data.View) -> Value:
        """Return the bits of ``a + b``; combinational."""
        return self._bits([x + y for x, y in _pairs(a, b)], a.plus | b.plus, a.minus | b.minus)

    def difference(self, a: data.View, b: data.View) -> Value:
        """Return the bits of ``a - b``; combinational."""
        return self._bits([x - y for x, y in _pairs(a, b)], a.plus | b.minus, a.minus | b.plus)

    def _bits(self, digits: list[Value], plus: Value, minus: Value) -> Value:
        return Cat(*(each[: self.digit] for each in digits), plus, minus)


def _pairs(a: data.View, b: data.View) -> list[tuple[Value, Value]]:
    return [(a.digits[k], b.digits[k]) for k in range(len(a.digits))]


class FloatToFixed(Circuit):
    """Converter of a float, times a scale and a sign, to a fixed-point number.

    Latency is `latency` enabled cycles, interval one.

    Parameters
    ----------
    fixed : FixedPoint
        The numbers.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    i : In(source.width)
        Float.
    negate : In(1)
        Whether its sign is changed.
    o : Out(fixed.shape)
        Number, in one digit, the others 0.
    """

    def __init__(self, *, fixed: FixedPoint) -> None:
        self.fixed = fixed
        super().__init__(
            {"en": In(1), "i": In(fixed.source.width), "negate": In(1), "o": Out(fixed.shape)}
        )

    @property
    def latency(self) -> int:
        """Enabled cycles from float to number."""
        return constant_latency(self.fixed.scale) + FIXED_LATENCY

    def elaborate(self, platform: Any) -> Module:
        """Scale, shift, negate."""
        m = Module()
        fixed, source = self.fixed, self.fixed.source
        later = partial(delay, m, self.en)
        scaling = constant_latency(fixed.scale)
        kind = classify(self.i, source)
        fraction, exponent = self.i[: source.fraction_bits], self.i[source.fraction_bits : -1]
        sign = self.i[-1] ^ self.negate

        scaled = self._scale(m, Mux(kind.zero, 0, Cat(fraction, 1)))
        exponent = later(exponent, scaling, name="exponent")
        place = exponent[: (fixed.places - 1).bit_length()]
        placed = wire(m, "at_place", fixed.placed - 1, scaled << place)
        placed = register(m, self.en, "placed", fixed.placed - 1, placed)
        negative = later(sign, scaling + 1, name="negative")
        value = Mux(negative, -placed, placed)
        value = register(m, self.en, "value", signed(fixed.placed), value)
        index = later(exponent[len(place) :], FIXED_LATENCY, name="index")
        infinite = Cat(
            kind.special & (kind.fraction | ~sign), kind.special & (kind.fraction | sign)
        )
        infinite = later(infinite, self.latency, name="infinite")
        m.d.comb += [
            *(self.o.digits[k].eq(Mux(index == k, value, 0)) for k in range(fixed.digits)),
            Cat(self.o.plus, self.o.minus).eq(infinite),
        ]
        return m

    def _scale(self, m: Module, significand: Value) -> Value:
        """Multiply by the scale, a level of additions a stage."""
        width = self.fixed.significand
        terms = [
            (significand << place if sign > 0 else -(significand << place))
            for place, sign in signed_digits(self.fixed.scale)
        ]
        for level in range(constant_latency(self.fixed.scale)):
            alone = terms[len(terms) & ~1 :]
            pairs = zip(terms[::2], terms[1::2], strict=False)
            sums = [*(one + other for one, other in pairs), *alone]
            terms = [
                register(m, self.en, f"scaled_{level}_{n}", signed(width + 2), each)
                for n, each in enumerate(sums)
            ]
        return terms[0][:width]


class FixedToFloat(Circuit):
    """Converter of an exact sum to a float, rounded once.

    Latency is `latency` enabled cycles, interval one. Carries are made a digit a stage. Then two
    chunks are taken, the highest that is not all signs and the one below, and a bit that tells
    whether anything follows them: of two chunks at least `FloatFormat.fraction_bits` and two bits
    are significant.

    Parameters
    ----------
    fixed : FixedPoint
        The numbers.
    result : FloatFormat
        Format of the result.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    i : In(fixed.shape)
        Number.
    o : Out(result.width)
        Its value, from registers.
    """

    def __init__(self, *, fixed: FixedPoint, result: FloatFormat) -> None:
        self.fixed = fixed
        self.result = result
        self.chunk = 1 << (result.fraction_bits + 1).bit_length()
        super().__init__({"en": In(1), "i": In(fixed.shape), "o": Out(result.width)})

    @property
    def latency(self) -> int:
        """Enabled cycles from number to value."""
        return float_latency(self.fixed.digits)

    def elaborate(self, platform: Any) -> Module:
        """Make carries, find the leading bits, round."""
        m = Module()
        width = 2 * self.chunk + 2
        m.submodules.rounding = rounding = FromInteger(
            width=width, exponent_bits=_EXPONENT_BITS, format=self.result
        )
        mantissa, exponent = self._window(m, self._carry(m))
        infinite = Cat(self.i.plus, self.i.minus)
        infinite = delay(m, self.en, infinite, self.fixed.digits, name="infinite")
        one = Cat(1, infinite[1].replicate(width - 1))
        reg = partial(register, m, self.en)
        m.d.comb += [
            rounding.en.eq(self.en),
            rounding.mantissa.eq(reg("mantissa", width, Mux(infinite.any(), one, mantissa))),
            rounding.exponent.eq(
                reg("exponent", _EXPONENT_BITS, Mux(infinite.any(), _INFINITE, exponent))
            ),
            rounding.nan.eq(reg("nan", 1, infinite.all())),
            self.o.eq(rounding.o),
        ]
        return m

    def _window(self, m: Module, number: Value) -> tuple[Value, Value]:
        """Return the leading bits of a number, and their exponent, a cycle later."""
        size, reg = self.chunk, partial(register, m, self.en)
        sign = number[-1]
        chunks = [number[n : n + size] for n in range(0, len(number) - 1, size)]
        chunks[-1] = Cat(chunks[-1], sign.replicate(size - len(chunks[-1])))
        count = len(chunks)
        differs = [(chunk ^ sign.replicate(size)).any() for chunk in chunks]
        differs = wire(m, "differs", count, Cat(differs))
        # The highest that differs, or else the lowest.
        chosen = [differs[n] & ~differs[n + 1 :].any() for n in range(count)]
        chosen = reg("chosen", count, Cat(chosen[0] | ~differs.any(), *chosen[1:]))
        filled = wire(m, "filled", count, Cat(chunk.any() for chunk in chunks))
        lost = reg("lost", count, Cat(filled[: max(n - 1, 0)].any() for n in range(count)))
        sign, bits = reg("sign", 1, sign), reg("bits", size * count, Cat(chunks))

        padded = Cat(Const(0, size), bits)
        window, exponent = Const(0, 2 * size + 1), Const(0, _EXPONENT_BITS)
        for n in range(count):
            two = Cat(lost[n], padded[n * size : (n + 2) * size])
            place = Const(self.fixed.unit + (n - 1) * size - 1, signed(_EXPONENT_BITS))
            window |= two & chosen[n].replicate(len(two))
            exponent |= place.as_unsigned() & chosen[n].replicate(len(place))
        return Cat(window, sign), exponent

    def _carry(self, m: Module) -> Value:
        """Return the sum with its carries made, low digits first."""
        fixed, reg = self.fixed, partial(register, m, self.en)
        done: Value = Const(0, 0)
        high, *rest = (self.i.digits[k] for k in range(fixed.digits))
        for k in range(1, fixed.digits):
            done = reg(f"done_{k}", k * fixed.places, Cat(done, high[: fixed.places]))
            high = reg(f"high_{k}", signed(fixed.digit), rest[0] + high[fixed.places :].as_signed())
            rest = [
                reg(f"rest_{k}_{n}", signed(fixed.digit), each) for n, each in enumerate(rest[1:])
            ]
        return Cat(done, high)
