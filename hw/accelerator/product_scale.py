"""What products of two tensors are multiplied by, made of the largest magnitudes of both."""

import bisect
from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters
from sw.formats import BINARY32, MxFormat, binary32
from sw.formats.tensor_scale import full_scale

from ..base.circuit import Circuit
from ..base.pipeline import delay, register, wire
from ..float.classify import classify
from ..float.divider import SerialDivider
from ..float.multiplier import FloatMultiplier
from ..formats.tensor_scale import counted, pattern
from .front import outside
from .ports import READ_LATENCY, read_signature

__all__ = ["ProductScale"]

ONE = 0x3F800000


def least_dividend(full: np.float32) -> int:
    """Return the bits of the least binary32 whose quotient by ``full`` is not flushed to zero."""

    def kept(bits: int) -> bool:
        return bool(binary32.flush(np.uint32(bits).view(np.float32) / full) > 0)

    return bisect.bisect_left(
        range(BINARY32.exponent_ones << BINARY32.fraction_bits), True, key=kept
    )


class ProductScale(Circuit):
    """Factor of products of two tensors: `sw.formats.tensor_scale.product_scale` of two elements.

    Signs of the elements have no meaning; what is infinite counts as that, and a NaN makes a NaN.
    Latency and interval are `latency` cycles from a start to ``done``, which comes from a register,
    as ``alpha`` does.

    Parameters
    ----------
    parameters : AcceleratorParameters
        Of the machine.

    Members
    -------
    start : In(1)
        Starts with what the following four have, which stays until ``done``.
    base_a, bank_a, base_b, bank_b : In
        Addresses of the elements, read one after the other.
    port : Out(read_signature(...))
        Of the scratchpad.
    alpha : Out(32)
        The factor, binary32; 1 after reset.
    bad : Out(1)
        An element is not in its bank; neither is read.
    done : Out(1)
        ``alpha`` is the factor, for one cycle.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = p = parameters
        assert isinstance(p.format, MxFormat)
        self.format = p.format
        self.multiplier = FloatMultiplier(format=BINARY32, target=p.target)
        self.divider = SerialDivider(format=BINARY32)
        super().__init__(
            {
                "start": In(1),
                **{f"base_{name}": In(signed(32)) for name in "ab"},
                **{f"bank_{name}": In(4) for name in "ab"},
                "port": Out(read_signature(p)),
                "alpha": Out(32),
                "bad": Out(1),
                "done": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a start to the factor: two reads, a product, a quotient, registers."""
        return 2 + READ_LATENCY + 1 + self.multiplier.latency + self.divider.latency + 1

    def elaborate(self, platform: Any) -> Module:
        """Read, multiply, divide by a constant."""
        m = Module()
        multiplier, divider = self.multiplier, self.divider
        m.submodules.multiplier, m.submodules.divider = multiplier, divider
        come, a, b = self._read(m)
        product = multiplier.o
        kind = classify(product)
        full = full_scale(self.format) * full_scale(self.format)
        late = 1 + multiplier.latency
        zero = wire(m, "zero", 1, product < least_dividend(full))
        m.d.comb += [
            multiplier.en.eq(1),
            multiplier.a.eq(a),
            multiplier.b.eq(b),
            divider.start.eq(delay(m, 1, come, late, name="multiplied", reset=True)),
            divider.a.eq(product[:-1]),
            divider.b.eq(pattern(full)),
        ]
        alpha = Signal(32, init=ONE)
        with m.If(divider.done):
            m.d.sync += alpha.eq(Mux(kind.special, product, Mux(zero, 0, divider.o)))
        m.d.comb += self.alpha.eq(alpha)
        m.d.sync += self.done.eq(divider.done)
        return m

    def _read(self, m: Module) -> tuple[Value, Signal, Signal]:
        """Return that both magnitudes have come, and these as they count."""
        p = self.parameters
        lane_bits = (p.values - 1).bit_length()
        lane_a, word_a = self.base_a[:lane_bits], self.base_a[lane_bits:].as_signed()
        lane_b, word_b = self.base_b[:lane_bits], self.base_b[lane_bits:].as_signed()
        wrong = outside(p, self.bank_a, word_a) | outside(p, self.bank_b, word_b)
        reads_a = delay(m, 1, self.start & ~wrong, 1, name="reads_a", reset=True)
        reads_b = delay(m, 1, reads_a, 1, name="reads_b", reset=True)
        comes_a = delay(m, 1, reads_a, READ_LATENCY, name="comes_a", reset=True)
        comes_b = delay(m, 1, reads_b, READ_LATENCY, name="comes_b", reset=True)
        values = data.View(data.ArrayLayout(VALUE_BITS, p.values), self.port.data)
        amax = wire(m, "amax", VALUE_BITS, Mux(comes_b, values[lane_b], values[lane_a]))
        size = Mux(classify(amax).zero, 0, counted(self.format, amax))
        m.d.comb += [
            self.bad.eq(self.start & wrong),
            self.port.en.eq(reads_a | reads_b),
            self.port.bank.eq(Mux(reads_b, self.bank_b, self.bank_a)),
            self.port.address.eq(Mux(reads_b, word_b, word_a)),
        ]
        a, b = (
            register(m, comes, f"amax_{name}", VALUE_BITS, size)
            for name, comes in (("a", comes_a), ("b", comes_b))
        )
        return comes_b, a, b
