"""The largest magnitude of a tensor, by which tensors are scaled."""

from typing import Any

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import AcceleratorParameters
from sw.formats.tensor_amax import TensorAmaxParameters

from ..base.circuit import Circuit
from ..base.pipeline import wire
from ..formats.tensor_amax import TensorAmaxUnit
from .front import outside
from .ports import PLACE, write_signature
from .reader import counted

__all__ = ["AmaxFinder"]


class AmaxFinder(Circuit):
    """Finds the largest finite magnitude of words, keeps it, and writes it to an element.

    Latency is `latency` cycles from the last word to the write, interval a word a cycle; ``amax``,
    ``port`` and ``done`` come from registers.

    Members
    -------
    start : In(1)
        Starts with what the following four have, which stays until ``done``.
    base, bank : In
        Address of the element.
    inner : In(16), outer : In(24)
        Words are ``inner * outer``, both at least 1.
    halt : In(1)
        Nothing is written any more.
    i : In(stream.Signature(word_bits))
        Words, which are taken from a start to the last one.
    amax : Out(32)
        The magnitude, binary32; 0 after reset.
    port : Out(write_signature(...))
        Of the scratchpad.
    bad : Out(1)
        The element is not in its bank; it is not written.
    done : Out(1)
        The element is written in this cycle.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = p = parameters
        self.unit = TensorAmaxUnit(parameters=TensorAmaxParameters(lanes=p.values))
        super().__init__(
            {
                "start": In(1),
                **PLACE,
                "inner": In(16),
                "outer": In(24),
                "halt": In(1),
                "i": In(stream.Signature(p.word_bits)),
                "amax": Out(32),
                "port": Out(write_signature(p)),
                "bad": Out(1),
                "done": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the last word to the write."""
        return self.unit.parameters.timing.latency + 1

    def elaborate(self, platform: Any) -> Module:
        """Count the words, and keep what is found of them."""
        m = Module()
        p = self.parameters
        m.submodules.unit = unit = self.unit
        active = Signal()
        take = wire(m, "take", 1, self.i.valid & self.i.ready)
        _, last = counted(m, self.start, take, self.inner, self.outer)
        with m.If(self.start):
            m.d.sync += active.eq(1)
        with m.Elif(take & last):
            m.d.sync += active.eq(0)
        m.d.comb += [
            unit.i.valid.eq(self.i.valid & active),
            unit.i.payload.data.value.as_value().eq(self.i.payload),
            unit.i.payload.last.eq(last),
            self.i.ready.eq(unit.i.ready & active),
            unit.o.ready.eq(1),
        ]
        lane_bits = (p.values - 1).bit_length()
        lane, word = self.base[:lane_bits], self.base[lane_bits:].as_signed()
        found = unit.o.payload.data.amax
        m.d.comb += self.bad.eq(self.start & outside(p, self.bank, word))
        with m.If(unit.o.valid):
            m.d.sync += self.amax.eq(found)
        m.d.sync += [
            self.port.en.eq(unit.o.valid & ~self.halt),
            self.port.bank.eq(self.bank),
            self.port.address.eq(word),
            self.port.data.eq(found.replicate(p.values)),
            self.port.lanes.eq(Const(1) << lane),
            self.done.eq(unit.o.valid),
        ]
        return m
