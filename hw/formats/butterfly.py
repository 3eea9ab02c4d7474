"""A level of a Hadamard transform across the beats of a stream."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.pipeline import register, wire
from .fixed_point import FixedPoint

__all__ = ["BeatButterfly"]


class BeatButterfly(Circuit):
    """Butterflies of beats that are ``stride`` apart.

    Of groups of ``2 * stride`` beats the second half meets the first one, which a memory holds:
    their sums leave at once, and their differences, which the memory holds then, behind them,
    whether or not further beats come. ``last`` of a group's last beat stays with its last beat.

    Latency is one enabled cycle from a group's middle beat to its first; interval one.

    Parameters
    ----------
    fixed : FixedPoint
        The numbers.
    lanes : int
        Numbers of a beat.
    stride : int
        Beats, a power of two.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    valid, last : In(1)
        Whether there is a beat, and its ``last``, that of a group's last beat alone.
    i : In(ArrayLayout(fixed.shape, lanes))
        Beat.
    o_valid, o_last : Out(1)
    o : Out(ArrayLayout(fixed.shape, lanes))
        Sums or differences, from registers.
    """

    def __init__(self, *, fixed: FixedPoint, lanes: int, stride: int) -> None:
        self.fixed = fixed
        self.lanes = lanes
        self.stride = stride
        self.beat = data.ArrayLayout(fixed.shape, lanes)
        self.kept = data.StructLayout({"numbers": self.beat, "last": 1})
        super().__init__(
            {
                "en": In(1),
                "valid": In(1),
                "last": In(1),
                "i": In(self.beat),
                "o_valid": Out(1),
                "o_last": Out(1),
                "o": Out(self.beat),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Keep the first half; then give sums and keep differences; then give these."""
        m = Module()
        stride, lanes = self.stride, range(self.lanes)
        place = Signal(range(stride))
        second = Signal()
        giving = Signal()
        given = Signal(range(stride))
        end = place == stride - 1
        accept = wire(m, "accept", 1, self.valid & self.en)
        with m.If(accept):
            m.d.sync += place.eq(place + 1)
            with m.If(end):
                m.d.sync += second.eq(~second)
        # The differences are given before the next second half can come.
        with m.If(self.en):
            m.d.sync += self.o_valid.eq(giving | (self.valid & second))
            with m.If(giving):
                m.d.sync += given.eq(given + 1)
            with m.If(giving & (given == stride - 1)):
                m.d.sync += giving.eq(0)
            with m.If(self.valid & second & end):
                m.d.sync += giving.eq(1)

        kept = Signal(self.kept)
        first = self._first(m, accept, place, kept, Mux(giving, given, place))
        # A difference leaves as it is, added to nothing.
        other = Signal(self.beat)
        m.d.comb += other.eq(Mux(giving, 0, self.i))
        sums = Cat(self.fixed.sum(first.numbers[n], other[n]) for n in lanes)
        differences = Cat(self.fixed.difference(first.numbers[n], self.i[n]) for n in lanes)
        m.d.comb += [
            kept.numbers.eq(Mux(second, differences, self.i)),
            kept.last.eq(self.last),
            self.o.eq(register(m, self.en, "given_beat", len(sums), sums)),
            self.o_last.eq(register(m, self.en, "given_last", 1, giving & first.last)),
        ]
        return m

    def _first(
        self, m: Module, accept: Value, place: Signal, kept: data.View, wanted: Value
    ) -> data.View:
        """Keep a beat at its place, and return the one that is ``wanted``."""
        if self.stride == 1:
            return register(m, accept, "kept_beat", self.kept, kept)  # pyright: ignore[reportReturnType]
        words = memory.Memory(shape=self.kept, depth=self.stride, init=[])
        m.submodules.words = words
        write, read = words.write_port(), words.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(accept),
            write.addr.eq(place),
            write.data.eq(kept),
            read.addr.eq(wanted),
        ]
        return read.data
