"""Exponents of blocks: what a block's largest element decides, in the forms that its lanes use."""

import abc
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.utils import ceil_log2

from sw.formats import BfpFormat, BlockFormat, FloatFormat, MxFormat
from sw.formats.element import FloatElement
from sw.formats.scale import MxScale

from ..base.pipeline import wire
from .truncated import TruncatedFloat, at_least

__all__ = ["BfpExponent", "BlockExponent", "FixedExponent", "MxExponent", "exponent_of"]


class BlockExponent(data.StructLayout):
    """Exponent of a block, in the forms that its lanes use.

    ``code`` is the exponent's code; ``field`` the exponent field of a float whose leading one comes
    to lie in the top place of the largest elements; ``low`` whether a float of the block may have
    an exponent field of no more than `low_bits` bits, so that a zero must be detected; ``nan``
    whether the block holds a NaN or an infinity; ``degenerate`` whether it does or is all zeros, so
    that none of its elements counts as set to zero; ``threshold`` what the exponent field is below
    of an element that is. What no lane needs has no bits.

    ``binades`` is how many binades the elements' normal numbers have below the highest,
    ``shift_bits`` the bits of a shift that leaves something of a significand, ``may_exceed``
    whether an element may lie beyond the block's exponent, ``plain`` whether no threshold is
    needed.
    """

    may_exceed: bool = False
    plain: bool = True

    def __init__(self, format: BlockFormat, source: FloatFormat, **bits: int) -> None:
        element = format.element
        self.block_format = format
        self.source = source
        floats = isinstance(element, FloatElement)
        self.binades = element.emax + element.bias - 1 if floats else 0
        wide = element.fraction_bits + 1 + TruncatedFloat(format, source).guard_bits
        self.shift_bits = ceil_log2(wide)
        near = ceil_log2(self.binades + (1 << self.shift_bits))
        self.low_bits = min(source.exponent_bits, near + self.may_exceed)
        names = ("code", "field", "low", "degenerate", "nan", "threshold")
        super().__init__({name: bits.get(name, 1) for name in names})

    def field_of(self, block: Any) -> Value:
        """Return ``field`` of a block."""
        return block.field


class FoundExponent(BlockExponent):
    """Exponent that follows from the largest `key` of a block's elements.

    The key of an element has its exponent field and what a rule looks for in its fraction.
    """

    key_bits: int

    @abc.abstractmethod
    def reaches(self, value: Value) -> Value:
        """Return whether the fraction of a float reaches what the rule looks for, if anything."""

    def key(self, element: Any, reaches: Value) -> Value:
        """Return the number of a float, cut, of which the largest decides on the exponent."""
        return Cat(reaches, element.exponent)

    @abc.abstractmethod
    def of(self, m: Module, largest: Value) -> Value:
        """Return the fields for the largest key of a block."""


class BfpExponent(FoundExponent):
    """Exponent of a block of integers that share a power of two, see `PowerOfTwoScale`.

    The rule ``ceil`` looks whether a fraction is not zero.
    """

    def __init__(self, format: BfpFormat, source: FloatFormat) -> None:
        self.offset = format.exponent_bias - source.bias
        self.lowest = format.lowest_code - self.offset
        self.highest = format.highest_code - self.offset
        self.ceil = format.exponent_rule == "ceil"
        self.key_bits = source.exponent_bits + self.ceil
        self.may_exceed = self.ceil or self.highest < source.exponent_ones - 1
        # Whether ``field`` is the largest exponent field of any block that is not degenerate.
        self.plain = not self.may_exceed and self.lowest <= 1
        super().__init__(
            format,
            source,
            code=format.exponent_bits,
            field=max(source.exponent_bits, self.highest.bit_length()),
            threshold=0 if self.plain else source.exponent_bits,
        )

    def reaches(self, value: Value) -> Value:
        """Return whether the fraction of a float is not zero, under ``ceil``."""
        return value[: self.source.fraction_bits].any() if self.ceil else Const(0, 0)

    def of(self, m: Module, largest: Value) -> Value:
        """Return the fields for the largest key of a block."""
        bits = self.block_format.magnitude_bits
        inexact = largest[0] if self.ceil else Const(1)
        largest = largest[self.ceil :]
        zero, nan = largest == 0, largest == self.source.exponent_ones
        # The exponent field after the rule is one lower for a power of two under ``ceil``; the
        # comparisons do not wait for it.
        key = Cat(inexact, largest)
        under = zero | (key < 2 * self.lowest + 1)
        over = key > 2 * (self.highest + self.ceil) + (not self.ceil)
        own = largest - ~inexact if self.ceil else largest
        field = Signal(signed(self["field"].width + 2))
        code = Signal(self["code"].width)
        m.d.comb += field.eq(Mux(under, self.lowest, Mux(over, self.highest, own)))
        m.d.comb += code.eq(own + self.offset)
        with m.If(under):
            m.d.comb += code.eq(self.block_format.lowest_code)
        with m.Elif(over):
            m.d.comb += code.eq(self.block_format.highest_code)
        with m.If(nan):
            m.d.comb += code.eq(self.block_format.nan_code)
        threshold = Mux(largest < bits, 1, largest - (bits - 1))
        return Cat(
            code,
            field[: self["field"].width],
            (largest < (1 << self.low_bits)) & (self.lowest < 1 << self.shift_bits),
            zero | nan,
            nan,
            Mux(zero | nan, 0, threshold)[: self["threshold"].width],
        )


class MxExponent(FoundExponent):
    """Exponent of a block of an MX format, see `MxScale`.

    Rules but ``floor`` look whether a fraction reaches what makes the code one more. No element
    lies beyond the exponent: the code is as high as the largest one needs, or higher.
    """

    def __init__(self, format: MxFormat, source: FloatFormat) -> None:
        scale, element = format.scale, format.element
        assert isinstance(scale, MxScale)
        self.offset = scale.bias - element.emax - source.bias
        # Below this field, to which the code 0 belongs, codes are clamped.
        self.lowest = -self.offset
        self.highest = scale.highest_code - self.offset
        dropped = 23 - source.fraction_bits
        self.carry, self.carry_lowest = (
            -(-scale.carry_from(element, lowest=lowest) >> dropped) for lowest in (False, True)
        )
        self.carries = scale.rule != "floor"
        self.key_bits = source.exponent_bits + self.carries
        super().__init__(format, source, code=scale.bits, field=source.exponent_bits, threshold=0)

    def reaches(self, value: Value) -> Value:
        """Return whether the code is one more if a float is the largest of its block."""
        if not self.carries:
            return Const(0, 0)
        point = self.source.fraction_bits
        fraction, exponent = value[:point], value[point:-1]
        carry = at_least(fraction, self.carry)
        if self.lowest > 0 and self.carry_lowest != self.carry:
            lowest = at_least(fraction, self.carry_lowest)
            carry = Mux(exponent == self.lowest, lowest, carry)
        return carry

    def of(self, m: Module, largest: Value) -> Value:
        """Return the fields for the largest key of a block."""
        carry = largest[0] if self.carries else Const(0, 1)
        largest = largest[self.carries :]
        zero, nan = largest == 0, largest == self.source.exponent_ones
        # The comparisons do not wait for the carry.
        key = Cat(carry, largest)
        under = zero
        if self.lowest > 0:
            under = zero | (key < 2 * self.lowest - 1)
        over = key > 2 * self.highest
        own = wire(m, "own", len(largest) + 1, largest + carry)
        code = Mux(under, 0, Mux(over, self.block_format.highest_code, own + self.offset))
        field = Mux(under, max(self.lowest, 0), Mux(over, self.highest, own))
        return Cat(
            wire(m, "code", self["code"].width, Mux(nan, self.block_format.nan_code, code)),
            field[: self["field"].width],
            largest < 1 << self.low_bits,
            zero | nan,
            nan,
        )


class FixedExponent(BlockExponent):
    """The same exponent in all blocks: their elements were multiplied by what their scale asks for.

    Elements may lie beyond it.
    """

    may_exceed = True

    def __init__(self, format: MxFormat, source: FloatFormat) -> None:
        super().__init__(format, source, code=0, field=0, low=0, threshold=0)

    def field_of(self, block: Any) -> Value:
        """Return ``field``, a constant; a zero lies so far below it that none must be detected."""
        return Const(self.source.bias + self.block_format.element.emax, self.source.exponent_bits)


def exponent_of(format: BlockFormat, source: FloatFormat) -> BlockExponent:
    """Return the layout of the exponents of a format's blocks, of elements of ``source``."""
    if isinstance(format, BfpFormat):
        return BfpExponent(format, source)
    assert isinstance(format, MxFormat)
    return (FixedExponent if format.has_tensor_scale else MxExponent)(format, source)
