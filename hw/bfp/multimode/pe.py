"""Processing element of the multi-mode array: sums of digit products, in any mode."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from sw.bfp.dot import DotParameters
from sw.bfp.multimode_array import DIGITS, MultimodeParameters

from ...base.circuit import Circuit
from ..pe import operand_members, register_operands
from ..product_sum import ProductSum
from .digits import DIGIT, WORD_BITS, operand_bits
from .moved import MovedProducts

__all__ = ["DigitProducts", "MultimodePE"]


class DigitProducts(Circuit):
    """Products of each pair of digits of two words, summed over ``lanes`` pairs of words.

    These are the products of the mode with the shortest mantissas; those of the others are sums of
    them with digits' weights (`Composer`), and so are their sums over lanes and cycles: weights
    are therefore applied last, once for a block. Latency is `latency` enabled cycles, interval one;
    ``sums`` come from registers.

    Parameters
    ----------
    parameters : DotParameters
        Of the sum of the products of one pair of digits.

    Members
    -------
    en : In(1)
        Clock enable.
    a, b : In(lanes * WORD_BITS)
        Words of digits.
    sums : Out(16 * sum_bits)
        Signed sums, see `sum_of`.
    """

    def __init__(self, *, parameters: DotParameters) -> None:
        self.parameters = parameters
        width = parameters.lanes * WORD_BITS
        self.sum_bits = parameters.product_sum_bits
        super().__init__(
            {
                "en": In(1),
                "a": In(width),
                "b": In(width),
                "sums": Out(DIGITS**2 * self.sum_bits),
            }
        )

    @property
    def latency(self) -> int:
        """Enabled cycles from words to sums."""
        return ProductSum(parameters=self.parameters).latency

    def sum_of(self, n: int) -> Value:
        """Return the sum of digits ``i`` of ``a`` and ``j`` of ``b``, ``n = 4 * i + j``."""
        return self.sums.word_select(n, self.sum_bits).as_signed()

    def elaborate(self, platform: Any) -> Module:
        """Give each pair of digits a sum of products."""
        m = Module()

        def digits(words: Any, d: int) -> Any:
            return Cat(
                words.word_select(n * DIGITS + d, DIGIT) for n in range(self.parameters.lanes)
            )

        for i in range(DIGITS):
            for j in range(DIGITS):
                m.submodules[f"products_{i}_{j}"] = products = ProductSum(
                    parameters=self.parameters
                )
                m.d.comb += [
                    products.en.eq(self.en),
                    products.a.eq(digits(self.a, i)),
                    products.b.eq(digits(self.b, j)),
                    self.sums.word_select(DIGITS * i + j, self.sum_bits).eq(products.sum),
                ]
        return m


class MultimodePE(Circuit):
    """Digit products summed over a block, and held until they are read.

    Operands are registered. Latency, in enabled cycles from these, is that of `ComposedStages`:
    ``products`` to ``first`` and ``add``, ``hold`` to ``hold``, which takes the totals with the
    block's last sum. Interval is one.

    Members
    -------
    a, b : In(operand_bits), b_next : Out(operand_bits)
        Words of digits; ``b`` of the cycle before.
    en : In(1)
        Clock enable.
    first, add : In(1)
        The sums now at the accumulators start a block; there are sums.
    hold : In(1)
        The totals are those of a block.
    totals : Out(sum(total_bits))
        Totals of the last block held, signed, by digits of ``a`` and ``b``.
    """

    def __init__(self, *, parameters: MultimodeParameters) -> None:
        self.parameters = parameters
        super().__init__(
            {
                **operand_members(operand_bits(parameters)),
                **dict.fromkeys(("first", "add", "hold"), In(1)),
                "totals": Out(sum(parameters.total_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Multiply, accumulate, hold."""
        m = Module()
        p, start = self.parameters, 0
        products = MovedProducts(parameters=p) if p.moved else DigitProducts(parameters=p.digits)
        register_operands(m, self, products)
        for n, size in enumerate(p.total_bits):
            total = Signal(signed(size), name=f"total_{n}", reset_less=True)
            held = Signal(signed(size), name=f"held_{n}", reset_less=True)
            with m.If(self.en & self.add):
                m.d.sync += total.eq(Mux(self.first, 0, total) + products.sum_of(n))
            with m.If(self.en & self.hold):
                m.d.sync += held.eq(total)
            m.d.comb += self.totals[start : start + size].eq(held)
            start += size
        return m
