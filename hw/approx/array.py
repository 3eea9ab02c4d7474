"""The matrix-multiply array of approximate multipliers."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring

from sw.approx.array import ApproxArrayParameters
from sw.formats import FloatFormat

from ..base.field import Field
from ..engine.row_delay import RowDelay
from ..engine.sequencer import Sequencer
from ..engine.tiles import TileArray, job_registers
from ..stream.packet import Packet
from .column import Column
from .element import table_members
from .upload import Upload, table_packet, table_registers

__all__ = ["ApproxArray"]

DEPTH_BITS = 32


def _values(format: FloatFormat, count: int, what: str) -> tuple[Field, ...]:
    """Return the field of a beat of values side by side."""
    return (
        Field(name="value", bits=format.width, count=count, description=f"{format.name}, {what}"),
    )


class ApproxArray(TileArray):
    """Output-stationary array of ``rows`` x ``columns`` approximate multipliers.

    Each has a binary32 adder, which serves ``interleave`` rows of results by turns, so that it has
    ended a row's addition when that row's next product comes. A tile has ``rows * interleave`` rows
    and takes ``depth`` places of the reduction. A place takes ``interleave`` beats of ``i_a``: beat
    ``j`` holds the operands of the rows ``r * interleave + j``; and one beat of ``i_b``, with the
    first of them. Results are those of `sw.approx.array.matmul`: products are added in the order
    of the reduction. Members are those of `TileArray`.

    Latency is `latency` cycles from a row's last beat to its results, for the rows of ``r = 0``,
    and ``r * interleave`` more for others; a job without stalls takes
    `ApproxArrayParameters.cycles`.

    With a table, `Upload` takes it from ``i_table`` after a write to ``load``, which is refused
    while a job uses one. A start without a table is refused; while one is loading it is not, but
    the job's operands wait until it is there.
    """

    ABORT = "a table of products"
    FLAGS = {
        **TileArray.FLAGS,
        "framing": "tlast inside a tile, a table that ended early or had no end, or padding bits "
        "that were not zero",
        "refused": "a start while busy, with a size of 0 or without a table; a load while a job "
        "used the table or while one was loading",
    }

    def __init__(self, *, parameters: ApproxArrayParameters) -> None:
        self.parameters = p = parameters
        self._columns = [Column(parameters=p) for _ in range(p.columns)]
        self.registers = job_registers("depth", DEPTH_BITS, "places of the reduction")
        table: dict[str, Packet] = {}
        if p.has_table:
            self.registers += table_registers
            table = {"i_table": table_packet(p.bits)}
        super().__init__(
            sequencer=Sequencer(
                rows=p.tile_rows,
                block_beats=p.interleave,
                block_bits=DEPTH_BITS,
                interleaved=True,
            ),
            streams={
                "i_a": _values(p.format, p.rows, f"of every {p.interleave}th row of the tile"),
                "i_b": _values(p.format, p.columns, "one a column"),
                **table,
            },
            columns=p.columns,
            skew=p.tile_rows - p.interleave,
        )

    @property
    def latency(self) -> int:
        """Cycles from the last beat of a tile's first row to its results, without stalls."""
        return self._columns[0].elements[0].latency + 3

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p, sequencer = self.parameters, self._sequencer
        element = self._columns[0].elements[0]
        a, b, table = self._take_by_table(m) if p.has_table else (*self._take(m), {})
        late = Cat(self._late(m, a.word_select(r, p.format.width), r) for r in range(p.rows))

        first = self._line(m, "first", sequencer.first, 0)
        fresh = self._line(m, "fresh", sequencer.fresh, element.issue_latency)
        ending = self._line(m, "ending", sequencer.ending, element.latency + 1)
        job_end = self._line(m, "job_end", sequencer.job_end, element.latency + 1)
        step = p.interleave
        for i, column in enumerate(self._columns):
            m.submodules[f"column_{i}"] = column
            m.d.comb += [
                column.en.eq(sequencer.en),
                column.a.eq(late),
                column.b.eq(b.word_select(i, p.format.width)),
                column.first.eq(first[::step]),
                column.fresh.eq(fresh[element.issue_latency :: step]),
                column.leave.eq(ending[element.latency : -1 : step]),
            ]
            m.d.comb += [getattr(column, name).eq(value) for name, value in table.items()]
        results = [column.result for column in self._columns]
        self._give(m, results, ending[element.latency + 1 :: step].any(), job_end[-1])
        return m

    def _take_by_table(self, m: Module) -> tuple[Signal, Signal, dict[str, Value]]:
        """Return the beats of both operands, and what writes the tables."""
        m.submodules.upload = upload = Upload(bits=self.parameters.bits)
        wiring.connect(m, upload.i_table, wiring.flipped(self.i_table))
        m.d.comb += [
            upload.load.eq(self.load),
            upload.idle.eq(~(self.busy & upload.loaded)),
            self.table.loading.eq(upload.loading),
            self.table.loaded.eq(upload.loaded),
        ]
        a, b = self._take(
            m,
            # An entry is written a cycle after it is taken, before the table is loaded.
            may_start=upload.loading | upload.write | upload.loaded,
            may_take=upload.loaded,
            refused=upload.refused,
            framing=upload.framing,
        )
        return a, b, {name: getattr(upload, name) for name in table_members(self.parameters)}

    def _late(self, m: Module, row: Value, number: int) -> Value:
        """Return the operands of a row of elements in their own time."""
        for i in range(number):
            stage = RowDelay(width=len(row), cycles=self.parameters.interleave)
            m.submodules[f"row_{number}_delay_{i}"] = stage
            m.d.comb += [stage.en.eq(self._sequencer.en), stage.i.eq(row)]
            row = stage.o
        return row
