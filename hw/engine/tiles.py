"""Front of the matrix-multiply arrays: jobs of tiles, operands, skew of the rows, results."""

from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import View

from sw.formats import BINARY32
from sw.formats.coding import FloatCoding

from ..base.field import Field
from ..base.pipeline import delay
from ..float.classify import classify
from ..stream.fifo import OutputFifo
from ..stream.packet import Packet
from .core import RESULT_FLAGS, Core
from .registers import Register, counter
from .row_delay import RowDelay
from .sequencer import JobSequencer

__all__ = ["TileArray", "tile_job"]

NO, YES = Const(0), Const(1)

DELAY_CYCLES = 3
"""Of a `RowDelay`, where rows are a cycle apart."""


def tile_job(depth: str, bits: int, description: str) -> tuple[Field, ...]:
    """Return the descriptor of a job of equal tiles; ``depth`` names the blocks of a tile."""
    return (
        Field(name="tile_rows", bits=16, description="rows of tiles in a job"),
        Field(name="tile_columns", bits=16, description="columns of tiles in a job"),
        Field(name=depth, bits=bits, description=description),
    )


class TileArray(Core):
    """Output-stationary array: a tile of fp32 results at a time.

    A job's tiles come one behind the other without a pause. A result beat is a row of a tile; the
    last of the job has ``last``. Operands are registered; ``o`` comes from an output FIFO; the
    ready of each operand depends on the valid of the other.

    Parameters
    ----------
    sequencer : JobSequencer
        The sequence of a job's beats; its job is the array's.
    streams : mapping of str to Packet
        The operands ``i_a`` and ``i_b``, and other streams in.
    rows, columns : int
        PE rows, and results of a beat.
    row_spacing : int
        Enabled cycles from a row's operands to those of the next.
    registers : tuple of Register
        Further ones, behind those of the job and the sequencer's counters.

    Members
    -------
    i_a, i_b : In(stream.Signature(...))
        Operands, fields as in `streams`. ``last`` may come with the last beat of a tile only.
    o : Out(stream.Signature(...))
        Rows of results.
    job, start, done, busy, clear, flags
        As in `Core`; a start is refused while a job runs, or with a size of 0.
    """

    JOBS = True
    BUSY = "a job runs"
    FLAGS = {
        **RESULT_FLAGS,
        "framing": "tlast inside a tile, or padding bits that were not zero",
        "refused": "a start while busy or aborting, or with a size of 0",
    }

    def __init__(
        self,
        *,
        sequencer: JobSequencer,
        streams: Mapping[str, Packet],
        rows: int,
        columns: int,
        row_spacing: int = 1,
        registers: tuple[Register, ...] = (),
    ) -> None:
        self._sequencer = sequencer
        self.row_spacing = row_spacing
        self.skew = row_spacing * (rows - 1)
        counters = (counter(name, text) for name, text in sequencer.COUNTERS.items())
        self.registers = (*counters, *registers)
        result = Field(
            name="result",
            bits=32,
            count=columns,
            description="binary32 results",
            coding=FloatCoding(BINARY32),
        )
        super().__init__(streams={**streams, "o": Packet(result)}, job=sequencer.fields)

    @property
    def job_fields(self) -> tuple[Field, ...]:
        """Fields of the job's descriptor."""
        return self._sequencer.fields

    def _accept(
        self,
        m: Module,
        *,
        may_start: Value = YES,
        may_accept: Value = YES,
        refused: Value = NO,
        framing: Value = NO,
    ) -> tuple[View, View]:
        """Connect the sequencer to the ports; return the latest beat of each operand.

        A job is refused unless it ``may_start``, and its operands wait until they ``may_accept``;
        ``refused`` and ``framing`` are further events of these flags.
        """
        m.submodules.sequencer = sequencer = self._sequencer
        m.d.comb += [
            sequencer.start.eq(self.start & may_start),
            sequencer.job.eq(self.job),
            sequencer.clear.eq(self.clear),
            sequencer.valid_a.eq(self.i_a.valid & may_accept),
            sequencer.valid_b.eq(self.i_b.valid & may_accept),
            sequencer.done.eq(self.done),
            self.i_a.ready.eq(sequencer.ready_a),
            self.i_b.ready.eq(sequencer.ready_b),
            self.busy.eq(sequencer.busy),
            self.flags.refused.eq(sequencer.refused | (self.start & ~may_start) | refused),
        ]
        for name in sequencer.COUNTERS:
            m.d.comb += getattr(self, name).eq(getattr(sequencer, name))
        a, early_a = self._latest(m, "a", sequencer.last_a)
        b, early_b = self._latest(m, "b", sequencer.last_b)
        m.d.comb += self.flags.framing.eq(early_a | early_b | framing)
        return a, b

    def _latest(self, m: Module, name: str, last: Value) -> tuple[Any, Value]:
        """Return an operand's latest beat, and whether its packet ends before the tile."""
        port = getattr(self, f"i_{name}")
        beat = Signal(port.payload.data.shape(), name=name, reset_less=True)
        accepted = port.valid & port.ready
        with m.If(accepted):
            m.d.sync += beat.eq(port.payload.data)
        return beat, accepted & port.payload.last & ~last

    def _skewed(self, m: Module, row: Value, number: int) -> Value:
        """Return a row's operand delayed by its number times the rows' spacing."""
        step = self.row_spacing if self.row_spacing > 1 else DELAY_CYCLES
        chain, rest = divmod(number * self.row_spacing, step)
        for i in range(chain):
            stage = RowDelay(width=len(row), cycles=step)
            m.submodules[f"row_{number}_delay_{i}"] = stage
            m.d.comb += [stage.en.eq(self._sequencer.en), stage.i.eq(row)]
            row = stage.o
        return delay(m, self._sequencer.en, row, rest, name=f"row_{number}")

    def _line(self, m: Module, name: str, tag: Value, latency: int) -> Value:
        """Return a tag at all delays up to that of the last row at ``latency``."""
        line = Signal(latency + self.skew, name=f"{name}_line")
        with m.If(self._sequencer.en):
            m.d.sync += line.eq(Cat(tag, line)[: len(line)])
        return Cat(tag, line)

    def _give(self, m: Module, row: Sequence[Value], tile_last: Value, job_last: Value) -> None:
        """Put a row of results into the output FIFO where ``tile_last``."""
        m.submodules.fifo = fifo = OutputFifo(shape=self.streams["o"])
        push = self._sequencer.en & tile_last
        kinds = [classify(result) for result in row]
        m.d.comb += [
            self._sequencer.credit.eq(fifo.credit),
            fifo.push.eq(push),
            fifo.word.data.result.eq(Cat(row)),
            fifo.word.last.eq(job_last),
            self.done.eq(self.o.valid & self.o.ready & self.o.payload.last),
            self.flags.nan.eq(push & Cat(kind.nan for kind in kinds).any()),
            self.flags.overflow.eq(push & Cat(kind.infinite for kind in kinds).any()),
        ]
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
