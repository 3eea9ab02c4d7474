"""Processing element of the BFP array: a dot product that adds up a block's beats."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from sw.bfp.dot import DotParameters
from sw.bfp.float_stages import is_fp4
from sw.bfp.stages import DotStages
from sw.formats.element import FloatElement

from ..base.circuit import Circuit
from ..base.pipeline import register
from .fp4_product_sum import Fp4ProductSum
from .mx_product_sum import MxProductSum
from .product_sum import ProductSum

__all__ = ["DotPE", "chain", "operand_members", "register_operands"]


def operand_members(width: int) -> dict[str, Any]:
    """Return the members of a PE that takes operands of ``width`` bits and passes ``b`` on."""
    return {"en": In(1), "a": In(width), "b": In(width), "b_next": Out(width)}


def register_operands(m: Module, pe: Circuit, products: Circuit) -> None:
    """Register a PE's operands, multiply them and pass ``b`` on."""
    m.submodules.products = products
    a, b = (register(m, pe.en, name, len(getattr(pe, name)), getattr(pe, name)) for name in "ab")
    m.d.comb += [
        products.en.eq(pe.en),
        products.a.eq(a),
        products.b.eq(b),
        pe.b_next.eq(b),
    ]


def chain(m: Module, column: Circuit, pes: Sequence[Circuit]) -> Iterator[tuple[int, Circuit]]:
    """Connect a column's clock enable and operands to its PEs; give each with its row.

    ``b`` walks down one PE a cycle; ``a`` has the operand of each row in its own time.
    """
    b: Value = column.b
    for row, pe in enumerate(pes):
        m.submodules[f"pe_{row}"] = pe
        m.d.comb += [
            pe.en.eq(column.en),
            pe.a.eq(column.a.word_select(row, len(pe.a))),
            pe.b.eq(b),
        ]
        b = pe.b_next
        yield row, pe


class DotPE(Circuit):
    """Integer dot product of a block, exact or in a window, ``lanes`` products a cycle.

    The operands are registered, so that ``b_next`` feeds the PE below a cycle later. Latency from
    ``a`` and ``b`` to ``sum`` is `latency` enabled cycles, interval one. Where a block has several
    beats, ``first`` and ``add`` come `DotStages.products` after their beat.

    Parameters
    ----------
    parameters : DotParameters
        Of the dot product.

    Members
    -------
    en : In(1)
        Clock enable.
    a, b : In(lanes * element_bits)
        A beat of each operand.
    b_next : Out(lanes * element_bits)
        ``b`` of the cycle before.
    first : In(1)
        The sum of products now at the accumulator starts a block.
    add : In(1)
        Clock enable of the accumulator, where there is a sum of products.
    sum : Out(signed(sum_bits))
        Sum over the block's beats so far, from registers.
    """

    def __init__(self, *, parameters: DotParameters) -> None:
        self.parameters = parameters
        members = operand_members(parameters.lanes * parameters.format.element_bits)
        members["sum"] = Out(signed(parameters.sum_bits))
        if parameters.beats > 1:
            members |= {"first": In(1), "add": In(1)}
        super().__init__(members)

    @functools.cached_property
    def products(self) -> ProductSum | MxProductSum | Fp4ProductSum:
        """The sum of a beat's products."""
        if is_fp4(self.parameters):
            return Fp4ProductSum(parameters=self.parameters)
        floats = isinstance(self.parameters.format.element, FloatElement)
        return (MxProductSum if floats else ProductSum)(parameters=self.parameters)

    @property
    def latency(self) -> int:
        """Enabled cycles from a block's last beat to its sum."""
        return DotStages(self.parameters).block

    def elaborate(self, platform: Any) -> Module:
        """Multiply, and accumulate where a block has several beats."""
        m = Module()
        products = self.products
        register_operands(m, self, products)
        if self.parameters.beats == 1:
            m.d.comb += self.sum.eq(products.sum)
            return m
        total = Signal.like(self.sum, reset_less=True)
        with m.If(self.add):
            m.d.sync += total.eq(Mux(self.first, 0, total) + products.sum)
        m.d.comb += self.sum.eq(total)
        return m
