"""Buffers between frames and streams of words."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.base.circuit import Circuit
from hw.base.memory import uninitialized_memory

from .ring import Ring

__all__ = ["InputChannel", "OutputChannel"]


class InputChannel(Circuit):
    """Buffer from bytes of frames to words, lowest byte first.

    Bytes are written beyond ``received`` as they arrive, and count when their frame was found good.
    Interval is two cycles a byte, latency that of a word's bytes and two; ``o`` is registered.

    Parameters
    ----------
    width : int
        Bytes of a word.
    buffer : int
        Bytes held, a power of two.

    Members
    -------
    write : In(1), position : In(16), data : In(8)
        A byte and its position.
    commit : In(1)
        The bytes before ``position`` are good.
    received : Out(16)
        Position after the last good byte.
    consumed : Out(log2(buffer) + 1)
        Low bits of the position of the first byte that is kept, or that is the last of the word
        at ``o``: a word counts as accepted after its handshake.
    o : Out(stream.Signature(8 * width))
        Words.
    """

    def __init__(self, *, width: int, buffer: int) -> None:
        self.width = width
        self.buffer = buffer
        super().__init__(
            {
                "write": In(1),
                "position": In(16),
                "data": In(8),
                "commit": In(1),
                "received": Out(16),
                "consumed": Out(exact_log2(buffer) + 1),
                "o": Out(stream.Signature(8 * width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Read the ring, and gather its bytes."""
        m = Module()
        m.submodules.ring = ring = Ring(width=8, depth=self.buffer)
        m.d.comb += [
            ring.write.eq(self.write),
            ring.address.eq(self.position),
            ring.data.eq(self.data),
            ring.filled.eq(self.received),
        ]
        with m.If(self.commit):
            m.d.sync += self.received.eq(self.position)

        word = Signal(8 * self.width, reset_less=True)
        missing = Signal(range(self.width + 1), init=self.width)
        m.d.comb += [
            ring.o.ready.eq(missing != 0),
            self.o.valid.eq(missing == 0),
            self.o.payload.eq(word),
            self.consumed.eq(ring.consumed - (missing == 0)),
        ]
        with m.If(ring.o.ready & ring.o.valid):
            m.d.sync += [word.eq(Cat(word, ring.o.payload)[8:]), missing.eq(missing - 1)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += missing.eq(self.width)
        return m


class OutputChannel(Circuit):
    """Buffer from words to bytes, which are kept until they are released.

    Interval is one cycle a byte while the buffer is not full; ``i.ready`` is high with the last
    byte of a word, from registers. Latency is two cycles from a byte to ``data``.

    Parameters
    ----------
    width, buffer : int
        Bytes of a word, and bytes held, as of `InputChannel`.

    Members
    -------
    i : In(stream.Signature(8 * width))
        Words, lowest byte first.
    produced : Out(16)
        Position after the last byte.
    released : Out(log2(buffer) + 1)
        Low bits of the position of the first byte that is kept.
    release : In(1), position : In(16)
        Bytes before the position, one of those kept or the next, are no longer needed.
    address : In(16), data : Out(8)
        Position of a byte that is kept, and the byte a cycle later.
    """

    def __init__(self, *, width: int, buffer: int) -> None:
        self.width = width
        self.buffer = buffer
        super().__init__(
            {
                "i": In(stream.Signature(8 * width)),
                "produced": Out(16),
                "released": Out(exact_log2(buffer) + 1),
                "release": In(1),
                "position": In(16),
                "address": In(16),
                "data": Out(8),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Write a byte of the word a cycle."""
        m = Module()
        m.submodules.bytes = kept = uninitialized_memory(
            shape=8, depth=self.buffer, no_collision=True
        )
        write, read = kept.write_port(), kept.read_port()
        held = Signal(len(self.released))
        byte = Signal(range(self.width))
        m.d.comb += [
            held.eq(self.produced - self.released),
            write.en.eq(self.i.valid & ~held[-1]),
            write.addr.eq(self.produced),
            self.i.ready.eq(write.en & (byte == self.width - 1)),
            read.en.eq(1),
            read.addr.eq(self.address),
            self.data.eq(read.data),
        ]
        with m.Switch(byte):
            for i in range(self.width):
                with m.Case(i):
                    m.d.comb += write.data.eq(self.i.payload.word_select(i, 8))
        with m.If(self.release):
            m.d.sync += self.released.eq(self.position)
        with m.If(write.en):
            m.d.sync += [self.produced.eq(self.produced + 1), byte.eq(byte + 1)]
        with m.If(self.i.ready):
            m.d.sync += byte.eq(0)
        return m
