"""A weight made of its number."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib.wiring import In, Out

from sw.sparse.regenerate import RegeneratorParameters

from ..circuit import Circuit
from ..float.from_integer import FromInteger
from ..pipeline import register
from .cipher import IndexCipher
from .product import SignedProduct

__all__ = ["EXPONENT_BITS", "WeightLane"]

EXPONENT_BITS = 9


class WeightLane(Circuit):
    """Weights of successive numbers, as `sw.sparse.regenerate.regenerate` makes them.

    A weight a cycle. ``seed`` and ``significand`` are held while weights are under way.

    Parameters
    ----------
    parameters : RegeneratorParameters
        Of the unit.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    index : In(32)
        Number.
    seed : In(32)
        Of all weights.
    significand : In(24)
        Of the decay.
    exponent : In(signed(9))
        By whose power of two the product of a sum and the significand is multiplied; `late` cycles
        after ``index``.
    nan : In(1)
        Whether the weight is a NaN; with ``exponent``.
    o : Out(32)
        Weight, `latency` enabled cycles later, from registers.
    """

    en: Signal
    index: Signal
    seed: Signal
    significand: Signal
    exponent: Signal
    nan: Signal
    o: Signal

    def __init__(self, *, parameters: RegeneratorParameters) -> None:
        self.parameters = p = parameters
        self.cipher = IndexCipher(rounds=p.rounds)
        self.product = SignedProduct(width=p.sum_bits - p.even, held=24)
        self.convert = FromInteger(
            width=p.sum_bits - p.even + 24, exponent_bits=EXPONENT_BITS, apart=True
        )
        super().__init__(
            {
                "en": In(1),
                "index": In(32),
                "seed": In(32),
                "significand": In(24),
                "exponent": In(signed(EXPONENT_BITS)),
                "nan": In(1),
                "o": Out(32),
            }
        )

    @property
    def late(self) -> int:
        """Enabled cycles from number to exponent."""
        return self.cipher.latency + 1 + self.product.latency

    @property
    def latency(self) -> int:
        """Enabled cycles from number to weight."""
        return self.late + self.convert.latency

    def elaborate(self, platform: Any) -> Module:
        """Encipher, add the words, multiply, round."""
        m = Module()
        p = self.parameters
        m.submodules.cipher = cipher = self.cipher
        m.submodules.product = product = self.product
        m.submodules.convert = convert = self.convert
        words = [cipher.o.word_select(n, p.bits).as_signed() for n in range(p.words)]
        # The sum of the odd numbers; of an even number of them, its half.
        total = sum(words[1:], words[0]) + p.words // 2
        total = total if p.even else Cat(1, total).as_signed()
        m.d.comb += [
            cipher.en.eq(self.en),
            cipher.i.eq(self.index),
            cipher.seed.eq(self.seed),
            product.en.eq(self.en),
            product.a.eq(register(m, self.en, "total", signed(p.sum_bits - p.even), total)),
            product.b.eq(self.significand),
            convert.en.eq(self.en),
            convert.mantissa.eq(product.o),
            convert.exponent.eq(self.exponent),
            convert.nan.eq(self.nan),
            self.o.eq(convert.o),
        ]
        return m
