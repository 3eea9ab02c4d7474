"""The quantize engine: a matrix of binary32 in, a panel of codes out."""

from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import SKIP_BITS
from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters
from sw.words import KEY_BITS

from ..base.circuit import Circuit
from ..base.pipeline import count_ahead, delay
from ..formats.operand import float_packet
from ..formats.quantizer import Quantizer
from .amax import AmaxFinder
from .front import EngineFront, fields_of
from .panel_writer import PanelWriter
from .ports import CAUSES, engine_members, read_signature, write_signature
from .reader import Reader
from .transposer import BlockTransposer

__all__ = ["BeatFeeder", "QuantizeEngine"]


class BeatFeeder(Circuit):
    """Cuts words into the quantizer's beats, with zeros up to the end of a row's last block.

    Of a row it takes ``inner`` words, or of a group of transposed rows, whose words are of one
    element of the reduction each; what the last word of a row has more than the blocks is dropped.
    Latency is 0, interval a beat a cycle. ``o`` depends on ``i``, and ``i.ready`` on ``o.ready``.

    Members
    -------
    start : In(1)
        Starts with what the following four have, which stays while beats are given.
    transposed : In(1)
        A word is of one element of the reduction.
    blocks, inner : In(16)
        Blocks and words of a row, or of a group.
    outer : In(24)
        Rows, or groups.
    i : In(stream.Signature(...))
        Words.
    o : Out(float_packet(...).signature)
        Beats; ``last`` is 0.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {
                "start": In(1),
                "transposed": In(1),
                "blocks": In(16),
                "inner": In(16),
                "outer": In(24),
                "i": In(stream.Signature(p.word_bits)),
                "o": Out(float_packet("binary32", p.quantizer_lanes).signature),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Count beats, blocks and rows, and the words that are used up."""
        m = Module()
        p = self.parameters
        beats = p.converter.beats
        parts = p.values // p.quantizer_lanes
        most = beats * p.values
        active = Signal()
        padding = Signal()
        fire = Signal()
        part = Signal(range(parts))
        beat = Signal(range(most))
        used = Signal(16)
        block_end = Signal()
        row_end = Signal()
        word_end = Signal()
        bits = p.quantizer_lanes * VALUE_BITS
        value = Array(self.i.payload.word_select(n, bits) for n in range(parts))[part]
        m.d.comb += [
            block_end.eq(beat == Mux(self.transposed, most - 1, beats - 1)),
            word_end.eq((part == parts - 1) | row_end),
            fire.eq(self.o.valid & self.o.ready),
            self.o.valid.eq(active & (padding | self.i.valid)),
            self.o.payload.data.value.as_value().eq(Mux(padding, 0, value)),
            self.i.ready.eq(active & ~padding & word_end & self.o.ready),
        ]
        block_last = count_ahead(m, fire & block_end, self.blocks, name="blocks")
        outer_last = count_ahead(m, fire & row_end, self.outer, name="outer")
        m.d.comb += row_end.eq(block_end & block_last)
        following = used + 1
        with m.If(fire):
            m.d.sync += [
                part.eq(Mux(word_end, 0, part + 1)),
                beat.eq(Mux(block_end, 0, beat + 1)),
            ]
            with m.If(word_end & ~padding):
                m.d.sync += [used.eq(following), padding.eq(following == self.inner)]
            with m.If(row_end):
                m.d.sync += [used.eq(0), padding.eq(0)]
                with m.If(outer_last):
                    m.d.sync += active.eq(0)
        with m.If(self.start):
            m.d.sync += active.eq(1)
        return m


class QuantizeEngine(Circuit):
    """Quantization of a matrix to a panel, as `sw.formats.converter.convert` row by row.

    Where tensors have a scale of their own, it is of the largest magnitude that `AmaxFinder` found
    last: a RUN of that takes `amax_overhead` cycles more than words, and the next one starts when
    the scale of another magnitude is known (`SCALE_CYCLES`).

    Interval `quantizer_lanes` elements a cycle, with the zeros that fill up blocks. A RUN, from the
    cycle in which its tokens are granted to that in which it gives tokens, takes the cycles of its
    elements, the converter's latency and drain (`ConverterParameters.timing`) and `overhead`; if
    transposed two cycles more, and the cycles of a block of a group. Under stochastic rounding the
    random words begin anew with each RUN: those of the key of window 0, after the beats that it
    leaves out. Where the window has no key all are half of their range, which rounds to nearest,
    ties away.

    Members
    -------
    read : Out(read_signature(...))
        Of the matrix.
    write : Out(write_signature(...))
        Of the panel. Other members are those of `engine_members`.
    """

    overhead = Reader.LATENCY + 2

    @property
    def amax_overhead(self) -> int:
        """Cycles of a RUN for the largest magnitude besides one a word."""
        return Reader.LATENCY + AmaxFinder(parameters=self.parameters).latency + 1

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            engine_members() | {"read": Out(read_signature(p)), "write": Out(write_signature(p))}
        )

    def elaborate(self, platform: Any) -> Module:
        """Connect what the elements pass: reader, feeder, transposer or not, quantizer, writer."""
        m = Module()
        p = self.parameters
        lanes = p.quantizer_lanes
        m.submodules.front = front = EngineFront()
        # Words are used up faster where a row may end within one, or the largest is looked for.
        whole = not p.tensor_scale and p.format.reduction % p.values == 0
        m.submodules.reader = reader = Reader(
            parameters=p, interval=p.values // lanes if whole else 1
        )
        m.submodules.feeder = feeder = BeatFeeder(parameters=p)
        m.submodules.transposer = transposer = BlockTransposer(
            lanes=lanes, parts=p.values // lanes, reduction=p.format.reduction
        )
        m.submodules.quantizer = quantizer = Quantizer(parameters=p.converter, skips=SKIP_BITS)
        packet = quantizer.o.payload.shape()
        m.submodules.writer = writer = PanelWriter(parameters=p, packet=packet)
        front.serve(m, self)
        wiring.connect(m, quantizer.o, writer.i)
        wiring.connect(m, reader.port, wiring.flipped(self.read))

        given = fields_of("quant.quantize", front.job)
        start, misfit, finds = self._start(m, front, given)
        m.d.comb += [reader.start.eq(start | finds), feeder.start.eq(start), writer.start.eq(start)]
        for part in (reader, feeder, writer):
            for name, value in given.items():
                if name in part.signature.members:
                    m.d.comb += getattr(part, name).eq(value)
        end, bad = writer.done, reader.bad | writer.bad
        if p.tensor_scale:
            finder = self._find(m, finds, reader, feeder, writer)
            m.d.comb += quantizer.amax.eq(finder.amax)
            end, bad = end | finder.done, bad | finder.bad
        else:
            wiring.connect(m, reader.o, feeder.i)
            wiring.connect(m, writer.port, wiring.flipped(self.write))
        m.d.comb += [
            writer.halt.eq(front.error.any()),
            front.end.eq(end),
            front.cause.eq(Mux(misfit, CAUSES["size"], Mux(bad, CAUSES["address"], 0))),
        ]
        self._choose(m, given["transposed"], feeder, transposer, quantizer)
        self._windows(m, front, reader, writer, quantizer, start)
        return m

    def _start(self, m: Module, front: EngineFront, given: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Return what begins, a cycle after tokens are granted.

        A panel begins, or is of rows of too many words, or the search for the largest magnitude
        begins. Rows may have no more elements than blocks, but for those of a last word.
        """
        p = self.parameters
        started = delay(m, 1, front.start, 1, name="started", reset=True)
        finds = front.does("quant.amax")
        elements = given["blocks"] * p.format.reduction
        words = (elements + (p.values - 1)) >> (p.values - 1).bit_length()
        fits = Signal()
        m.d.sync += fits.eq(given["inner"] <= Mux(given["transposed"], elements, words))
        return started & fits & ~finds, started & ~fits & ~finds, started & finds

    def _find(
        self, m: Module, start: Any, reader: Reader, feeder: BeatFeeder, writer: PanelWriter
    ) -> AmaxFinder:
        """Give words to the finder too, of which one at most is at work, and the port to both."""
        m.submodules.finder = finder = AmaxFinder(parameters=self.parameters)
        m.d.comb += [
            finder.start.eq(start),
            *(getattr(finder, n).eq(getattr(reader, n)) for n in ("inner", "outer")),
            *(getattr(finder, n).eq(getattr(writer, n)) for n in ("base", "bank", "halt")),
            reader.o.ready.eq(feeder.i.ready | finder.i.ready),
        ]
        for part in (feeder, finder):
            m.d.comb += [part.i.valid.eq(reader.o.valid), part.i.payload.eq(reader.o.payload)]
        for name in write_signature(self.parameters).members:
            mine, others = getattr(finder.port, name), getattr(writer.port, name)
            given = mine | others if name == "en" else Mux(finder.port.en, mine, others)
            m.d.comb += getattr(self.write, name).eq(given)
        return finder

    def _choose(
        self,
        m: Module,
        transposed: Any,
        feeder: BeatFeeder,
        transposer: BlockTransposer,
        quantizer: Quantizer,
    ) -> None:
        """Give the quantizer the feeder's beats, or those of the transposer."""
        m.d.comb += transposer.i.payload.eq(feeder.o.payload)
        with m.If(transposed):
            m.d.comb += [
                transposer.i.valid.eq(feeder.o.valid),
                feeder.o.ready.eq(transposer.i.ready),
                quantizer.i.valid.eq(transposer.o.valid),
                quantizer.i.payload.eq(transposer.o.payload),
                transposer.o.ready.eq(quantizer.i.ready),
            ]
        with m.Else():
            m.d.comb += [
                quantizer.i.valid.eq(feeder.o.valid),
                quantizer.i.payload.eq(feeder.o.payload),
                feeder.o.ready.eq(quantizer.i.ready),
            ]

    def _windows(
        self,
        m: Module,
        front: EngineFront,
        reader: Reader,
        writer: PanelWriter,
        quantizer: Quantizer,
        start: Any,
    ) -> None:
        """Keep where the panel begins and the key; the reader keeps the other window."""
        base = Signal(signed(32))
        bank = Signal(4)
        key = Signal(KEY_BITS)
        skip = Signal(SKIP_BITS)
        keyed = Signal()
        given = fields_of("quant.base", front.word)
        with m.If(front.sets("quant.base", 0)):
            m.d.sync += [base.eq(given["address"]), bank.eq(given["bank"])]
            m.d.sync += keyed.eq(0)
        with m.If(front.sets("quant.key", 0)):
            stream = fields_of("quant.key", front.word)
            m.d.sync += [key.eq(stream["key"]), skip.eq(stream["skip"]), keyed.eq(1)]
        m.d.comb += [
            writer.base.eq(base),
            writer.bank.eq(bank),
            reader.set.eq(front.set & (given["window"] == 1)),
            reader.slot.eq(front.slot),
            reader.payload.eq(front.payload),
        ]
        if self.parameters.format.rounding == "stochastic":
            m.d.comb += [
                quantizer.restart.eq(start),
                quantizer.key.eq(key),
                quantizer.skip.eq(skip),
                quantizer.halves.eq(~keyed),
            ]
