"""The stochastic outer product as a unit: vectors in, weight updates or updated weights out."""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value

from sw.formats import BINARY32, FLOAT_FORMATS
from sw.formats.converter import ConverterParameters
from sw.stochastic.outer_parameters import SHIFT_BITS, OuterProductParameters

from ..base.field import Field
from ..base.pipeline import count_events
from ..engine.core import Core
from ..engine.registers import word
from ..engine.size import check_inside
from ..formats.quantizer import Converter
from ..formats.words import STREAM_FLAGS
from ..stream.fifo import OutputFifo
from .crossbar import Crossbar
from .results import Results
from .row import banks
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
    ``rows * columns / results`` beats, come row by row, ``last`` with the last of them; where there
    are weights each beat of ``i_w`` becomes one of ``o``. Vectors are converted while those before
    them are counted, and results leave while the next batch is counted. The random bits come again
    after `OuterProductParameters.repeats` pairs.

    Throughput is a pair every `OuterProductParameters.period` cycles, as long as no more than two
    batches are under way: one is from the beginning of its first pair until the last of its sums is
    read, so that batches of few pairs, or whose results are not taken in time, wait for each other.
    Without stalls the first results come `latency` cycles after the last beat of a batch of a
    single pair, or of vectors that share a scale.
    ``o`` comes from registers; the ready of a stream depends on registers only, but for that of
    vectors of one beat.

    Members
    -------
    i_x, i_d : In(stream.Signature(...))
        Elements, fields as in `streams`.
    i_w : In(stream.Signature(...))
        With weights only; ``last`` may come with any beat.
    o : Out(stream.Signature(...))
        Results, or weights less results.
    shift or rate : In(bits)
        The learning rate; not to be changed while busy.
    busy : Out(1)
        A batch is under way: from the start of its first pair until its last result is taken.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    BUSY = "a batch is under way"
    FLAGS = {
        "nan": "a vector held a NaN or an infinity",
        "overflow": "a result was infinite",
        "framing": "tlast inside a vector, with one of a pair alone or inside a batch that shares "
        "a scale, or padding bits that were not zero",
    }

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        self.registers = (
            RATES[p.rate],
            word("pairs", "ro", 32, "pairs of vectors started"),
            word("vector_stalls", "ro", 32, "cycles in which only a vector was missing"),
            word("result_stalls", "ro", 32, "cycles in which only room for sums was missing"),
        )
        elements = Field(
            name="value",
            bits=FLOAT_FORMATS[p.source].width,
            count=p.lanes,
            description=f"{p.source} elements",
        )
        if p.weight_format and p.weight_format.rounding == "stochastic":
            self.FLAGS = {**self.FLAGS, "exhausted": STREAM_FLAGS["exhausted"]}
        values = self._values()
        weights = {} if p.weights == "none" else {"i_w": values}
        super().__init__(streams={"i_x": (elements,), "i_d": (elements,), **weights, "o": values})
        self._converters = [Converter(parameters=c) for c in (p.x_converter, p.d_converter)]
        self._crossbar = Crossbar(parameters=p)
        self._sums = Sums(parameters=p)
        self._results = Results(parameters=p)
        self._blocks = self._block_converters()
        lines = len(banks(p.columns)) * p.rows * 2 * p.parallel
        check_inside("bits of d, in all banks of columns,", lines)

    def _values(self) -> tuple[Field, ...]:
        """Return the fields of a beat of results, or of weights."""
        p, format = self.parameters, self.parameters.weight_format
        if format is None:
            what = "result" if p.weights == "none" else "weight"
            text = f"binary32 {what}s"
            return (Field(name=what, bits=32, count=p.results, description=text),)
        return (
            Field(
                name="mantissa",
                bits=format.element_bits,
                count=p.results,
                description=f"elements of {p.results // format.block_elements} blocks",
            ),
            Field(
                name="exponent",
                bits=format.exponent_bits,
                count=p.results // format.block_elements,
                description="exponent code of each block",
            ),
        )

    def _block_converters(self) -> list[Converter]:
        """Return the converters of the blocks of a beat."""
        p, format = self.parameters, self.parameters.weight_format
        if format is None:
            return []
        lanes = format.block_elements
        parameters = ConverterParameters(format=format, lanes=lanes)
        streams = [replace(p.stream, first=lane) for lane in range(0, p.results, lanes)]
        return [
            Converter(parameters=parameters, random=each, stride=len(streams)) for each in streams
        ]

    @property
    def latency(self) -> int:
        """Cycles from the last beat of vectors that are scaled together to their first results."""
        p = self.parameters
        elements = max(p.rows, p.columns)
        load = max(c.latency for c in self._converters) + elements // p.lanes + 1
        behind = (p.scaled_pairs - 1) * p.period
        counted = load + behind + self._crossbar.latency + p.groups - 1
        blocks = self._blocks[0].latency if self._blocks else 0
        return counted + self._sums.latency + self._results.latency + blocks

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        m.submodules.crossbar = crossbar = self._crossbar
        m.submodules.sums = sums = self._sums
        m.submodules.results = results = self._results
        for name, converter in zip(("x", "d"), self._converters, strict=True):
            m.submodules[f"convert_{name}"] = converter
            taken, loaded = getattr(self, f"i_{name}"), getattr(crossbar, name)
            given = converter.o.payload
            m.d.comb += [
                converter.i.payload.eq(taken.payload),
                converter.i.valid.eq(taken.valid),
                taken.ready.eq(converter.i.ready),
                loaded.payload.mantissa.eq(given.mantissa),
                loaded.payload.exponent.eq(given.exponent),
                loaded.payload.last.eq(given.last),
                loaded.valid.eq(converter.o.valid),
                converter.o.ready.eq(loaded.ready),
            ]
        last = Signal()
        m.d.comb += [
            last.eq(crossbar.last_x | crossbar.last_d),
            crossbar.allow.eq(sums.allow),
            sums.start.eq(crossbar.start),
            sums.ends.eq(last if p.scale == "vector" else 0),
            results.i.payload.eq(sums.o.payload),
            results.i.valid.eq(sums.o.valid),
            sums.o.ready.eq(results.i.ready),
            results.rate.eq(self.shift if p.rate == "shift" else self.rate),
        ]
        for name in ("scale", "nan", "closing", "counted", "counts", "negative"):
            m.d.comb += getattr(sums, name).eq(getattr(crossbar, name))
        if p.weights != "none":
            self._take_weights(m)
        infinite = self._give(m)
        self._tell_busy(m)

        wrong = crossbar.last_x ^ crossbar.last_d
        if p.scale == "batch":
            wrong |= last & ~sums.full
        m.d.comb += [
            self.flags.nan.eq(crossbar.start & crossbar.nan),
            self.flags.overflow.eq(infinite),
            self.flags.framing.eq(crossbar.early | (crossbar.start & wrong)),
        ]
        events = (
            (self.pairs, crossbar.start),
            (self.vector_stalls, crossbar.waits),
            (self.result_stalls, crossbar.held),
        )
        count_events(m, self.clear, events)
        return m

    def _tell_busy(self, m: Module) -> None:
        """Count the batches that have all their pairs, and note whether another has some."""
        start = self._crossbar.start
        ends, given, open_batch = Signal(), Signal(), Signal()
        # No more than one is at a stage or in a place of a queue.
        whole = Signal(range(self.latency + 2 * OutputFifo.DEPTH))
        m.d.comb += [
            ends.eq(start & (self._sums.ends | self._sums.full)),
            given.eq(self.o.valid & self.o.ready & self.o.payload.last),
            self.busy.eq(start | open_batch | whole.any()),
        ]
        m.d.sync += whole.eq(whole + ends - given)
        with m.If(start):
            m.d.sync += open_batch.eq(~ends)

    def _take_weights(self, m: Module) -> None:
        """Connect the stream of weights to the results."""
        p, format = self.parameters, self.parameters.weight_format
        given = self.i_w.payload.data
        if format is not None:
            lanes, size, code = format.block_elements, format.element_bits, format.exponent_bits
            codes = given[p.results * size :]
            given = Cat(
                Cat(given.word_select(i, size), codes.word_select(i // lanes, code))
                for i in range(p.results)
            )
        m.d.comb += [
            self._results.weights.payload.eq(given),
            self._results.weights.valid.eq(self.i_w.valid),
            self.i_w.ready.eq(self._results.weights.ready),
        ]

    def _give(self, m: Module) -> Value:
        """Give results, or blocks of weights; return whether one that leaves is infinite."""
        results, bits = self._results.o, BINARY32.width
        values = [results.payload.data.word_select(i, bits) for i in range(self.parameters.results)]
        infinite = Cat(value[23:31].all() & ~value[:23].any() for value in values).any()
        if not self._blocks:
            m.d.comb += [
                self.o.payload.eq(results.payload),
                self.o.valid.eq(results.valid),
                results.ready.eq(self.o.ready),
            ]
            return results.valid & results.ready & infinite
        for i, block in enumerate(self._blocks):
            m.submodules[f"block_{i}"] = block
            m.d.comb += [
                block.i.payload.data.eq(
                    results.payload.data.word_select(i, len(block.i.payload.data))
                ),
                block.i.payload.last.eq(results.payload.last),
                block.i.valid.eq(results.valid),
                block.o.ready.eq(self.o.ready),
            ]
        # All take and give together.
        given = [block.o.payload for block in self._blocks]
        m.d.comb += [
            results.ready.eq(self._blocks[0].i.ready),
            self.o.payload.data.eq(Cat(*(g.mantissa for g in given), *(g.exponent for g in given))),
            self.o.payload.last.eq(given[0].last),
            self.o.valid.eq(self._blocks[0].o.valid),
        ]
        if "exhausted" in self.FLAGS:
            m.d.comb += self.flags.exhausted.eq(self._blocks[-1].exhausted)
        return results.valid & results.ready & infinite
