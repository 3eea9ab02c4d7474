"""Sums of digit products put together at once, without the array's accumulators between."""

import dataclasses
from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit
from hw.base.field import Field
from hw.base.pipeline import delay
from hw.bfp.multimode.composer import Composer
from hw.bfp.multimode.pe import DigitProducts
from hw.stream.packet import Packet
from sw.bfp.multimode_array import DIGIT_BITS, DIGITS, MultimodeParameters
from sw.parameters import Parameters
from sw.timing import Timing

from ..piped import Piped


class OneBeat(MultimodeParameters):
    """Blocks of a single beat, so that the composer is as wide as the products, no wider."""

    @property
    def total_bits(self) -> tuple[int, ...]:
        return (self.digits.product_sum_bits,) * DIGITS**2

    @property
    def sum_bits(self) -> int:
        return 2 * DIGITS * DIGIT_BITS + (self.lanes - 1).bit_length() + 1


class ComposedProducts(Circuit):
    """Sum over ``lanes`` of the products that ``mask`` chooses, a sum a cycle."""

    def __init__(self, *, lanes: int, target: str = "generic") -> None:
        self.lanes = lanes
        self.parameters = p = OneBeat(rows=1, columns=1, lanes=lanes, target=target)
        self.products = DigitProducts(parameters=p.digits)
        self.composer = Composer(parameters=p)
        words = len(self.products.a)
        super().__init__(
            {
                "en": In(1),
                "a": In(words),
                "b": In(words),
                "mask": In(DIGITS**2),
                "sum": Out(self.composer.sum.shape()),
            }
        )

    @property
    def latency(self) -> int:
        return self.products.latency + self.composer.latency

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.products = products = self.products
        m.submodules.composer = composer = self.composer
        for n in range(DIGITS**2):
            total = composer.totals.word_select(n, self.parameters.total_bits[n])
            m.d.comb += total.eq(products.sum_of(n))
        m.d.comb += [
            products.en.eq(self.en),
            products.a.eq(self.a),
            products.b.eq(self.b),
            composer.en.eq(self.en),
            composer.row.eq(1),
            composer.mask.eq(delay(m, self.en, self.mask, products.latency, name="mask")),
            self.sum.eq(composer.sum),
        ]
        return m


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComposedParameters(Parameters):
    """Lanes that are summed."""

    lanes: int = 1

    @property
    def timing(self) -> Timing:
        return Timing(latency=ComposedProducts(lanes=self.lanes).latency + 1)


class ComposedUnit(Piped):
    """`ComposedProducts` between streams."""

    def __init__(self, *, parameters: ComposedParameters) -> None:
        self.parameters = parameters
        inner = ComposedProducts(lanes=parameters.lanes)
        factors = (
            Field(name=name, bits=len(getattr(inner, name)), description=name)
            for name in ("a", "b", "mask")
        )
        total = Field(name="sum", bits=64, description="sign-extended")
        super().__init__(inner=inner, inputs=Packet(*factors), output=total)
