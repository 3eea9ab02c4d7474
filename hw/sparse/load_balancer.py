"""The load balancer: pointers to the pieces of tiles in, the pieces of each line out."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal

from sw.sparse.load_balancer import BalancerParameters

from ..base.field import Field
from ..base.pipeline import count_events, wire
from ..engine.core import Core
from ..engine.registers import word
from .sorter import FoldingSorter

__all__ = ["LoadBalancer"]


class LoadBalancer(Core):
    """Pairing of the pieces of tiles, as `sw.sparse.load_balancer.balance` of `counts`.

    A wave is ``parameters.pointers`` beats in and a beat a line out, and takes
    ``parameters.period`` cycles: a key is sorted in the cycle in which it comes, and no more come
    while the row is emptied, a line or a pair of halves in each cycle. Quarters are sorted again,
    as pairs, while the next wave comes. ``last`` ends a wave; elsewhere it is not obeyed. ``o``
    comes from registers; ``i.ready`` depends on registers, and where nothing is sorted on that of
    ``o``.

    Members
    -------
    i : In(stream.Signature(...))
        Pointers, fields as in `streams`.
    o : Out(stream.Signature(...))
        Lines, line 0 first, fields as in `streams`.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    FLAGS = {
        "decreasing": "a pointer was less than the one before; its piece counts as empty",
        "saturated": "a piece had more values than a count can tell",
        "framing": "tlast not with a wave's last pointer and it alone, or padding bits not zero",
    }
    registers = (
        word("waves", "ro", 32, "waves given"),
        word("input_stalls", "ro", 32, "cycles that waited for pointers"),
        word("output_stalls", "ro", 32, "cycles that waited for the output to be taken"),
    )

    def __init__(self, *, parameters: BalancerParameters) -> None:
        self.parameters = p = parameters
        pointer = Field(name="pointer", bits=p.pointer_bits, description="where a piece begins")
        given = (
            Field(
                name="piece",
                bits=p.number_bits,
                count=p.pieces,
                description="numbers of the line's pieces",
            ),
            Field(name="total", bits=p.total_bits, description="values of these pieces"),
        )
        super().__init__(streams={"i": (pointer,), "o": given})

    @property
    def latency(self) -> int:
        """Cycles from a wave's last pointer to its first line, see `BalancerParameters.latency`."""
        return self.parameters.latency

    def elaborate(self, platform: Any) -> Module:
        """Take differences of pointers, sort and fold."""
        m = Module()
        p = self.parameters
        sorters = [
            FoldingSorter(
                keys=p.keys >> fold,
                key_bits=p.count_bits + fold,
                payload_bits=p.number_bits << fold,
            )
            for fold in range(p.folds)
        ]
        pointer = self.i.payload.data
        take = wire(m, "take", 1, self.i.valid & self.i.ready)
        before = Signal(p.pointer_bits, reset_less=True)
        place = Signal(range(p.pointers))
        end = wire(m, "end", 1, place == p.keys)
        difference = wire(m, "difference", p.pointer_bits + 1, pointer - before)
        decreasing = wire(m, "decreasing", 1, 0 if p.wraps else difference[-1])
        saturated = wire(m, "saturated", 1, ~decreasing & difference[p.count_bits : -1].any())

        count = Signal(p.count_bits, reset_less=True)
        number = Signal(p.number_bits, reset_less=True)
        last = Signal(reset_less=True)
        valid = Signal()
        with m.If(take):
            m.d.sync += [
                before.eq(pointer),
                place.eq(Mux(end, 0, place + 1)),
                count.eq(
                    Mux(
                        decreasing,
                        0,
                        difference[: p.count_bits] | saturated.replicate(p.count_bits),
                    )
                ),
                number.eq(place - 1),
                last.eq(end),
            ]
        began = wire(m, "began", 1, place != 0)
        m.d.comb += [
            self.flags.decreasing.eq(take & began & decreasing),
            self.flags.saturated.eq(take & began & saturated),
            self.flags.framing.eq(take & (self.i.payload.last ^ end)),
        ]

        parts, is_valid, ready = (count, number, last), valid, Signal(name="ready_0")
        m.d.comb += self.i.ready.eq(~valid | ready)
        with m.If(self.i.ready):
            m.d.sync += valid.eq(self.i.valid & began)
        for n, sorter in enumerate(sorters):
            m.submodules[f"sorter_{n}"] = sorter
            m.d.comb += [
                sorter.i.payload.eq(Cat(*parts)),
                sorter.i.valid.eq(is_valid),
                ready.eq(sorter.i.ready),
            ]
            given = sorter.o.payload
            parts, is_valid = (given.key, given.payload, given.last), sorter.o.valid
            ready = sorter.o.ready
        total, pieces, ends = parts
        m.d.comb += [
            self.o.payload.data.eq(Cat(pieces, total)),
            self.o.payload.last.eq(ends),
            self.o.valid.eq(is_valid),
            ready.eq(self.o.ready),
        ]
        events = (
            (self.waves, self.o.valid & self.o.ready & self.o.payload.last),
            (self.input_stalls, self.i.ready & ~self.i.valid),
            (self.output_stalls, self.o.valid & ~self.o.ready),
        )
        count_events(m, self.clear, events)
        return m
