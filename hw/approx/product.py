"""The approximate floating-point multiplier."""

from typing import Any

from amaranth.hdl import Module

from sw.approx.multipliers import multiplier as named
from sw.approx.stages import SCALE_LATENCY, circuit_kind
from sw.formats import FloatFormat

from ..float.operator import FloatOperator
from .array_multiplier import ArrayMultiplier
from .exact import Drum, Exact
from .fractions import FractionMultiplier
from .logarithm import MinimallyBiased, Mitchell, Realm
from .scale import Scale

__all__ = ["ApproxMultiplier"]


class ApproxMultiplier(FloatOperator):
    """Multiplier of floating-point values by a named multiplier of fractions, without DSP blocks.

    ``o`` is what `sw.approx.product.multiply_bits` makes of ``a`` and ``b``. Latency is that of the
    multiplier of fractions and 1; interval is one cycle. Members are those of `FloatOperator`.

    Parameters
    ----------
    multiplier : str
        Of `sw.approx.multipliers.NAMES`.
    bits : int
        Fraction bits that count, up to those of the format.
    format : FloatFormat
        Format of operands and product.
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``.
    """

    def __init__(self, *, multiplier: str, bits: int, format: FloatFormat, target: str) -> None:
        self.multiplier = multiplier
        self.bits = bits
        self.target = target
        self._fractions = fractions(multiplier, bits, target)
        super().__init__(format=format)

    @property
    def latency(self) -> int:
        """Enabled cycles from operands to product."""
        return self._fractions.latency + SCALE_LATENCY

    def elaborate(self, platform: Any) -> Module:
        """Multiply the fractions and, beside that, scale."""
        m = Module()
        format, bits = self.format, self.bits
        m.submodules.fractions = fractions = self._fractions
        m.submodules.scale = scale = Scale(format=format, bits=bits, latency=fractions.latency)
        first = slice(format.fraction_bits - bits, format.fraction_bits)
        m.d.comb += [
            fractions.en.eq(self.en),
            fractions.x.eq(self.a[first]),
            fractions.y.eq(self.b[first]),
            scale.en.eq(self.en),
            scale.a.eq(self.a),
            scale.b.eq(self.b),
            scale.code.eq(fractions.code),
            self.o.eq(scale.o),
        ]
        return m


def fractions(name: str, bits: int, target: str) -> FractionMultiplier:
    """Return the circuit that multiplies fractions of ``bits`` bits by a multiplier's name."""
    multiplier = named(name)
    number = multiplier.number
    match circuit_kind(name, bits):
        case "mitchell":
            return Mitchell(bits=bits)
        case "mbm":
            return MinimallyBiased(bits=bits)
        case "realm":
            return Realm(segments=number, bits=bits)
        case "array":
            return ArrayMultiplier(guard=number, bits=bits, target=target)
        case "drum":
            return Drum(kept=number, bits=bits, target=target)
    return Exact(bits=bits, nearest=multiplier.nearest, target=target)
