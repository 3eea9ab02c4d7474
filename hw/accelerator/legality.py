"""Which words are instructions."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import BITS, TABLE, Field

from ..base.circuit import Circuit
from ..base.pipeline import wire
from .ports import field_of

__all__ = ["Legality"]


class Legality(Circuit):
    """Whether a word is an instruction of the table, but for rules between fields of one.

    Combinational: latency is 0, interval a word a cycle. ``scaled``: tensors have a scale.

    Members
    -------
    word : In(128)
    legal : Out(1)
        An engine, an operation and a slot have it, fields are in their bounds, all else is 0.
    """

    def __init__(self, *, scaled: bool) -> None:
        self.table = [each for each in TABLE if scaled or not each.scaled]
        super().__init__({"word": In(BITS), "legal": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        """Check each instruction of the table; what several ask for is built once."""
        m = Module()
        zeros: dict[int, Value] = {}
        bounds: dict[tuple[int, int, int, int], Value] = {}
        legal = []
        for each in self.table:
            value, mask = each.fixed
            unused = (1 << BITS) - 1 & ~mask
            fits = []
            for field in each.fields:
                unused &= ~((1 << field.bits) - 1 << field.low)
                key = (field.low, field.bits, *field.bounds)
                if key not in bounds:
                    name = f"fits_{len(bounds)}"
                    bounds[key] = wire(m, name, 1, _fits(self.word, field))
                fits.append(bounds[key])
            if unused not in zeros:
                bits = Cat(self.word[n] for n in range(BITS) if unused >> n & 1)
                zeros[unused] = wire(m, f"zeros_{len(zeros)}", 1, bits == 0)
            legal.append((self.word & mask == value) & zeros[unused] & Cat(fits).all())
        m.d.comb += self.legal.eq(Cat(legal).any())
        return m


def _fits(word: Value, field: Field) -> Value:
    value, (least, most) = field_of(word, field), field.bounds
    shape = value.shape()
    high = (1 << shape.width - shape.signed) - 1
    low = -high - 1 if shape.signed else 0
    above = Const(1) if least == low else value >= least
    below = Const(1) if most == high else value <= most
    return above & below
