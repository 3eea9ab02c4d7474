"""The quantile estimator: values in; out the same values, and which of them are kept."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from sw.formats import BINARY32
from sw.formats.coding import BITS, FloatCoding
from sw.sparse.quantile_estimator import QuantileParameters

from ..base.field import Field
from ..base.pipeline import count_events, register, wire
from ..engine.core import Core
from ..engine.registers import Register, counter, word
from ..float.classify import classify
from ..stream.packet import Packet
from .tracker import MAGNITUDE_BITS, QuantileTracker, popcount

__all__ = ["QuantileEstimator"]


class QuantileEstimator(Core):
    """Selector of the largest values, as `sw.sparse.quantile_estimator.estimate`.

    A beat of values gives a beat of the same values with a bit each, and its ``last``. The bits are
    decided by an estimate that they move, see `QuantileTracker`. Until the first beat, and with
    ``between="restart"`` until the first one of each packet, the estimate is ``initial``.

    Latency is one cycle, interval one cycle. All of ``o`` is registered; ``i.ready`` depends on
    ``o.ready``; ``i`` should come from registers.

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
    """

    ABORT = "the estimate, for the initial one"
    FLAGS = {
        "nan": "a value that was present was a NaN or an infinity",
        "framing": "padding bits that were not zero",
    }

    def __init__(self, *, parameters: QuantileParameters) -> None:
        self.parameters = p = parameters
        value = Field(
            name="value",
            bits=BINARY32.width,
            count=p.lanes,
            description="binary32 values",
            coding=FloatCoding(BINARY32),
        )
        present, keep = (
            Field(name=name, bits=1, count=p.lanes, description=text, coding=BITS)
            for name, text in (
                ("present", "which values there are"),
                ("keep", "which values are above the estimate"),
            )
        )
        self.registers = self._registers(p)
        if p.between != "carry":
            self.BUSY = "a packet is under way"
        super().__init__(streams={"i": Packet(value, present), "o": Packet(value, present, keep)})

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
            counter("values", "values given"),
            counter("kept", "values kept"),
        )

    def elaborate(self, platform: Any) -> Module:
        """Decide a beat in front of a register, and count what leaves it."""
        m = Module()
        p = self.parameters
        accept = Signal()
        move = Signal()
        m.d.comb += [
            move.eq(~self.o.valid | self.o.ready),
            accept.eq(self.i.valid & move),
            self.i.ready.eq(move),
        ]
        with m.If(move):
            m.d.sync += self.o.valid.eq(self.i.valid)
        keep = self._decide(m, accept)
        offered, given = self.i.payload.data, self.o.payload.data
        bits = p.lanes * BINARY32.width
        m.d.comb += [
            given.value.eq(register(m, accept, "value", bits, offered.value)),
            given.present.eq(register(m, accept, "present", p.lanes, offered.present)),
            given.keep.eq(register(m, accept, "keep", p.lanes, keep)),
            self.o.payload.last.eq(register(m, accept, "last", 1, self.i.payload.last)),
        ]

        done = Signal()
        present = given.present.as_value()
        special = Cat(classify(given.value[lane]).special for lane in range(p.lanes))
        m.d.comb += [
            done.eq(self.o.valid & self.o.ready),
            self.flags.nan.eq(done & (special & present).any()),
        ]
        counted = (
            (self.values, Mux(done, popcount(present), 0)),
            (self.kept, Mux(done, popcount(given.keep.as_value()), 0)),
        )
        count_events(m, self.clear, counted)
        return m

    def _decide(self, m: Module, accept: Value) -> Value:
        """Return which values of the beat are kept; have the tracker start anew where it must."""
        p, offered = self.parameters, self.i.payload.data
        m.submodules.tracker = tracker = QuantileTracker.of(p)
        restart = self.restart if p.between == "carry" else accept & self.i.payload.last
        anew = wire(m, "anew", 1, restart)
        # Until a beat is accepted the estimate follows `initial`.
        initial = Signal(init=1)
        load = wire(m, "load", 1, anew | initial & ~accept)
        m.d.sync += initial.eq(load)
        if self.BUSY:
            m.d.comb += self.busy.eq(~initial | self.i.valid)
        m.d.comb += [
            tracker.en.eq(accept),
            tracker.load.eq(load),
            tracker.present.eq(offered.present),
            tracker.down.eq(self.share),
            tracker.initial.eq(self.initial),
            self.estimate.eq(tracker.bound),
        ]
        for lane in range(p.lanes):
            m.d.comb += tracker.magnitude[lane].eq(offered.value[lane][:-1])
        return tracker.keep
