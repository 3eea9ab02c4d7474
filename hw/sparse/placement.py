"""Which line applies which piece of a wave, and how many values a piece should have."""

from functools import reduce
from operator import add
from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters

from ..base.circuit import Circuit
from ..base.pipeline import delay
from .load_balancer import LoadBalancer

__all__ = ["WAVES", "Placement"]

WAVES = 4
"""Waves whose pointers were taken and whose sums are not all read, at most."""


class Placement(Circuit):
    """Table of the line of each piece, filled by a load balancer.

    A line's pieces are applied in the order of their numbers: ``slot`` tells how many of them come
    before. Without ``balanced`` pieces lie in their order.

    Parameters
    ----------
    parameters : SparseArrayParameters
        Of the array.

    Members
    -------
    balanced : In(1)
        Obey the balancer.
    i : In(stream.Signature(...))
        Pointers, as of `LoadBalancer`.
    ready, busy : Out(1)
        A wave is placed that is not fetched; there are pointers of one whose sums are not read.
    fetch, drained : In(1)
        It is to be fetched; the sums of the oldest wave are read.
    fetched_piece : In(ceil_log2(slots)), fetched_line : Out(ceil_log2(lines))
        Line of a piece of the wave that is fetched.
    end_piece : In(1), count : In(pointer_bits)
        That piece has so many values.
    end_wave : In(1)
        The wave is fetched.
    wrong : Out(1)
        Pointers say another number; a cycle later.
    astray : Out(1)
        ``last`` did not come with a wave's last pointer, or with another.
    drained_piece : In(ceil_log2(slots)), drained_line, slot : Out
        Line and slot of a piece of the oldest wave.
    """

    def __init__(self, *, parameters: SparseArrayParameters) -> None:
        self.parameters = p = parameters
        self._balancer = LoadBalancer(parameters=p.balancer)
        piece, line = max(1, ceil_log2(p.slots)), max(1, ceil_log2(p.lines))
        super().__init__(
            {
                "balanced": In(1),
                "i": In(self._balancer.streams["i"].signature),
                "ready": Out(1),
                "busy": Out(1),
                "fetch": In(1),
                "drained": In(1),
                "fetched_piece": In(piece),
                "fetched_line": Out(line),
                "end_piece": In(1),
                "count": In(p.pointer_bits),
                "end_wave": In(1),
                "wrong": Out(1),
                "astray": Out(1),
                "drained_piece": In(piece),
                "drained_line": Out(line),
                "slot": Out(max(1, ceil_log2(p.pieces))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        fetched = Signal(range(WAVES))
        drained = Signal(range(WAVES), name="oldest")
        with m.If(self.end_wave):
            m.d.sync += fetched.eq(fetched + 1)
        with m.If(self.drained):
            m.d.sync += drained.eq(drained + 1)
        self._expect(m, fetched)
        placed = self._place(m, fetched, drained)
        waiting = Signal(range(WAVES + 1))
        m.d.sync += waiting.eq(waiting + placed - self.fetch)
        m.d.comb += self.ready.eq(waiting != 0)
        return m

    def _expect(self, m: Module, fetched: Signal) -> None:
        """Take pointers, `WAVES` ahead at most, and compare their differences with counts."""
        p = self.parameters
        m.submodules.balancer = balancer = self._balancer
        m.submodules.counts = counts = memory.Memory(
            shape=p.pointer_bits, depth=WAVES * self._stride, init=[]
        )
        write, read = counts.write_port(), counts.read_port(domain="comb")
        under_way = Signal(range(WAVES + 1))
        place = Signal(range(p.slots + 1))
        before = Signal(p.pointer_bits, reset_less=True)
        wave = Signal(range(WAVES))
        told = delay(m, 1, Cat(read.data, self.count), 1, name="told")
        differs = told[: len(read.data)] != told[len(read.data) :]
        pointer = self.i.payload.data.pointer
        begins, ends = place == 0, place == p.slots
        allowed = ~begins | (under_way != WAVES)
        take = Signal()
        m.d.comb += [
            take.eq(self.i.valid & self.i.ready),
            self.busy.eq(under_way != 0),
            self.astray.eq(balancer.flags.framing),
            balancer.i.payload.eq(self.i.payload),
            balancer.i.valid.eq(self.i.valid & allowed),
            self.i.ready.eq(balancer.i.ready & allowed),
            write.en.eq(take & ~begins),
            write.addr.eq(Cat((place - 1)[: self._stride.bit_length() - 1], wave)),
            write.data.eq(pointer - before),
            read.addr.eq(Cat(self._index(self.fetched_piece), fetched)),
            self.wrong.eq(delay(m, 1, self.end_piece, 1, name="ended", reset=True) & differs),
        ]
        m.d.sync += under_way.eq(under_way + (take & begins) - self.drained)
        with m.If(take):
            m.d.sync += [
                before.eq(pointer),
                place.eq(Mux(ends, 0, place + 1)),
                wave.eq(wave + ends),
            ]

    def _place(self, m: Module, fetched: Signal, drained: Signal) -> Signal:
        """Write what the balancer gives, a piece a cycle; return when a wave is placed."""
        p, balancer = self.parameters, self._balancer
        bits = balancer.parameters.number_bits
        line_bits = len(self.fetched_line)
        m.submodules.table = table = memory.Memory(
            shape=line_bits + len(self.slot), depth=WAVES * self._stride, init=[]
        )
        write = table.write_port()
        get, drain = table.read_port(domain="comb"), table.read_port(domain="comb")
        wave = Signal(range(WAVES), name="placed_wave")
        line = Signal(line_bits)
        turn = Signal(range(max(2, p.pieces)))
        last_piece = turn == p.pieces - 1
        given, waits = self._queue(m, last_piece)
        pieces = [given.word_select(i, bits) for i in range(p.pieces)]
        piece = Array(pieces)[turn] if p.pieces > 1 else pieces[0]
        slot = reduce(add, (other < piece for other in pieces), Const(0))
        placed = Signal()
        m.d.comb += [
            write.en.eq(waits),
            write.addr.eq(Cat(self._index(piece), wave)),
            write.data.eq(Cat(line, slot[: len(self.slot)])),
            placed.eq(waits & last_piece & (line == p.lines - 1)),
            get.addr.eq(Cat(self._index(self.fetched_piece), fetched)),
            drain.addr.eq(Cat(self._index(self.drained_piece), drained)),
        ]
        with m.If(waits):
            m.d.sync += turn.eq(Mux(last_piece, 0, turn + 1))
            with m.If(last_piece):
                m.d.sync += line.eq(Mux(placed, 0, line + 1))
        m.d.sync += wave.eq(wave + placed)

        low = ceil_log2(p.pieces)
        in_order = [Cat(n[:low], n[low:]) for n in (self.fetched_piece, self.drained_piece)]
        m.d.comb += [
            self.fetched_line.eq(Mux(self.balanced, get.data[:line_bits], in_order[0][low:])),
            self.drained_line.eq(Mux(self.balanced, drain.data[:line_bits], in_order[1][low:])),
            self.slot.eq(Mux(self.balanced, drain.data[line_bits:], in_order[1][:low])),
        ]
        return placed

    def _queue(self, m: Module, take: Value) -> tuple[Value, Value]:
        """Return a line's pieces as the balancer gave them, and whether there are any.

        A wave's lines find room, and leave before the next wave's come.
        """
        p, balancer = self.parameters, self._balancer
        m.submodules.queue = queue = memory.Memory(
            shape=balancer.parameters.number_bits * p.pieces,
            depth=2 << ceil_log2(p.lines),
            init=[],
        )
        write, read = queue.write_port(), queue.read_port(domain="comb")
        waits = Signal()
        m.d.comb += [
            balancer.o.ready.eq(1),
            write.en.eq(balancer.o.valid),
            write.data.eq(balancer.o.payload.data[: len(write.data)]),
            waits.eq(write.addr != read.addr),
        ]
        with m.If(balancer.o.valid):
            m.d.sync += write.addr.eq(write.addr + 1)
        with m.If(waits & take):
            m.d.sync += read.addr.eq(read.addr + 1)
        return read.data, waits

    @property
    def _stride(self) -> int:
        """Places of a wave in the tables, a power of two."""
        return 1 << ceil_log2(max(2, self.parameters.slots))

    def _index(self, piece: Any) -> Any:
        """Return a piece's place in the tables."""
        return Cat(piece, 0)[: self._stride.bit_length() - 1]
