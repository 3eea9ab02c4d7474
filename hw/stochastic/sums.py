"""The sums of counts over the pairs of a batch."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sw.stochastic.outer_parameters import OuterProductParameters

from ..base.circuit import Circuit
from ..base.pipeline import delay
from .accumulator import fall_bits, rise_bits
from .bank import Bank
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
    count, moves right before they are added, as `sw.stochastic.outer_product.add_up` says. The
    words of a batch, one a group, come out when its last pair is added; then its half of the memory
    is free.

    Parameters
    ----------
    parameters : OuterProductParameters
        Of the outer product.

    Members
    -------
    allow : Out(1)
        Whether a pair may start, from registers.
    start, scale, nan : In
        A pair starts, of this scale; as of `Crossbar`. Starts are four cycles apart, at least.
    ends : In(1)
        With ``start``: whether the batch ends with the pair though it is not full.
    full : Out(1)
        With ``start``: whether the batch is full with the pair, and so ends; from registers.
    closing, counted, counts, negative : In
        As of `Crossbar`.
    o : Out(stream.Signature(word_layout(parameters)))
    """

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        self._banks = [Bank(parameters=p, columns=len(columns)) for columns in banks(p.columns)]
        code = p.x_converter.format.exponent_bits
        results = p.group_rows * p.columns
        super().__init__(
            {
                "allow": Out(1),
                "start": In(1),
                "scale": In(code + 1),
                "nan": In(1),
                "ends": In(1),
                "full": Out(1),
                "closing": In(1),
                "counted": In(1),
                "counts": In(results * p.count_bits),
                "negative": In(results),
                "o": Out(stream.Signature(word_layout(p))),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the first counts of a batch's last group to its first word."""
        return 3 + len(self._banks)

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        for number, bank in enumerate(self._banks):
            m.submodules[f"bank_{number}"] = bank
        busy, whole = Signal(2), Signal(2)
        pair = self._pairs(m, busy)
        about = self._add(m, pair, whole)
        self._read(m, about, busy, whole)
        return m

    def _pairs(self, m: Module, busy: Signal) -> data.View:
        """Align pairs as they start; return what to know about the one that is being added.

        What becomes of a pair is known two cycles after its start, before its counts come.
        """
        p = self.parameters
        fresh, ends = Signal(init=1), Signal()
        number = Signal(range(p.batch))
        bank = Signal()
        allow, full = Signal(init=1), Signal(init=p.batch == 1)
        m.d.comb += [ends.eq(self.ends | full), self.allow.eq(allow), self.full.eq(full)]
        m.d.sync += [
            allow.eq(~(fresh & Array(busy)[bank])),
            full.eq(number == p.batch - 1),
        ]
        with m.If(self.start):
            m.d.sync += [
                fresh.eq(ends),
                number.eq(Mux(ends, 0, number + 1)),
                bank.eq(bank ^ ends),
                Array(busy)[bank].eq(1),
            ]

        about = Cat(fresh, ends, bank, self.nan)
        first, end, half, special = delay(m, 1, about, 1, name="about")
        begun = delay(m, 1, self.start, 1, name="begun", reset=True)
        scale, top = (Signal.like(self.scale, name=name) for name in ("scale_1", "top"))
        nan = Signal()
        distance = Signal(signed(len(scale) + 1))
        m.d.sync += [scale.eq(self.scale), distance.eq(self.scale - top)]
        higher = Signal()
        m.d.comb += higher.eq(first | (distance > 0))
        rise, fall = (Signal.like(self.scale, name=name) for name in ("rise", "fall"))
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
                "scale": len(self.scale),
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
        with m.If(begun):
            m.d.sync += coming.eq(known)
        with m.If(self.closing):
            m.d.sync += pair.eq(coming)
        return pair

    def _add(self, m: Module, pair: data.View, whole: Signal) -> Array:
        """Add counts to the banks' words; return NaN and scale of the batches in both halves."""
        p = self.parameters
        group = Signal(range(p.groups))
        last, ends = Signal(), Signal()
        about = Array(Signal(1 + len(pair.scale), name=f"about_{half}") for half in (0, 1))
        m.d.comb += [last.eq(group == p.groups - 1), ends.eq(self.counted & last & pair.ends)]
        with m.If(self.counted):
            m.d.sync += group.eq(Mux(last, 0, group + 1))
        with m.If(ends):
            m.d.sync += about[pair.bank].eq(Cat(pair.nan, pair.scale))

        turn = Cat(self.counted, group, pair.bank, pair.fresh, pair.fall, pair.rise)
        low = 0
        for number, bank in enumerate(self._banks):
            if number:
                turn = delay(m, 1, turn, 1, name=f"turn_{number}", reset=True)
            high = low + bank.results
            m.d.comb += [
                Cat(bank.add, bank.address, bank.fresh, bank.fall, bank.rise).eq(turn),
                bank.counts.eq(self.counts[low * p.count_bits : high * p.count_bits]),
                bank.negative.eq(self.negative[low:high]),
            ]
            low = high
        late = len(self._banks) - 1 + Bank.latency
        ended, half = delay(m, 1, Cat(ends, pair.bank), late, name="ended", reset=True)
        with m.If(ended):
            m.d.sync += Array(whole)[half].eq(1)
        return about

    def _read(self, m: Module, about: Array, busy: Signal, whole: Signal) -> None:
        """Give the words of whole batches."""
        p = self.parameters
        half = Signal()
        group = Signal(range(p.groups))
        go, last, move = Signal(), Signal(), Signal()
        rows = (
            bank.o.word_select(row, len(bank.o) // p.group_rows)
            for row in range(p.group_rows)
            for bank in self._banks
        )
        m.d.comb += [
            # One word may follow another at once only where it must, being a beat of results.
            move.eq(~self.o.valid | (self.o.ready if p.group_rows * p.columns == p.results else 0)),
            go.eq(move & Array(whole)[half]),
            last.eq(group == p.groups - 1),
            self.o.payload.sums.eq(Cat(rows)),
        ]
        for bank in self._banks:
            m.d.comb += [bank.get_address.eq(Cat(group, half)), bank.get.eq(go)]
        m.d.sync += self.o.valid.eq(go | (self.o.valid & ~self.o.ready))
        with m.If(go):
            m.d.sync += [
                group.eq(Mux(last, 0, group + 1)),
                Cat(self.o.payload.nan, self.o.payload.scale).eq(about[half]),
                self.o.payload.last.eq(last),
            ]
            with m.If(last):
                m.d.sync += [
                    half.eq(~half),
                    Array(whole)[half].eq(0),
                    Array(busy)[half].eq(0),
                ]


def _least(value: Value, most: int) -> Value:
    """Return a value, or ``most`` if that is less."""
    return Mux(value > most, most, value)
