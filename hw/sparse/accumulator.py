"""Accumulator of the sums of a tile's passes."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.stages import COLLECT_LATENCY

from ..base.memory import uninitialized_memory
from ..base.pipeline import delay
from ..float.add import Adder
from ..float.classify import classify
from ..stream.fifo import OutputFifo
from .packets import ArrayPart, streams

__all__ = ["Accumulator"]


class Accumulator(ArrayPart):
    """Drain of the PE rows' sums, pass by pass, and memory of their totals.

    Sums are read in the order of the sub-tiles, wherever these were moved. The totals of a tile's
    last pass are given instead of stored. Interval is one cycle per row of columns and
    `COLLECT_LATENCY` more a pass, latency `COLLECT_LATENCY` enabled cycles from a sum to its total.
    ``o`` comes from an output FIFO, whose credit drives ``get``, the clock enable, a register.

    Members
    -------
    rows : In(1 + ceil_log2(sums)), pixels : In(1 + ceil_log2(pixels)), passes : In(16)
        Of the job.
    go : In(1)
        The sums of a pass are complete.
    draining, half : Out(1)
        The sums of a pass are read; from which half.
    subtile : Out(ceil_log2(pass_subtiles))
        Which sub-tile's sums are read.
    pe_row : In(ceil_log2(pe_rows)), index : In(ceil_log2(subtiles))
        Which PE row applied it, and how many others before it, in the same cycle.
    get : Out(1), address : Out(ceil_log2(sums))
        Reads the sums of all PE rows.
    source : Out(ceil_log2(pe_rows))
        Which PE row's are meant, two ``get`` after ``address``.
    sums : In(ArrayLayout(32, columns))
        These.
    end : Out(1)
        All sums of a pass have been added.
    nan, overflow : Out(1)
        A NaN, or an infinity, is given.
    o : Out(streams(parameters)["o"].signature)
        Totals; ``last`` ends a tile.
    """

    def _members(self, p: SparseArrayParameters) -> dict[str, Any]:
        self._packet = streams(p)["o"]
        pe_row = max(1, ceil_log2(p.pe_rows))
        return {
            "rows": In(1 + ceil_log2(p.sums)),
            "pixels": In(1 + ceil_log2(p.pixels)),
            "passes": In(16),
            "go": In(1),
            "draining": Out(1),
            "half": Out(1),
            "subtile": Out(max(1, ceil_log2(p.pass_subtiles))),
            "pe_row": In(pe_row),
            "index": In(max(1, ceil_log2(p.subtiles))),
            "get": Out(1),
            "address": Out(ceil_log2(p.sums)),
            "source": Out(pe_row),
            "sums": In(data.ArrayLayout(32, p.columns)),
            "end": Out(1),
            "nan": Out(1),
            "overflow": Out(1),
            "o": Out(self._packet.signature),
        }

    def elaborate(self, platform: Any) -> Module:
        """Count, read, select, add, and store or give."""
        m = Module()
        m.submodules.queue = queue = OutputFifo(shape=self._packet)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        m.d.sync += self.get.eq(queue.credit)
        size, number, valid, last = self._count(m)
        self._address(m, size, number)
        part = delay(m, self.get, self.sums.as_value(), 1, name="part")

        first, final = self._passes(m)
        place = Signal(range(self.parameters.pe_rows * self.parameters.sums))
        with m.If(self.get & valid):
            m.d.sync += place.eq(Mux(last, 0, place + 1))
        flags = Cat(valid, last & valid)
        valid, last = delay(m, self.get, flags, COLLECT_LATENCY, name="valid", reset=True)
        done = self.get & valid
        results = self._add(m, place, done, first, part)

        kinds = [classify(result) for result in results]
        m.d.comb += [
            queue.push.eq(done & final),
            queue.word.data.sum.eq(Cat(results)),
            queue.word.last.eq(last),
            self.nan.eq(queue.push & Cat(kind.nan for kind in kinds).any()),
            self.overflow.eq(queue.push & Cat(kind.infinite for kind in kinds).any()),
            self.end.eq(self.get & last),
        ]
        return m

    def _passes(self, m: Module) -> tuple[Signal, Signal]:
        """Count the passes of a tile; return whether it is the first one, or the last."""
        first = Signal(init=1)
        final = Signal()
        number = Signal(16)
        m.d.sync += final.eq(number == self.passes - 1)
        with m.If(self.end):
            m.d.sync += [
                first.eq(final),
                number.eq(Mux(final, 0, number + 1)),
                self.half.eq(~self.half),
            ]
        return first, final

    def _address(self, m: Module, size: Value, number: Value) -> None:
        """Say which sums to read, and later of which PE row."""
        subtiles = self.parameters.subtiles
        # Where the sums of a sub-tile begin follows from how many its PE row had before.
        starts = Array([0, size, size << 1, (size << 1) + size][:subtiles])
        begin = Signal.like(self.address)
        inner = Signal.like(self.address)
        with m.If(self.get):
            m.d.sync += [begin.eq(starts[self.index] if subtiles > 1 else 0), inner.eq(number)]
        m.d.comb += [
            self.address.eq(begin + inner),
            self.source.eq(delay(m, self.get, self.pe_row, 3, name="pe_row")),
        ]

    def _add(self, m: Module, place: Value, done: Value, first: Value, part: Value) -> list[Value]:
        """Return totals, that of ``place`` and ``part``; store them when ``done``."""
        p, en = self.parameters, self.get
        m.submodules.totals = totals = uninitialized_memory(
            shape=32 * p.columns, depth=p.pe_rows * p.sums
        )
        write, read = totals.write_port(), totals.read_port()
        read_at = delay(m, en, place, 2, name="place")
        total = delay(m, en, Mux(first, 0, read.data), 1, name="total")
        results = []
        for i in range(p.columns):
            m.submodules[f"adder_{i}"] = adder = Adder()
            m.d.comb += [
                adder.en.eq(en),
                adder.a.eq(part.word_select(i, 32)),
                adder.b.eq(total.word_select(i, 32)),
            ]
            results.append(adder.o)
        m.d.comb += [
            read.en.eq(en),
            read.addr.eq(read_at),
            write.en.eq(done),
            write.addr.eq(delay(m, en, read_at, 2 + Adder.latency, name="written")),
            write.data.eq(Cat(results)),
        ]
        return results

    def _count(self, m: Module) -> tuple[Signal, Signal, Signal, Signal]:
        """Count the sums of a pass.

        Return those of a sub-tile; the number in its sub-tile of the one to read, whether there is
        one, and whether it is the pass's last.
        """
        p, en = self.parameters, self.get
        size = Signal(range(p.sums + 1))
        number = Signal.like(self.address)
        ends = Signal()
        last = Signal()
        active = Signal()
        m.d.sync += size.eq(self.rows * self.pixels)
        m.d.comb += [
            ends.eq(number == size - 1),
            last.eq(ends & (self.subtile == p.pass_subtiles - 1)),
        ]
        with m.If(self.go & ~self.draining):
            m.d.sync += [self.draining.eq(1), active.eq(1)]
        with m.Elif(self.end):
            m.d.sync += self.draining.eq(0)
        with m.If(en & active):
            m.d.sync += number.eq(Mux(ends, 0, number + 1))
            with m.If(ends):
                m.d.sync += self.subtile.eq(Mux(last, 0, self.subtile + 1))
            with m.If(last):
                m.d.sync += active.eq(0)
        return size, number, active, last
