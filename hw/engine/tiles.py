"""What matrix-multiply arrays have in common: jobs of tiles, operands, results."""

from collections.abc import Mapping, Sequence

from amaranth.hdl import Cat, Const, Module, Signal, Value

from ..base.field import Field
from ..stream.fifo import OutputFifo
from ..stream.packet import Packet
from .core import Core
from .registers import Register, word
from .sequencer import Sequencer

__all__ = ["TileArray", "job_registers"]

NO, YES = Const(0), Const(1)


def job_registers(depth: str, bits: int, description: str) -> tuple[Register, ...]:
    """Return the registers of a `TileArray`; ``depth`` names the one of a tile's blocks."""
    return (
        word("tile_rows", "rw", 16, "rows of tiles in a job", locked="busy"),
        word("tile_columns", "rw", 16, "columns of tiles in a job", locked="busy"),
        word(depth, "rw", bits, description, locked="busy"),
        word("cycles", "ro", 32, "cycles spent busy"),
        word("beats", "ro", 32, "operand beats taken"),
        word("operand_stalls", "ro", 32, "cycles that waited for an operand"),
        word("result_stalls", "ro", 32, "cycles that waited for results to be taken"),
    )


class TileArray(Core):
    """Output-stationary array: a tile of binary32 results at a time.

    A job is ``tile_rows`` x ``tile_columns`` tiles in row-major order, one behind the other without
    a pause. A result beat is a row of a tile; the last of the job has ``last``. ``o`` comes from a
    queue; the ready of each operand depends on the valid of the other.

    Parameters
    ----------
    sequencer : Sequencer
        The sequence of a job's beats.
    streams : mapping of str to tuple of Field
        Fields of the operands ``i_a`` and ``i_b``, and of other streams taken.
    columns : int
        Results of a beat.
    skew : int
        Enabled cycles from the operands of the array's first row to those of its last.

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
    BUSY = "a job runs"
    FLAGS = {
        "nan": "a result was NaN",
        "overflow": "a result was infinite",
        "framing": "tlast inside a tile, or padding bits that were not zero",
        "refused": "a start while busy, or with a size of 0",
    }

    def __init__(
        self,
        *,
        sequencer: Sequencer,
        streams: Mapping[str, Packet | tuple[Field, ...]],
        columns: int,
        skew: int,
    ) -> None:
        self._sequencer = sequencer
        self._queue = OutputFifo(shape=32 * columns + 1)
        self.skew = skew
        result = Field(name="result", bits=32, count=columns, description="binary32 results")
        super().__init__(streams={**streams, "o": (result,)})

    def _take(
        self,
        m: Module,
        *,
        may_start: Value = YES,
        may_take: Value = YES,
        refused: Value = NO,
        framing: Value = NO,
    ) -> tuple[Signal, Signal]:
        """Connect sequencer and queue to the ports; return the latest beat of each operand.

        A job is refused unless it ``may_start``, and its operands wait until it ``may_take`` them;
        ``refused`` and ``framing`` are further events of these flags.
        """
        m.submodules.sequencer = sequencer = self._sequencer
        m.submodules.queue = queue = self._queue
        m.d.comb += [
            sequencer.start.eq(self.start & may_start),
            sequencer.clear.eq(self.clear),
            sequencer.valid_a.eq(self.i_a.valid & may_take),
            sequencer.valid_b.eq(self.i_b.valid & may_take),
            sequencer.room.eq(queue.credit),
            sequencer.done.eq(self.done),
            self.i_a.ready.eq(sequencer.ready_a),
            self.i_b.ready.eq(sequencer.ready_b),
            self.busy.eq(sequencer.busy),
            self.flags.refused.eq(sequencer.refused | (self.start & ~may_start) | refused),
        ]
        sizes = ("tile_rows", "tile_columns", "blocks")
        for register, size in zip(self.registers, sizes, strict=False):
            m.d.comb += getattr(sequencer, size).eq(getattr(self, register.name))
        for name in sequencer.COUNTERS:
            m.d.comb += getattr(self, name).eq(getattr(sequencer, name))

        beats, astray = [], []
        for name, end in (("a", sequencer.end_a), ("b", sequencer.end_b)):
            port = getattr(self, f"i_{name}")
            beat = Signal(port.payload.data.shape(), name=name, reset_less=True)
            taken = port.valid & port.ready
            with m.If(taken):
                m.d.sync += beat.eq(port.payload.data)
            beats.append(beat)
            astray.append(taken & port.payload.last & ~end)
        m.d.comb += self.flags.framing.eq(Cat(astray).any() | framing)
        return beats[0], beats[1]

    def _give(self, m: Module, row: Sequence[Value], ending: Value, job_end: Value) -> None:
        """Put out a row of results where ``ending``."""
        queue = self._queue
        push = self._sequencer.en & ending
        special = [result[23:31].all() for result in row]
        fraction = [result[:23].any() for result in row]
        nan = [s & f for s, f in zip(special, fraction, strict=True)]
        infinite = [s & ~f for s, f in zip(special, fraction, strict=True)]
        m.d.comb += [
            queue.push.eq(push),
            queue.word.eq(Cat(*row, job_end)),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
            self.done.eq(self.o.valid & self.o.ready & self.o.payload.last),
            self.flags.nan.eq(push & Cat(nan).any()),
            self.flags.overflow.eq(push & Cat(infinite).any()),
        ]

    def _line(self, m: Module, name: str, tag: Value, latency: int) -> Value:
        """Return a tag at all delays up to that of the last row at ``latency``."""
        line = Signal(latency + self.skew, name=f"{name}_line")
        with m.If(self._sequencer.en):
            m.d.sync += line.eq(Cat(tag, line)[: len(line)])
        return Cat(tag, line)
