"""Reader of a window: its words, as a stream."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters

from ..base.circuit import Circuit
from ..base.pipeline import delay, wire
from ..stream.fifo import OutputFifo
from .ports import READ_LATENCY, read_signature
from .walker import SETS, Walker, pass_set

__all__ = ["Reader", "WordFifo", "counted", "locate"]


class WordFifo(OutputFifo):
    """FIFO of as many words as a reader has under way, and a few more.

    Latency, interval and members are those of `OutputFifo`.

    Parameters
    ----------
    depth : int
        Words, a power of two.
    """

    def __init__(self, *, shape: ShapeLike, depth: int) -> None:
        self.DEPTH = depth
        super().__init__(shape=shape)


def locate(p: AcceleratorParameters, walker: Walker, single: Value) -> tuple[Value, Value, Value]:
    """Return the lane and the word of a walker's element, and whether it has none; combinational.

    Unless ``single``, a word must begin with the element.
    """
    lane_bits, word_bits, bank_bits = (
        (n - 1).bit_length() for n in (p.values, p.bank_words, p.banks)
    )
    lane, word = walker.element[:lane_bits], walker.element[lane_bits:]
    beyond = Cat(word[word_bits:], walker.bank[bank_bits:]).any()
    return lane, word[:word_bits], walker.inside & (beyond | (~single & lane.any()))


def counted(
    m: Module, start: Value, step: Value, inner: Value, outer: Value
) -> tuple[Signal, Signal]:
    """Count ``inner * outer`` steps; return whether one is the last of the inner ones, and of all.

    The numbers are at least 1; ``inner`` stays until the last step, ``outer`` comes with ``start``.
    What is returned depends on registers only.
    """
    inner_left = Signal(len(inner))
    outer_left = Signal(len(outer))
    last_inner = Signal()
    last_outer = Signal()
    with m.If(start):
        m.d.sync += [
            inner_left.eq(inner),
            last_inner.eq(inner == 1),
            outer_left.eq(outer),
            last_outer.eq(outer == 1),
        ]
    with m.Elif(step):
        m.d.sync += [
            inner_left.eq(Mux(last_inner, inner, inner_left - 1)),
            last_inner.eq(Mux(last_inner, inner == 1, inner_left == 2)),
        ]
        with m.If(last_inner):
            m.d.sync += [outer_left.eq(outer_left - 1), last_outer.eq(outer_left == 2)]
    return last_inner, wire(m, "last", 1, last_inner & last_outer)


class Reader(Circuit):
    """The words at a window's positions, read from the scratchpad into a small FIFO.

    After ``start`` it reads ``inner * outer`` words from the window's first position on. Latency
    is `LATENCY` cycles from ``start`` to the first, unless a SET, or the last word before, was less
    than `WALKER_LATENCY` cycles ago; interval ``interval`` cycles a word, if the stream takes them.
    ``port`` and ``o.valid`` come from registers, ``o.payload`` from a memory without a register.

    Parameters
    ----------
    parameters : AcceleratorParameters
    interval : int
        Cycles in which the stream takes a word, at the least.

    Members
    -------
    set : In(1), slot : In(4), payload : In(SLOT_BITS)
        As of `Walker`; not while it reads.
    start : In(1)
        Read; all words of the start before have been issued.
    inner : In(16), outer : In(24)
        At least 1; they stay until all is read.
    single : In(1)
        Take the window as if it were of single elements; as ``inner``.
    o : Out(stream.Signature(word_bits))
        Words. A single element is in all lanes; what is outside is zero.
    port : Out(read_signature(parameters))
    bad : Out(1)
        An address had no word. Nothing has been read since, nor will be.
    """

    LATENCY = 1 + 1 + READ_LATENCY + 1

    def __init__(self, *, parameters: AcceleratorParameters, interval: int = 1) -> None:
        self.parameters = parameters
        # A place in the FIFO is taken from a word's issue until it is known to have left, the words
        # of ``interval`` cycles each: 2 + (READ_LATENCY + 1) // interval at the least.
        self.depth = 1 << (1 + (READ_LATENCY + 1) // interval).bit_length()
        super().__init__(
            {
                **SETS,
                "start": In(1),
                "inner": In(16),
                "outer": In(24),
                "single": In(1),
                "o": Out(stream.Signature(parameters.word_bits)),
                "port": Out(read_signature(parameters)),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Issue reads while the FIFO has room for all that are under way."""
        m = Module()
        p = self.parameters
        m.submodules.walker = walker = Walker(parameters=p)
        m.submodules.fifo = fifo = WordFifo(shape=p.word_bits, depth=self.depth)
        reading = Signal()
        room = Signal(range(self.depth + 1), init=self.depth)
        following = Signal.like(room)
        fits = Signal(init=1)
        issue = wire(m, "issue", 1, reading & walker.ready & fits)
        _, last = counted(m, self.start, issue, self.inner, self.outer)
        single = wire(m, "single_", 1, walker.single | self.single)
        lane, word, missing = locate(p, walker, single)
        wrong = wire(m, "wrong", 1, missing)
        pass_set(m, self, walker)
        m.d.comb += [
            walker.step.eq(issue),
            walker.restart.eq(issue & last),
        ]
        with m.If(self.start):
            m.d.sync += reading.eq(1)
        with m.Elif(issue & (last | wrong)):
            m.d.sync += reading.eq(0)
        with m.If(issue & wrong):
            m.d.sync += self.bad.eq(1)
        m.d.comb += following.eq(room - issue + (fifo.o.valid & fifo.o.ready))
        m.d.sync += [
            room.eq(following),
            fits.eq(following != 0),
            self.port.en.eq(issue & walker.inside & ~wrong),
            self.port.bank.eq(walker.bank),
            self.port.address.eq(word),
        ]

        cycles = 1 + READ_LATENCY
        # Which lane a single element is in, or that all are of use.
        lanes = Cat(single & (lane == n) for n in range(p.values))
        uses = Mux(walker.inside, Cat(lanes, ~single), 0)
        uses = delay(m, 1, uses, cycles, name="uses")
        data = self.port.data
        alone = (Mux(uses[n], data.word_select(n, VALUE_BITS), 0) for n in range(p.values))
        alone = wire(m, "alone", VALUE_BITS, reduce(or_, alone))
        m.d.comb += [
            fifo.push.eq(delay(m, 1, issue & ~wrong, cycles, name="push", reset=True)),
            fifo.word.eq(alone.replicate(p.values) | Mux(uses[-1], data, 0)),
        ]
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        return m
