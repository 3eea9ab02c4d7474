"""A lane of the quantizer: its floats cut short, their alignment and rounding."""

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.formats import BlockFormat, FloatFormat
from sw.formats.stages import LANE_LATENCY

from ..base.circuit import Circuit
from ..base.pipeline import register, wire

__all__ = ["BlockExponent", "Lane", "TruncatedFloat"]


class TruncatedFloat(data.StructLayout):
    """A float cut to the bits that can matter once its block's exponent is known.

    ``fraction`` holds the upper fraction bits; ``sticky``, in a format rounded to nearest even that
    drops some, whether any of those is set. (Ties away from zero need no sticky bit.)
    """

    def __init__(self, format: BlockFormat, source: FloatFormat) -> None:
        guards = {"truncate": 0, "stochastic": format.random_bits}
        self.guard_bits = guards.get(format.rounding, 1)
        bits = min(source.fraction_bits, format.magnitude_bits - 1 + self.guard_bits)
        sticky = format.rounding == "nearest_even" and bits < source.fraction_bits
        self.source = source
        super().__init__(
            {"sticky": int(sticky), "fraction": bits, "exponent": source.exponent_bits, "sign": 1}
        )

    def of(self, value: Value) -> Value:
        """Return what is left of a float."""
        fraction, dropped = value[: self.source.fraction_bits], self.source.fraction_bits
        dropped -= self["fraction"].width
        sticky = fraction[:dropped].any() if self["sticky"].width else Const(0, 0)
        return Cat(sticky, value[dropped:])


class BlockExponent(data.StructLayout):
    """Exponent of a block, in the forms that its lanes use.

    ``code`` is the exponent's code; ``field`` the exponent field of a float whose leading one comes
    to lie in the top magnitude bit; ``low`` whether a float of the block may have an exponent field
    of no more than `low_bits` bits, so that a zero must be detected; ``nan`` whether the
    block holds a NaN or an infinity; ``degenerate`` whether it does or is all zeros, so that none
    of its elements counts as set to zero; ``threshold`` what the exponent field is below of an
    element that is.
    """

    def __init__(self, format: BlockFormat, source: FloatFormat) -> None:
        self.block_format = format
        self.source = source
        self.offset = format.exponent_bias - source.bias
        self.lowest = format.lowest_code - self.offset
        self.highest = format.highest_code - self.offset
        wide = format.magnitude_bits + TruncatedFloat(format, source).guard_bits
        self.shift_bits = ceil_log2(wide)
        self.low_bits = min(source.exponent_bits, self.shift_bits + self.may_exceed)
        super().__init__(
            {
                "code": format.exponent_bits,
                "field": max(source.exponent_bits, self.highest.bit_length()),
                "low": 1,
                "degenerate": 1,
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
        """Whether ``field`` is the largest exponent field of any block that is not degenerate."""
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
            (largest < (1 << self.low_bits)) & (self.lowest < 1 << self.shift_bits),
            zero | nan,
            nan,
            Mux(zero | nan, 0, threshold)[: self["threshold"].width],
        )


class Lane(Circuit):
    """Aligner and rounder of one element.

    Latency is three enabled cycles, interval one. All three stages are registered: the shift
    amount, the aligned significand, the rounded code.

    Parameters
    ----------
    format : BlockFormat
        Format of the block.
    source : FloatFormat
        Format of the element.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    element : In(TruncatedFloat)
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

    latency = LANE_LATENCY
    """Enabled cycles from an element to its code."""

    def __init__(self, *, format: BlockFormat, source: FloatFormat) -> None:
        self.format = format
        self.source = source
        self.truncated = TruncatedFloat(format, source)
        self.exponent = BlockExponent(format, source)
        members = {
            "en": In(1),
            "element": In(self.truncated),
            "block": In(self.exponent),
            "mantissa": Out(format.element_bits),
            "zero_set": Out(1),
        }
        if format.rounding == "stochastic":
            members["random"] = In(format.random_bits)
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the three stages."""
        m = Module()
        self._round(m, self._align(m, self._distance(m)))
        return m

    def _register(self, m: Module, stage: int, **values: Value) -> SimpleNamespace:
        """Return values a stage later."""
        return SimpleNamespace(
            **{
                name: register(m, self.en, f"{name}_{stage}", len(value), value)
                for name, value in values.items()
            }
        )

    def _distance(self, m: Module) -> SimpleNamespace:
        """Find how far to the right of the block's leading place the element's leading one is."""
        bits, exponent = self.exponent.shift_bits, self.element.exponent
        block, plain = self.block, self.exponent.plain
        difference = block.field - exponent
        distance = wire(m, "distance", len(block.field) + 1, difference)
        shift = distance[:bits]
        exceeds = distance[-1] & ~block.nan & self.exponent.may_exceed
        zero = block.low & ~exponent[: self.exponent.low_bits].any()
        beyond = (distance[bits:-1].any() & ~exceeds) | zero | block.nan
        beyond = wire(m, "beyond", 1, beyond)
        below = beyond | (shift >= self.format.magnitude_bits)
        return self._register(
            m,
            1,
            zero_set=below & ~block.degenerate if plain else exponent < block.threshold,
            significand=Cat(self.element.fraction, 1),
            sticky=self.element.sticky.any(),
            shift=shift,
            beyond=beyond,
            exceeds=exceeds,
            sign=self.element.sign,
        )

    def _align(self, m: Module, s: SimpleNamespace) -> SimpleNamespace:
        """Shift the significand there; without a magnitude bit it is zero unless rounded up."""
        wide = self.format.magnitude_bits + self.truncated.guard_bits
        full = Cat(Const(0, max(wide - len(s.significand), 0)), s.significand)
        ones = Const((1 << wide) - 1, wide)
        aligned = Mux(s.exceeds, ones, (full >> s.shift)[:wide])
        lost = s.sticky | (full & ~(ones << s.shift)[:wide]).any()
        below = s.beyond | ((s.shift >= self.format.magnitude_bits) & ~s.exceeds)
        return self._register(
            m,
            2,
            aligned=Mux(s.beyond, 0, aligned),
            below=below,
            sticky=lost & ~s.beyond,
            exceeds=s.exceeds,
            sign=s.sign,
            zero_set=s.zero_set,
        )

    def _round(self, m: Module, s: SimpleNamespace) -> None:
        """Round and encode."""
        bits, guards = self.format.magnitude_bits, self.truncated.guard_bits
        guard, magnitude = s.aligned[:guards], s.aligned[guards:]
        up: Value = s.exceeds
        if self.format.rounding == "nearest_even":
            up = (guard & (magnitude[0] | s.sticky)) | s.exceeds
        if self.format.rounding == "nearest_away":
            up = guard | s.exceeds
        if self.format.rounding == "stochastic":
            up = (guard + self.random)[-1] | s.exceeds
        if self.format.in_twos_complement:
            # A magnitude beyond the largest has a code if it is negative.
            up = (up & ~(magnitude.all() & (self.format.symmetric | ~s.sign))) ^ s.sign
            code = (Cat(magnitude, 0) ^ s.sign.replicate(bits + 1)) + up
        else:
            rounded = (magnitude + (up & ~magnitude.all()))[:bits]
            code = Cat(rounded, s.sign & (up | ~s.below))
        m.d.comb += [
            self.mantissa.eq(register(m, self.en, "mantissa_3", bits + 1, code)),
            self.zero_set.eq(register(m, self.en, "zero_set_3", 1, s.zero_set)),
        ]
