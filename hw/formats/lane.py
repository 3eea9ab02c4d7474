"""One lane of the float to block converter: what it keeps of a float, and how it rounds it."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.formats import BlockFormat, FloatFormat

from ..base.circuit import Circuit
from ..base.pipeline import register, wire

__all__ = ["BlockExponent", "Kept", "Lane"]


class Kept(data.StructLayout):
    """What a lane keeps of a float: the bits that can matter once the block's exponent is known.

    ``fraction`` holds the upper fraction bits; ``sticky``, in a format rounded to nearest even that
    does not keep all of them, whether any other one is set. (Ties away from zero need no sticky.)
    """

    def __init__(self, format: BlockFormat, source: FloatFormat) -> None:
        places = {"truncate": 0, "stochastic": format.random_bits}
        self.places = places.get(format.rounding, 1)
        bits = min(source.fraction_bits, format.magnitude_bits - 1 + self.places)
        sticky = format.rounding == "nearest_even" and bits < source.fraction_bits
        self.source = source
        super().__init__(
            {"sticky": int(sticky), "fraction": bits, "exponent": source.exponent_bits, "sign": 1}
        )

    def of(self, value: Value) -> Value:
        """Return the kept bits of a float."""
        fraction, rest = value[: self.source.fraction_bits], self.source.fraction_bits
        rest -= self["fraction"].width
        sticky = fraction[:rest].any() if self["sticky"].width else Const(0, 0)
        return Cat(sticky, value[rest:])


class BlockExponent(data.StructLayout):
    """What lanes need to know about a block.

    ``code`` is the exponent's code; ``field`` the exponent field of a float whose leading one comes
    to lie in the top magnitude bit; ``low`` whether a float of the block may have an exponent field
    of no more than `low_bits` bits, so that a zero must be told from others; ``void`` whether the
    block holds only zeros, or a NaN or an infinity; ``nan`` whether it holds one of these;
    ``threshold`` what an element's exponent field is below if the element is set to zero.
    """

    def __init__(self, format: BlockFormat, source: FloatFormat) -> None:
        self.block_format = format
        self.source = source
        self.offset = format.exponent_bias - source.bias
        self.lowest = format.lowest_code - self.offset
        self.highest = format.highest_code - self.offset
        wide = format.magnitude_bits + Kept(format, source).places
        self.places_bits = ceil_log2(wide)
        self.low_bits = min(source.exponent_bits, self.places_bits + self.may_exceed)
        super().__init__(
            {
                "code": format.exponent_bits,
                "field": max(source.exponent_bits, self.highest.bit_length()),
                "low": 1,
                "void": 1,
                "nan": 1,
                "threshold": 0 if self.plain else source.exponent_bits,
            }
        )

    @property
    def may_exceed(self) -> bool:
        """Whether an element may lie beyond the block's exponent."""
        top = self.source.exponent_ones - 1
        return self.block_format.exponent_rule == "ceil" or self.highest < top

    @property
    def plain(self) -> bool:
        """Whether ``field`` is the largest exponent field of any block that is not void."""
        return not self.may_exceed and self.lowest <= 1

    def of(self, m: Module, largest: Value, inexact: Value) -> Value:
        """Return the fields for the largest exponent field of a block.

        ``inexact`` tells whether an element with that exponent is no power of two.
        """
        bits = self.block_format.magnitude_bits
        zero, nan = largest == 0, largest == self.source.exponent_ones
        ceil = self.block_format.exponent_rule == "ceil"
        # The exponent field after the rule is one lower for a power of two under ``ceil``; the
        # comparisons do not wait for it.
        key = Cat(inexact if ceil else Const(1), largest)
        under = zero | (key < 2 * self.lowest + 1)
        over = key > 2 * (self.highest + ceil) + (not ceil)
        own = largest - ~inexact if ceil else largest
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
            (largest < (1 << self.low_bits)) & (self.lowest < 1 << self.places_bits),
            zero | nan,
            nan,
            Mux(zero | nan, 0, threshold)[: self["threshold"].width],
        )


class Lane(Circuit):
    """Aligner and rounder of one element: three stages.

    Parameters
    ----------
    format : BlockFormat
        Format made.
    source : FloatFormat
        Format taken.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    kept : In(Kept)
        The element.
    block : In(BlockExponent)
        Its block.
    random : In(random_bits)
        Random word, two enabled cycles later; under stochastic rounding only.
    mantissa : Out(element_bits)
        The element's code, three enabled cycles later, from registers.
    zero_set : Out(1)
        Whether it counts in the zero-setting error, with ``mantissa``.
    """

    latency = 3
    """Enabled cycles from an element to its code."""

    en: Signal
    kept: data.View
    block: data.View
    random: Signal
    mantissa: Signal
    zero_set: Signal

    def __init__(self, *, format: BlockFormat, source: FloatFormat) -> None:
        self.format = format
        self.source = source
        members = {
            "en": In(1),
            "kept": In(Kept(format, source)),
            "block": In(BlockExponent(format, source)),
            "mantissa": Out(format.element_bits),
            "zero_set": Out(1),
        }
        if format.rounding == "stochastic":
            members["random"] = In(format.random_bits)
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the three stages."""
        m = Module()
        reg = partial(register, m, self.en)
        net = partial(wire, m)
        layout = Kept(self.format, self.source)
        about = BlockExponent(self.format, self.source)
        bits, size = self.format.magnitude_bits, about.places_bits
        wide = bits + layout.places
        sign, exponent = self.kept.sign, self.kept.exponent

        # 1: how far to the right of the block's leading place.
        distance = self.block.field - exponent
        distance = net("distance_1", len(self.block.field) + 1, distance)
        exceeds = distance[-1] & ~self.block.nan & about.may_exceed
        zero = self.block.low & ~exponent[: about.low_bits].any()
        beyond = (distance[size:-1].any() & ~exceeds) | zero | self.block.nan
        beyond = net("beyond", 1, beyond)
        places = distance[:size]
        if about.plain:
            zero_set = (beyond | (places >= bits)) & ~self.block.void
        else:
            zero_set = exponent < self.block.threshold
        zero_set = reg("zero_set_1", 1, zero_set)
        significand = reg("significand_1", len(self.kept.fraction) + 1, Cat(self.kept.fraction, 1))
        sticky = reg("sticky_1", 1, self.kept.sticky.any())
        places, beyond = reg("places_1", size, places), reg("beyond_1", 1, beyond)
        exceeds, sign = reg("exceeds_1", 1, exceeds), reg("sign_1", 1, sign)

        # 2: move it there. Without a magnitude bit it becomes zero unless it is rounded up.
        full = Cat(Const(0, max(wide - len(significand), 0)), significand)
        moved = Mux(exceeds, Const(-1, wide), (full >> places)[:wide])
        moved = reg("moved_2", wide, Mux(beyond, 0, moved))
        below = reg("below_2", 1, beyond | ((places >= bits) & ~exceeds))
        lost = sticky | (full & ~(Const(-1, wide) << places)[:wide]).any()
        lost = reg("lost_2", 1, lost & ~beyond)
        exceeds, sign = reg("exceeds_2", 1, exceeds), reg("sign_2", 1, sign)
        zero_set = reg("zero_set_2", 1, zero_set)

        # 3: round.
        kept, rest = moved[layout.places :], moved[: layout.places]
        up: Value = exceeds
        if self.format.rounding == "nearest_even":
            up = (rest & (kept[0] | lost)) | exceeds
        if self.format.rounding == "nearest_away":
            up = rest | exceeds
        if self.format.rounding == "stochastic":
            up = (rest + self.random)[-1] | exceeds
        if self.format.in_twos_complement:
            # A magnitude beyond the largest has a code if it is negative.
            up = (up & ~(kept.all() & (self.format.symmetric | ~sign))) ^ sign
            code = (Cat(kept, 0) ^ sign.replicate(bits + 1)) + up
        else:
            magnitude = (kept + (up & ~kept.all()))[:bits]
            code = Cat(magnitude, sign & (up | ~below))
        m.d.comb += self.mantissa.eq(reg("code_3", bits + 1, code))
        m.d.comb += self.zero_set.eq(reg("zero_set_3", 1, zero_set))
        return m
