"""What the memory port's beats become: words of the scratchpad, and instructions; and back."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Member, Out

from sw.accelerator.instructions import BITS
from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters

from ..base.circuit import Circuit
from ..base.field import Field
from ..base.pipeline import delay, wire
from ..stream.downsizer import Downsizer
from ..stream.gather import Gather
from ..stream.packet import Packet
from .dma_control import position_bits
from .ports import PC_BITS, READ_LATENCY, read_signature, write_signature
from .reader import WordFifo

__all__ = ["DmaFetch", "DmaLoad", "DmaStore"]


def _words_members(p: AcceleratorParameters) -> dict[str, Member]:
    """Return the members of what walks over consecutive words of a bank."""
    return {
        "start": In(1),
        "first": In(position_bits(p)),
        "bank": In(write_signature(p).members["bank"].shape),
        "en": In(1),
    }


class DmaLoad(Circuit):
    """Beats written to the lanes of consecutive words of a bank.

    Latency is a cycle from a beat to ``write``, which comes from registers; interval one cycle.

    Members
    -------
    start : In(1)
        The next beat is the first one of the word ``first``; none comes in that cycle.
    first, bank : In
        Address of the first word; the bank, which stays.
    en : In(1), beat : In(port_bits)
        A beat to write.
    write : Out(write_signature)
        Port of the scratchpad; ``side`` is left as it was.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = p = parameters
        own = {"beat": In(p.port_bits), "write": Out(write_signature(p))}
        super().__init__(_words_members(p) | own)

    def elaborate(self, platform: Any) -> Module:
        """Count beats and words."""
        m = Module()
        p = self.parameters
        parts = p.word_bits // p.port_bits
        lanes = p.port_bits // VALUE_BITS
        part = Signal(range(parts))
        word = Signal.like(self.write.address)
        beat = Signal(p.port_bits)
        m.d.comb += [self.write.bank.eq(self.bank), self.write.data.eq(beat.replicate(parts))]
        m.d.sync += self.write.en.eq(self.en)
        with m.If(self.start):
            m.d.sync += [part.eq(0), word.eq(self.first)]
        with m.If(self.en):
            m.d.sync += [
                beat.eq(self.beat),
                self.write.address.eq(word),
                self.write.lanes.eq(Cat((part == n).replicate(lanes) for n in range(parts))),
                part.eq(part + 1),
                word.eq(word + (part == parts - 1)),
            ]
        return m


class DmaStore(Circuit):
    """Consecutive words of a bank as beats, the lowest lanes first.

    Latency is four cycles from ``end`` to a beat, interval one cycle a beat. ``read`` comes from
    registers.

    Members
    -------
    start : In(1)
        The next word is ``first``; ``en`` is 0.
    first, bank : In
        Address of the first word; the bank, which stays.
    en : In(1)
        Words are read.
    end : In
        Address of the word before which to stop; at start it is ``first``.
    read : Out(read_signature)
        Port of the scratchpad.
    o : Out(stream.Signature(port_bits))
        The beats.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {
                **_words_members(p),
                "end": In(position_bits(p)),
                "read": Out(read_signature(p)),
                "o": Out(stream.Signature(p.port_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Read while the FIFO has a place for each word that is read."""
        m = Module()
        p = self.parameters
        m.submodules.fifo = fifo = WordFifo(shape=p.word_bits, depth=8)
        word = Signal(position_bits(p))
        held = Signal(range(fifo.DEPTH + 1))
        pop = Signal()
        take = wire(m, "take", 1, self.en & (word != self.end) & (held != fifo.DEPTH))
        m.d.comb += [
            self.read.bank.eq(self.bank),
            fifo.push.eq(delay(m, 1, take, 1 + READ_LATENCY, name="read", reset=True)),
            fifo.word.eq(self.read.data),
            pop.eq(fifo.o.valid & fifo.o.ready),
        ]
        m.d.sync += [
            self.read.en.eq(take),
            self.read.address.eq(word),
            held.eq(held + take - pop),
            word.eq(Mux(self.start, self.first, word + take)),
        ]
        _resize(m, fifo.o, self.o)
        return m


class DmaFetch(Circuit):
    """Beats as instructions, of which the last beat may have too many.

    Latency is at most two cycles, interval one beat or one instruction a cycle. ``o`` depends on
    ``i`` where a beat is an instruction or more.

    Members
    -------
    start : In(1), count : In
        So many instructions come now.
    busy : Out(1)
        Not all have left.
    i : In(stream.Signature(port_bits))
        The beats.
    o : Out(stream.Signature(BITS))
        The instructions.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {
                "start": In(1),
                "count": In(PC_BITS),
                "busy": Out(1),
                "i": In(stream.Signature(p.port_bits)),
                "o": Out(stream.Signature(BITS)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Count instructions; what comes after the last one is dropped."""
        m = Module()
        left = Signal.like(self.count)
        whole = stream.Signature(BITS).create(path=("whole",))
        _resize(m, self.i, whole)
        m.d.comb += [
            self.busy.eq(left != 0),
            self.o.payload.eq(whole.payload),
            self.o.valid.eq(whole.valid & self.busy),
            whole.ready.eq(self.o.ready | ~self.busy),
        ]
        with m.If(self.start):
            m.d.sync += left.eq(self.count)
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += left.eq(left - 1)
        return m


def _resize(m: Module, source: Any, sink: Any) -> None:
    """Connect streams of words of two widths, the lowest bits first."""
    given, wanted = len(source.payload), len(sink.payload)
    if given == wanted:
        m.d.comb += [
            sink.payload.eq(source.payload),
            sink.valid.eq(source.valid),
            source.ready.eq(sink.ready),
        ]
        return
    part = Packet(Field(name="part", bits=min(given, wanted), description="part of a word"))
    kind = Downsizer if given > wanted else Gather
    m.submodules.resize = middle = kind(packet=part, count=max(given, wanted) // min(given, wanted))
    m.d.comb += [
        middle.i.payload.data.eq(source.payload),
        middle.i.valid.eq(source.valid),
        source.ready.eq(middle.i.ready),
        sink.payload.eq(middle.o.payload.data),
        sink.valid.eq(middle.o.valid),
        middle.o.ready.eq(sink.ready),
    ]
