"""From a block's integer sum and the codes of its scales to binary32."""

import functools
from typing import Any

from amaranth.hdl import Module, Value, signed
from amaranth.lib.wiring import In, Out

from sw.bfp.dot import DotParameters
from sw.bfp.stages import counts_apart, has_tensor_scale, value_latency

from ..base.circuit import Circuit
from ..base.pipeline import register
from ..cells.bit import Bit, bits, pack
from ..cells.carry import add
from ..float.from_integer import FromInteger

__all__ = ["BlockValue"]

FACTOR_BITS = 4
"""Bits of the significand of a scale."""


class BlockValue(Circuit):
    """Value of a dot product of two blocks: the sum times their scales, rounded once to binary32.

    Scales are powers of two, which add to the exponent, or UE4M3, whose significands also multiply
    the sum; their top bit is ignored. NaN if either code is that of a NaN block. Latency is
    `latency` enabled cycles, interval one; inputs are registered.

    Parameters
    ----------
    parameters : DotParameters
        Of the dot product, whose sums these are.

    Members
    -------
    en : In(1)
        Clock enable.
    sum : In(signed(sum_bits))
        Sum of the products of the two blocks' elements.
    exponent_a, exponent_b : In(exponent_bits)
        Codes of the blocks' scales.
    o : Out(32)
        The value.
    """

    def __init__(self, *, parameters: DotParameters) -> None:
        self.parameters = parameters
        form = parameters.format
        self.factors = has_tensor_scale(form)
        self.offset = 2 * int(form.last_place(0))
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
        form = self.parameters.format
        highest = 2 * int(form.last_place(form.nan_code))
        return FromInteger(
            width=self.parameters.sum_bits + 2 * FACTOR_BITS * self.factors,
            exponent_bits=1 + max((-self.offset).bit_length(), highest.bit_length()),
            extra_stage=counts_apart(self.parameters),
        )

    @property
    def latency(self) -> int:
        """Enabled cycles from a sum to its value."""
        return value_latency(self.parameters)

    def elaborate(self, platform: Any) -> Module:
        """Add the exponents, multiply by the significands, then normalize and round."""
        m = Module()
        m.submodules.from_integer = value = self.from_integer
        codes = self.exponent_a, self.exponent_b
        reg = functools.partial(register, m, self.en)
        total = reg("total", self.sum.shape(), self.sum)
        exponents = [self._exponent(code) for code in codes]
        exponent_shape = signed(value.exponent_bits)
        exponent = reg("exponent", exponent_shape, exponents[0] + exponents[1] + self.offset)
        nan = reg("nan", 1, self._is_nan(codes[0]) | self._is_nan(codes[1]))
        if self.factors:
            significands = [
                reg(f"significand_{name}", FACTOR_BITS, self._significand(code))
                for name, code in zip("ab", codes, strict=True)
            ]
            later = reg("later_significand_b", FACTOR_BITS, significands[1])
            for name, factor in (("a", significands[0]), ("b", later)):
                total = self._times(m, f"times_{name}", total, factor)
                exponent = reg(f"exponent_times_{name}", exponent_shape, exponent)
                nan = reg(f"nan_times_{name}", 1, nan)
        m.d.comb += [
            value.en.eq(self.en),
            value.mantissa.eq(total),
            value.exponent.eq(exponent),
            value.nan.eq(nan),
            self.o.eq(value.o),
        ]
        return m

    def _is_nan(self, code: Value) -> Value:
        """Return whether a code is that of a NaN block."""
        return code[: self.parameters.format.nan_code.bit_length()].all()

    def _exponent(self, code: Value) -> Value:
        """Return the exponent of a code above that of 0."""
        if not self.factors:
            return code
        field = code[FACTOR_BITS - 1 : -1]
        return field - field.any()

    def _significand(self, code: Value) -> Value:
        """Return the significand of a code: its fraction, and a one above unless subnormal."""
        field = code[FACTOR_BITS - 1 : -1]
        return pack([*bits(code[: FACTOR_BITS - 1]), Bit(field.any())])

    def _times(self, m: Module, name: str, total: Value, factor: Value) -> Value:
        """Return the product with a significand, registered: rows of two of its bits are added."""
        size = len(total) + FACTOR_BITS
        signs = bits(total)
        wide = [*signs, *[signs[-1]] * FACTOR_BITS]
        zero = Bit(0)
        rows = []
        for k, bit in enumerate(bits(factor)):
            rows.append([zero] * k + [part & bit for part in wide[: size - k]])
        target = self.parameters.target
        low, high = add(m, target, rows[0], rows[1]), add(m, target, rows[2], rows[3])
        product = register(m, self.en, name, size, pack(add(m, target, low, high)))
        return product.as_signed()
