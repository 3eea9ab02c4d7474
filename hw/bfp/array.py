"""The BFP matrix-multiply array: columns, the skew of the rows, and the sequence of tiles."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value

from sw.bfp.array import ArrayParameters
from sw.formats.binary32 import ADDER_LATENCY

from ..base.pipeline import delay
from ..engine.row_delay import RowDelay
from ..engine.sequencer import Sequencer
from ..engine.tiles import TileArray, job_registers
from ..formats.operand import operand_fields
from .column import Column

__all__ = ["MacArray"]

DELAY_CYCLES = 3


class MacArray(TileArray):
    """Output-stationary array: a tile of ``rows`` x ``columns`` binary32 results at a time.

    A beat holds ``lanes`` elements of each of the tile's rows (``i_a``) and columns (``i_b``);
    both streams are taken together, a beat of each a cycle. A tile is ``blocks`` x `beats` beats.
    Between blocks the order of the binary32 additions is that of `sw.bfp.array.gemm`. Members are
    those of `TileArray`.

    Latency is `latency` cycles from a tile's last beat to its first row's result; a job without
    stalls takes `ArrayParameters.cycles`.
    """

    registers = job_registers("blocks", 16, "blocks along the reduction")

    def __init__(self, *, parameters: ArrayParameters) -> None:
        self.parameters = p = parameters
        self._columns = [Column(parameters=p) for _ in range(p.columns)]
        super().__init__(
            sequencer=Sequencer(rows=p.rows, block_beats=p.beats, ways=p.ways),
            streams={
                "i_a": operand_fields(p.format, p.lanes, p.rows, "row"),
                "i_b": operand_fields(p.format, p.lanes, p.columns, "column"),
            },
            columns=p.columns,
            skew=p.rows - 1,
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
        a, b = self._take(m)
        mantissas, exponents = self._skew_rows(m, a)
        conduct, ending, job_end = self._conduct(m, exponents)
        for i, column in enumerate(self._columns):
            m.submodules[f"column_{i}"] = column
            m.d.comb += [
                column.en.eq(self._sequencer.en),
                column.a.eq(mantissas),
                column.b.eq(b.word_select(i, operand)),
                column.exponent_b.eq(b[p.columns * operand :].word_select(i, form.exponent_bits)),
            ]
            m.d.comb += [getattr(column, name).eq(value) for name, value in conduct.items()]
        self._give(m, [column.result for column in self._columns], ending, job_end)
        return m

    def _skew_rows(self, m: Module, a: Signal) -> tuple[Value, list[Value]]:
        """Delay each row's elements and exponent by its number; return them row by row."""
        p, form, en = self.parameters, self.parameters.format, self._sequencer.en
        operand = p.lanes * form.element_bits
        exponents = a[p.rows * operand :]
        late = []
        for r in range(p.rows):
            exponent = exponents.word_select(r, form.exponent_bits)
            row = Cat(a.word_select(r, operand), exponent)
            for i in range(r // DELAY_CYCLES):
                stage = RowDelay(width=len(row), cycles=DELAY_CYCLES)
                m.submodules[f"row_{r}_delay_{i}"] = stage
                m.d.comb += [stage.en.eq(en), stage.i.eq(row)]
                row = stage.o
            late.append(delay(m, en, row, r % DELAY_CYCLES, name=f"row_{r}"))
        return Cat(row[:operand] for row in late), [row[operand:] for row in late]

    def _conduct(self, m: Module, exponents: list[Value]) -> tuple[dict[str, Value], Value, Value]:
        """Return the inputs that all columns share, and the tags of a row of results."""
        p, sequencer = self.parameters, self._sequencer
        column = self._columns[0]
        group = column.groups[0]
        first_at = column.elements[0].first_latency
        close_at = column.close_latency
        issue_at = close_at + group.issue_latency
        return_at = issue_at + ADDER_LATENCY
        leave_at = close_at + group.latency
        push_at = leave_at + 1
        keep_at = [close_at + group.keep_latency(level) for level in range(group.levels)]

        close = self._line(m, "close", sequencer.close, return_at if group.rotates else close_at)
        fresh = self._line(m, "fresh", sequencer.fresh, issue_at)
        ending = self._line(m, "ending", sequencer.ending, push_at)
        job_end = self._line(m, "job_end", sequencer.job_end, push_at)
        keep = [
            self._line(m, f"keep_{level}", sequencer.keep[level], at)
            for level, at in enumerate(keep_at)
        ]

        early, exponent_a, fresh_now, turn, keep_now, leave = [], [], [], [], [], []
        for rows in p.groups:

            def at(line: Value, latency: int, rows: range = rows) -> Value:
                return line[latency + rows.start : latency + rows.stop]

            early.append(close[close_at - 1 + rows.start])
            exponent_a.append(self._exponent(m, exponents, close, rows, close_at))
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
            first = self._line(m, "first", sequencer.first, first_at)
            conduct["first"] = first[first_at:]
        if keep:
            conduct["keep"] = Cat(keep_now)
        return conduct, ending[push_at:].any(), job_end[-1]

    def _exponent(
        self, m: Module, exponents: list[Value], close: Value, rows: range, latency: int
    ) -> Value:
        """Choose the exponent of the group's row that closes, ``latency`` later."""
        bits = self.parameters.format.exponent_bits
        chosen = Cat(exponents[r] & close[r].replicate(bits) for r in rows)
        value = Value.cast(0)
        for i in range(len(rows)):
            value = value | chosen.word_select(i, bits)
        return delay(m, self._sequencer.en, value, latency, name=f"exponent_a_{rows.start}")
