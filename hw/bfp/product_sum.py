"""The exact sum of the products of two vectors of block elements."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from sw.bfp.dot import DotParameters

from .. import module

__all__ = ["ProductSum"]

LEVELS_PER_STAGE = 2


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
        levels = (self.parameters.lanes - 1).bit_length()
        return 1 + -(-levels // LEVELS_PER_STAGE)

    def _register(self, m: Module, values: list[Value]) -> list[Value]:
        registers = [Signal.like(v, reset_less=True) for v in values]
        with m.If(self.en):
            m.d.sync += [r.eq(v) for r, v in zip(registers, values, strict=True)]
        return list(registers)

    def elaborate(self, platform: Any) -> Module:
        """Build products, then a binary tree with a register every few levels."""
        m = Module()
        form = self.parameters.format
        bits = form.element_bits

        def product(a: Value, b: Value) -> Value:
            if not form.symmetric:
                return a.as_signed() * b.as_signed()
            magnitude = a[:-1] * b[:-1]
            return Mux(a[-1] ^ b[-1], -magnitude, magnitude)

        lanes = [slice(i * bits, (i + 1) * bits) for i in range(self.parameters.lanes)]
        terms = self._register(m, [product(self.a[s], self.b[s]) for s in lanes])
        level = 0
        while len(terms) > 1:
            odd = [terms.pop()] if len(terms) % 2 else []
            terms = [x + y for x, y in zip(terms[::2], terms[1::2], strict=True)] + odd
            level += 1
            if level % LEVELS_PER_STAGE == 0 or len(terms) == 1:
                terms = self._register(m, terms)
        m.d.comb += self.sum.eq(terms[0])
        return m
