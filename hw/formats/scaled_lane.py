"""The lane of the quantizer under a scale a tensor, and which lane a format has."""

from typing import Any

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import data
from amaranth.lib.wiring import In

from sw.formats import BINARY32, BlockFormat, FloatFormat, MxFormat
from sw.formats.element import FloatElement
from sw.formats.stages import lane_latency

from ..base.circuit import Circuit
from ..base.pipeline import delay
from ..float.multiplier import FloatMultiplier
from .float_lane import FloatLane
from .lane import Lane, QuantizerLane
from .tensor_scale import ScaledBlock, widened

__all__ = ["ScaledLane", "WholeFloat", "lane_of"]


class WholeFloat(data.StructLayout):
    """A float of which every bit can matter."""

    def __init__(self, source: FloatFormat) -> None:
        super().__init__({"value": source.width})

    def of(self, value: Value) -> Value:
        """Return what is left of a float: all."""
        return value


class ScaledLane(Circuit):
    """Multiplier by a block's factor, and a `QuantizerLane` behind it.

    Latency is `latency` enabled cycles, interval one.

    Parameters
    ----------
    format : MxFormat
        Format of the block, with a scale a tensor.
    source : FloatFormat
        Format of the element.

    Members
    -------
    element : In(WholeFloat)
        The element.
    block : In(ScaledBlock)
        Its block.
    en, random, mantissa, zero_set
        As of `QuantizerLane`; ``random`` is due one enabled cycle before the code.
    """

    def __init__(self, *, format: MxFormat, source: FloatFormat) -> None:
        self.source = source
        self.latency = lane_latency(format, source)
        self.truncated = WholeFloat(source)
        self.exponent = ScaledBlock(format, source)
        self.inner = _element_lane(format, BINARY32)
        members = dict(self.inner.signature.members)
        members |= {"element": In(self.truncated), "block": In(self.exponent)}
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Multiply; then align and round."""
        m = Module()
        narrow = None if self.source == BINARY32 else self.source.fraction_bits
        m.submodules.multiplier = multiplier = FloatMultiplier(
            format=BINARY32, target="generic", b_fraction_bits=narrow
        )
        m.submodules.inner = inner = self.inner
        value = self.element.value
        kind = Cat(self.block.degenerate, self.block.nan)
        m.d.comb += [
            multiplier.en.eq(self.en),
            multiplier.a.eq(self.block.factor),
            multiplier.b.eq(Cat(widened(value[:-1], self.source), value[-1])),
            inner.en.eq(self.en),
            inner.element.eq(inner.truncated.of(multiplier.o)),
            inner.block.eq(delay(m, self.en, kind, multiplier.latency, name="kind")),
            self.mantissa.eq(inner.mantissa),
            self.zero_set.eq(inner.zero_set),
        ]
        if "random" in inner.signature.members:
            m.d.comb += inner.random.eq(self.random)
        return m


def lane_of(format: BlockFormat, source: FloatFormat) -> QuantizerLane | ScaledLane:
    """Return a lane of a format, which its element and scale choose."""
    if isinstance(format, MxFormat) and format.has_tensor_scale:
        return ScaledLane(format=format, source=source)
    return _element_lane(format, source)


def _element_lane(format: BlockFormat, source: FloatFormat) -> QuantizerLane:
    """Return the lane that makes a format's elements."""
    kind = FloatLane if isinstance(format.element, FloatElement) else Lane
    return kind(format=format, source=source)
