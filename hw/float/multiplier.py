"""The floating-point multiplier."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Module, Value

from sw.formats import FloatFormat
from sw.stages import float_product

from ..base.pipeline import delay, register
from .classify import classify_product
from .operator import FloatOperator
from .product import SignificandProduct
from .round import in_range, round_product

__all__ = ["FloatMultiplier"]


class FloatMultiplier(FloatOperator):
    """Multiplier of floating-point values, without DSP blocks.

    ``o = a * b``, rounded to nearest even as if exponents were unbounded. Then what is below the
    normal numbers becomes a zero of the same sign and what is beyond them an infinity. Subnormal
    operands are zeros of the same sign; a NaN operand, or a zero times an infinity, gives the
    positive quiet NaN with an empty payload. Latency is that of `SignificandProduct` and 3;
    interval is one cycle. Members are those of `FloatOperator`.

    Parameters
    ----------
    format : FloatFormat
        Format of operands and product.
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``.
    b_fraction_bits : int or None
        As of `SignificandProduct`: upper bits of the fraction of ``b`` that may be set.
    """

    def __init__(
        self, *, format: FloatFormat, target: str, b_fraction_bits: int | None = None
    ) -> None:
        self.target = target
        self._product = SignificandProduct(
            fraction_bits=format.fraction_bits, target=target, b_fraction_bits=b_fraction_bits
        )
        super().__init__(format=format)

    @property
    def latency(self) -> int:
        """Enabled cycles from operands to product."""
        return float_product(self._product.b_fraction_bits, self.target)

    def elaborate(self, platform: Any) -> Module:
        """Multiply the significands and, beside that, add the exponents; round; limit the range."""
        m = Module()
        reg = partial(register, m, self.en)
        point, bits = self.format.fraction_bits, self.format.exponent_bits
        m.submodules.product = product = self._product
        m.d.comb += [
            product.en.eq(self.en),
            product.a.eq(self.a[:point]),
            product.b.eq(self.b[:point]),
        ]
        kind = classify_product(m, self.a, self.b, self.format)
        facts = Cat(self._exponent(), self.a[-1] ^ self.b[-1], kind.nan, kind.special, kind.zero)
        facts = delay(m, self.en, facts, product.latency + 1, name="facts")
        exponent, facts = facts[: bits + 2], facts[bits + 2 :]

        rest = reg("rest", 1, product.o[: point - 1].any())
        kept = reg("kept", point + 3, product.o[point - 1 :])
        packed = reg("packed", point + bits + 2, round_product(kept, rest, exponent))
        names = "negative", "nan", "special", "zero"
        late = {n: reg(f"{n}_late", 1, fact) for n, fact in zip(names, facts, strict=True)}
        result = in_range(self.format, packed, **late)
        m.d.comb += self.o.eq(reg("o_", self.format.width, result))
        return m

    def _exponent(self) -> Value:
        """Return the sum of the exponents less the bias.

        The bias, all ones but for the top bit, is taken off as a carry and that top bit inverted.
        """
        point, bits = self.format.fraction_bits, self.format.exponent_bits
        a, b = self.a[point:-1], self.b[point:-1]
        high = Cat(b[:-1], ~b[-1], ~b[-1])
        return (Cat(1, a) + Cat(1, high).as_signed())[1:][: bits + 2]
