"""The stochastic outer product as a unit: vectors in, weight updates or updated weights out."""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring

from sw.stochastic.outer_parameters import SHIFT_BITS, OuterProductParameters
from sw.stochastic.stages import banks

from ..base.pipeline import count_events
from ..engine.core import RESULT_FLAGS, Core
from ..engine.registers import counter, word
from ..engine.size import check_inside
from ..float.classify import classify
from ..formats.operand import float_packet
from ..formats.quantizer import Quantizer
from ..formats.words import STREAM_FLAGS
from ..stream.fifo import OutputFifo
from .crossbar import Crossbar
from .loader import connect_quantizer
from .results import Results, binary32_packet, weights_packet
from .sums import Sums

__all__ = ["OuterProduct"]

ONE = 0x3F800000

RATES = {
    "shift": word("shift", "rw", SHIFT_BITS, "results are multiplied by 2**-shift", locked="busy"),
    "free": word(
        "rate", "rw", 32, "binary32 that results are multiplied by", reset=ONE, locked="busy"
    ),
}


class OuterProduct(Core):
    """Sums of ``d * x`` over batches of pairs of vectors: `sw.stochastic.outer_product`.

    A vector is ``columns / lanes`` beats of ``i_x`` or ``rows / lanes`` of ``i_d``. ``last`` with
    the last beat of a pair's vectors ends a batch, as does its ``batch``-th pair; ``last`` of one
    of them does too, and is flagged. Vectors that share a scale are a batch of ``batch`` pairs in
    any case; ``last`` before the last of them is flagged, and does nothing else. A batch's results,
    ``rows * columns / results`` beats, leave row by row, ``last`` with the last of them; where
    there are weights each beat of ``i_w`` becomes one of ``o``. Vectors are converted while those
    before them are counted, and results leave while the next batch is counted. The random bits
    repeat after `OuterProductParameters.repeats` pairs.

    Interval is `OuterProductParameters.period` cycles a pair. At most two batches are in flight,
    each from the start of its first pair until the last of its sums is read: batches of few pairs,
    or whose results are not accepted in time, stall each other. Latency is `latency` cycles from
    the last beat of a batch of a single pair, or of vectors that share a scale, to its first
    results, without stalls. ``o`` comes from registers; the ready of a stream depends on registers
    only, but for that of vectors of one beat.

    Members
    -------
    i_x, i_d : In(Packet.signature)
        Elements.
    i_w : In(Packet.signature)
        With weights only; ``last`` may be set in any beat.
    o : Out(Packet.signature)
        Results, or weights less results.
    shift or rate : In(bits)
        The learning rate; constant while busy.
    busy : Out(1)
        A batch is in flight: from the start of its first pair until its last result is accepted.
        Other members are those of `Core`.
    """

    BUSY = "a batch is under way"
    FLAGS = {
        "nan": "a vector of a pair that started held a NaN or an infinity",
        "overflow": RESULT_FLAGS["overflow"],
        "framing": "tlast inside a vector, with one of a pair alone or inside a batch that shares "
        "a scale, or padding bits that were not zero",
    }

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        self.registers = (
            RATES[p.rate],
            counter("pairs", "pairs of vectors started"),
            counter(
                "vector_stalls",
                "cycles in which only a vector was missing, also while idle, from reset on",
            ),
            counter("result_stalls", "cycles in which only room for sums was missing"),
        )
        if p.weight_format and p.weight_format.rounding == "stochastic":
            self.FLAGS = {**self.FLAGS, "exhausted": STREAM_FLAGS["exhausted"]}
        vector = float_packet(p.source, p.lanes)
        streams = {"i_x": vector, "i_d": vector}
        if p.weights == "none":
            streams["o"] = binary32_packet(p, "result")
        else:
            streams["i_w"] = streams["o"] = weights_packet(p)
        super().__init__(streams=streams)
        self._converters = [Quantizer(parameters=c) for c in (p.x_converter, p.d_converter)]
        self._crossbar = Crossbar(parameters=p)
        self._sums = Sums(parameters=p)
        self._results = Results(parameters=p)
        self._blocks = self._block_converters()
        lines = len(banks(p.columns)) * p.rows * 2 * p.parallel
        check_inside("bits of d, in all banks of columns,", lines)

    def _block_converters(self) -> list[Quantizer]:
        """Return the quantizers of the blocks of a beat."""
        p, parameters = self.parameters, self.parameters.block_converter
        if parameters is None:
            return []
        lanes = parameters.lanes
        streams = [replace(p.stream, first=lane) for lane in range(0, p.results, lanes)]
        return [
            Quantizer(parameters=parameters, random=each, stride=len(streams)) for each in streams
        ]

    def elaborate(self, platform: Any) -> Module:
        """Connect converters, crossbar, sums and results in a row."""
        m = Module()
        p = self.parameters
        m.submodules.crossbar = crossbar = self._crossbar
        m.submodules.sums = sums = self._sums
        m.submodules.results = results = self._results
        for name, converter in zip(("x", "d"), self._converters, strict=True):
            m.submodules[f"convert_{name}"] = converter
            wiring.connect(m, wiring.flipped(getattr(self, f"i_{name}")), converter.i)
            connect_quantizer(m, converter, getattr(crossbar, f"i_{name}"))
        wiring.connect(m, crossbar.o, sums.i)
        wiring.connect(m, sums.o, results.i)
        if p.weights != "none":
            wiring.connect(m, wiring.flipped(self.i_w), results.i_w)
        if self._blocks:
            self._convert_blocks(m)
        else:
            wiring.connect(m, results.o, wiring.flipped(self.o))
        last = crossbar.last_x | crossbar.last_d
        m.d.comb += [
            sums.ends.eq(last if p.scale == "vector" else 0),
            results.rate.eq(self.shift if p.rate == "shift" else self.rate),
        ]
        self._flag(m)
        self._track(m)
        events = (
            (self.pairs, crossbar.o.start),
            (self.vector_stalls, crossbar.starved),
            (self.result_stalls, crossbar.blocked),
        )
        count_events(m, self.clear, events)
        return m

    def _convert_blocks(self, m: Module) -> None:
        """Convert the weights of a beat to blocks, all of which move together."""
        results, lanes = self._results.o, self._blocks[0].parameters.lanes
        for i, block in enumerate(self._blocks):
            m.submodules[f"block_{i}"] = block
            own = slice(i * lanes, (i + 1) * lanes)
            m.d.comb += [
                block.i.payload.data.eq(results.payload.data.value[own]),
                block.i.payload.last.eq(results.payload.last),
                block.i.valid.eq(results.valid),
                block.o.ready.eq(self.o.ready),
                self.o.payload.data.mantissa[own].eq(block.o.payload.data.mantissa),
                self.o.payload.data.exponent[i].eq(block.o.payload.data.exponent),
            ]
        m.d.comb += [
            results.ready.eq(self._blocks[0].i.ready),
            self.o.payload.last.eq(self._blocks[0].o.payload.last),
            self.o.valid.eq(self._blocks[0].o.valid),
        ]
        if "exhausted" in self.FLAGS:
            m.d.comb += self.flags.exhausted.eq(self._blocks[-1].exhausted)

    def _flag(self, m: Module) -> None:
        """Detect NaN, overflow and ends of packets that do not belong together."""
        crossbar, results = self._crossbar, self._results.o
        values = results.payload.data.value
        infinite = Cat(classify(value).infinite for value in values).any()
        framing = crossbar.last_x ^ crossbar.last_d
        if self.parameters.scale == "batch":
            framing |= (crossbar.last_x | crossbar.last_d) & ~self._sums.full
        m.d.comb += [
            self.flags.nan.eq(crossbar.o.start & crossbar.o.nan),
            self.flags.overflow.eq(results.valid & results.ready & infinite),
            self.flags.framing.eq(crossbar.framing | (crossbar.o.start & framing)),
        ]

    def _track(self, m: Module) -> None:
        """Count the batches that have all their pairs, and note whether another has some."""
        start = self._crossbar.o.start
        ends = Signal()
        sent = Signal()
        open_batch = Signal()
        # At most one is at a stage or in a place of a FIFO.
        whole = Signal(range(self.timing.latency + 2 * OutputFifo.DEPTH))
        m.d.comb += [
            ends.eq(start & (self._sums.ends | self._sums.full)),
            sent.eq(self.o.valid & self.o.ready & self.o.payload.last),
            self.busy.eq(start | open_batch | whole.any()),
        ]
        m.d.sync += whole.eq(whole + ends - sent)
        with m.If(start):
            m.d.sync += open_batch.eq(~ends)
