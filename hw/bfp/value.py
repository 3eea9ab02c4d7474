"""From a block's integer sum and exponents to binary32."""

import functools
from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib.wiring import In, Out

from sw.bfp.dot import DotParameters
from sw.bfp.stages import VALUE_LATENCY

from ..base.circuit import Circuit
from ..float.from_integer import FromInteger

__all__ = ["BlockValue"]


class BlockValue(Circuit):
    """Value of a dot product of two blocks: ``sum * 2**(exponents)``, rounded once to binary32.

    NaN if either exponent is the code of a NaN block. Inputs are registered; latency is
    `latency` enabled cycles, throughput one a cycle.

    Members
    -------
    en : In(1)
        Clock enable.
    sum : In(signed(sum_bits))
        Sum of the products of the two blocks' elements.
    exponent_a, exponent_b : In(exponent_bits)
        Exponent codes of the blocks.
    o : Out(32)
        The value.
    """

    def __init__(self, *, parameters: DotParameters) -> None:
        self.parameters = parameters
        form = parameters.format
        # E_a - m + E_b - m, where E = code + 1 - bias.
        self.offset = 2 * (1 - form.exponent_bias - form.magnitude_bits)
        super().__init__(
            {
                "en": In(1),
                "sum": In(signed(parameters.sum_bits)),
                "exponent_a": In(form.exponent_bits),
                "exponent_b": In(form.exponent_bits),
                "o": Out(32),
            }
        )

    @functools.cached_property
    def from_integer(self) -> FromInteger:
        """The rounding."""
        highest = self.offset + 2 * self.parameters.format.nan_code
        return FromInteger(
            width=self.parameters.sum_bits,
            exponent_bits=1 + max((-self.offset).bit_length(), highest.bit_length()),
        )

    @property
    def latency(self) -> int:
        """Enabled cycles from a sum to its value."""
        return VALUE_LATENCY

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        m.submodules.from_integer = value = self.from_integer
        total = Signal.like(self.sum, reset_less=True)
        exponent = Signal(signed(value.exponent_bits), reset_less=True)
        nan = Signal(reset_less=True)
        with m.If(self.en):
            m.d.sync += [
                total.eq(self.sum),
                exponent.eq(self.exponent_a + self.exponent_b + self.offset),
                nan.eq(self.exponent_a.all() | self.exponent_b.all()),
            ]
        m.d.comb += [
            value.en.eq(self.en),
            value.mantissa.eq(total),
            value.exponent.eq(exponent),
            value.nan.eq(nan),
            self.o.eq(value.o),
        ]
        return m
