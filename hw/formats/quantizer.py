"""The float to block converter."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream
from amaranth.lib.wiring import In, Out

from sw.formats import FLOAT_FORMATS
from sw.formats.converter import ConverterParameters
from sw.words import KEY_BITS, Words

from ..base.circuit import Circuit
from ..base.pipeline import delay, register
from .lane import BlockExponent, Kept, Lane
from .maximum import Maximum
from .words import RandomWords

__all__ = ["Converter"]


class Converter(Circuit):
    """Converter of streams of floats to blocks, as `sw.formats.converter.convert`.

    A block is ``parameters.beats`` beats, in and out; the first one comes out when the last one is
    in. One beat per cycle. ``o.valid`` and ``o.payload`` come from registers. ``i.ready`` depends
    on registers where a block has several beats, and also on ``o.ready`` where it has one.

    Parameters
    ----------
    parameters : ConverterParameters
        Formats, lanes and seed.
    random : Words or None
        The random words after reset; None is ``parameters.stream``.
    stride : int
        Converters, of blocks of one beat, that share a stream of words block by block in turn.

    Members
    -------
    i : In(stream.Signature(StructLayout))
        ``data``: floats, lane 0 lowest; ``last``: passed on.
    o : Out(stream.Signature(StructLayout))
        ``mantissa``: codes of the elements, lane 0 lowest; ``exponent``: the block's code, in every
        beat; ``zero_set``: per lane, whether the element counts in the zero-setting error;
        ``last``: that of the beat.
    restart : In(1)
        Takes ``key`` and starts its random words, with no elements inside; like the following two
        members under stochastic rounding only.
    key : In(64)
        See `sw.words.stream_key`.
    exhausted : Out(1)
        A stream of random words ends.
    """

    i: stream.Interface
    o: stream.Interface
    restart: Signal
    key: Signal
    exhausted: Signal

    def __init__(
        self, *, parameters: ConverterParameters, random: Words | None = None, stride: int = 1
    ) -> None:
        self.parameters = parameters
        self.stream = random or parameters.stream
        self.stride = stride
        self.source = FLOAT_FORMATS[parameters.source]
        p = parameters
        taken = data.StructLayout({"data": p.lanes * self.source.width, "last": 1})
        given = data.StructLayout(
            {
                "mantissa": p.lanes * p.format.element_bits,
                "exponent": p.format.exponent_bits,
                "zero_set": p.lanes,
                "last": 1,
            }
        )
        members = {"i": In(stream.Signature(taken)), "o": Out(stream.Signature(given))}
        if p.format.rounding == "stochastic":
            members |= {"restart": In(1), "key": In(KEY_BITS), "exhausted": Out(1)}
        super().__init__(members)

    @property
    def most_inside(self) -> int:
        """Beats, at least as many as are ever inside."""
        return self.parameters.beats + self.latency + 8

    @property
    def _maximum(self) -> Circuit:
        """What finds the largest number of a beat."""
        inexact = int(self.parameters.format.exponent_rule == "ceil")
        return Maximum(count=self.parameters.lanes, width=self.source.exponent_bits + inexact)

    @property
    def latency(self) -> int:
        """Cycles from a block's last beat to its first one converted, without stalls."""
        wait = 2 if self.parameters.beats == 1 else 6
        return wait + self._maximum.latency + Lane.latency

    def _largest(self, m: Module, move: Value) -> tuple[Value, Value, int]:
        """Return what is kept of a beat in a register, its largest number and the latter's delay.

        Kept are its elements' bits that matter and, above them, ``last``. The number is the
        exponent field and, under the rule ``ceil``, whether the fraction of any element with that
        exponent is not zero below it.
        """
        p = self.parameters
        kept = Kept(p.format, self.source)
        exact = p.format.exponent_rule == "floor"
        words, keys = [], []
        for n in range(p.lanes):
            value = self.i.payload.data.word_select(n, self.source.width)
            word = Signal(kept, name=f"element_{n}", reset_less=True)
            inexact = Signal(int(not exact), name=f"inexact_{n}", reset_less=True)
            with m.If(move):
                m.d.sync += Value.cast(word).eq(kept.of(value))
                m.d.sync += inexact.eq(value[: self.source.fraction_bits].any())
            words.append(word)
            keys += [inexact, word.exponent]
        m.submodules.maximum = maximum = self._maximum
        m.d.comb += [maximum.en.eq(move), maximum.i.eq(Cat(keys))]
        last = Signal(reset_less=True)
        with m.If(move):
            m.d.sync += last.eq(self.i.payload.last)
        return Cat(words, last), maximum.o, maximum.latency

    def _about(self, m: Module, largest: Value) -> Value:
        """Return what a block's largest number tells about it."""
        inexact = len(largest) - self.source.exponent_bits
        block = BlockExponent(self.parameters.format, self.source)
        return block.of(m, largest[inexact:], largest[:inexact].any())

    def _pass(self, m: Module, move: Value, elements: Value, about: Value, coming: Value) -> None:
        """Delay the one beat of a block until its exponent is known."""
        words, largest, latency = self._largest(m, move)
        m.d.comb += [
            self.i.ready.eq(move),
            coming.eq(delay(m, move, self.i.valid, latency, name="come", reset=True)),
            elements.eq(delay(m, move, words, latency + 1, name="elements")),
            about.eq(register(m, move, "block", len(about), self._about(m, largest))),
        ]

    def _store(self, m: Module, move: Value, elements: Value, about: Value, coming: Value) -> None:
        """Keep the beats of a block until its exponent is known."""
        beats = self.parameters.beats
        words, largest, latency = self._largest(m, Const(1))

        # A beat that is taken counts as stored; after its block's last beat come the stages of
        # the maximum and six cycles until the first beat is read.
        depth = beats + latency + 5
        m.submodules.store = store = memory.Memory(shape=len(words), depth=depth, init=[])
        write, read = store.write_port(), store.read_port()
        blocks = depth // beats + 2
        m.submodules.known = known = memory.Memory(shape=len(about), depth=blocks, init=[])
        learn, recall = known.write_port(), known.read_port()

        def advance(pointer: Signal, end: int, when: Value) -> Value:
            """Count 0..end-1 and return whether the last one is reached."""
            last = pointer == end - 1
            with m.If(when):
                m.d.sync += pointer.eq(Mux(last, 0, pointer + 1))
            return last

        taken = Signal()
        m.d.comb += taken.eq(self.i.valid & self.i.ready)
        stored = Signal()
        m.d.sync += stored.eq(taken)
        advance(write.addr, depth, stored)
        m.d.comb += [write.en.eq(stored), write.data.eq(words)]

        # The largest number of a block.
        come = Signal(latency + 1)
        m.d.sync += come.eq(Cat(taken, come))
        beat = Signal(range(beats))
        last = advance(beat, beats, come[-1])
        so_far = Signal.like(largest)
        larger = Signal.like(largest)
        m.d.comb += larger.eq(Mux(largest < so_far, so_far, largest))
        whole = Signal.like(largest)
        done, learned = Signal(), Signal()
        m.d.sync += [done.eq(come[-1] & last), whole.eq(larger)]
        with m.If(come[-1]):
            m.d.sync += so_far.eq(Mux(last, 0, larger))
        m.d.sync += [learn.data.eq(self._about(m, whole)), learned.eq(done)]
        m.d.comb += learn.en.eq(learned)
        advance(learn.addr, blocks, learned)

        # Read blocks that are known. Block RAM is slow: what it gives goes through a register.
        ready = Signal(range(blocks + 1))
        level = Signal(range(depth + 1))
        go, ends = Signal(), Signal()
        out = Signal(range(beats))
        m.d.comb += [
            go.eq(move & (ready != 0)),
            ends.eq(go & advance(out, beats, go)),
            read.en.eq(move),
            recall.en.eq(move),
            self.i.ready.eq(level != depth),
            elements.eq(register(m, move, "elements", len(elements), read.data)),
            about.eq(register(m, move, "block", len(about), recall.data)),
            coming.eq(go),
        ]
        advance(read.addr, depth, go)
        advance(recall.addr, blocks, ends)
        m.d.sync += [level.eq(level + taken - go), ready.eq(ready + learned - ends)]

    def elaborate(self, platform: Any) -> Module:
        """Build what finds the exponent, then the lanes."""
        m = Module()
        p = self.parameters
        kept = Kept(p.format, self.source)
        block = BlockExponent(p.format, self.source)

        move = Signal()
        elements = Signal(p.lanes * kept.size + 1)
        about = Signal(block.size)
        coming = Signal()
        m.d.comb += move.eq(~self.o.valid | self.o.ready)
        if p.beats == 1:
            self._pass(m, move, elements, about, coming)
        else:
            self._store(m, move, elements, about, coming)

        # The lanes move together, whenever the last of their stages is free. A beat reaches them
        # two cycles after it is coming, and has its random words when it is rounded.
        rounded = delay(m, move, coming, 2 + Lane.latency - 1, name="valid", reset=True)
        code, last = block(about).code, elements[-1]
        m.d.comb += [
            self.o.valid.eq(delay(m, move, rounded, 1, name="given", reset=True)),
            self.o.payload.exponent.eq(delay(m, move, code, Lane.latency, name="code")),
            self.o.payload.last.eq(delay(m, move, last, Lane.latency, name="last")),
        ]
        words = Const(0, 0)
        if p.format.rounding == "stochastic":
            m.submodules.random = random = RandomWords(
                lanes=p.lanes,
                bits=p.format.random_bits,
                key=self.stream.key,
                first=self.stream.first,
                stride=self.stride * p.lanes,
            )
            assert random.latency == 2 + Lane.latency - 1
            m.d.comb += [
                random.en.eq(move),
                random.step.eq(coming),
                random.restart.eq(self.restart),
                random.key.eq(self.key),
                self.exhausted.eq(random.exhausted),
            ]
            words = random.o
        for n in range(p.lanes):
            m.submodules[f"lane_{n}"] = lane = Lane(format=p.format, source=self.source)
            m.d.comb += [
                lane.en.eq(move),
                Value.cast(lane.kept).eq(elements.word_select(n, kept.size)),
                Value.cast(lane.block).eq(about),
                self.o.payload.mantissa.word_select(n, p.format.element_bits).eq(lane.mantissa),
                self.o.payload.zero_set[n].eq(lane.zero_set),
            ]
            if p.format.rounding == "stochastic":
                m.d.comb += lane.random.eq(words.word_select(n, p.format.random_bits))
        return m
