"""The BFP matrix-multiply array: columns, the skew of the rows, and the sequence of tiles."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.bfp.array import ADDER_LATENCY, ArrayParameters

from ..circuit import Circuit
from ..core import Core, StreamField
from ..pipeline import delay
from ..queue import ResultQueue
from ..registers import word
from .column import Column
from .operand import operand_fields
from .sequencer import Sequencer

__all__ = ["MacArray"]


class RowDelay(Circuit):
    """Three cycles of delay for a row's operand.

    Members
    -------
    en : In(1)
        Clock enable.
    i : In(width)
        Operand.
    o : Out(width)
        Operand of three enabled cycles before.
    """

    cycles = 3

    def __init__(self, *, width: int) -> None:
        self.width = width
        super().__init__({"en": In(1), "i": In(width), "o": Out(width)})

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        m.d.comb += self.o.eq(delay(m, self.en, self.i, self.cycles, name="stage"))
        return m


class MacArray(Core):
    """Output-stationary array: a tile of ``rows`` x ``columns`` binary32 results at a time.

    A beat holds ``lanes`` elements of each of the tile's rows (``i_a``) and columns (``i_b``);
    both streams are taken together, a beat of each a cycle. A tile is ``blocks`` x `beats` beats,
    a job ``tile_rows`` x ``tile_columns`` tiles in row-major order, one behind the other without
    a pause. A result beat is a row of a tile; the last of the job has ``last``. Between blocks the
    order of the binary32 additions is that of `sw.bfp.array.gemm`.

    Latency is `latency` cycles from a tile's last beat to its first row's result; a job without
    stalls takes `ArrayParameters.cycles`. ``o`` comes from a queue; the ready of each operand
    depends on the valid of the other.

    Members
    -------
    i_a, i_b : In(stream.Signature(...))
        Operands, fields as in `streams`. ``last`` may come with the last beat of a tile only.
    o : Out(stream.Signature(...))
        Rows of results.
    start : In(1)
        Starts a job of the size that the registers give, unless one runs or a size is 0.
    clear : In(1)
        Clears the counters.
    busy, done : Out(1)
        A job runs; its last result was taken in this cycle.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    JOBS = True
    FLAGS = {
        "nan": "a result was NaN",
        "overflow": "a result was infinite",
        "framing": "tlast inside a tile, or padding bits that were not zero",
        "refused": "a start while busy, or with a size of 0",
    }
    registers = (
        word("tile_rows", "rw", 16, "rows of tiles in a job; not to be changed while busy"),
        word("tile_columns", "rw", 16, "columns of tiles in a job; not to be changed while busy"),
        word("blocks", "rw", 16, "blocks along the reduction; not to be changed while busy"),
        word("cycles", "ro", 32, "cycles spent busy"),
        word("beats", "ro", 32, "operand beats taken"),
        word("operand_stalls", "ro", 32, "cycles that waited for an operand"),
        word("result_stalls", "ro", 32, "cycles that waited for results to be taken"),
    )

    def __init__(self, *, parameters: ArrayParameters) -> None:
        self.parameters = p = parameters
        self._columns = [Column(parameters=p) for _ in range(p.columns)]
        result = StreamField(
            name="result", bits=32, count=p.columns, description="binary32 results"
        )
        super().__init__(
            streams={
                "i_a": operand_fields(p.format, p.lanes, p.rows, "row"),
                "i_b": operand_fields(p.format, p.lanes, p.columns, "column"),
                "o": (result,),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a tile's last beat to its first row's result, without stalls."""
        return self._columns[0].latency + 2

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p, form = self.parameters, self.parameters.format
        operand = p.lanes * form.element_bits

        m.submodules.sequencer = sequencer = Sequencer(parameters=p)
        m.submodules.queue = queue = ResultQueue(width=self.o.payload.shape().size)
        m.d.comb += [
            sequencer.start.eq(self.start),
            sequencer.clear.eq(self.clear),
            sequencer.ready.eq(self.i_a.valid & self.i_b.valid),
            sequencer.room.eq(queue.room),
            sequencer.done.eq(self.done),
            self.i_a.ready.eq(sequencer.wants & self.i_b.valid),
            self.i_b.ready.eq(sequencer.wants & self.i_a.valid),
            self.busy.eq(sequencer.busy),
        ]
        for register in self.registers:
            mine, its = getattr(self, register.name), getattr(sequencer, register.name)
            m.d.comb += mine.eq(its) if register.access == "ro" else its.eq(mine)

        a = Signal(self.i_a.payload.data.shape(), reset_less=True)
        b = Signal(self.i_b.payload.data.shape(), reset_less=True)
        with m.If(sequencer.take):
            m.d.sync += [a.eq(self.i_a.payload.data), b.eq(self.i_b.payload.data)]
        mantissas, exponents = self._skew(m, sequencer.en, a)
        conduct, push, job_end = self._conduct(m, sequencer, exponents)

        for i, column in enumerate(self._columns):
            m.submodules[f"column_{i}"] = column
            m.d.comb += [
                column.en.eq(sequencer.en),
                column.a.eq(mantissas),
                column.b.eq(b.word_select(i, operand)),
                column.exponent_b.eq(b[p.columns * operand :].word_select(i, form.exponent_bits)),
                queue.word.word_select(i, 32).eq(column.result),
            ]
            m.d.comb += [getattr(column, name).eq(value) for name, value in conduct.items()]

        m.d.comb += [
            queue.push.eq(push),
            queue.word[-1].eq(job_end),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
            self.done.eq(self.o.valid & self.o.ready & self.o.payload.last),
            self.flags.nan.eq(push & Cat(c.nan for c in self._columns).any()),
            self.flags.overflow.eq(push & Cat(c.infinite for c in self._columns).any()),
            self.flags.framing.eq(
                sequencer.take
                & ~sequencer.tile_end
                & (self.i_a.payload.last | self.i_b.payload.last)
            ),
            self.flags.refused.eq(sequencer.refused),
        ]
        return m

    def _skew(self, m: Module, en: Signal, a: Signal) -> tuple[Value, list[Value]]:
        """Delay each row's elements and exponent by its number; return them row by row."""
        p, form = self.parameters, self.parameters.format
        operand = p.lanes * form.element_bits
        exponents = a[p.rows * operand :]
        late = []
        for r in range(p.rows):
            exponent = exponents.word_select(r, form.exponent_bits)
            row = Cat(a.word_select(r, operand), exponent)
            # Most of the delay is instances of one module: a register a row and cycle would make
            # the text and the time to write it grow with the square of the rows.
            for i in range(r // RowDelay.cycles):
                m.submodules[f"row_{r}_delay_{i}"] = stage = RowDelay(width=len(row))
                m.d.comb += [stage.en.eq(en), stage.i.eq(row)]
                row = stage.o
            late.append(delay(m, en, row, r % RowDelay.cycles, name=f"row_{r}"))
        return Cat(row[:operand] for row in late), [row[operand:] for row in late]

    def _conduct(
        self, m: Module, sequencer: Sequencer, exponents: list[Value]
    ) -> tuple[dict[str, Value], Value, Value]:
        """Return the inputs that all columns share, and the push and end of a row of results."""
        p = self.parameters
        en = sequencer.en
        column = self._columns[0]
        group = column.groups[0]
        first_at = column.elements[0].first_latency
        close_at = column.close_latency
        issue_at = close_at + group.issue_latency
        return_at = issue_at + ADDER_LATENCY
        leave_at = close_at + group.latency
        push_at = leave_at + 1
        keep_at = [close_at + group.keep_latency(level) for level in range(group.levels)]

        close = self._line(
            m, en, "close", sequencer.close, return_at if group.rotates else close_at
        )
        fresh = self._line(m, en, "fresh", sequencer.fresh, issue_at)
        ending = self._line(m, en, "ending", sequencer.ending, push_at)
        job_end = self._line(m, en, "job_end", sequencer.job_end, push_at)
        keep = [
            self._line(m, en, f"keep_{level}", sequencer.keep[level], at)
            for level, at in enumerate(keep_at)
        ]

        early, exponent_a, fresh_now, turn, keep_now, leave = [], [], [], [], [], []
        for rows in p.groups:

            def at(line: Value, latency: int, rows: range = rows) -> Value:
                return line[latency + rows.start : latency + rows.stop]

            early.append(close[close_at - 1 + rows.start])
            exponent_a.append(self._exponent(m, en, exponents, close, rows, close_at))
            fresh_now.append(at(fresh, issue_at).any())
            moves = at(close, issue_at) | at(close, return_at) if group.rotates else Value.cast(1)
            turn.append(moves.any())
            keep_now.extend(at(line, when).any() for line, when in zip(keep, keep_at, strict=True))
            leave.append(at(ending, leave_at).any())
        conduct: dict[str, Value] = {
            "close": close[close_at : close_at + p.rows],
            "early": Cat(early),
            "exponent_a": Cat(exponent_a),
            "fresh": Cat(fresh_now),
            "turn": Cat(turn),
            "leave": Cat(leave),
        }
        if p.beats > 1:
            first = self._line(m, en, "first", sequencer.first, first_at)
            conduct["first"] = first[first_at:]
        if keep:
            conduct["keep"] = Cat(keep_now)
        return conduct, en & ending[push_at:].any(), job_end[-1]

    def _line(self, m: Module, en: Signal, name: str, tag: Value, latency: int) -> Value:
        """Return a tag at all delays up to that of the last row at ``latency``."""
        line = Signal(latency + self.parameters.rows - 1, name=f"{name}_line")
        with m.If(en):
            m.d.sync += line.eq(Cat(tag, line)[: len(line)])
        return Cat(tag, line)

    def _exponent(
        self, m: Module, en: Signal, exponents: list[Value], close: Value, rows: range, latency: int
    ) -> Value:
        """Choose the exponent of the group's row that closes, ``latency`` later."""
        bits = self.parameters.format.exponent_bits
        chosen = Cat(exponents[r] & close[r].replicate(bits) for r in rows)
        value = Value.cast(0)
        for i in range(len(rows)):
            value = value | chosen.word_select(i, bits)
        return delay(m, en, value, latency, name=f"exponent_a_{rows.start}")
