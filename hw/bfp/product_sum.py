"""The exact sum of the products of two vectors of block elements."""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib.wiring import In, Out

from sw.bfp.dot import DotParameters

from ..base.circuit import Circuit
from ..cells.bit import Bit, bits, pack
from ..cells.carry import add
from ..cells.dsp import DspMultiplier, DspPair
from ..cells.multiplier import Multiplier, schedule
from ..cells.pipeline import Schedule, register_bits

__all__ = ["ProductSum"]

ZERO, ONE = Bit(0), Bit(1)


class ProductSum(Circuit):
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
        stages = self._schedule()
        for _ in range(self._levels):
            stages.full()
            stages.add()
        return stages.latency + 1

    @property
    def _signed(self) -> bool:
        """Whether elements are in two's complement; else their magnitudes are multiplied."""
        return self.parameters.format.in_twos_complement

    @property
    def _width(self) -> int:
        """Bits that are multiplied."""
        return self.parameters.format.magnitude_bits + self._signed

    @property
    def _paired(self) -> bool:
        """Whether a DSP block multiplies for two lanes."""
        return self.parameters.multiplier == "dsp" and DspPair.fits(self._width, self._signed)

    @property
    def _late(self) -> bool:
        """Whether products come with a bit that is still to be added."""
        return not self._signed or self._paired

    @property
    def _levels(self) -> int:
        """Levels of the tree and one for what is left."""
        products = -(-self.parameters.lanes // (1 + self._paired))
        return (products - 1).bit_length() + 1

    def _schedule(self) -> Schedule:
        """Return the registers up to a product."""
        if self._paired:
            return Schedule(latency=DspPair.LATENCY)
        if self.parameters.multiplier == "dsp":
            return Schedule(latency=DspMultiplier.LATENCY)
        return schedule(self._width, self._signed, self.parameters.target)

    def _multiplier(self) -> Any:
        if self._paired:
            return DspPair(width=self._width, signed=self._signed)
        if self.parameters.multiplier == "dsp":
            return DspMultiplier(width=self._width, signed=self._signed)
        return Multiplier(width=self._width, signed=self._signed, target=self.parameters.target)

    def _product(self, m: Module, lane: int) -> tuple[list[Bit], int, Bit]:
        """Return a product that is too high by a constant, the constant, and a bit to be added."""
        size, width = self.parameters.format.element_bits, self._width
        m.submodules[f"lane{lane}"] = multiplier = self._multiplier()
        lanes = slice(lane * size, (lane + 1 + self._paired) * size)
        a, b = (bits(v[lanes]) for v in (self.a, self.b))
        operands = [[p for i, p in enumerate(v) if i % size < width] for v in (a, b)]
        m.d.comb += [
            multiplier.en.eq(self.en),
            multiplier.a.eq(pack(operands[0])),
            multiplier.b.eq(pack(operands[1])),
        ]
        product, offset = bits(multiplier.o), multiplier.offset
        late = Bit(multiplier.late) if isinstance(multiplier, DspPair) else ZERO
        if self._signed:
            return product, offset, late
        signs = [p ^ q for p, q in zip(a[width::size], b[width::size], strict=True)]
        if isinstance(multiplier, DspPair):
            m.d.comb += multiplier.minus.eq(pack(signs[:1]) ^ pack(signs[1:]))
        else:
            product, offset = [*product, ONE], 1 << len(product)
        negative = signs[:1]
        for i in range(self._schedule().latency):
            negative = register_bits(m, self.en, f"negative_lane{lane}_{i}", negative)
        return [p ^ negative[0] for p in product], offset, negative[0] ^ late

    def elaborate(self, platform: Any) -> Module:
        """Add the products by a binary tree of unsigned additions.

        Bits that are still to be added, one of each product, fill the carry inputs.
        """
        m = Module()
        products = [
            self._product(m, lane) for lane in range(0, self.parameters.lanes, 1 + self._paired)
        ]
        terms = [term for term, _, _ in products]
        late = [bit for _, _, bit in products] if self._late else []
        stages = self._schedule()
        for level in range(self._levels):
            if stages.full():
                terms = [
                    register_bits(m, self.en, f"terms_{level}_{i}", term)
                    for i, term in enumerate(terms)
                ]
                late = register_bits(m, self.en, f"late_{level}", late)
            stages.add()
            pairs = zip(terms[::2], terms[1::2], strict=False)
            rest = terms[len(terms) & ~1 :]
            terms = [self._add(m, x, y, late.pop() if late else None) for x, y in pairs] + rest
        offset = sum(offset for _, offset, _ in products)
        whole = self._finish(m, terms[0], offset, late)
        m.d.comb += self.sum.eq(pack(register_bits(m, self.en, "whole", whole)))
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
