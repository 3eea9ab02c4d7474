"""The scale of a tensor, and those of its blocks, see `sw.formats.tensor_scale`."""

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32, FloatFormat, MxFormat
from sw.formats.stages import LANE_LATENCY, SCALE_PRODUCT
from sw.formats.tensor_scale import LEAST, full_scale, inverse_largest

from ..base.circuit import Circuit
from ..base.pipeline import advance, delay, register, wire
from ..float.divider import SerialDivider
from ..float.multiplier import FloatMultiplier
from .float_lane import FloatLane
from .truncated import at_least

__all__ = ["ScaledBlock", "TensorScale", "widened"]

WORD = BINARY32.width - 1
ONE = BINARY32.bias << BINARY32.fraction_bits


def pattern(value: np.float32) -> int:
    """Return the bits of a positive binary32 value."""
    return int(value.view(np.uint32))


def widened(value: Value, source: FloatFormat) -> Value:
    """Return a finite float without its sign as binary32; subnormals become zeros or stay them."""
    point = BINARY32.fraction_bits - source.fraction_bits
    field = value[source.fraction_bits :]
    if source.exponent_bits < BINARY32.exponent_bits:
        field = Mux(field == 0, 0, field + (BINARY32.bias - source.bias))
    return Cat(Const(0, point), value[: source.fraction_bits], field)[:WORD]


class ScaledBlock(data.StructLayout):
    """What elements of a block share under a scale a tensor.

    ``code`` is the scale's code, ``factor`` what elements are multiplied by, a binary32 value
    without its sign; ``degenerate`` and ``nan`` as of `BlockExponent`.
    """

    def __init__(self, format: MxFormat, source: FloatFormat) -> None:
        self.key_bits = source.width - 1
        super().__init__({"code": format.scale.bits, "factor": WORD, "degenerate": 1, "nan": 1})

    def reaches(self, value: Value) -> Value:
        """Return nothing: keys are whole magnitudes."""
        return Const(0, 0)

    def key(self, element: Any, reaches: Value) -> Value:
        """Return the number of a float of which the largest decides on the block's scale."""
        return element.value[:-1]


class TensorScale(Circuit):
    """The scales of blocks, given the largest magnitude of the tensor and theirs.

    A block's is there `latency` enabled cycles after ``top``, interval one. After reset and from
    when ``amax`` changes on, which it may with no block inside only, it takes `cycles` cycles, in
    which ``busy`` is high and ``en`` must be, to find the tensor's scale and the factors of the
    significands of a code: by a divider that makes a bit a cycle and the multiplier of blocks.

    Parameters
    ----------
    format : MxFormat
        Format of the blocks.
    source : FloatFormat
        Format of their elements before.

    Members
    -------
    en : In(1)
        Clock enable of the blocks' registers.
    amax : In(32)
        Largest magnitude of the tensor, a finite binary32 value; its sign has no meaning.
    busy : Out(1)
        The tensor's scale is not known yet.
    top : In(source.width - 1)
        Largest magnitude of a block, a value of ``source`` without its sign.
    block : Out(ScaledBlock)
        The block's scale, from registers.
    """

    def __init__(self, *, format: MxFormat, source: FloatFormat) -> None:
        self.format = format
        self.source = source
        self.codes = FloatLane(
            format=MxFormat(element=format.scale.element, scale=format.scale), source=BINARY32
        )
        members = {
            "en": In(1),
            "amax": In(BINARY32.width),
            "busy": Out(1),
            "top": In(source.width - 1),
            "block": Out(ScaledBlock(format, source)),
        }
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the multiplier, around it the tensor's scale and the blocks'."""
        m = Module()
        m.submodules.multiplier = multiplier = FloatMultiplier(format=BINARY32, target="generic")
        m.submodules.factors = factors = memory.Memory(shape=WORD, depth=8, init=[])
        works = Signal()
        a, b = Signal(WORD), Signal(WORD)
        m.d.comb += [multiplier.en.eq(self.en), multiplier.a.eq(a), multiplier.b.eq(b)]
        scale = self._find(m, works, a, b, multiplier.o[:-1], factors.write_port())
        with m.If(~works):
            m.d.comb += [a.eq(widened(self.top, self.source)), b.eq(scale)]
        self._scale_blocks(m, multiplier.o, factors.read_port(domain="comb"))
        return m

    def _counted(self) -> Value:
        """Return the tensor's largest magnitude as it counts, unless it is zero."""
        least = pattern(full_scale(self.format) * LEAST)
        magnitude = self.amax[:-1]
        return Mux(at_least(magnitude, least), magnitude, least)

    def _find(
        self, m: Module, works: Signal, a: Signal, b: Signal, product: Value, write: Any
    ) -> Signal:
        """Find the tensor's scale and the factors, by quotients and their products in turn.

        Quotients are the scale, its reciprocal and the factors; products what block maxima are
        multiplied by, and the divisors of factors.
        """
        m.submodules.divider = divider = SerialDivider(format=BINARY32)
        used = Signal(BINARY32.width)
        known = Signal()
        step = Signal(range(10))
        kept, divisor, scale = (
            Signal(WORD, name=n, reset_less=True) for n in ("kept", "divisor", "scale")
        )
        first = step == 0
        zero = used[BINARY32.fraction_bits : -1] == 0
        m.d.comb += [
            divider.a.eq(Mux(first, pattern(full_scale(self.format)), ONE)),
            divider.b.eq(divisor),
            write.addr.eq(step - 2),
            write.data.eq(divider.o),
        ]
        stale = wire(m, "stale", 1, ~known | (used != self.amax))
        ends = Signal(range(SCALE_PRODUCT + 1), name="cycle")
        with m.FSM():
            with m.State("KNOWN"):
                m.d.comb += self.busy.eq(stale)
                with m.If(stale):
                    m.d.sync += [known.eq(1), used.eq(self.amax), step.eq(0)]
                    m.d.sync += divisor.eq(self._counted())
                    m.next = "START"
            with m.State("START"):
                m.d.comb += [self.busy.eq(1), divider.start.eq(1)]
                m.next = "DIVIDE"
            with m.State("DIVIDE"):
                m.d.comb += self.busy.eq(1)
                with m.If(divider.done):
                    m.next = "MULTIPLY"
                    with m.If(step < 2):
                        m.d.sync += kept.eq(Mux(first & zero, ONE, divider.o))
                    with m.Else():
                        m.d.comb += write.en.eq(1)
                    with m.If(step == 9):
                        m.next = "KNOWN"
            with m.State("MULTIPLY"):
                m.d.comb += [self.busy.eq(1), works.eq(1), a.eq(kept)]
                m.d.comb += b.eq(Mux(first, pattern(inverse_largest(self.format)), ONE | (step - 1) << 20))
                with m.If(advance(m, 1, ends, SCALE_PRODUCT + 1)):
                    m.d.sync += [step.eq(step + 1), divisor.eq(Mux(first, kept, product))]
                    m.next = "START"
                    with m.If(first):
                        m.d.sync += scale.eq(product)
        return scale

    def _scale_blocks(self, m: Module, product: Value, read: Any) -> None:
        """Round a block's product to its code, and look up the factor of that."""
        m.submodules.codes = codes = self.codes
        point = self.source.fraction_bits
        zero, nan = self.top[point:] == 0, self.top[point:].all()
        late = delay(m, self.en, Cat(zero | nan, nan), SCALE_PRODUCT, name="kind")
        m.d.comb += [
            codes.en.eq(self.en),
            codes.element.eq(codes.truncated.of(product)),
            codes.block.nan.eq(late[1]),
        ]
        late = delay(m, self.en, late, LANE_LATENCY, name="kind_late")
        block = Cat(codes.mantissa, self._factor(m, codes.mantissa, read), late)
        m.d.comb += self.block.eq(register(m, self.en, "block_o", len(block), block))

    def _factor(self, m: Module, code: Value, read: Any) -> Value:
        """Return what elements are multiplied by under a code.

        Factors of codes whose significands are powers of two of each other differ in the exponent
        alone. That of 0 is the largest number, that of NaN has no meaning.
        """
        element, point = self.format.scale.element, BINARY32.fraction_bits
        places = element.fraction_bits
        field = code[places:-1]
        binades = wire(m, "binades", signed(element.exponent_bits + 1), element.bias - field)
        m.d.comb += read.addr.eq(code[:places])
        with m.If(field == 0):
            with m.Switch(code[:places]):
                for n in range(1, 1 << places):
                    with m.Case(n):
                        lead = places + 1 - n.bit_length()
                        m.d.comb += read.addr.eq(n << lead)
                        m.d.comb += binades.eq(element.bias - 1 + lead)
        exponent = read.data[point:] + binades
        exponent = Mux(exponent < 0, 0, exponent[: BINARY32.exponent_bits])
        factor = Cat(read.data[:point], exponent)
        largest = BINARY32.exponent_ones << point
        return Mux(code == 0, largest - 1, factor)
