"""Sequencer of the multi-mode array: tiles whose blocks are as long as their modes say."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.bfp.multimode_array import MODES, MultimodeParameters

from ...base.field import Field
from ...engine.sequencer import JobSequencer
from ...engine.tiles import tile_job
from .readout import Tags

__all__ = ["MultimodeSequencer"]


class MultimodeSequencer(JobSequencer):
    """Sequencer of tiles in any modes; a block's last beat waits until the adders are free.

    The modes of a tile are those of its first beat. Latency is a cycle from a beat to its tags and
    to ``en``; without a beat the array moves all the same. Interval is a beat a cycle, and
    `MultimodeParameters.mode_timing` from block to block.

    Parameters
    ----------
    parameters : MultimodeParameters
    product : bool
        Whether a job is of ``tile_rows`` x ``tile_columns`` tiles instead of ``tiles``.

    Members
    -------
    mode_a, mode_b : In(2)
        Modes in the operands' beats.
    protocol_error : Out(1)
        The beat accepted has a mode that it should not.
    beat, block_first, block_last : Out(1)
        There is a beat; it is the first or last of a block.
    tags : Out(Tags)
        Of the block.
    """

    COUNTERS = {
        "cycles": "cycles spent busy",
        "accepted": "operand beats accepted",
        "operand_stalls": "cycles that waited for an operand",
        "adder_stalls": "cycles that waited for the results of the block before",
        "result_stalls": "cycles that waited for results to be accepted",
    }

    def __init__(self, *, parameters: MultimodeParameters, product: bool) -> None:
        self.parameters = parameters
        *grid, beats = tile_job("beats", 32, "beats of a tile")
        tiles = grid if product else [Field(name="tiles", bits=32, description="tiles in a job")]
        flags = ("protocol_error", "beat", "block_first", "block_last")
        members = dict.fromkeys(("mode_a", "mode_b"), In(2)) | dict.fromkeys(flags, Out(1))
        super().__init__(job=(*tiles, beats), members={**members, "tags": Out(Tags())})

    def elaborate(self, platform: Any) -> Module:
        """Build counters, modes, acceptance, and a register of tags."""
        m = Module()
        accept = Signal()
        block_end = Signal()
        sum_first = Signal(name="sum_first_now")
        wants = Signal()
        position = self._count(m, accept)
        tile_last = position.last["beats"]
        active = self._run(m, position.job_last)
        mode_a, mode_b = self._modes(m, accept, position.index["beats"] != 1)
        index = self._block_index(m, accept, block_end, tile_last, mode_a, mode_b)
        free = self._adders_free(m, accept & block_end, mode_a + mode_b)

        ready = self.valid_a & self.valid_b
        m.d.comb += [
            wants.eq(active & self.credit & ~(block_end & ~free)),
            accept.eq(wants & ready),
            self.ready_a.eq(wants & self.valid_b),
            self.ready_b.eq(wants & self.valid_a),
            self.last_a.eq(tile_last),
            self.last_b.eq(tile_last),
        ]
        with m.If(self.start & ~self.refused):
            m.d.sync += sum_first.eq(1)
        with m.If(accept & block_end):
            m.d.sync += sum_first.eq(tile_last)

        m.d.sync += self.en.eq(self.credit)
        with m.If(self.credit):
            m.d.sync += [
                self.beat.eq(accept),
                self.block_first.eq(accept & (index == 0)),
                self.block_last.eq(accept & block_end),
                self.tags.mode_a.eq(mode_a),
                self.tags.mode_b.eq(mode_b),
                self.tags.sum_first.eq(sum_first),
                self.tags.tile_last.eq(tile_last),
                self.tags.job_last.eq(position.job_last),
            ]
        self._count_events(
            m,
            self.busy,
            accept,
            active & self.credit & ~ready,
            active & self.credit & ready & ~wants,
            self.busy & ~self.credit,
        )
        return m

    def _modes(self, m: Module, accept: Signal, inside: Value) -> tuple[Signal, Signal]:
        """Return the modes of the tile: those of its first beat."""
        modes, wrong = [], []
        for name in ("mode_a", "mode_b"):
            given = getattr(self, name)
            mode = Signal(2, name=f"tile_{name}")
            held = Signal(2, name=f"held_{name}")
            m.d.comb += mode.eq(Mux(inside, held, given))
            with m.If(accept):
                m.d.sync += held.eq(mode)
            wrong += [given != mode, mode.all()]
            modes.append(mode)
        m.d.comb += self.protocol_error.eq(accept & Cat(wrong).any())
        return modes[0], modes[1]

    def _block_index(
        self,
        m: Module,
        accept: Signal,
        block_end: Signal,
        tile_last: Signal,
        mode_a: Signal,
        mode_b: Signal,
    ) -> Signal:
        """Count the beats of a block, which is the shorter of those of both modes."""
        p = self.parameters
        index = Signal(range(p.formats[0].reduction // p.lanes))
        lasts = Array([f.reduction // p.lanes - 1 for f in p.formats])
        longer = Mux(mode_a > mode_b, mode_a, mode_b)
        m.d.comb += block_end.eq((index == lasts[longer]) | tile_last)
        with m.If(accept):
            m.d.sync += index.eq(Mux(block_end, 0, index + 1))
        return index

    def _adders_free(self, m: Module, block_end: Value, modes: Value) -> Value:
        """Tell whether the results of the block before are out of the adders' way."""
        p, top = self.parameters, len(MODES) - 1
        pairs = ((min(both, top), both - min(both, top)) for both in range(2 * top + 1))
        waits = [p.mode_timing(*pair).interval - 1 for pair in pairs]
        wait = Signal(range(max(waits) + 1))
        with m.If(block_end):
            m.d.sync += wait.eq(Array(waits)[modes])
        with m.Elif(self.credit & (wait != 0)):
            m.d.sync += wait.eq(wait - 1)
        return wait == 0
