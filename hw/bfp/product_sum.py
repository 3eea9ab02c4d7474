"""The exact sum of the products of two vectors of block elements."""

import functools
from typing import Any

from amaranth.hdl import Module

from sw.bfp.stages import DotStages

from ..cells.bit import Bit, bits, pack
from ..cells.dsp import DspMultiplier, DspPair
from ..cells.multiplier import Multiplier
from ..cells.pipeline import register_bits
from .product_tree import add_products
from .vector_product import VectorProduct

__all__ = ["ProductSum"]

ZERO, ONE = Bit(0), Bit(1)


class ProductSum(VectorProduct):
    """Exact integer sum of ``lanes`` products of two vectors.

    Latency is `latency` enabled cycles, interval one; a register behind the multipliers where
    `DotStages` has one, and behind two additions each. A sign with a zero magnitude counts as zero.

    Parameters and members are those of `VectorProduct`.
    """

    @functools.cached_property
    def stages(self) -> DotStages:
        """Where the registers are."""
        return DotStages(self.parameters)

    @property
    def latency(self) -> int:
        """Enabled cycles from operands to sum."""
        return self.stages.product_sum

    def _multiplier(self) -> Any:
        width, signed = self.stages.width, self.stages.signed
        if self.stages.paired:
            return DspPair(width=width, signed=signed)
        if self.parameters.multiplier == "dsp":
            return DspMultiplier(width=width, signed=signed)
        return Multiplier(width=width, signed=signed, target=self.parameters.target)

    def _product(self, m: Module, lane: int) -> tuple[list[Bit], int, Bit]:
        """Return a product that is too high by a constant, the constant, and a bit to be added."""
        size, width = self.parameters.format.element_bits, self.stages.width
        m.submodules[f"lane{lane}"] = multiplier = self._multiplier()
        lanes = slice(lane * size, (lane + 1 + self.stages.paired) * size)
        a, b = (bits(v[lanes]) for v in (self.a, self.b))
        operands = [[p for i, p in enumerate(v) if i % size < width] for v in (a, b)]
        m.d.comb += [
            multiplier.en.eq(self.en),
            multiplier.a.eq(pack(operands[0])),
            multiplier.b.eq(pack(operands[1])),
        ]
        product, offset = bits(multiplier.o), multiplier.offset
        late = Bit(multiplier.late) if isinstance(multiplier, DspPair) else ZERO
        if self.stages.signed:
            return product, offset, late
        signs = [p ^ q for p, q in zip(a[width::size], b[width::size], strict=True)]
        if isinstance(multiplier, DspPair):
            m.d.comb += multiplier.minus.eq(pack(signs[:1]) ^ pack(signs[1:]))
        else:
            product, offset = [*product, ONE], 1 << len(product)
        negative = signs[:1]
        for i in range(self.stages.schedule().latency):
            negative = register_bits(m, self.en, f"negative_lane{lane}_{i}", negative)
        return [p ^ negative[0] for p in product], offset, negative[0] ^ late

    def elaborate(self, platform: Any) -> Module:
        """Add the products; their signs or borrows are still to be added."""
        m = Module()
        tree, step = self.stages, 1 + self.stages.paired
        products = [self._product(m, lane) for lane in range(0, self.parameters.lanes, step)]
        whole = add_products(
            m,
            self.en,
            self.parameters.target,
            [term for term, _, _ in products],
            late=[bit for _, _, bit in products] if tree.paired or not tree.signed else [],
            offset=sum(offset for _, offset, _ in products),
            stages=tree.schedule(),
            levels=tree.tree_levels,
            size=self.parameters.product_sum_bits,
        )
        m.d.comb += self.sum.eq(pack(whole))
        return m
