"""Products of pairs of digits, moved by the exponents of floats whose significands they are of."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Value, signed
from amaranth.lib.wiring import In, Out

from sw.bfp.multimode_array import DIGIT_BITS, DIGITS, MODES, MultimodeParameters

from ...base.circuit import Circuit
from ...base.pipeline import delay, register, wire
from ..product_sum import ProductSum
from .digits import DIGIT, WORD_BITS, operand_bits

__all__ = ["MovedProducts"]


class MovedProducts(Circuit):
    """Products of each pair of digits, moved, and summed over ``lanes`` pairs of words.

    As `DigitProducts`, but where an operand has floats of 8 bits, its lower digits are significands
    and the digits above them the places by which products of these are moved up. Products of those
    upper digits mean nothing then; a result is made without them (`Readout`). Latency is `latency`
    enabled cycles, interval one; sums come from registers.

    Members
    -------
    en : In(1)
        Clock enable.
    a, b : In(operand_bits)
        Words of digits, and above them whether these are floats of 8 bits.
    sums : Out(...)
        Signed sums of `MultimodeParameters.digit_sum_bits` of the lanes, see `sum_of`.
    """

    def __init__(self, *, parameters: MultimodeParameters) -> None:
        self.parameters = p = parameters
        self.sum_bits = p.digit_sum_bits(p.lanes)
        super().__init__(
            {
                "en": In(1),
                **dict.fromkeys("ab", In(operand_bits(p))),
                "sums": Out(sum(self.sum_bits)),
            }
        )

    @property
    def latency(self) -> int:
        """Enabled cycles from words to sums."""
        return self.parameters.stages.products - 1

    def sum_of(self, n: int) -> Value:
        """Return the sum of digits ``i`` of ``a`` and ``j`` of ``b``, ``n = 4 * i + j``."""
        start = sum(self.sum_bits[:n])
        return self.sums[start : start + self.sum_bits[n]].as_signed()

    def elaborate(self, platform: Any) -> Module:
        """Multiply and move in each lane, add the lanes."""
        m = Module()
        lanes = [self._lane(m, lane) for lane in range(self.parameters.lanes)]
        sums = []
        for n, bits in enumerate(self.sum_bits):
            total = lanes[0][n]
            if len(lanes) > 1:
                total = sum((lane[n] for lane in lanes[1:]), start=total)
                total = register(m, self.en, f"sum_{n}", signed(bits), total)
            sums.append(total)
        m.d.comb += self.sums.eq(Cat(sums))
        return m

    def _lane(self, m: Module, lane: int) -> list[Value]:
        """Return the moved products of a lane."""
        p = self.parameters
        words = [v.word_select(lane, WORD_BITS) for v in (self.a, self.b)]
        up = [
            self._places(m, f"{name}{lane}", word, operand[-1])
            for name, word, operand in zip("ab", words, (self.a, self.b), strict=True)
        ]
        moved: list[Value] = []
        for n, bits in enumerate(p.digit_sum_bits(1)):
            i, j = divmod(n, DIGITS)
            m.submodules[f"product_{lane}_{i}_{j}"] = product = ProductSum(
                parameters=p.stages.one_lane
            )
            m.d.comb += [
                product.en.eq(self.en),
                product.a.eq(words[0].word_select(i, DIGIT)),
                product.b.eq(words[1].word_select(j, DIGIT)),
            ]
            places = register(m, self.en, f"places_{lane}_{n}", DIGIT, up[0][i] + up[1][j])
            value = product.sum << places
            moved.append(register(m, self.en, f"moved_{lane}_{n}", signed(bits), value))
        return moved

    def _places(self, m: Module, name: str, word: Value, moved: Value) -> list[Value]:
        """Return by digit the places by which its products are moved, a cycle too early."""
        result: list[Value] = []
        wait = self.parameters.stages.product - 1
        for i in range(0, DIGITS, MODES[1]):
            digit = word.word_select(i + 1, DIGIT)[:DIGIT_BITS]
            places = wire(m, f"places_{name}_{i}", DIGIT_BITS, digit & moved.replicate(DIGIT_BITS))
            result += [delay(m, self.en, places, wait, name=f"late_{name}_{i}"), Const(0)]
        return result
