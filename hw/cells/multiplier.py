"""Integer multiplication in carry cells."""

from typing import Any

from amaranth.hdl import Module, Signal

from sw.stages import (
    Schedule,
    additions_at_first,
    multiplier_schedule,
    row_groups,
    uses_booth,
)

from .bit import Bit, bits, pack
from .booth import recode
from .carry import add
from .integer import IntegerMultiplier
from .pipeline import register_bits
from .tree import Term, add_terms

__all__ = ["Multiplier"]

ZERO, ONE = Bit(0), Bit(1)


class Multiplier(IntegerMultiplier):
    """Multiplier of two integers of equal width, without DSP blocks.

    Latency is `latency` enabled cycles, interval one cycle. Not every
    output is a register: `sw.stages.multiplier_schedule` says where they stand.

    Parameters
    ----------
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``. Others are those of
        `IntegerMultiplier`; ``signed`` needs a ``width`` of at least 2.
    """

    def __init__(self, *, width: int, signed: bool, target: str) -> None:
        self.target = target
        self._booths = uses_booth(width, target)
        super().__init__(width=width, signed=signed)

    @property
    def offset(self) -> int:
        """The constant by which the product is too high."""
        if self.signed and self._booths:
            rows = range(1, (self.width + 1) // 2)
            return (3 << self.width - 1) + sum(1 << self.width + 2 * k for k in rows)
        return super().offset

    @property
    def latency(self) -> int:
        """Enabled cycles from operands to product."""
        return multiplier_schedule(self.width, self.signed, self.target).latency

    def _plain(self, m: Module, a: list[Bit], b: list[Bit], group: range) -> Term:
        """Add rows ``a & b[k]``, signed ones as Baugh and Wooley do."""
        top = self.width - 1 if self.signed else self.width
        total: list[Bit] = []
        for k in group:
            row = [~(p & b[k]) if (i == top) != (k == top) else p & b[k] for i, p in enumerate(a)]
            if k == group[0]:
                total = row
                continue
            at = k - group[0]
            # Weight 2**width, which makes the offset a power of two, is free where row 1 ends.
            fill = ONE if self.signed and k == 1 and not self._booths else ZERO
            above = total[at:] + [fill] * (len(row) - len(total[at:]))
            total = total[:at] + add(m, self.target, above + [ZERO], row + [ZERO])
        return Term(group[0], total)

    def _booth(self, m: Module, a: list[Bit], b: list[Bit], group: range) -> Term:
        """Add ``a * (b[0] + 2 * b[1])`` as row 0 and ``a * digit * 4**k`` as row k.

        Digits are those of Booth in radix 4, of ``b >> 2``. A row whose digit is negative is
        inverted and so one too low. Sign bits are inverted, which adds their weight; for unsigned
        operands that is undone by constants, in row 0.
        """
        signs = [k for k in range(1, self.width) if 2 * k + 2 <= self.width]
        undo = 0 if self.signed else -sum(1 << self.width + 1 + 2 * k for k in signs)
        wide = [ZERO, *a, a[-1] if self.signed else ZERO]
        digits = [*b, *[b[-1] if self.signed else ZERO] * 2]
        digits[1] = ZERO
        first, size = 2 * group[0], 2 * self.width - 2 * group[0]
        total: list[Bit] = []
        for k in group:
            at = 2 * k - first
            if k == 0:
                total = self._plain(m, a, b, range(2)).bits
                total += [Bit(undo >> i & 1) for i in range(len(total), size)]
                continue
            digit = recode(*digits[2 * k - 1 : 2 * k + 2])
            one, two, high = digit.one, digit.two, digit.negative
            row = [(one & p | two & q) ^ high for p, q in zip(wide[1:], wide, strict=False)]
            if self.signed:
                row[-1] = ~row[-1]
            elif k in signs:
                row.append(~high)
            if at == 0:
                wires = Signal(len(row))
                m.d.comb += wires.eq(pack(row))
                total = (bits(wires) + [ZERO] * size)[:size]
                continue
            end = min(size, at + len(row) + 2)
            row = (row + [ZERO] * 2)[: end - at]
            total[at:end] = add(m, self.target, total[at:end], row, high)
        return Term(first, total, digits[first + 1])

    def elaborate(self, platform: Any) -> Module:
        """Add the rows in groups, then the groups by a binary tree."""
        m = Module()
        a, b = bits(self.a), bits(self.b)
        add_rows = self._booth if self._booths else self._plain
        groups = row_groups(self.width, self.signed, self.target)
        stages = Schedule(additions_at_first(self.target, self.width))
        stages.add(len(groups[-1]) - (not self._booths))
        terms = [add_rows(m, a, b, group) for group in groups]
        product = add_terms(m, self.en, self.target, terms, stages, 2 * self.width)
        if stages.full():
            product = register_bits(m, self.en, "rows_0", product)
        m.d.comb += self.o.eq(pack(product))
        return m
