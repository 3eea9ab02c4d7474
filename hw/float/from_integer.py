"""The conversion of scaled integers to a floating-point format."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, signed
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32, FloatFormat
from sw.formats.binary32 import FROM_INTEGER_LATENCY

from ..base.circuit import Circuit
from ..base.pipeline import register, wire
from .normalize import leading_groups, leading_three, shift_groups, shift_three, zero_groups
from .round import in_range, rounds_up

__all__ = ["FromInteger"]


class FromInteger(Circuit):
    """Converter of ``mantissa * 2**exponent`` to a floating-point format, binary32 unless told.

    A mantissa of more bits than a significand is rounded once, to nearest even, as if exponents
    were unbounded. Then what is below the normal numbers becomes a zero of the same sign and what
    is beyond them an infinity; a zero mantissa gives +0. Latency is `latency` enabled cycles,
    interval one cycle.

    Parameters
    ----------
    width : int
        Bits of the mantissa, from 1 on; tried up to 86, of 65,536 products of E5M2.
    exponent_bits : int
        Bits of the exponent.
    extra_stage : bool
        Registers also what counts leading zeros, in front of what moves by them, for a clock that a
        wide mantissa would hold up.
    format : FloatFormat
        Format of the result.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    mantissa : In(signed(width))
    exponent : In(signed(exponent_bits))
    nan : In(1)
        Whether the result is the quiet NaN of an empty payload, whatever the other inputs.
    o : Out(format.width)
        Result, `latency` enabled cycles later, from registers.
    """

    def __init__(
        self,
        *,
        width: int,
        exponent_bits: int,
        extra_stage: bool = False,
        format: FloatFormat = BINARY32,
    ) -> None:
        self.width = width
        self.exponent_bits = exponent_bits
        self.extra_stage = extra_stage
        self.format = format
        super().__init__(
            {
                "en": In(1),
                "mantissa": In(signed(width)),
                "exponent": In(signed(exponent_bits)),
                "nan": In(1),
                "o": Out(format.width),
            }
        )

    @property
    def latency(self) -> int:
        """Enabled cycles from mantissa to result."""
        return FROM_INTEGER_LATENCY + self.extra_stage

    def elaborate(self, platform: Any) -> Module:
        """Build the four stages, or five."""
        m = Module()
        reg = partial(register, m, self.en)
        net = partial(wire, m)

        # A negative mantissa is inverted, not negated: with ones behind its last bit it is as near
        # to its magnitude as can be, and the rounding adds the one that is missing.
        mantissa = net("mantissa_0", signed(max(self.width, 4)), self.mantissa)
        width = len(mantissa) - 1
        bits, negative, nan = mantissa[:-1], mantissa[-1], self.nan

        # 1: move what differs from the sign to the top, by fours.
        flipped = net("flipped_1", width, bits ^ negative.replicate(width))
        groups = leading_groups(zero_groups(flipped))
        exponent = self.exponent
        if self.extra_stage:
            bits, groups = reg("bits_0", width, bits), reg("groups_0", len(groups), groups)
            exponent = reg("exponent_0", signed(self.exponent_bits), exponent)
            negative, nan = reg("negative_0", 1, negative), reg("nan_0", 1, nan)
        else:
            groups = net("groups", len(groups), groups)
        bits = reg("bits_1", width, shift_groups(bits, groups))
        groups = reg("groups_1", len(groups), groups)
        exponent = reg("exponent_1", signed(self.exponent_bits), exponent)
        negative, nan = reg("negative_1", 1, negative), reg("nan_1", 1, nan)

        # 2: by ones. When fraction and exponent are joined the hidden one adds to the exponent.
        flipped = net("flipped_2", width, bits ^ negative.replicate(width))
        places = net("places_2", 2, leading_three(flipped))
        kept = min(width, self.format.fraction_bits + 1)
        beyond = width - kept - 1
        rest = (bits[i] & (places < max(1, beyond - i)) for i in range(beyond))
        rest = reg("rest_2", 1, Cat(*rest).any())
        bits = reg("bits_2", width, shift_three(bits, places) ^ negative.replicate(width))
        top = self.format.bias + width - 2
        size = max(self.exponent_bits, (top + 1).bit_length() + 1) + 1
        exponent = reg("exponent_2", signed(size), exponent + top - Cat(places, groups))
        negative, nan = reg("negative_2", 1, negative), reg("nan_2", 1, nan)

        # 3: round. Under a negative sign the last place lacks a one, far to the right.
        fraction = bits[width - kept : -1]
        up = negative
        if beyond >= 0:
            guard, last = bits[beyond], fraction[0]
            up = Mux(negative, guard | (last & ~rest), rounds_up(last, guard, rest))
        packed = Cat(fraction, exponent).as_signed() + Cat(Const(0, kept - 1), bits[-1], 0) + up
        packed = reg("packed_3", signed(kept - 1 + size), packed)
        zero = reg("zero_3", 1, ~(bits[-1] | negative))
        negative, nan = reg("negative_3", 1, negative), reg("nan_3", 1, nan)

        # 4: leave out what is too small or too large.
        packed = Cat(Const(0, self.format.fraction_bits + 1 - kept), packed)
        value = in_range(
            self.format, packed, negative=negative, special=nan, zero=zero, nan=Const(1, 1)
        )
        m.d.comb += self.o.eq(reg("o_4", self.format.width, value))
        return m
