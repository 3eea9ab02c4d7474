"""Generator of a weight from its index."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, signed
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32
from sw.sparse.stages import regenerated_exponent, regenerated_weight
from sw.sparse.weight_regenerator import RegeneratorParameters

from ..base.cipher import IndexCipher
from ..base.circuit import Circuit
from ..base.pipeline import delay, register, wire
from ..float.round import in_range, round_product
from .constant_multiplier import ConstantMultiplier
from .significand import Significand

__all__ = ["EXPONENT_BITS", "WeightGenerator"]

EXPONENT_BITS = 10


class WeightGenerator(Circuit):
    """Generator of weights from their indices, as `sw.sparse.weight_regenerator.regenerate`.

    Latency is `latency` enabled cycles, interval one. ``seed``, ``significand`` and ``nan`` are
    constant while weights are in flight. ``o`` is registered.

    Parameters
    ----------
    parameters : RegeneratorParameters
        Of the unit.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    index : In(32)
        Index of the weight.
    seed : In(32)
        Of all weights.
    significand : In(24)
        Of the decay.
    exponent : In(signed(10))
        Exponent field of a weight whose sum has all of its bits and whose product of significands
        is below 2; `late` cycles after ``index``.
    nan : In(1)
        Whether weights are NaN.
    o : Out(32)
        Weight.
    """

    def __init__(self, *, parameters: RegeneratorParameters) -> None:
        self.parameters = p = parameters
        self.cipher = IndexCipher(rounds=p.rounds, bits=32)
        self.normal = Significand(width=p.sum_bits - p.even)
        self.product = ConstantMultiplier(width=p.significand_bits, constant=24)
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
        """Enabled cycles from index to exponent."""
        return regenerated_exponent(self.parameters.rounds)

    @property
    def latency(self) -> int:
        """Enabled cycles from index to weight."""
        return regenerated_weight(self.parameters.rounds, self.parameters.significand_bits)

    def elaborate(self, platform: Any) -> Module:
        """Encipher, add the words, multiply; beside that, add the exponents; round."""
        m = Module()
        p = self.parameters
        reg, net = partial(register, m, self.en), partial(wire, m)
        point = BINARY32.fraction_bits
        m.submodules.cipher = cipher = self.cipher
        m.submodules.normal = normal = self.normal
        m.submodules.product = product = self.product
        words = [cipher.o.word_select(n, p.bits).as_signed() for n in range(p.words)]
        # The sum of the odd numbers; of an even number of them, its half.
        total = sum(words[1:], words[0]) + p.words // 2
        total = total if p.even else Cat(1, total).as_signed()
        m.d.comb += [
            cipher.en.eq(self.en),
            cipher.i.eq(self.index),
            cipher.key.eq(self.seed),
            normal.en.eq(self.en),
            normal.i.eq(reg("total", signed(p.sum_bits - p.even), total)),
            product.en.eq(self.en),
            product.a.eq(normal.o),
            product.b.eq(self.significand),
        ]
        exponent = net("exponent_0", EXPONENT_BITS, self.exponent - normal.places)
        facts = Cat(normal.negative, ~normal.o[-1], exponent)
        facts = delay(m, self.en, facts, product.latency, name="facts")
        negative, zero, exponent = facts[0], facts[1], facts[2:]

        # The product is 1..4, its places beyond one half of the last decide rounding.
        places = len(product.o) - point - 3
        rest = net("rest", 1, product.o[:places].any())
        packed = round_product(product.o[places:], rest, exponent)
        value = in_range(
            BINARY32,
            reg("packed", point + EXPONENT_BITS, packed),
            negative=reg("negative", 1, negative),
            special=self.nan,
            zero=reg("zero", 1, zero),
            nan=Const(1, 1),
        )
        m.d.comb += self.o.eq(reg("o_", BINARY32.width, value))
        return m
