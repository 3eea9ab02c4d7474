"""AXI4 slave in front of a memory on the chip."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import In

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from .axi_master import axi_read_members, axi_write_members

__all__ = ["AxiMemory"]

SLVERR = 0b10


class AxiMemory(Circuit):
    """AXI4 slave of block RAM, which takes one burst of each direction at a time.

    Bursts are INCR, of whole beats that may have any strobes. A beat beyond the memory's end is
    answered by SLVERR: it writes nothing, and what it reads is unknown. A burst of writes ends with
    ``wlast``, and is answered once for all its beats. What is read of a beat in the cycle in which
    it is written is unknown. Contents stay over a reset.

    Latency is two cycles from an address to the first beat read, and one from the last beat written
    to the answer, when it is in memory; interval is one beat a cycle, ``n + 1`` cycles a burst of
    ``n`` beats that reads, ``n + 2`` one that writes. All outputs come from registers, ``rdata``
    from the memory's read register.

    Parameters
    ----------
    words : int
        Beats that are stored, a power of two.
    data_bits, address_bits : int
        Of a beat, a power of two of 8..1024; of the address of a byte.
    length_bits : int
        Of ``arlen``, which has 8 in AXI4.

    Members
    -------
    aw*, w*, b*, ar*, r* : In or Out
        AXI4 channels, flat, with the names of `axi_write_members` and `axi_read_members`.
    """

    def __init__(
        self, *, data_bits: int, address_bits: int, words: int, length_bits: int = 8
    ) -> None:
        self.data_bits = data_bits
        self.words = words
        masters = axi_write_members(data_bits, address_bits)
        masters |= axi_read_members(data_bits, address_bits)
        members: dict[str, Any] = {name: member.flip() for name, member in masters.items()}
        super().__init__(members | {"arlen": In(length_bits)})

    def elaborate(self, platform: Any) -> Module:
        """Build the memory, and what counts the beats of each direction."""
        m = Module()
        m.submodules.words = words = uninitialized_memory(
            shape=self.data_bits, depth=self.words, no_collision=True
        )
        self._write(m, words.write_port(granularity=8))
        self._read(m, words.read_port())
        return m

    def _place(self, m: Module, name: str, begins: Value, address: Value, steps: Value) -> Any:
        """Return the number of a burst's next beat, and whether that is beyond the end."""
        place = Signal(range(self.words), name=f"{name}_place")
        beyond = Signal(name=f"{name}_beyond")
        beat = address >> (self.data_bits // 8).bit_length() - 1
        with m.If(begins):
            m.d.sync += [place.eq(beat), beyond.eq((beat >> len(place)).any())]
        with m.Elif(steps):
            m.d.sync += [place.eq(place + 1), beyond.eq(beyond | place.all())]
        return place, beyond

    def _write(self, m: Module, port: Any) -> None:
        """Take an address, then its beats, and answer."""
        begins = Signal(name="write_begins")
        taken = Signal()
        m.d.comb += [begins.eq(self.awvalid & self.awready), taken.eq(self.wvalid & self.wready)]
        place, beyond = self._place(m, "write", begins, self.awaddr, taken)
        m.d.comb += [
            self.awready.eq(~self.wready & ~self.bvalid),
            port.addr.eq(place),
            port.data.eq(self.wdata),
            port.en.eq(Mux(taken & ~beyond, self.wstrb, 0)),
        ]
        with m.If(begins):
            m.d.sync += self.wready.eq(1)
        with m.If(taken & self.wlast):
            # Addresses grow: if any beat was beyond the end, the last one is.
            m.d.sync += [
                self.wready.eq(0),
                self.bvalid.eq(1),
                self.bresp.eq(Mux(beyond, SLVERR, 0)),
            ]
        with m.Elif(self.bready):
            m.d.sync += self.bvalid.eq(0)

    def _read(self, m: Module, port: Any) -> None:
        """Take an address, and give its beats."""
        begins = Signal(name="read_begins")
        reading = Signal()
        left = Signal.like(self.arlen)
        move = Signal()
        m.d.comb += [
            begins.eq(self.arvalid & self.arready),
            self.arready.eq(~reading),
            move.eq(reading & (~self.rvalid | self.rready)),
        ]
        place, beyond = self._place(m, "read", begins, self.araddr, move)
        m.d.comb += [port.addr.eq(place), port.en.eq(move), self.rdata.eq(port.data)]
        with m.If(begins):
            m.d.sync += [reading.eq(1), left.eq(self.arlen)]
        with m.If(move):
            m.d.sync += [
                self.rvalid.eq(1),
                self.rlast.eq(left == 0),
                self.rresp.eq(Mux(beyond, SLVERR, 0)),
                left.eq(left - 1),
            ]
            with m.If(left == 0):
                m.d.sync += reading.eq(0)
        with m.Elif(self.rready):
            m.d.sync += self.rvalid.eq(0)
