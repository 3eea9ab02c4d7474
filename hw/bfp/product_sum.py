"""The exact sum of the products of two vectors of block elements."""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib.wiring import In, Out

from sw.bfp.dot import DotParameters

from .. import module
from ..cells.bit import Bit, bits, pack
from ..cells.carry import add
from ..cells.multiplier import LEVELS_PER_STAGE, Multiplier, latency, register

__all__ = ["ProductSum"]

ZERO, ONE = Bit(0), Bit(1)


def _widen(term: list[Bit], size: int) -> list[Bit]:
    """Extend a term's sign."""
    return term[:-1] + [~term[-1]] * (size - len(term)) + term[-1:]


class ProductSum(module.Module):
    """Exact integer sum of ``lanes`` products, one pair of vectors a cycle.

    ``sum`` follows ``a`` and ``b`` after `latency` cycles in which ``en`` is high. A sign with a
    zero magnitude counts as zero.

    Parameters
    ----------
    parameters : DotParameters
        Format, lanes, multiplier and target.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a, b : In(lanes * element_bits)
        Elements in the format's wire code, lane 0 lowest; expected straight from registers.
    sum : Out(signed(product_sum_bits))
        The sum, from registers.
    """

    en: Signal
    a: Signal
    b: Signal
    sum: Signal

    def __init__(self, *, parameters: DotParameters) -> None:
        self.parameters = parameters
        width = parameters.lanes * parameters.format.element_bits
        super().__init__(
            {
                "en": In(1),
                "a": In(width),
                "b": In(width),
                "sum": Out(signed(parameters.product_sum_bits)),
            }
        )

    @property
    def latency(self) -> int:
        """Enabled cycles from operands to sum."""
        first = latency(self._width, not self.parameters.format.symmetric, self.parameters.target)
        return first + -(-self._levels // LEVELS_PER_STAGE)

    @property
    def _late(self) -> bool:
        """Whether products come with a bit that is still to be added."""
        return self.parameters.format.symmetric or self.parameters.target == "xilinx"

    @property
    def _levels(self) -> int:
        """Levels of the tree of additions, and one for the last late bit."""
        return max(1, (self.parameters.lanes - 1).bit_length() + self._late)

    @property
    def _width(self) -> int:
        """Bits that are multiplied: magnitudes where the format is symmetric."""
        form = self.parameters.format
        return form.magnitude_bits if form.symmetric else form.element_bits

    def _product(self, m: Module, lane: int) -> tuple[list[Bit], int, Bit]:
        """Return a product that is too high by a constant, the constant, and a bit to be added."""
        form = self.parameters.format
        m.submodules[f"lane{lane}"] = multiplier = Multiplier(
            width=self._width, signed=not form.symmetric, target=self.parameters.target
        )
        size = form.element_bits
        a, b = (bits(v[lane * size : (lane + 1) * size]) for v in (self.a, self.b))
        m.d.comb += [
            multiplier.en.eq(self.en),
            multiplier.a.eq(pack(a[: multiplier.width])),
            multiplier.b.eq(pack(b[: multiplier.width])),
        ]
        product, late = bits(multiplier.o), Bit(multiplier.late)
        if not form.symmetric:
            return product, multiplier.offset, late
        negative = a[-1] ^ b[-1]
        for _ in range(multiplier.latency):
            (negative,) = register(m, self.en, [negative])
        inverted = [p ^ negative for p in product]
        return [*inverted, ~negative], 1 << len(product), negative ^ late

    def elaborate(self, platform: Any) -> Module:
        """Add the products by a binary tree of unsigned additions.

        Bits that are still to be added, one of each product, fill the carry inputs.
        """
        m = Module()
        products = [self._product(m, lane) for lane in range(self.parameters.lanes)]
        terms = [term for term, _, _ in products]
        late = [bit for _, _, bit in products] if self._late else []
        for level in range(self._levels):
            pairs = zip(terms[::2], terms[1::2], strict=False)
            rest = terms[len(terms) & ~1 :]
            terms = [self._add(m, x, y, late.pop() if late else None) for x, y in pairs] + rest
            last = level == self._levels - 1
            if last:
                offset = sum(offset for _, offset, _ in products)
                terms = [self._finish(m, terms[0], offset, late)]
            if last or level % LEVELS_PER_STAGE == LEVELS_PER_STAGE - 1:
                terms = [register(m, self.en, term) for term in terms]
                late = register(m, self.en, late)
        m.d.comb += self.sum.eq(pack(terms[0]))
        return m

    def _add(self, m: Module, x: list[Bit], y: list[Bit], carry: Bit | None) -> list[Bit]:
        size = max(len(x), len(y)) + 1
        x, y = (term + [ZERO] * (size - len(term)) for term in (x, y))
        return add(m, self.parameters.target, x, y, carry)

    def _finish(self, m: Module, term: list[Bit], offset: int, late: list[Bit]) -> list[Bit]:
        """Take the offset off, add the last late bit."""
        size = self.parameters.product_sum_bits
        term = (term + [ZERO] * size)[:size]
        constant = [Bit(-offset >> i & 1) for i in range(size)]
        start = 0 if late else (offset & -offset).bit_length() - 1
        if start >= size - 1:
            return term[:start] + [~bit for bit in term[start:]]
        carry = late[0] if late else None
        return term[:start] + add(m, self.parameters.target, term[start:], constant[start:], carry)
