"""Sign, exponent and special cases of a product, by themselves in Amaranth's simulator."""

import dataclasses

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from hw.approx.scale import Scale
from hw.base.circuit import Circuit
from hw.base.pipeline import delay
from sim.compare import assert_equal
from sw.approx.product import multiply_bits
from sw.formats import BFLOAT16, BINARY32, FloatFormat
from tests.stimuli import edge_bits
from tests.test_float import simulate

NARROW = FloatFormat(exponent_bits=2, fraction_bits=2)


@dataclasses.dataclass(frozen=True)
class Carries:
    """Carry and fraction of a product: the exclusive or of the fractions and of their last bits."""

    bits: int
    name: str = "carries"

    def codes(self, x, y):
        return ((x ^ y) & 1) << self.bits | (x ^ y)


class Scaled(Circuit):
    """A `Scale` beside `Carries`."""

    def __init__(self, *, format: FloatFormat, bits: int, delay: int) -> None:
        self.format, self.bits, self.delay = format, bits, delay
        self.latency = delay + 1
        word = format.width
        super().__init__({"en": In(1), "a": In(word), "b": In(word), "o": Out(word)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.scale = scale = Scale(format=self.format, bits=self.bits, latency=self.delay)
        point = self.format.fraction_bits
        x, y = (v[point - self.bits : point] for v in (self.a, self.b))
        code = (x ^ y)[: self.bits]
        m.d.comb += [
            scale.en.eq(self.en),
            scale.a.eq(self.a),
            scale.b.eq(self.b),
            scale.code[:-1].eq(delay(m, self.en, code, self.delay, name="fraction")),
            scale.code[-1].eq(delay(m, self.en, code[0], self.delay, name="carry")),
            self.o.eq(scale.o),
        ]
        return m


@pytest.mark.parametrize("format", [BFLOAT16, BINARY32, NARROW], ids=lambda f: str(f.width))
@pytest.mark.parametrize("bits, delay", [(2, 0), (1, 1), (2, 3)])
def test_all_pairs_of_edges(format, bits, delay):
    edges = np.unique(edge_bits(format)) if format is not NARROW else np.arange(32)
    edges = edges.astype(np.uint32)
    x, y = np.repeat(edges, len(edges)), np.tile(edges, len(edges))
    dut = Scaled(format=format, bits=bits, delay=delay)
    found = simulate(dut, {"a": x, "b": y}, enable=0.8)
    expected = multiply_bits(Carries(bits), x, y, format)
    assert_equal(found, expected, context={"inputs": {"x": x, "y": y}})
