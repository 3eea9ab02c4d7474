"""The matrix-multiply array of approximate multipliers."""

from typing import Any

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.data import View

from sw.approx.array import ApproxArrayParameters
from sw.formats import FloatFormat
from sw.formats.coding import FloatCoding

from ..base.field import Field
from ..engine.order import Operand, Part, Term, matrices, row_by_row
from ..engine.registers import Register
from ..engine.sequencer import Sequencer
from ..engine.tiles import TileArray, tile_job
from ..stream.packet import Packet
from .column import ApproxColumn
from .pe import table_members
from .upload import Upload, table_packet, table_registers

__all__ = ["ApproxArray"]


def _values(format: FloatFormat, count: int, what: str) -> Packet:
    """Return a beat of values side by side."""
    return Packet(
        Field(
            name="value",
            bits=format.width,
            count=count,
            description=f"{format.name}, {what}",
            coding=FloatCoding(format),
        )
    )


def _operands(p: ApproxArrayParameters) -> tuple[Operand, Operand]:
    """Return the orders: ``interleave`` beats of rows, and one of columns, a place."""
    step = p.interleave
    rows = Part(
        line=(Term(of="value", times=step), Term(of="beat", modulo=step)),
        place=(Term(of="beat", divide=step),),
    )
    columns = Part(line=(Term(of="value"),), place=(Term(of="beat"),))
    a = Operand(
        stream="s_axis_a",
        side="rows",
        lines=p.tile_rows,
        places=1,
        beats=step,
        parts={"value": rows},
    )
    b = Operand(
        stream="s_axis_b",
        side="columns",
        lines=p.columns,
        places=1,
        beats=1,
        parts={"value": columns},
    )
    return a, b


class ApproxArray(TileArray):
    """Output-stationary array of ``rows`` x ``columns`` approximate multipliers.

    Each has a fp32 adder, which serves ``interleave`` interleaved rows of results, so that it has
    ended a row's addition when that row's next product comes. A tile has ``rows * interleave`` rows
    and a reduction of ``depth`` steps. A step takes ``interleave`` beats of ``i_a``: beat ``j``
    holds the operands of the rows ``r * interleave + j``; and one beat of ``i_b``, with the first
    of them. Results are those of `sw.approx.array.matmul`: products are added in the order of the
    reduction. Members are those of `TileArray`; latency, interval and drain are
    `ApproxArrayParameters.timing`.

    With a table, `Upload` takes it from ``i_table`` after a write to ``load``, which is refused
    while a job uses one. A start without a table is refused; while one is loading it is not, but
    the job's operands wait until it is there.
    """

    ABORT = "a table of products"
    FLAGS = {
        **TileArray.FLAGS,
        "framing": "tlast inside a tile, a table that ended early or had no end, or padding bits "
        "that were not zero",
        "refused": "a start while busy or aborting, with a size of 0 or without "
        "a table; a load while a job used the table or while one was loading",
    }

    def __init__(self, *, parameters: ApproxArrayParameters) -> None:
        self.parameters = p = parameters
        a, b = _operands(p)
        self.facts = {"matrices": matrices({"a": a, "b": b}, {"product": row_by_row(a, "depth")})}
        self._columns = [ApproxColumn(parameters=p) for _ in range(p.columns)]
        registers: tuple[Register, ...] = table_registers if p.has_table else ()
        table = {"i_table": table_packet(p.bits)} if p.has_table else {}
        super().__init__(
            sequencer=Sequencer(
                job=tile_job("depth", 32, "places of the reduction"),
                rows=p.tile_rows,
                block_beats=p.interleave,
                interleaved=True,
            ),
            streams={
                "i_a": _values(p.format, p.rows, f"of every {p.interleave}th row of the tile"),
                "i_b": _values(p.format, p.columns, "one a column"),
                **table,
            },
            rows=p.rows,
            columns=p.columns,
            row_spacing=p.interleave,
            registers=registers,
        )

    def elaborate(self, platform: Any) -> Module:
        """Build columns between operands and results."""
        m = Module()
        p, sequencer, stages = self.parameters, self._sequencer, self.parameters.stages
        a, b, table = self._accept_by_table(m) if p.has_table else (*self._accept(m), {})
        late = Cat(self._skewed(m, a.value[r], r) for r in range(p.rows))

        b_first = self._line(m, "b_first", sequencer.block_first, 0)
        first = self._line(m, "sum_first", sequencer.sum_first, stages.product)
        tile_last = self._line(m, "tile_last", sequencer.tile_last, stages.sum + 1)
        job_last = self._line(m, "job_last", sequencer.job_last, stages.sum + 1)
        step = p.interleave
        for i, column in enumerate(self._columns):
            m.submodules[f"column_{i}"] = column
            m.d.comb += [
                column.en.eq(sequencer.en),
                column.a.eq(late),
                column.b.eq(b.value[i]),
                column.b_first.eq(b_first[::step]),
                column.first.eq(first[stages.product :: step]),
                column.select.eq(tile_last[stages.sum : -1 : step]),
            ]
            m.d.comb += [getattr(column, name).eq(value) for name, value in table.items()]
        results = [column.result for column in self._columns]
        self._give(m, results, tile_last[stages.sum + 1 :: step].any(), job_last[-1])
        return m

    def _accept_by_table(self, m: Module) -> tuple[View, View, dict[str, Value]]:
        """Return the beats of both operands, and what writes the tables."""
        m.submodules.upload = upload = Upload(bits=self.parameters.bits)
        wiring.connect(m, upload.i_table, wiring.flipped(self.i_table))
        m.d.comb += [
            upload.load.eq(self.load),
            upload.idle.eq(~(self.busy & upload.loaded)),
            self.table.loading.eq(upload.loading),
            self.table.loaded.eq(upload.loaded),
        ]
        a, b = self._accept(
            m,
            # An entry is written a cycle after it is accepted, before the table is loaded.
            may_start=upload.loading | upload.write | upload.loaded,
            may_accept=upload.loaded,
            refused=upload.refused,
            framing=upload.framing,
        )
        return a, b, {name: getattr(upload, name) for name in table_members(self.parameters)}
