"""The sums of counts over the pairs of a batch."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.stochastic.outer_parameters import OuterProductParameters

from ..circuit import Circuit
from ..pipeline import delay
from .accumulator import Accumulator, fall_bits, rise_bits
from .row import banks

__all__ = ["Sums", "word_layout"]


def word_layout(p: OuterProductParameters) -> data.StructLayout:
    """Return the layout of a word of sums.

    ``sums``: of a group, row by row; ``scale``: the sum of both exponent codes at which they are;
    ``nan``; ``last``: whether they are the last of their batch.
    """
    return data.StructLayout(
        {
            "sums": p.group_rows * p.columns * p.sum_bits,
            "scale": p.x_converter.format.exponent_bits + 1,
            "nan": 1,
            "last": 1,
        }
    )


class Sums(Circuit):
    """Memory of two batches' sums: one is added to while the other is read.

    Counts come from a `Crossbar`, group by group. Whichever has the lower scale, the sum or the
    count, moves right before they are added, as `sw.stochastic.outer.add_up` says. The words of a
    batch, one a group, come out when its last pair is added; then its half of the memory is free.

    Parameters
    ----------
    parameters : OuterProductParameters
        Of the outer product.

    Members
    -------
    allow : Out(1)
        Whether a pair may start, from registers.
    start, exponent_x, exponent_d : In
        A pair starts, with these exponent codes.
    ends : In(1)
        With ``start``: whether the batch ends with the pair though it is not full.
    full : Out(1)
        With ``start``: whether the batch is full with the pair, and so ends; from registers.
    closing, counted, counts, negative : In
        As of `Crossbar`.
    o : Out(stream.Signature(word_layout(parameters)))
    """

    latency = 4
    """Cycles from the last counts of a batch to its first word."""

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        code = p.x_converter.format.exponent_bits
        results = p.group_rows * p.columns
        super().__init__(
            {
                "allow": Out(1),
                "start": In(1),
                "exponent_x": In(code),
                "exponent_d": In(code),
                "ends": In(1),
                "full": Out(1),
                "closing": In(1),
                "counted": In(1),
                "counts": In(results * p.count_bits),
                "negative": In(results),
                "o": Out(stream.Signature(word_layout(p))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        m.submodules.memory = words = memory.Memory(
            shape=p.group_rows * p.columns * p.sum_bits, depth=2 << ceil_log2(p.groups), init=[]
        )
        busy = Signal(2)
        pair = self._pairs(m, busy)
        ended = self._add(m, words, pair)
        self._read(m, words, pair, ended, busy)
        return m

    def _pairs(self, m: Module, busy: Signal) -> data.View:
        """Align pairs as they start; return what to know about the one that is being added.

        What becomes of a pair is known two cycles after its start, before its counts come.
        """
        p = self.parameters
        fresh, ends = Signal(init=1), Signal()
        number = Signal(range(p.batch))
        bank = Signal()
        m.d.comb += [
            self.full.eq(number == p.batch - 1),
            ends.eq(self.ends | self.full),
            self.allow.eq(~(fresh & Array(busy)[bank])),
        ]
        with m.If(self.start):
            m.d.sync += [
                fresh.eq(ends),
                number.eq(Mux(ends, 0, number + 1)),
                bank.eq(bank ^ ends),
                Array(busy)[bank].eq(1),
            ]

        code = len(self.exponent_x)
        about = Cat(fresh, ends, bank, self.exponent_x.all() | self.exponent_d.all())
        first, end, half, special = delay(m, 1, about, 1, name="about")
        begun = delay(m, 1, self.start, 1, name="begun", reset=True)
        scale, top = Signal(code + 1), Signal(code + 1)
        nan = Signal()
        distance = Signal(signed(code + 2))
        m.d.sync += scale.eq(self.exponent_x + self.exponent_d)
        higher = Signal()
        m.d.comb += [distance.eq(scale - top), higher.eq(first | (distance > 0))]
        rise, fall = Signal(code + 1), Signal(code + 1)
        with m.If(begun):
            m.d.sync += [
                top.eq(Mux(higher, scale, top)),
                nan.eq((nan & ~first) | special),
                rise.eq(Mux(first | (distance < 0), 0, distance)),
                fall.eq(Mux(higher, 0, -distance)),
            ]

        layout = data.StructLayout(
            {
                "rise": rise_bits(p),
                "fall": fall_bits(p),
                "scale": code + 1,
                "fresh": 1,
                "ends": 1,
                "bank": 1,
                "nan": 1,
            }
        )
        begun = delay(m, 1, begun, 1, name="aligned", reset=True)
        first, end, half = delay(m, 1, Cat(first, end, half), 1, name="about_2")
        known, coming, pair = (
            Signal(layout, name=name, reset_less=True) for name in ("known", "coming", "pair")
        )
        m.d.comb += [
            known.rise.eq(_least(rise, p.sum_bits)),
            known.fall.eq(_least(fall, p.count_bits + p.guard + 1)),
            known.scale.eq(top),
            known.fresh.eq(first),
            known.ends.eq(end),
            known.bank.eq(half),
            known.nan.eq(nan),
        ]
        # As late as the counts of the last bank of columns.
        behind = len(banks(p.columns)) - 1
        begun = delay(m, 1, begun, behind, name="begun_there", reset=True)
        known = delay(m, 1, known.as_value(), behind, name="known_there")
        with m.If(begun):
            m.d.sync += coming.eq(known)
        with m.If(self.closing):
            m.d.sync += pair.eq(coming)
        return pair

    def _add(self, m: Module, words: memory.Memory, pair: data.View) -> Value:
        """Add counts to the memory's words; return when a batch is whole."""
        p = self.parameters
        read, write = words.read_port(), words.write_port()
        group = Signal(range(p.groups))
        last = Signal()
        m.d.comb += last.eq(group == p.groups - 1)
        with m.If(self.counted):
            m.d.sync += group.eq(Mux(last, 0, group + 1))
        m.d.comb += [read.addr.eq(Cat(group, pair.bank)), read.en.eq(self.counted)]

        added = []
        for i in range(p.group_rows * p.columns):
            lane = Accumulator(parameters=p)
            m.submodules[f"accumulator_{i}"] = lane
            m.d.comb += [
                lane.count.eq(self.counts.word_select(i, p.count_bits)),
                lane.negative.eq(self.negative[i]),
                lane.fall.eq(pair.fall),
                lane.fresh.eq(pair.fresh),
                lane.rise.eq(pair.rise),
                lane.sum.eq(read.data.word_select(i, p.sum_bits)),
            ]
            added.append(lane.o)
        stored = Cat(self.counted, group, pair.bank, last & pair.ends)
        stored = delay(m, 1, stored, Accumulator.latency, name="stored", reset=True)
        m.d.comb += [
            write.en.eq(stored[0]),
            write.addr.eq(stored[1:-1]),
            write.data.eq(Cat(added)),
        ]
        return stored[0] & stored[-1]

    def _read(
        self, m: Module, words: memory.Memory, pair: data.View, ended: Value, busy: Signal
    ) -> None:
        """Give the words of whole batches."""
        p = self.parameters
        read = words.read_port()
        whole = Signal(2)
        bank, ending = Signal(), Signal()
        scales = Array(Signal(len(pair.scale), name=f"scale_{i}") for i in (0, 1))
        nans = Array(Signal(name=f"nan_{i}") for i in (0, 1))
        about = Cat(pair.bank, pair.nan, pair.scale)
        about = delay(m, 1, about, Accumulator.latency, name="about_pair")
        m.d.comb += ending.eq(about[0])
        with m.If(ended):
            m.d.sync += [
                Array(whole)[ending].eq(1),
                nans[ending].eq(about[1]),
                scales[ending].eq(about[2:]),
            ]
        group = Signal(range(p.groups))
        go, last, move = Signal(), Signal(), Signal()
        m.d.comb += [
            move.eq(~self.o.valid | self.o.ready),
            go.eq(move & Array(whole)[bank]),
            last.eq(group == p.groups - 1),
            read.addr.eq(Cat(group, bank)),
            read.en.eq(go),
            self.o.payload.sums.eq(read.data),
        ]
        with m.If(move):
            m.d.sync += self.o.valid.eq(go)
        with m.If(go):
            m.d.sync += [
                group.eq(Mux(last, 0, group + 1)),
                self.o.payload.scale.eq(scales[bank]),
                self.o.payload.nan.eq(nans[bank]),
                self.o.payload.last.eq(last),
            ]
            with m.If(last):
                m.d.sync += [
                    bank.eq(~bank),
                    Array(whole)[bank].eq(0),
                    Array(busy)[bank].eq(0),
                ]


def _least(value: Value, most: int) -> Value:
    """Return a value, or ``most`` if that is less."""
    return Mux(value > most, most, value)
