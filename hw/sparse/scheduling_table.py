"""Scheduling table: which PE row applies which sub-tile of a pass."""

from functools import reduce
from operator import add
from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters

from ..base.pipeline import delay, register
from .load_balancer import LoadBalancer
from .packets import ArrayPart

__all__ = ["PASSES", "SchedulingTable"]

PASSES = 4
"""Passes whose pointers were accepted and whose sums are not all read, at most."""


class SchedulingTable(ArrayPart):
    """Table of the PE row of each sub-tile, filled by a load balancer, a sub-tile a cycle.

    A PE row applies its sub-tiles in the order of their numbers: ``index`` tells how many of them
    come before. Without ``balanced`` sub-tiles stay in order.

    Latency of a look-up is 0, of ``wrong`` one cycle, from a pass's last pointer to ``ready`` that
    of the balancer and a cycle a sub-tile. Interval is one cycle per pointer or look-up.
    ``i.ready`` depends on registers.

    Members
    -------
    balanced : In(1)
        Obey the balancer.
    i : In(stream.Signature(...))
        Pointers, as of `LoadBalancer`.
    ready, busy : Out(1)
        A pass is scheduled that is not issued; there are pointers of one whose sums are not read.
    issue, drained : In(1)
        It begins to be issued; the sums of the oldest pass are read.
    issue_subtile : In(ceil_log2(pass_subtiles)), issue_row : Out(ceil_log2(pe_rows))
        PE row of a sub-tile of the pass that is issued.
    subtile_end : In(1), count : In(pointer_bits)
        That sub-tile has so many values.
    pass_end : In(1)
        The pass is issued.
    wrong : Out(1)
        Pointers say another number; a cycle later.
    framing : Out(1)
        ``last`` did not come with a pass's last pointer, or with another.
    drain_subtile : In(ceil_log2(pass_subtiles)), drain_row : Out, index : Out
        PE row of a sub-tile of the oldest pass, and its index there.
    """

    def _members(self, p: SparseArrayParameters) -> dict[str, Any]:
        self._balancer = LoadBalancer(parameters=p.balancer)
        subtile, pe_row = max(1, ceil_log2(p.pass_subtiles)), max(1, ceil_log2(p.pe_rows))
        self._place = data.StructLayout({"row": pe_row, "index": max(1, ceil_log2(p.subtiles))})
        return {
            "balanced": In(1),
            "i": In(self._balancer.streams["i"].signature),
            "ready": Out(1),
            "busy": Out(1),
            "issue": In(1),
            "drained": In(1),
            "issue_subtile": In(subtile),
            "issue_row": Out(pe_row),
            "subtile_end": In(1),
            "count": In(p.pointer_bits),
            "pass_end": In(1),
            "wrong": Out(1),
            "framing": Out(1),
            "drain_subtile": In(subtile),
            "drain_row": Out(pe_row),
            "index": Out(self._place["index"].width),
        }

    def elaborate(self, platform: Any) -> Module:
        """Count passes between the pointers, their issue and their drain."""
        m = Module()
        issued = Signal(range(PASSES))
        oldest = Signal(range(PASSES))
        with m.If(self.pass_end):
            m.d.sync += issued.eq(issued + 1)
        with m.If(self.drained):
            m.d.sync += oldest.eq(oldest + 1)
        m.submodules.balancer = self._balancer
        m.submodules.schedule = table = memory.Memory(
            shape=self._place, depth=PASSES * self._stride, init=[]
        )
        self._expect(m, issued)
        scheduled = self._schedule(m, table)
        self._look_up(m, table, issued, oldest)
        waiting = Signal(range(PASSES + 1))
        m.d.sync += waiting.eq(waiting + scheduled - self.issue)
        m.d.comb += self.ready.eq(waiting != 0)
        return m

    def _expect(self, m: Module, issued: Signal) -> None:
        """Take pointers, `PASSES` ahead at most, and compare their differences with counts."""
        p, balancer = self.parameters, self._balancer
        m.submodules.counts = counts = memory.Memory(
            shape=p.pointer_bits, depth=PASSES * self._stride, init=[]
        )
        write, read = counts.write_port(), counts.read_port(domain="comb")
        in_flight = Signal(range(PASSES + 1))
        place = Signal(range(p.pass_subtiles + 1))
        number = Signal(range(PASSES))
        pointer = self.i.payload.data.pointer
        begins, ends = place == 0, place == p.pass_subtiles
        allowed = ~begins | (in_flight != PASSES)
        accept = Signal()
        before = register(m, accept, "before", p.pointer_bits, pointer)
        expected = register(m, 1, "expected", p.pointer_bits, read.data)
        count = register(m, 1, "counted", p.pointer_bits, self.count)
        ended = delay(m, 1, self.subtile_end, 1, name="ended", reset=True)
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready),
            self.busy.eq(in_flight != 0),
            self.framing.eq(balancer.flags.framing),
            balancer.i.payload.eq(self.i.payload),
            balancer.i.valid.eq(self.i.valid & allowed),
            self.i.ready.eq(balancer.i.ready & allowed),
            write.en.eq(accept & ~begins),
            write.addr.eq(self._address(place - 1, number)),
            write.data.eq(pointer - before),
            read.addr.eq(self._address(self.issue_subtile, issued)),
            self.wrong.eq(ended & (expected != count)),
        ]
        m.d.sync += in_flight.eq(in_flight + (accept & begins) - self.drained)
        with m.If(accept):
            m.d.sync += [place.eq(Mux(ends, 0, place + 1)), number.eq(number + ends)]

    def _schedule(self, m: Module, table: memory.Memory) -> Signal:
        """Write what the balancer gives; return when a pass is scheduled."""
        p = self.parameters
        write = table.write_port()
        number = Signal(range(PASSES), name="scheduled_pass")
        pe_row = Signal(self._place["row"].width)
        which = Signal(range(max(2, p.subtiles)))
        last = which == p.subtiles - 1
        subtiles, waits = self._queue(m, last)
        subtile = Array(subtiles)[which] if p.subtiles > 1 else subtiles[0]
        index = reduce(add, (other < subtile for other in subtiles), Const(0))
        scheduled = Signal()
        m.d.comb += [
            write.en.eq(waits),
            write.addr.eq(self._address(subtile, number)),
            write.data.row.eq(pe_row),
            write.data.index.eq(index),
            scheduled.eq(waits & last & (pe_row == p.pe_rows - 1)),
        ]
        with m.If(waits):
            m.d.sync += which.eq(Mux(last, 0, which + 1))
            with m.If(last):
                m.d.sync += pe_row.eq(Mux(scheduled, 0, pe_row + 1))
        m.d.sync += number.eq(number + scheduled)
        return scheduled

    def _look_up(self, m: Module, table: memory.Memory, issued: Signal, oldest: Signal) -> None:
        """Read the places of the sub-tiles that are issued and drained."""
        low = ceil_log2(self.parameters.subtiles)
        issue, drain = (table.read_port(domain="comb") for _ in range(2))
        m.d.comb += [
            issue.addr.eq(self._address(self.issue_subtile, issued)),
            drain.addr.eq(self._address(self.drain_subtile, oldest)),
            self.issue_row.eq(Mux(self.balanced, issue.data.row, self.issue_subtile[low:])),
            self.drain_row.eq(Mux(self.balanced, drain.data.row, self.drain_subtile[low:])),
            self.index.eq(Mux(self.balanced, drain.data.index, self.drain_subtile[:low])),
        ]

    def _queue(self, m: Module, accept: Value) -> tuple[list[Value], Value]:
        """Return a PE row's sub-tiles as the balancer gave them, and whether there are any.

        A pass's PE rows find room, and leave before the next pass's come.
        """
        balancer = self._balancer
        m.submodules.queue = queue = memory.Memory(
            shape=balancer.o.payload.data.subtile.shape(),
            depth=2 << ceil_log2(self.parameters.pe_rows),
            init=[],
        )
        write, read = queue.write_port(), queue.read_port(domain="comb")
        waits = Signal()
        m.d.comb += [
            balancer.o.ready.eq(1),
            write.en.eq(balancer.o.valid),
            write.data.eq(balancer.o.payload.data.subtile),
            waits.eq(write.addr != read.addr),
        ]
        with m.If(balancer.o.valid):
            m.d.sync += write.addr.eq(write.addr + 1)
        with m.If(waits & accept):
            m.d.sync += read.addr.eq(read.addr + 1)
        return [read.data[i] for i in range(self.parameters.subtiles)], waits

    @property
    def _stride(self) -> int:
        """Places of a pass in the tables, a power of two."""
        return 1 << ceil_log2(max(2, self.parameters.pass_subtiles))

    def _address(self, subtile: Value, number: Value) -> Value:
        """Return the place in the tables of a sub-tile of a pass."""
        return Cat(Cat(subtile, 0)[: self._stride.bit_length() - 1], number)
