"""The load balancer: pointers to sub-tiles in, the sub-tiles of each PE row out."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring

from sw.sparse.load_balancer import BalancerParameters

from ..base.field import Field
from ..base.pipeline import count_events, register, wire
from ..engine.core import Core
from ..engine.registers import counter, stall_registers
from ..stream.packet import Packet
from .sorter import FoldingSorter, keyed

__all__ = ["LoadBalancer"]


class LoadBalancer(Core):
    """Pairing of the sub-tiles of a pass, as `sw.sparse.load_balancer.balance` of `counts`.

    A pass is ``parameters.pointers`` beats in and one beat per PE row out. Interval is
    ``parameters.period`` cycles a pass: a key is sorted in the cycle in which it is accepted, and
    none is while the sorter is emptied, a row or a pair of halves a cycle. Quarters are sorted
    again, as pairs, while the next pass is accepted. ``last`` ends a pass; elsewhere it is ignored.

    Latency is `latency` cycles from a pass's last pointer to its first PE row. ``o`` is registered;
    ``i.ready`` depends on registers, and where nothing is sorted on ``o.ready``.

    Members
    -------
    i : In(stream.Signature(...))
        Pointers, fields as in `streams`.
    o : Out(stream.Signature(...))
        Sub-tiles of PE rows, row 0 first, fields as in `streams`.
    """

    FLAGS = {
        "decreasing": "a pointer was less than the one before; its sub-tile counts as empty",
        "saturated": "a sub-tile had more values than a count can tell",
        "framing": "tlast not with a pass's last pointer and it alone, or padding bits not zero",
    }
    registers = (
        counter("passes", "passes given"),
        *stall_registers("pointers"),
    )

    def __init__(self, *, parameters: BalancerParameters) -> None:
        self.parameters = p = parameters
        pointer = Field(name="pointer", bits=p.pointer_bits, description="where a sub-tile begins")
        given = Packet(
            Field(
                name="subtile",
                bits=p.number_bits,
                count=p.subtiles,
                description="numbers of the PE row's sub-tiles",
            ),
            Field(name="total", bits=p.total_bits, description="values of these sub-tiles"),
        )
        super().__init__(streams={"i": Packet(pointer), "o": given})

    def elaborate(self, platform: Any) -> Module:
        """Subtract pointers, sort and fold."""
        m = Module()
        p = self.parameters
        counts = self._counts(m)
        for fold in range(p.folds):
            m.submodules[f"sorter_{fold}"] = sorter = FoldingSorter(
                keys=p.keys >> fold,
                key_bits=p.count_bits + fold,
                payload_bits=p.number_bits << fold,
            )
            wiring.connect(m, counts, sorter.i)
            counts = sorter.o
        m.d.comb += [
            self.o.payload.data.subtile.eq(counts.payload.data.payload),
            self.o.payload.data.total.eq(counts.payload.data.key),
            self.o.payload.last.eq(counts.payload.last),
            self.o.valid.eq(counts.valid),
            counts.ready.eq(self.o.ready),
        ]
        events = (
            (self.passes, self.o.valid & self.o.ready & self.o.payload.last),
            (self.input_stalls, self.i.ready & ~self.i.valid),
            (self.output_stalls, self.o.valid & ~self.o.ready),
        )
        count_events(m, self.clear, events)
        return m

    def _counts(self, m: Module) -> Any:
        """Return a stream of the number of values of each sub-tile, with its index."""
        p = self.parameters
        counts = keyed(p.count_bits, p.number_bits).signature.create(path=("counts",))
        pointer = self.i.payload.data.pointer
        accept = wire(m, "accept", 1, self.i.valid & self.i.ready)
        place = Signal(range(p.pointers))
        end = wire(m, "end", 1, place == p.keys)
        before = register(m, accept, "before", p.pointer_bits, pointer)
        difference = wire(m, "difference", p.pointer_bits + 1, pointer - before)
        decreasing = wire(m, "decreasing", 1, 0 if p.wraps else difference[-1])
        saturated = wire(m, "saturated", 1, ~decreasing & difference[p.count_bits : -1].any())
        clipped = difference[: p.count_bits] | saturated.replicate(p.count_bits)
        with m.If(accept):
            m.d.sync += place.eq(Mux(end, 0, place + 1))
        began = wire(m, "began", 1, place != 0)
        with m.If(self.i.ready):
            m.d.sync += counts.valid.eq(self.i.valid & began)
        count = register(m, accept, "count", p.count_bits, Mux(decreasing, 0, clipped))
        m.d.comb += [
            self.i.ready.eq(~counts.valid | counts.ready),
            counts.payload.data.key.eq(count),
            counts.payload.data.payload.eq(register(m, accept, "index", p.number_bits, place - 1)),
            counts.payload.last.eq(register(m, accept, "last", 1, end)),
            self.flags.decreasing.eq(accept & began & decreasing),
            self.flags.saturated.eq(accept & began & saturated),
            self.flags.framing.eq(accept & (self.i.payload.last ^ end)),
        ]
        return counts
