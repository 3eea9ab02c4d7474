"""Multipliers that look the products of fractions up in a loaded table, as a unit."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring

from sw.approx.amsim_multiplier import AmsimParameters

from ..base.pipeline import count_events
from ..engine.core import Core
from ..engine.registers import counter
from ..stream.pipeline import StreamPipeline
from . import pairs
from .scale import Scale
from .table import ProductTable
from .upload import Upload, table_packet, table_registers

__all__ = ["AmsimUnit"]


class AmsimUnit(Core):
    """Multipliers of pairs of floating-point values by a table of the products of their fractions.

    The multiplier is AMSim of ApproxTrain (arXiv 2209.04161), the product that of
    `sw.approx.product.multiply_bits`. Two lanes share a table in a memory of two ports; all tables
    are written together. A write to ``load`` has `Upload` take the table from ``i_table``; it is
    refused while products are under way. Operands wait until there is a table.

    Latency is `latency` cycles from operands to products, without stalls; interval is one cycle.
    ``o`` comes from an output FIFO; ``i.ready`` and ``i_table.ready`` come from registers.

    Members
    -------
    i, o : stream.Signature(...)
        Operands and products, fields as in `streams`.
    i_table : In(stream.Signature(...))
        Entries in the order of their addresses, ``last`` with the last one.
    load : In(1), table : Out(struct)
        Starts an upload; whether one is under way, and whether a table is loaded. The other members
        are those of `Core`.
    """

    ABORT = "the table"
    FLAGS = {
        **pairs.FLAGS,
        "refused": "a load while products were under way or a table was loading",
        "framing": "a table that ended early or had no end, or padding bits that were not zero",
    }
    registers = (
        *table_registers,
        counter("products", "products given"),
        counter("table_stalls", "cycles in which operands waited for a table"),
        counter("output_stalls", "cycles that waited for products to be accepted"),
    )

    def __init__(self, *, parameters: AmsimParameters) -> None:
        self.parameters = p = parameters
        assert p.bits is not None
        self.bits = p.bits
        fields = pairs.streams(p.format, p.lanes)
        super().__init__(streams={**fields, "i_table": table_packet(p.bits)})

    def _lane(self, m: Module, en: Signal, lane: int, a: Value, b: Value) -> tuple[Scale, Value]:
        """Return the scale of a lane, and whether its product is NaN, infinite or lost."""
        p = self.parameters
        scale = Scale(format=p.format, bits=self.bits, latency=ProductTable.latency)
        m.submodules[f"scale_{lane}"] = scale
        m.d.comb += [scale.en.eq(en), scale.a.eq(a), scale.b.eq(b)]
        return scale, pairs.events(m, en, p.format, a, b, scale.o, self.timing.latency - 1, lane)

    def _tables(self, m: Module, en: Signal, upload: Upload, scales: list[Scale]) -> None:
        """Give each two lanes a table."""
        point = self.parameters.format.fraction_bits
        for first in range(0, len(scales), 2):
            table = ProductTable(bits=self.bits)
            m.submodules[f"table_{first // 2}"] = table
            m.d.comb += [
                table.en.eq(en),
                table.write.eq(upload.write),
                table.address.eq(upload.address),
                table.entry.eq(upload.entry),
            ]
            for port, scale in enumerate(scales[first : first + 2]):
                m.d.comb += [
                    table.x[port].eq(scale.a[point - self.bits : point]),
                    table.y[port].eq(scale.b[point - self.bits : point]),
                    scale.code.eq(table.code[port]),
                ]

    def elaborate(self, platform: Any) -> Module:
        """Build the lanes with their tables, whose beats wait until these are loaded."""
        m = Module()
        lanes = self.parameters.lanes
        m.submodules.upload = upload = Upload(bits=self.bits)
        m.submodules.pipeline = pipeline = StreamPipeline(
            packet=self.streams["o"], stages=self.timing.latency - 1
        )
        en = pipeline.en
        wiring.connect(m, upload.i_table, wiring.flipped(self.i_table))
        wiring.connect(m, pipeline.o, wiring.flipped(self.o))
        m.d.comb += [
            self.i.ready.eq(en & upload.loaded),
            pipeline.accept.eq(self.i.valid & upload.loaded),
            pipeline.last.eq(self.i.payload.last),
            upload.load.eq(self.load),
            upload.idle.eq(~(self.i.valid & self.i.ready | pipeline.valid.any() | self.o.valid)),
            self.table.loading.eq(upload.loading),
            self.table.loaded.eq(upload.loaded),
            self.flags.refused.eq(upload.refused),
            self.flags.framing.eq(upload.framing),
        ]
        factors = self.i.payload.data
        scales, found = [], []
        for n in range(lanes):
            scale, events = self._lane(m, en, n, factors.a[n], factors.b[n])
            scales.append(scale)
            found.append(events)
            m.d.comb += pipeline.result.product[n].eq(scale.o)
        self._tables(m, en, upload, scales)
        pairs.flag(m, self.flags, pipeline.push, found)
        counted = (
            (self.products, Mux(pipeline.push, lanes, 0)),
            (self.table_stalls, self.i.valid & ~upload.loaded),
            (self.output_stalls, ~en),
        )
        count_events(m, self.clear, counted)
        return m
