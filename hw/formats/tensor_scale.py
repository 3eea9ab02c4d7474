"""The scale of a tensor, and those of its blocks, see `sw.formats.tensor_scale`."""

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32, FloatFormat, MxFormat
from sw.formats.scale import FloatScale
from sw.formats.stages import LANE_LATENCY, SCALE_PRODUCT
from sw.formats.tensor_scale import LEAST, full_scale, inverse_largest

from ..base.circuit import Circuit
from ..base.pipeline import advance, delay, register, wire
from ..float.divider import SerialDivider
from ..float.multiplier import FloatMultiplier
from .float_lane import FloatLane
from .truncated import at_least

__all__ = ["ScaledBlock", "TensorScale", "counted", "pattern", "widened"]

WORD = BINARY32.width - 1
ONE = BINARY32.bias << BINARY32.fraction_bits
STEPS = 10


def pattern(value: np.float32) -> int:
    """Return the bits of a positive binary32 value."""
    return int(value.view(np.uint32))


def counted(format: MxFormat, amax: Value) -> Value:
    """Return the largest magnitude of a tensor as it counts, unless it is zero."""
    least = pattern(full_scale(format) * LEAST)
    return Mux(at_least(amax[:-1], least), amax[:-1], least)


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
        self.block_format = format
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
        scale = format.scale
        assert isinstance(scale, FloatScale)
        self.element = scale.element
        codes = MxFormat(element=self.element, scale=scale)
        self.codes = FloatLane(format=codes, source=BINARY32)
        members = {
            "en": In(1),
            "amax": In(BINARY32.width),
            "busy": Out(1),
            "top": In(source.width - 1),
            "block": Out(ScaledBlock(format, source)),
        }
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the multiplier, around it what finds the tensor's scale and the blocks'."""
        m = Module()
        m.submodules.multiplier = multiplier = FloatMultiplier(format=BINARY32, target="generic")
        m.submodules.divider = divider = SerialDivider(format=BINARY32)
        m.submodules.factors = factors = memory.Memory(shape=WORD, depth=8, init=[])
        write = factors.write_port()
        step = Signal(range(STEPS))
        first = step == 0
        used = Signal(BINARY32.width)
        multiplies, multiplied = self._sequence(m, step, used, divider)

        # Quotients are the scale, its reciprocal, the factors; products are what block maxima are
        # multiplied by, and the divisors of the factors.
        product = multiplier.o[:-1]
        quotient = Mux(first & (used[BINARY32.fraction_bits : -1] == 0), ONE, divider.o)
        kept = register(m, divider.done & (step < 2), "kept", WORD, quotient)
        scale = register(m, multiplied & first, "scale", WORD, product)
        divisor = register(m, multiplied, "divisor", WORD, Mux(first, kept, product))
        significand = ONE | (step - 1)[:3] << (BINARY32.fraction_bits - 3)
        constant = Mux(first, pattern(inverse_largest(self.format)), significand)
        m.d.comb += [
            divider.a.eq(Mux(first, pattern(full_scale(self.format)), ONE)),
            divider.b.eq(Mux(first, counted(self.format, used), divisor)),
            write.en.eq(divider.done & (step >= 2)),
            write.addr.eq(step - 2),
            write.data.eq(divider.o),
            multiplier.en.eq(self.en),
            multiplier.a.eq(Mux(multiplies, kept, widened(self.top, self.source))),
            multiplier.b.eq(Mux(multiplies, constant, scale)),
        ]
        self._scale_blocks(m, multiplier.o, factors.read_port(domain="comb"))
        return m

    def _sequence(
        self, m: Module, step: Signal, used: Signal, divider: SerialDivider
    ) -> tuple[Value, Value]:
        """Step through quotients and products whenever ``used`` is not the register any more.

        Return whether the multiplier is at work for that, and whether its product is there.
        """
        known = Signal()
        multiplied = Signal()
        cycle = Signal(range(SCALE_PRODUCT + 1))
        stale = wire(m, "stale", 1, ~known | (used != self.amax))
        with m.FSM() as machine:
            with m.State("KNOWN"), m.If(stale):
                m.d.sync += [known.eq(1), used.eq(self.amax), step.eq(0)]
                m.next = "START"
            with m.State("START"):
                m.next = "DIVIDE"
            with m.State("DIVIDE"), m.If(divider.done):
                m.next = "KNOWN"
                with m.If(step != STEPS - 1):
                    m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                m.d.comb += multiplied.eq(advance(m, 1, cycle, SCALE_PRODUCT + 1))
                with m.If(multiplied):
                    m.d.sync += step.eq(step + 1)
                    m.next = "START"
        m.d.comb += [
            divider.start.eq(machine.ongoing("START")),
            self.busy.eq(stale | ~machine.ongoing("KNOWN")),
        ]
        return machine.ongoing("MULTIPLY"), multiplied

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
        element, point = self.element, BINARY32.fraction_bits
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
