"""AXI4 masters that read and write runs of beats in bursts."""

import abc
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..stream.buffer import StreamBuffer
from ..stream.skid import SkidBuffer
from .bursts import Bursts, longest_burst, request_signature

__all__ = ["AxiReader", "AxiWriter", "axi_read_members", "axi_write_members"]

INCR = 0b01
CACHE = 0b0011
"""Normal memory, not cacheable, bufferable."""


class _Master(Circuit):
    """What a master that reads and one that writes have in common: requests become bursts.

    Latency is two cycles from a request to the address of its first burst; interval is a burst a
    cycle.

    Members
    -------
    request, stop, idle : In or Out
        As of `AxiReader` and `AxiWriter`.
    """

    def __init__(
        self,
        *,
        data_bits: int,
        address_bits: int = 40,
        beats_bits: int = 32,
        burst: int,
        outstanding: int,
    ) -> None:
        self.data_bits = data_bits
        self.bursts = Bursts(
            data_bits=data_bits,
            address_bits=address_bits,
            beats_bits=beats_bits,
            most=longest_burst(data_bits, burst),
            outstanding=outstanding,
        )
        super().__init__(
            {
                "request": In(request_signature(address_bits, beats_bits)),
                "stop": In(1),
                "idle": Out(1),
                **self._own_members(address_bits),
            }
        )

    @abc.abstractmethod
    def _own_members(self, address_bits: int) -> dict[str, Any]:
        """Return the members that the other one has not."""

    def _connect(self, m: Module, channel: str) -> None:
        """Connect the requests, and the channel of addresses, to the bursts."""
        m.submodules.bursts = bursts = self.bursts
        values = {"id": 0, "addr": bursts.o.payload.address, "len": bursts.o.payload.more}
        values |= {"size": bursts.low, "burst": INCR, "cache": CACHE, "prot": 0}
        values["valid"] = bursts.o.valid
        m.d.comb += [getattr(self, channel + name).eq(value) for name, value in values.items()]
        m.d.comb += [
            bursts.o.ready.eq(getattr(self, f"{channel}ready")),
            bursts.request.payload.eq(self.request.payload),
            bursts.request.valid.eq(self.request.valid),
            self.request.ready.eq(bursts.request.ready),
            bursts.stop.eq(self.stop),
        ]


class AxiReader(_Master):
    """AXI4 master that reads: requests become bursts, their data one stream, in order.

    There is one ID, 0, so that a slave answers in order. ``rready`` falls while ``o`` is not taken;
    bursts are not held back by that. Each burst ends at a multiple of its longest length, and none
    crosses 4 KiB. Latency is two cycles from a request to ``arvalid``, and none from ``rvalid`` to
    ``o.valid``; interval one beat a cycle. ``ar*`` and ``rready`` come from registers, ``o``
    depends on ``r*``, ``request.ready`` on ``arready``.

    Parameters
    ----------
    data_bits : int
        Of a beat, a power of two of 8..1024.
    address_bits : int
        Of the address of a byte.
    beats_bits : int
        Of the beats of a request; 0 asks for ``2**beats_bits``.
    burst : int
        Beats of the longest burst, a power of two, at most 256.
    outstanding : int
        Bursts under way, from their offer to their last beat.

    Members
    -------
    request : In(request_signature)
        Where to begin, and how many beats; bits of the address within a beat are of no account.
    o : Out(stream)
        ``data``, and whether the slave answered with an ``error``, SLVERR or DECERR.
    stop : In(1)
        Stays until reset: no further burst begins, the present request is dropped. Beats that come
        are still given, and must be taken.
    idle : Out(1)
        Nothing is left of any request, no burst is under way, no beat waits at ``o``.
    ar*, r* : Out or In
        AXI4 channels, flat, see `axi_read_members`.
    """

    def _own_members(self, address_bits: int) -> dict[str, Any]:
        self.beat = data.StructLayout({"data": self.data_bits, "error": 1})
        own = {"o": Out(stream.Signature(self.beat))}
        return own | axi_read_members(self.data_bits, address_bits)

    def elaborate(self, platform: Any) -> Module:
        """Connect bursts to ``ar`` and a slice of ready to ``r``."""
        m = Module()
        bursts = self.bursts
        m.submodules.skid = skid = SkidBuffer(shape=self.beat)
        self._connect(m, "ar")
        m.d.comb += [
            skid.i.payload.data.eq(self.rdata),
            skid.i.payload.error.eq(self.rresp[1]),
            skid.i.valid.eq(self.rvalid),
            self.rready.eq(skid.i.ready),
            self.o.payload.eq(skid.o.payload),
            self.o.valid.eq(skid.o.valid),
            skid.o.ready.eq(self.o.ready),
            bursts.ended.eq(self.rvalid & self.rready & self.rlast),
            self.idle.eq(bursts.idle & ~skid.o.valid),
        ]
        return m


class AxiWriter(_Master):
    """AXI4 master that writes: requests become bursts, which take their data from one stream.

    There is one ID, 0. Each burst ends at a multiple of its longest length, and none crosses 4 KiB.
    The beats of a burst are offered after its address is, whether or not that has been taken, with
    all strobes; ``bready`` is always 1. Latency is two cycles from a request to ``awvalid``, three
    more to the first ``wvalid`` and one from ``i`` to ``w*``; interval one beat a cycle. ``aw*``
    and ``w*`` come from registers; ``i.ready`` depends on ``wready``, ``request.ready`` on
    ``awready``.

    Parameters
    ----------
    data_bits, address_bits, beats_bits, burst, outstanding : int
        As of `AxiReader`; a burst is under way until it is answered.

    Members
    -------
    request : In(request_signature)
        As of `AxiReader`.
    i : In(stream.Signature(data_bits))
        The data.
    stop : In(1)
        Stays until reset: no further burst begins, the present request is dropped, and the beats
        that bursts under way still need have no strobe: ``i`` is not taken.
    error : Out(1)
        A burst is answered by SLVERR or DECERR, in that cycle.
    idle : Out(1)
        Nothing is left of any request, and all bursts were answered.
    aw*, w*, b* : Out or In
        AXI4 channels, flat, see `axi_write_members`.
    """

    def _own_members(self, address_bits: int) -> dict[str, Any]:
        own = {"i": In(stream.Signature(self.data_bits)), "error": Out(1)}
        return own | axi_write_members(self.data_bits, address_bits)

    def elaborate(self, platform: Any) -> Module:
        """Queue the lengths of bursts for the counter of their beats."""
        m = Module()
        bursts = self.bursts
        depth = 1 << max(1, (bursts.outstanding - 1).bit_length())
        m.submodules.lengths = lengths = StreamBuffer(
            shape=max(1, (bursts.most - 1).bit_length()), depth=depth
        )
        self._connect(m, "aw")
        free = Signal()
        move = Signal()
        last = Signal()
        strobe = Signal()
        beat = Signal.like(lengths.o.payload)
        m.d.comb += [
            # There is a place for each burst under way.
            lengths.i.valid.eq(bursts.begun),
            lengths.i.payload.eq(bursts.o.payload.more),
            lengths.o.ready.eq(move & last),
            free.eq(lengths.o.valid & (~self.wvalid | self.wready)),
            move.eq(free & (self.i.valid | self.stop)),
            last.eq(beat == lengths.o.payload),
            self.i.ready.eq(free & ~self.stop),
            self.wstrb.eq(strobe.replicate(len(self.wstrb))),
            self.bready.eq(1),
            self.error.eq(self.bvalid & self.bresp[1]),
            bursts.ended.eq(self.bvalid),
            self.idle.eq(bursts.idle),
        ]
        with m.If(move):
            m.d.sync += [
                self.wvalid.eq(1),
                self.wdata.eq(self.i.payload),
                self.wlast.eq(last),
                strobe.eq(~self.stop),
                beat.eq(Mux(last, 0, beat + 1)),
            ]
        with m.Elif(self.wready):
            m.d.sync += self.wvalid.eq(0)
        return m


def _address_members(channel: str, address_bits: int) -> dict[str, Any]:
    widths = {"id": 1, "addr": address_bits, "len": 8, "size": 3, "burst": 2, "cache": 4, "prot": 3}
    members: dict[str, Any] = {f"{channel}{name}": Out(bits) for name, bits in widths.items()}
    return {**members, f"{channel}valid": Out(1), f"{channel}ready": In(1)}


def axi_read_members(data_bits: int, address_bits: int) -> dict[str, Any]:
    """Return the members of an AXI4 master that reads, in the specification's order.

    The ID has one bit, which is 0; the one of answers is of no account.
    """
    return {
        **_address_members("ar", address_bits),
        "rid": In(1),
        "rdata": In(data_bits),
        "rresp": In(2),
        "rlast": In(1),
        "rvalid": In(1),
        "rready": Out(1),
    }


def axi_write_members(data_bits: int, address_bits: int) -> dict[str, Any]:
    """Return the members of an AXI4 master that writes, as `axi_read_members`."""
    return {
        **_address_members("aw", address_bits),
        "wdata": Out(data_bits),
        "wstrb": Out(data_bits // 8),
        "wlast": Out(1),
        "wvalid": Out(1),
        "wready": In(1),
        "bid": In(1),
        "bresp": In(2),
        "bvalid": In(1),
        "bready": Out(1),
    }
