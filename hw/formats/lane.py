"""Lanes of the quantizer: alignment and rounding of an element, here of an integer."""

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib.wiring import In, Out

from sw.formats import BlockFormat, FloatFormat, MxFormat
from sw.formats.stages import LANE_LATENCY

from ..base.circuit import Circuit
from ..base.pipeline import register, wire
from .exponent import exponent_of
from .truncated import TruncatedFloat

__all__ = ["Lane", "QuantizerLane"]


class QuantizerLane(Circuit):
    """Aligner and rounder of one element: what lanes of all elements have.

    Latency is three enabled cycles, interval one. All three stages are registered.

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
        Its block, see `exponent_of`.
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
        self.exponent = exponent_of(format, source)
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

    def _register(self, m: Module, stage: int, **values: Value) -> SimpleNamespace:
        """Return values a stage later."""
        return SimpleNamespace(
            **{
                name: register(m, self.en, f"{name}_{stage}", len(value), value)
                for name, value in values.items()
            }
        )

    def _give(self, m: Module, code: Value, zero_set: Value) -> None:
        """Give what the last stage makes; an element of an MX format counts if its code is zero."""
        if isinstance(self.format, MxFormat):
            zero_set = zero_set & ~code[: self.format.element_bits - 1].any()
        given = self._register(m, 3, mantissa=code[: self.format.element_bits], zero_set=zero_set)
        m.d.comb += [self.mantissa.eq(given.mantissa), self.zero_set.eq(given.zero_set)]

    def _rounds_up(self, guard: Value, last: Value, sticky: Value) -> Value:
        """Return whether rounding adds one to the ``last`` place; never under truncation."""
        if self.format.rounding == "nearest_even":
            return guard & (last | sticky)
        if self.format.rounding == "nearest_away":
            return guard
        if self.format.rounding == "stochastic":
            return (guard + self.random)[-1]
        return Const(0, 1)


class Lane(QuantizerLane):
    """Aligner and rounder of an integer, see `QuantizerLane`.

    The stages are the shift amount, the aligned significand, the rounded code.
    """

    def elaborate(self, platform: Any) -> Module:
        """Build the three stages."""
        m = Module()
        self._round(m, self._align(m, self._distance(m)))
        return m

    def _distance(self, m: Module) -> SimpleNamespace:
        """Find how far to the right of the block's leading place the element's leading one is."""
        bits, exponent = self.exponent.shift_bits, self.element.exponent
        block = self.block
        difference = self.exponent.field_of(block) - exponent
        distance = wire(m, "distance", len(difference), difference)
        shift = distance[:bits]
        exceeds = distance[-1] & ~block.nan & self.exponent.may_exceed
        zero = block.low & ~exponent[: self.exponent.low_bits].any()
        beyond = (distance[bits:-1].any() & ~exceeds) | zero | block.nan
        beyond = wire(m, "beyond", 1, beyond)
        below = beyond | (shift >= self.format.magnitude_bits)
        return self._register(
            m,
            1,
            zero_set=self._may_count(below),
            significand=Cat(self.element.fraction, 1),
            sticky=self.element.sticky.any(),
            shift=shift,
            beyond=beyond,
            exceeds=exceeds,
            sign=self.element.sign,
        )

    def _may_count(self, below: Value) -> Value:
        """Return whether an element counts in the error; in MX formats where its code is zero."""
        if isinstance(self.format, MxFormat):
            return ~self.block.degenerate
        if self.exponent.plain:
            return below & ~self.block.degenerate
        return self.element.exponent < self.block.threshold

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
        up = self._rounds_up(guard, magnitude[0], s.sticky) | s.exceeds
        if self.format.in_twos_complement:
            # A magnitude beyond the largest has a code if it is negative.
            up = (up & ~(magnitude.all() & (self.format.element.symmetric | ~s.sign))) ^ s.sign
            code = (Cat(magnitude, 0) ^ s.sign.replicate(bits + 1)) + up
        else:
            rounded = (magnitude + (up & ~magnitude.all()))[:bits]
            code = Cat(rounded, s.sign & (up | ~s.below))
        self._give(m, code, s.zero_set)
