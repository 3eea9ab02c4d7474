"""The quantizer: streams of floats in, blocks of a shared exponent out."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32, FLOAT_FORMATS
from sw.formats.converter import ConverterParameters
from sw.formats.stages import LANE_LATENCY, has_tensor_scale, scale_latency
from sw.words import KEY_BITS, Words

from ..base.circuit import Circuit
from ..base.field import Field
from ..base.pipeline import advance, delay, register
from ..stream.packet import Packet
from .lane import QuantizerLane
from .maximum import Maximum
from .operand import float_packet, operand_packet
from .scaled_lane import ScaledLane, lane_of
from .tensor_scale import ScaledBlock, TensorScale
from .words import RandomWords

__all__ = ["Quantizer"]


class Quantizer(Circuit):
    """Quantizer of streams of floats to blocks, as `sw.formats.converter.convert`.

    A block is ``parameters.beats`` beats, in and out. Latency is `latency` cycles from a block's
    last beat in to its first one out, without stalls; interval one cycle. ``o.valid`` and
    ``o.payload`` come from registers. ``i.ready`` depends on registers where a block has several
    beats, and also on ``o.ready`` where it has one.

    Parameters
    ----------
    parameters : ConverterParameters
        Formats, lanes and seed.
    random : Words or None
        The random words after reset; None is ``parameters.stream``.
    stride : int
        Quantizers, of blocks of one beat, that share a stream of words block by block in turn.

    Members
    -------
    i : In(float_packet(...).signature)
        Floats; ``last`` is passed on.
    o : Out(Packet.signature)
        ``mantissa`` and ``exponent`` as of `operand_packet`; ``zero_set``: of each lane, whether
        the element counts in the zero-setting error.
    restart : In(1)
        Takes ``key`` and starts its random words, with no elements inside; like the following two
        members under stochastic rounding only.
    key : In(64)
        See `sw.words.stream_key`.
    skip : In(skips)
        Beats of random words that are left out at a restart, if there is such a port.
    halves : In(1)
        All words are half of their range, which rounds to nearest, ties away; beside ``skip``. It
        changes with no elements inside only.
    exhausted : Out(1)
        A stream of random words ends.
    amax : In(32)
        Where a tensor has a scale: its largest magnitude, as of `TensorScale`, which changes with
        no elements inside only. ``i.ready`` is low until its scale is known.
    """

    def __init__(
        self,
        *,
        parameters: ConverterParameters,
        random: Words | None = None,
        stride: int = 1,
        skips: int = 0,
    ) -> None:
        self.parameters = p = parameters
        self.stream = random or parameters.stream
        self.stride = stride
        self.skips = skips
        self.source = FLOAT_FORMATS[p.source]
        self.lane = self._lane()
        self.element = self.lane.truncated
        self.block = self.lane.exponent
        # A `FoundExponent` or a `ScaledBlock`, which find what the lanes use.
        self._found: Any = self.block
        self.wait = scale_latency(p.format)
        self.beat = data.StructLayout(
            {"element": data.ArrayLayout(self.element, p.lanes), "last": 1}
        )
        text = "whether each element is set to zero"
        zero_set = Field(name="zero_set", bits=1, count=p.lanes, description=text)
        given = Packet(*operand_packet(p.format, p.lanes).fields, zero_set)
        members = {"i": In(float_packet(p.source, p.lanes).signature), "o": Out(given.signature)}
        if p.format.rounding == "stochastic":
            members |= {"restart": In(1), "key": In(KEY_BITS), "exhausted": Out(1)}
            members |= {"skip": In(skips), "halves": In(1)} if skips else {}
        members |= {"amax": In(BINARY32.width)} if has_tensor_scale(p.format) else {}
        super().__init__(members)

    @property
    def most_inside(self) -> int:
        """Beats, at least as many as are ever inside."""
        return self.parameters.beats + self.latency + 8

    @property
    def latency(self) -> int:
        """Cycles from a block's last beat to its first one converted, without stalls."""
        return self.parameters.timing.latency

    def _lane(self) -> QuantizerLane | ScaledLane:
        """Return a lane, which the elements' format chooses."""
        return lane_of(self.parameters.format, self.source)

    def elaborate(self, platform: Any) -> Module:
        """Build what finds the exponent, then the lanes.

        The lanes move together, whenever the last of their stages is free. A beat reaches them two
        cycles after its ``issue``, and has its random words when it is rounded.
        """
        m = Module()
        move = Signal()
        beat = Signal(self.beat)
        block = Signal(self.block)
        issue = Signal()
        m.d.comb += move.eq(~self.o.valid | self.o.ready)
        wait = self._pass if self.parameters.beats == 1 else self._store
        wait(m, move, beat, block, issue)
        latency = self.lane.latency
        rounded = delay(m, move, issue, 2 + latency - 1, name="valid", reset=True)
        given = self.o.payload
        m.d.comb += [
            self.o.valid.eq(delay(m, move, rounded, 1, name="given", reset=True)),
            given.data.exponent.eq(delay(m, move, block.code, latency, name="code")),
            given.last.eq(delay(m, move, beat.last, latency, name="last")),
        ]
        self._lanes(m, move, beat, block, self._words(m, move, issue))
        return m

    def _words(self, m: Module, move: Value, issue: Value) -> Value:
        """Draw the random words of a beat that is issued, if the format is rounded by them."""
        p = self.parameters
        if p.format.rounding != "stochastic":
            return Const(0, 0)
        m.submodules.random = random = RandomWords(
            lanes=p.lanes,
            bits=p.format.random_bits,
            key=self.stream.key,
            first=self.stream.first,
            stride=self.stride * p.lanes,
            skips=self.skips,
        )
        words = random.o
        if self.skips:
            m.d.comb += random.skip.eq(self.skip)
            half = Const(1 << p.format.random_bits - 1, p.format.random_bits)
            words = Mux(self.halves, half.replicate(p.lanes), words)
        assert random.latency == 2 + LANE_LATENCY - 1
        early = self.lane.latency - LANE_LATENCY
        m.d.comb += [
            random.en.eq(move),
            random.step.eq(delay(m, move, issue, early, name="draws", reset=True)),
            random.restart.eq(self.restart),
            random.key.eq(self.key),
            self.exhausted.eq(random.exhausted),
        ]
        return words

    def _lanes(
        self, m: Module, move: Value, beat: data.View, block: data.View, words: Value
    ) -> None:
        """Align and round each element."""
        p = self.parameters
        for n in range(p.lanes):
            m.submodules[f"lane_{n}"] = lane = self._lane()
            m.d.comb += [
                lane.en.eq(move),
                lane.element.eq(beat.element[n]),
                lane.block.eq(block),
                self.o.payload.data.mantissa[n].eq(lane.mantissa),
                self.o.payload.data.zero_set[n].eq(lane.zero_set),
            ]
            if p.format.rounding == "stochastic":
                m.d.comb += lane.random.eq(words.word_select(n, p.format.random_bits))

    def _capture(self, m: Module, en: Value) -> tuple[Value, Value, int]:
        """Return a beat in a register, its largest key and the latter's delay."""
        elements, keys = [], []
        for n, value in enumerate(self.i.payload.data.value):
            element = Signal(self.element, name=f"element_{n}", reset_less=True)
            fraction = self._found.reaches(value)
            reaches = Signal(len(fraction), name=f"reaches_{n}", reset_less=True)
            with m.If(en):
                m.d.sync += [element.eq(self.element.of(value)), reaches.eq(fraction)]
            elements.append(element)
            keys.append(self._found.key(element, reaches))
        m.submodules.maximum = maximum = Maximum(
            count=self.parameters.lanes, width=self._found.key_bits
        )
        m.d.comb += [maximum.en.eq(en), maximum.i.eq(Cat(keys))]
        last = register(m, en, "last", 1, self.i.payload.last)
        return Cat(elements, last), maximum.o, maximum.latency

    def _exponent(self, m: Module, en: Value, largest: Value) -> tuple[Value, Value]:
        """Return a block's exponent, made of its largest key ``wait`` cycles later.

        Also return whether nothing is to be accepted: then a tensor's scale is not known yet.
        """
        if not isinstance(self.block, ScaledBlock):
            return self._found.of(m, largest), Const(0, 1)
        scale = TensorScale(format=self.block.block_format, source=self.source)
        m.submodules.tensor_scale = scale
        m.d.comb += [scale.en.eq(en), scale.amax.eq(self.amax), scale.top.eq(largest)]
        return scale.block.as_value(), scale.busy

    def _pass(
        self, m: Module, move: Value, beat: data.View, block: data.View, issue: Value
    ) -> None:
        """Delay the one beat of a block until its exponent is known."""
        captured, largest, latency = self._capture(m, move)
        latency += self.wait
        exponent, busy = self._exponent(m, move, largest)
        valid = self.i.valid & ~busy
        m.d.comb += [
            self.i.ready.eq(move & ~busy),
            issue.eq(delay(m, move, valid, latency, name="incoming", reset=True)),
            beat.eq(delay(m, move, captured, latency + 1, name="elements")),
            block.eq(register(m, move, "block", self.block.size, exponent)),
        ]

    def _store(
        self, m: Module, move: Value, beat: data.View, block: data.View, issue: Value
    ) -> None:
        """Keep the beats of a block until its exponent is known.

        Block RAM is slow: what it gives goes through a register.
        """
        beats = self.parameters.beats
        captured, largest, latency = self._capture(m, Const(1))
        # A beat that is accepted counts as stored; after its block's last beat come the stages of
        # the maximum and of the exponent and six cycles until the first beat is read.
        depth = beats + latency + self.wait + 5
        blocks = depth // beats + 2
        m.submodules.store = store = memory.Memory(shape=self.beat, depth=depth, init=[])
        m.submodules.known = known = memory.Memory(shape=self.block, depth=blocks, init=[])
        write, read = store.write_port(), store.read_port()
        learn, recall = known.write_port(), known.read_port()

        accept = Signal()
        stored = Signal()
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready),
            write.en.eq(stored),
            write.data.eq(captured),
        ]
        m.d.sync += stored.eq(accept)
        advance(m, stored, write.addr, depth)
        valid = delay(m, 1, accept, latency + 1, name="incoming", reset=True)
        whole, done = self._block_maximum(m, largest, valid)
        learned = Signal()
        m.d.comb += learn.en.eq(learned)
        exponent, busy = self._exponent(m, Const(1), whole)
        done = delay(m, 1, done, self.wait, name="done_late", reset=True)
        m.d.sync += [learn.data.eq(exponent), learned.eq(done)]
        advance(m, learned, learn.addr, blocks)

        ready = Signal(range(blocks + 1))
        level = Signal(range(depth + 1))
        read_beat = Signal(range(beats))
        ends = Signal()
        m.d.comb += [
            self.i.ready.eq((level != depth) & ~busy),
            issue.eq(move & (ready != 0)),
            ends.eq(issue & advance(m, issue, read_beat, beats)),
            read.en.eq(move),
            recall.en.eq(move),
            beat.eq(register(m, move, "elements", self.beat, read.data)),
            block.eq(register(m, move, "block", self.block, recall.data)),
        ]
        advance(m, issue, read.addr, depth)
        advance(m, ends, recall.addr, blocks)
        m.d.sync += [level.eq(level + accept - issue), ready.eq(ready + learned - ends)]

    def _block_maximum(self, m: Module, largest: Value, valid: Value) -> tuple[Signal, Signal]:
        """Return the largest number of a block, and that its last beat is the latest one."""
        beats = self.parameters.beats
        last = advance(m, valid, Signal(range(beats), name="beat"), beats)
        so_far = Signal.like(largest)
        larger = Signal.like(largest)
        whole = Signal.like(largest)
        done = Signal()
        m.d.comb += larger.eq(Mux(largest < so_far, so_far, largest))
        m.d.sync += [done.eq(valid & last), whole.eq(larger)]
        with m.If(valid):
            m.d.sync += so_far.eq(Mux(last, 0, larger))
        return whole, done
