"""What adds up the sums of the waves of a tile."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from ..base.pipeline import delay
from ..float.add import Adder
from ..stream.fifo import OutputFifo

__all__ = ["Collector"]


class Collector(Circuit):
    """Reader of the lines' sums, wave by wave, and memory of their totals.

    Sums are read in the order of the pieces, wherever these were moved, a row of columns a cycle
    and `COLLECT_LATENCY` more a wave; the totals of a tile's last wave are given instead of stored.

    Parameters
    ----------
    parameters : SparseArrayParameters
        Of the array.

    Members
    -------
    rows : In(1 + ceil_log2(sums)), positions : In(1 + ceil_log2(positions)), waves : In(16)
        Of the job.
    go : In(1)
        The sums of a wave are complete.
    draining, turn : Out(1)
        The sums of a wave are read; from which half.
    piece : Out(ceil_log2(slots))
        Which piece's sums are read.
    line : In(ceil_log2(lines)), slot : In(ceil_log2(pieces))
        Which line applied it, as its how manieth, in the same cycle.
    get : Out(1), address : Out(ceil_log2(sums))
        Reads the sums of all lines.
    source : Out(ceil_log2(lines))
        Which line's are meant, two ``get`` after ``address``.
    sums : In(32 * columns)
        These.
    end : Out(1)
        All sums of a wave have been added.
    nan, overflow : Out(1)
        A NaN, or an infinity, is given.
    o : Out(stream.Signature(32 * columns + 1))
        Totals, and above them whether they are a tile's last.
    """

    def __init__(self, *, parameters: SparseArrayParameters) -> None:
        self.parameters = p = parameters
        line = max(1, ceil_log2(p.lines))
        super().__init__(
            {
                "rows": In(1 + ceil_log2(p.sums)),
                "positions": In(1 + ceil_log2(p.positions)),
                "waves": In(16),
                "go": In(1),
                "draining": Out(1),
                "turn": Out(1),
                "piece": Out(max(1, ceil_log2(p.slots))),
                "line": In(line),
                "slot": In(max(1, ceil_log2(p.pieces))),
                "get": Out(1),
                "address": Out(ceil_log2(p.sums)),
                "source": Out(line),
                "sums": In(32 * p.columns),
                "end": Out(1),
                "nan": Out(1),
                "overflow": Out(1),
                "o": Out(stream.Signature(32 * p.columns + 1)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Count, read, select, add, and store or give."""
        m = Module()
        p = self.parameters
        m.submodules.queue = queue = OutputFifo(shape=32 * p.columns + 1)
        en = self.get
        m.d.sync += en.eq(queue.credit)
        m.d.comb += [
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        size, index, valid, last = self._count(m)

        # Where the sums of a piece begin follows from how many pieces its line had before.
        starts = Array([0, size, size << 1, (size << 1) + size][: p.pieces])
        begin = Signal.like(self.address)
        inner = Signal.like(self.address)
        with m.If(en):
            m.d.sync += [begin.eq(starts[self.slot] if p.pieces > 1 else 0), inner.eq(index)]
        m.d.comb += self.address.eq(begin + inner)
        m.d.comb += self.source.eq(delay(m, en, self.line, 3, name="line"))
        part = delay(m, en, self.sums, 1, name="part")

        fresh = Signal(init=1)
        final = Signal()
        number = Signal(16)
        m.d.sync += final.eq(number == self.waves - 1)
        m.submodules.totals = totals = uninitialized_memory(
            shape=32 * p.columns, depth=p.lines * p.sums
        )
        write, read = totals.write_port(), totals.read_port()
        place = Signal(range(p.lines * p.sums))
        with m.If(en & valid):
            m.d.sync += place.eq(Mux(last, 0, place + 1))
        read_at = delay(m, en, place, 2, name="place")
        total = delay(m, en, Mux(fresh, 0, read.data), 1, name="total")
        write_at = delay(m, en, read_at, 2 + Adder.latency, name="written")
        valid, last = delay(
            m, en, Cat(valid, last & valid), 4 + Adder.latency, name="valid", reset=True
        )
        results = []
        for i in range(p.columns):
            m.submodules[f"adder_{i}"] = adder = Adder()
            m.d.comb += [
                adder.en.eq(en),
                adder.a.eq(part.word_select(i, 32)),
                adder.b.eq(total.word_select(i, 32)),
            ]
            results.append(adder.o)
        done = en & valid
        special = Cat(result[23:31].all() for result in results)
        fraction = Cat(result[:23].any() for result in results)
        m.d.comb += [
            read.en.eq(en),
            read.addr.eq(read_at),
            write.en.eq(done),
            write.addr.eq(write_at),
            write.data.eq(Cat(results)),
            queue.push.eq(done & final),
            queue.word.eq(Cat(results, last)),
            self.nan.eq(queue.push & (special & fraction).any()),
            self.overflow.eq(queue.push & (special & ~fraction).any()),
            self.end.eq(en & last),
        ]
        with m.If(self.end):
            m.d.sync += [
                fresh.eq(final),
                number.eq(Mux(final, 0, number + 1)),
                self.turn.eq(~self.turn),
            ]
        return m

    def _count(self, m: Module) -> tuple[Signal, Signal, Signal, Signal]:
        """Count the sums of a wave.

        Return those of a piece; the number in its piece of that whose turn it is, whether there is
        one, and whether it is the wave's last.
        """
        p, en = self.parameters, self.get
        size = Signal(range(p.sums + 1))
        index = Signal.like(self.address)
        ends = Signal()
        last = Signal()
        active = Signal()
        m.d.sync += size.eq(self.rows * self.positions)
        m.d.comb += [
            ends.eq(index == size - 1),
            last.eq(ends & (self.piece == p.slots - 1)),
        ]
        with m.If(self.go & ~self.draining):
            m.d.sync += [self.draining.eq(1), active.eq(1)]
        with m.Elif(self.end):
            m.d.sync += self.draining.eq(0)
        with m.If(en & active):
            m.d.sync += index.eq(Mux(ends, 0, index + 1))
            with m.If(ends):
                m.d.sync += self.piece.eq(Mux(last, 0, self.piece + 1))
            with m.If(last):
                m.d.sync += active.eq(0)
        return size, index, active, last
