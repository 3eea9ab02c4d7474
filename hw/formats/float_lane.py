"""The lane of the quantizer that makes small floats."""

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux

from sw.formats.element import FloatElement

from ..base.pipeline import wire
from .lane import QuantizerLane
from .truncated import at_least

__all__ = ["FloatLane"]


class FloatLane(QuantizerLane):
    """Aligner and rounder of a small float, see `QuantizerLane`.

    A normal number is cut behind its own fraction, a subnormal one at the last place of all. The
    exponent field above the fraction is then one integer, which rounding counts up. The stages are
    the field and the shift of a subnormal number, the aligned significand, the rounded code.
    """

    @property
    def _element(self) -> FloatElement:
        """The element made."""
        element = self.format.element
        assert isinstance(element, FloatElement)
        return element

    def elaborate(self, platform: Any) -> Module:
        """Build the three stages."""
        m = Module()
        self._round(m, self._align(m, self._binade(m)))
        return m

    def _binade(self, m: Module) -> SimpleNamespace:
        """Find the element's exponent field or, of a subnormal number, how far it is shifted."""
        block, exponent = self.block, self.element.exponent
        bits, binades = self.exponent.shift_bits, self.exponent.binades
        distance = self.exponent.field_of(block) - exponent
        distance = wire(m, "distance", len(distance), distance)
        exceeds = distance[-1] & ~block.nan & self.exponent.may_exceed
        far = Cat(distance[:-1], distance[-1] & self.exponent.may_exceed).as_signed()
        shift = wire(m, "shift", len(far) + 1, far - binades)
        subnormal = ~shift[-1] & shift[:-1].any()
        zero = block.low & ~exponent[: self.exponent.low_bits].any()
        beyond = (subnormal & shift[bits:-1].any()) | zero | block.nan
        field = Mux(subnormal | zero | block.nan, 0, binades + 1 - far)
        field = field[: self._element.exponent_bits]
        return self._register(
            m,
            1,
            field=field | exceeds.replicate(len(field)),
            shift=Mux(subnormal, shift[:bits], 0),
            significand=Cat(self.element.fraction, 1),
            sticky=self.element.sticky.any(),
            beyond=wire(m, "beyond", 1, beyond),
            exceeds=exceeds,
            nan=block.nan,
            sign=self.element.sign & ~block.nan,
            counts=~block.degenerate,
        )

    def _align(self, m: Module, s: SimpleNamespace) -> SimpleNamespace:
        """Shift the significand, whose hidden one is in the field unless it is shifted."""
        wide = self._element.fraction_bits + 1 + self.truncated.guard_bits
        full = Cat(Const(0, max(wide - len(s.significand), 0)), s.significand)
        ones = Const((1 << wide) - 1, wide)
        aligned = Mux(s.exceeds, ones, (full >> s.shift)[:wide])
        lost = s.sticky | (full & ~(ones << s.shift)[:wide]).any()
        return self._register(
            m,
            2,
            aligned=Mux(s.beyond, 0, aligned)[:-1],
            field=s.field,
            sticky=lost & ~s.beyond,
            nan=s.nan,
            sign=s.sign,
            counts=s.counts,
        )

    def _round(self, m: Module, s: SimpleNamespace) -> None:
        """Round, and keep to the largest number."""
        element, guards = self._element, self.truncated.guard_bits
        guard, fraction = s.aligned[:guards], s.aligned[guards:]
        cut = Cat(fraction, s.field)
        up = self._rounds_up(guard, fraction[0], s.sticky)
        code = Mux(at_least(cut, element.largest_code), element.largest_code, cut + up)
        code = code[: element.bits - 1]
        if element.nan_code:
            code = Mux(s.nan, element.nan_code, code)
        self._give(m, Cat(code, s.sign), s.counts)
