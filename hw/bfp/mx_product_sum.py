"""The sum of the products of two vectors of small floats, exact or in a window of bits."""

import functools
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from sw.bfp.dot import DotParameters
from sw.bfp.float_stages import FloatStages
from sw.bfp.window import STEP_BITS, highest_field, product_bits

from ..base.pipeline import delay, register, wire
from ..cells.bit import Bit, bits, pack
from ..cells.multiplier import Multiplier
from .product_tree import add_products
from .vector_product import VectorProduct

__all__ = ["MxProductSum"]

ONE = Bit(1)


class MxProductSum(VectorProduct):
    """Sum of ``lanes`` products of two vectors of small floats, an integer.

    Significands are multiplied and the products moved by the sum of their exponent fields: to their
    places in the sum or, under a window, to their places below the largest, where lower ones are
    cut off; then the sum is moved to its place. A code that is no number counts as zero. Latency is
    `latency` enabled cycles, interval one; `FloatStages` says where the registers are.

    Parameters, of a format whose elements are floats, and members are those of `VectorProduct`.
    """

    def __init__(self, *, parameters: DotParameters) -> None:
        p = parameters
        element: Any = p.format.element
        self.element = element
        self.window = p.alignment
        # Exponent fields are added as they are, so that products are too high by two places.
        self.field_bits = (2 * highest_field(element)).bit_length()
        super().__init__(parameters=p)

    @functools.cached_property
    def stages(self) -> FloatStages:
        """Where the registers are."""
        return FloatStages(self.parameters)

    def elaborate(self, platform: Any) -> Module:
        """Multiply, find the highest place, move the products there, add them."""
        m = Module()
        lanes = [self._product(m, lane) for lane in range(self.parameters.lanes)]
        top = self._largest(m, [field[STEP_BITS:] for _, field, _ in lanes])
        terms, late = [], []
        for i, lane in enumerate(lanes):
            moved, sign = self._moved(m, i, *lane, top)
            moved = bits(register(m, self.en, f"moved_{i}", len(moved), moved))
            negative = Bit(register(m, self.en, f"negative_{i}", 1, sign))
            terms.append([bit ^ negative for bit in [*moved, ONE]])
            late.append(negative)
        whole = add_products(
            m,
            self.en,
            self.parameters.target,
            terms,
            late=late,
            offset=sum(1 << len(term) - 1 for term in terms),
            stages=self.stages.schedule(),
            levels=self.stages.tree_levels,
            size=self.window.sum_bits if self.window else self.parameters.product_sum_bits,
        )
        m.d.comb += self.sum.eq(self._placed(m, pack(whole), top))
        return m

    def _product(self, m: Module, lane: int) -> tuple[Value, Value, Value]:
        """Return a product of significands, the sum of the exponent fields, and both signs.

        The product is zero where it does not count, under a window the fields too.
        """
        size, width = self.element.bits, self.element.fraction_bits + 1
        m.submodules[f"lane{lane}"] = multiplier = Multiplier(
            width=width, signed=False, target=self.parameters.target
        )
        codes = [v.word_select(lane, size) for v in (self.a, self.b)]
        parts = [self._parts(m, f"{name}{lane}", c) for name, c in zip("ab", codes, strict=True)]
        m.d.comb += [
            multiplier.en.eq(self.en),
            multiplier.a.eq(parts[0][0]),
            multiplier.b.eq(parts[1][0]),
        ]
        counts = wire(m, f"counts_{lane}", 1, parts[0][2] & parts[1][2])
        field = Signal(self.field_bits, name=f"fields_{lane}")
        m.d.comb += field.eq(parts[0][1] + parts[1][1])
        beside = Cat(field, counts, codes[0][-1], codes[1][-1])
        beside = delay(m, self.en, beside, self.stages.product - 1, name=f"beside_{lane}")
        field, counts, signs = beside[:-3], beside[-3], beside[-2:]
        product = Mux(counts, multiplier.o, 0)
        field = Mux(counts, field, 0) if self.window else field
        return (
            register(m, self.en, f"product_{lane}", len(product), product),
            register(m, self.en, f"field_{lane}", len(field), field),
            register(m, self.en, f"signs_{lane}", 2, signs),
        )

    def _parts(self, m: Module, name: str, code: Value) -> tuple[Value, Value, Value]:
        """Return significand and exponent field of a code, and whether its products count."""
        point = self.element.fraction_bits
        fraction, field = code[:point], code[point:-1]
        hidden = wire(m, f"hidden_{name}", 1, field.any())
        ones = field if self.element.specials == "ieee" else code[:-1]
        counts = Const(1) if self.element.specials == "none" else ~ones.all()
        if self.window:
            counts = counts & (hidden | fraction.any())
        return Cat(fraction, hidden), Cat(field[0] | ~hidden, field[1:]), counts

    def _largest(self, m: Module, fields: list[Value]) -> Value:
        """Return the largest of some numbers, registered after so many levels of a tree."""
        if not self.window:
            return Const(0)
        for level in range(self.stages.tree_levels - 1):
            if level and level % self.stages.maximum_levels == 0:
                fields = [
                    register(m, self.en, f"largest_{level}_{i}", len(v), v)
                    for i, v in enumerate(fields)
                ]
            pairs = zip(fields[::2], fields[1::2], strict=False)
            fields = [
                wire(m, f"larger_{level}_{i}", len(x), Mux(x < y, y, x))
                for i, (x, y) in enumerate(pairs)
            ] + fields[len(fields) & ~1 :]
        return register(m, self.en, "largest", len(fields[0]), fields[0])

    def _moved(
        self, m: Module, lane: int, product: Value, field: Value, signs: Value, top: Value
    ) -> tuple[Value, Value]:
        """Return the magnitude of a product in its place, and the sign.

        It is moved by the lowest bits of its exponent while the largest is found.
        """
        cycles = self.stages.maximum
        fine = (product << field[:STEP_BITS])[: len(product) + (1 << STEP_BITS) - 1]
        fine = delay(m, self.en, fine, cycles, name=f"fine_{lane}")
        steps = delay(m, self.en, field[STEP_BITS:], cycles, name=f"steps_{lane}")
        sign = delay(m, self.en, signs.xor(), cycles, name=f"sign_{lane}")
        if not self.window:
            places = product_bits(self.element) + 2 * (highest_field(self.element) - 1)
            return (fine << Cat(Const(0, STEP_BITS), steps))[2 : places + 2], sign
        down = (top - steps)[: len(steps)]
        return Cat(Const(0, self.window.below), fine) >> Cat(Const(0, STEP_BITS), down), sign

    def _placed(self, m: Module, whole: Value, top: Value) -> Value:
        """Return the sum in its place."""
        if not self.window:
            return whole
        behind = self.stages.total - self.stages.product - self.stages.maximum
        top = delay(m, self.en, top, behind, name="top")
        placed = (whole.as_signed() << Cat(Const(0, STEP_BITS), top)) >> (self.window.below + 2)
        return register(m, self.en, "placed", len(self.sum), placed)
