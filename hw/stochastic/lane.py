"""A lane of results: from a sum to an fp32 result, or to a weight less this."""

import functools
from typing import Any

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32, BfpFormat
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.stages import OuterStages

from ..base.circuit import Circuit
from ..base.pipeline import delay, wire
from ..float.add import Adder
from ..float.from_integer import FromInteger
from ..float.multiplier import FloatMultiplier

__all__ = ["EXPONENT_BITS", "ResultLane", "weight_shape"]

EXPONENT_BITS = 10
"""Bits of a sum's exponent, signed: enough for any codes, length, guard and shift."""


def weight_shape(format: BfpFormat | None) -> ShapeLike:
    """Return the shape of a weight: fp32, or an element and its exponent's code."""
    if format is None:
        return BINARY32.width
    return data.StructLayout({"mantissa": format.element_bits, "exponent": format.exponent_bits})


class ResultLane(Circuit):
    """Scaling of a sum to fp32, and its subtraction from a weight.

    The result is ``sum * 2**exponent``, times a free rate, or a weight less that. Each step is
    rounded as in `sw.stochastic.outer_product.results` and `sw.stochastic.weights.subtract`.
    Latency is `latency` enabled cycles from sum to result, interval one cycle; ``o`` comes from
    registers.

    Parameters
    ----------
    parameters : OuterProductParameters
        Widths of sums, rate and weights.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    sum : In(signed(sum_bits)), exponent : In(signed(EXPONENT_BITS))
        The sum is ``sum * 2**exponent``,
    nan : In(1)
        or NaN.
    rate : In(32)
        With a free rate only; expected straight from registers.
    weight : In(weight_shape(parameters.weight_format))
        With weights only; with its sum.
    o : Out(32)
        Result, or weight less that.
    """

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        self.stages = OuterStages(p)
        members: dict[str, Any] = {
            "en": In(1),
            "sum": In(signed(p.sum_bits)),
            "exponent": In(signed(EXPONENT_BITS)),
            "nan": In(1),
        }
        if p.rate == "free":
            members["rate"] = In(BINARY32.width)
        if p.weights != "none":
            members["weight"] = In(weight_shape(p.weight_format))
        super().__init__({**members, "o": Out(BINARY32.width)})

    @functools.cached_property
    def _scale(self) -> FromInteger:
        """What makes a sum a binary32 value."""
        return FromInteger(
            width=self.parameters.sum_bits, exponent_bits=EXPONENT_BITS, extra_stage=True
        )

    @functools.cached_property
    def _multiplier(self) -> FloatMultiplier | None:
        """Multiplication by a free rate."""
        p = self.parameters
        return FloatMultiplier(format=BINARY32, target=p.target) if p.rate == "free" else None

    @property
    def latency(self) -> int:
        """Enabled cycles from sum to result."""
        return self.stages.result

    def elaborate(self, platform: Any) -> Module:
        """Build the conversion of the sum, and what its parameters add behind it."""
        m = Module()
        p = self.parameters
        m.submodules.scale = scale = self._scale
        m.d.comb += [
            scale.en.eq(self.en),
            scale.mantissa.eq(self.sum),
            scale.exponent.eq(self.exponent),
            scale.nan.eq(self.nan),
        ]
        result: Value = scale.o
        if self._multiplier:
            m.submodules.multiplier = multiplier = self._multiplier
            m.d.comb += [
                multiplier.en.eq(self.en),
                multiplier.a.eq(result),
                multiplier.b.eq(self.rate),
            ]
            result = multiplier.o
        if p.weights != "none":
            m.submodules.adder = adder = Adder()
            positive = wire(m, "positive", 1, ~result[-1])
            m.d.comb += [
                adder.en.eq(self.en),
                adder.a.eq(self._weight(m)),
                adder.b.eq(Cat(result[:-1], positive)),
            ]
            result = adder.o
        m.d.comb += self.o.eq(result)
        return m

    def _weight(self, m: Module) -> Value:
        """Return the weight in fp32, delayed to meet the result."""
        format = self.parameters.weight_format
        if format is None:
            return delay(m, self.en, self.weight, self.stages.scaled, name="weight")
        element, code = self.weight.mantissa, self.weight.exponent
        size, sign, twos = element[:-1], element[-1], format.in_twos_complement
        offset = 1 - format.exponent_bias - format.magnitude_bits
        m.submodules.read = read = FromInteger(
            width=format.element_bits,
            exponent_bits=1 + max((-offset).bit_length(), (format.nan_code + offset).bit_length()),
        )
        m.d.comb += [
            read.en.eq(self.en),
            read.mantissa.eq(element.as_signed() if twos else Mux(sign, -size, size)),
            read.exponent.eq(code + offset),
            read.nan.eq(code.all()),
        ]
        return delay(m, self.en, read.o, self.stages.scaled - read.latency, name="weight")
