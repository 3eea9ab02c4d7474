"""The quantile estimator as a unit: values in, the same values and which of them are kept out."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal

from sw.formats import BINARY32
from sw.sparse.quantile_estimator import QuantileParameters

from ..base.field import Field
from ..base.pipeline import count_events, register
from ..engine.core import Core
from ..engine.registers import Register, word
from .tracker import MAGNITUDE_BITS, QuantileTracker, ones

__all__ = ["QuantileEstimator"]


class QuantileEstimator(Core):
    """Which values are among the largest, as `sw.sparse.quantile_estimator.estimate` has it.

    A beat of values gives a beat of the same values with a bit each, and its ``last``. The bits are
    decided by an estimate that they move, see `QuantileTracker`. Until the first beat, and with
    ``between="restart"`` until the first one of each packet, the estimate is ``initial``.

    Latency is one cycle; throughput is a beat a cycle. All of ``o`` comes from registers;
    ``i.ready`` follows ``o.ready`` at once. ``i`` is expected straight from registers.

    Members
    -------
    i : In(stream.Signature(...))
        Values, fields as in `streams`.
    o : Out(stream.Signature(...))
        Values and bits.
    share : In(23 + guard - step)
        Share of the values to keep, as a fraction.
    initial : In(31)
        The first estimate; a normal number.
    restart : In(1)
        With ``between="carry"`` only: starts anew, between packets.
    estimate : Out(31)
        By which the next beat is decided.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    ABORT = "the estimate, for the initial one"
    FLAGS = {
        "nan": "a value that was present was a NaN or an infinity",
        "framing": "padding bits that were not zero",
    }
    latency = 1

    def __init__(self, *, parameters: QuantileParameters) -> None:
        self.parameters = p = parameters
        value = Field(
            name="value", bits=BINARY32.width, count=p.lanes, description="binary32 values"
        )
        present = Field(name="present", bits=1, count=p.lanes, description="which values there are")
        keep = Field(
            name="keep", bits=1, count=p.lanes, description="which values are above the estimate"
        )
        self.registers = self._registers(p)
        if p.between != "carry":
            self.BUSY = "a packet is under way"
        super().__init__(streams={"i": (value, present), "o": (value, present, keep)})

    @staticmethod
    def _registers(p: QuantileParameters) -> tuple[Register, ...]:
        bits = MAGNITUDE_BITS
        restart = word(
            "restart", "wo", 1, "has the estimate start anew; between packets", locked="aborting"
        )
        return (
            word(
                "share",
                "rw",
                p.unit,
                f"share to keep, times 2**{p.unit}",
                reset=p.down,
                locked="" if p.between == "carry" else "busy",
            ),
            word(
                "initial", "rw", bits, "first estimate, a normal binary32", reset=p.start >> p.guard
            ),
            *([restart] if p.between == "carry" else []),
            word(
                "estimate",
                "ro",
                bits,
                "estimate by which the next beat is decided, a binary32",
                reset=p.start >> p.guard,
            ),
            word("values", "ro", 32, "values given"),
            word("kept", "ro", 32, "values kept"),
        )

    def elaborate(self, platform: Any) -> Module:
        """Decide what is taken, and count what is given."""
        m = Module()
        p = self.parameters
        size = p.lanes * BINARY32.width
        m.submodules.tracker = tracker = QuantileTracker.of(p)
        data, present = self.i.payload.data[:size], self.i.payload.data[size:]
        values = [data.word_select(lane, BINARY32.width) for lane in range(p.lanes)]

        # Until a beat comes the estimate is the first one.
        move = Signal()
        take = Signal()
        anew = Signal()
        fresh = Signal(init=1)
        m.d.comb += [
            move.eq(~self.o.valid | self.o.ready),
            take.eq(self.i.valid & move),
            anew.eq(self.restart if p.between == "carry" else take & self.i.payload.last),
            self.i.ready.eq(move),
        ]
        m.d.sync += fresh.eq(anew | fresh & ~take)
        if self.BUSY:
            m.d.comb += self.busy.eq(~fresh | self.i.valid)
        m.d.comb += [
            tracker.en.eq(take),
            tracker.load.eq(anew | fresh & ~take),
            tracker.magnitude.eq(Cat(value[:-1] for value in values)),
            tracker.present.eq(present),
            tracker.down.eq(self.share),
            tracker.initial.eq(self.initial),
            self.estimate.eq(tracker.bound),
        ]

        given = Cat(data, present, tracker.keep)
        m.d.comb += [
            self.o.payload.data.eq(register(m, take, "given", len(given), given)),
            self.o.payload.last.eq(register(m, take, "given_last", 1, self.i.payload.last)),
        ]
        with m.If(move):
            m.d.sync += self.o.valid.eq(self.i.valid)

        done = Signal()
        m.d.comb += done.eq(self.o.valid & self.o.ready)
        given, present, keep = (
            self.o.payload.data[first : first + bits]
            for first, bits in ((0, size), (size, p.lanes), (size + p.lanes, p.lanes))
        )
        odd = [given.word_select(lane, BINARY32.width)[23:31].all() for lane in range(p.lanes)]
        m.d.comb += self.flags.nan.eq(done & (Cat(*odd) & present).any())
        counted = (
            (self.values, Mux(done, ones(present), 0)),
            (self.kept, Mux(done, ones(keep), 0)),
        )
        count_events(m, self.clear, counted)
        return m
