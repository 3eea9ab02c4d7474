"""Bursts of an AXI4 master: runs of beats cut into what one address stands for."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit

__all__ = ["Bursts", "longest_burst", "request_signature"]

BOUNDARY = 4096
"""Bytes, aligned, beyond which no burst goes."""


class Bursts(Circuit):
    """Requests cut into the addresses of INCR bursts, each of which ends at a multiple of ``most``.

    Where ``most`` beats are a part of 4 KiB, none crosses a boundary of these. Bursts of a request
    are in order of their addresses, and those of requests in the order of these; ``2**beats_bits``
    beats are asked for by 0. Latency is two cycles from a request to its first burst, interval one
    cycle a burst, also from one request to the next. ``o`` and ``begun`` come from registers,
    ``idle`` depends on registers, ``request.ready`` also on ``o.ready``.

    Parameters
    ----------
    data_bits, address_bits, beats_bits : int
        Of a beat, of the address of a byte, and of a number of beats.
    most : int
        Beats of the longest burst, a power of two, at most 256.
    outstanding : int
        Bursts that have been offered and have not ended, at most.

    Members
    -------
    request : In(request_signature)
        Where to begin, and how many beats; bits of the address within a beat are of no account.
    o : Out(stream)
        Address of a burst, and the beats ``more`` than one.
    begun : Out(1)
        A burst is offered for the first time.
    ended : In(1)
        The oldest burst has ended.
    stop : In(1)
        From the next cycle on no burst begins and no request is taken; the present one is dropped.
    idle : Out(1)
        Nothing is left of any request, and no burst is under way.
    """

    def __init__(
        self, *, data_bits: int, address_bits: int, beats_bits: int, most: int, outstanding: int
    ) -> None:
        self.low = (data_bits // 8).bit_length() - 1
        self.address_bits = address_bits
        self.beats_bits = beats_bits
        self.most = most
        self.outstanding = outstanding
        super().__init__(
            {
                "request": In(request_signature(address_bits, beats_bits)),
                "o": Out(stream.Signature(data.StructLayout({"address": address_bits, "more": 8}))),
                "begun": Out(1),
                "ended": In(1),
                "stop": In(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Keep the rest of a request, in beats."""
        m = Module()
        active = Signal()
        beat = Signal(self.address_bits - self.low)
        # Beats but one of the request's rest, and up to the next multiple.
        rest = Signal(self.beats_bits)
        room = Signal(8)
        last = Signal()
        begin = Signal()
        under_way = Signal(range(self.outstanding + 1))
        following = (rest - room - 1)[: self.beats_bits]
        m.d.comb += [
            room.eq(~beat & (self.most - 1)),
            begin.eq(
                active
                & ~self.stop
                & (under_way != self.outstanding)
                & (~self.o.valid | self.o.ready)
            ),
            self.request.ready.eq(~self.stop & (~active | (begin & last))),
            self.idle.eq(~active & (under_way == 0)),
        ]
        m.d.sync += [
            self.begun.eq(begin),
            under_way.eq(under_way + begin - self.ended),
        ]
        with m.If(begin):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.address.eq(beat << self.low),
                self.o.payload.more.eq(Mux(last, rest, room)),
                beat.eq((beat | (self.most - 1)) + 1),
                rest.eq(following),
                last.eq(following < self.most),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        first, beats = self.request.payload.address >> self.low, self.request.payload.beats
        with m.If(self.request.valid & self.request.ready):
            m.d.sync += [
                active.eq(1),
                beat.eq(first),
                rest.eq(beats - 1),
                last.eq((beats - 1)[: self.beats_bits] <= (~first & (self.most - 1))),
            ]
        with m.Elif(self.stop | (begin & last)):
            m.d.sync += active.eq(0)
        return m


def longest_burst(data_bits: int, burst: int) -> int:
    """Return the beats of a burst of at most ``burst`` that lies within 4 KiB."""
    return min(burst, 8 * BOUNDARY // data_bits)


def request_signature(address_bits: int, beats_bits: int) -> stream.Signature:
    """Return the signature of a stream of requests."""
    return stream.Signature(data.StructLayout({"address": address_bits, "beats": beats_bits}))
