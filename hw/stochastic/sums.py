"""The sums of counts over the pairs of a batch."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.stages import OuterStages, banks

from ..base.circuit import Circuit
from ..base.pipeline import advance, delay
from .accumulator import alignment
from .bank import Bank, addition
from .counts import CountsSignature

__all__ = ["Sums", "word_layout"]


def word_layout(p: OuterProductParameters) -> data.StructLayout:
    """Return the layout of a word of sums.

    ``sums``: of a group, row by row; ``scale``: the sum of both exponent codes at which they are;
    ``nan``; ``last``: whether they are the last of their batch.
    """
    return data.StructLayout(
        {
            "sums": data.ArrayLayout(p.sum_bits, p.group_rows * p.columns),
            "scale": p.x_converter.format.exponent_bits + 1,
            "nan": 1,
            "last": 1,
        }
    )


class Sums(Circuit):
    """Memory of two batches' sums: one is added to while the other is read.

    Whichever has the lower scale, the sum or the count, moves right before they are added, as in
    `sw.stochastic.outer_product.add_up`. The words of a batch, one a group, leave once its last
    pair is added; then its half of the memory is free. A pair may start every four cycles.

    Latency is `latency` cycles from the first counts of a batch's last group to its first word;
    interval one cycle where a word is a beat of results, else two. ``i.allow`` and ``full`` come
    from registers, as does ``o`` but for the sums, which the banks' memories put out.

    Parameters
    ----------
    parameters : OuterProductParameters
        Size of a batch, rows of a group and columns.

    Members
    -------
    i : In(CountsSignature)
        Pairs that start, and their counts.
    ends : In(1)
        With ``i.start``: the batch ends with the pair though it is not full.
    full : Out(1)
        With ``i.start``: the batch is full with the pair, and so ends.
    o : Out(stream.Signature(word_layout(parameters)))
        Words of whole batches.
    """

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        self._banks = [Bank(parameters=p, columns=len(columns)) for columns in banks(p.columns)]
        self._batch = data.StructLayout({"first": 1, "last": 1, "half": 1})
        super().__init__(
            {
                "i": In(CountsSignature(parameters=p)),
                "ends": In(1),
                # The stubs have the name of an older Amaranth.
                "full": Out(1, init=int(p.batch == 1)),  # pyright: ignore[reportCallIssue]
                "o": Out(stream.Signature(word_layout(p))),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the first counts of a batch's last group to its first word."""
        return OuterStages(self.parameters).sums

    def elaborate(self, platform: Any) -> Module:
        """Assign pairs to batches, align them, add their counts and read whole batches."""
        m = Module()
        for number, bank in enumerate(self._banks):
            m.submodules[f"bank_{number}"] = bank
        # Of each half of the memory: it has a batch, and that is whole.
        busy = Signal(2)
        whole = Signal(2)
        nans = Signal(2)
        scales = Array(Signal.like(self.i.scale, name=f"scale_{half}") for half in (0, 1))
        pair = self._align(m, self._assign(m, busy))
        self._add(m, pair, whole, nans, scales)
        self._read(m, busy, whole, nans, scales)
        return m

    def _assign(self, m: Module, busy: Signal) -> data.View:
        """Assign a pair that starts to a batch and a half of the memory.

        Return in the next cycle whether it is the batch's first and last one, and the half.
        """
        p = self.parameters
        number = Signal(range(p.batch))
        first = Signal(init=1)
        last = Signal()
        write_half = Signal()
        m.d.comb += last.eq(self.ends | self.full)
        m.d.sync += [
            self.i.allow.eq(~(first & Array(busy)[write_half])),
            self.full.eq(number == p.batch - 1),
        ]
        with m.If(self.i.start):
            m.d.sync += [
                first.eq(last),
                number.eq(Mux(last, 0, number + 1)),
                write_half.eq(write_half ^ last),
                Array(busy)[write_half].eq(1),
            ]
        return self._batch(delay(m, 1, Cat(first, last, write_half), 1, name="batch"))

    def _align(self, m: Module, batch: data.View) -> data.View:
        """Compare the scales of pairs and sums; return the pair that is being added.

        It is known two cycles after its start, before its counts.
        """
        p = self.parameters
        started = delay(m, 1, self.i.start, 1, name="started", reset=True)
        special = delay(m, 1, self.i.nan, 1, name="special")
        scale = Signal.like(self.i.scale, name="scale")
        top = Signal.like(scale)
        nan = Signal()
        distance = Signal(signed(len(scale) + 1))
        higher = Signal()
        sum_shift = Signal.like(scale)
        count_shift = Signal.like(scale)
        m.d.sync += [scale.eq(self.i.scale), distance.eq(self.i.scale - top)]
        m.d.comb += higher.eq(batch.first | (distance > 0))
        with m.If(started):
            m.d.sync += [
                top.eq(Mux(higher, scale, top)),
                nan.eq((nan & ~batch.first) | special),
                sum_shift.eq(Mux(batch.first | (distance < 0), 0, distance)),
                count_shift.eq(Mux(higher, 0, -distance)),
            ]

        layout = data.StructLayout(
            {"align": alignment(p), "scale": len(scale), "last": 1, "half": 1, "nan": 1}
        )
        upcoming = Signal(layout, reset_less=True)
        pair = Signal(layout, reset_less=True)
        aligned = delay(m, 1, started, 1, name="aligned", reset=True)
        batch = self._batch(delay(m, 1, batch.as_value(), 1, name="batch_later"))
        with m.If(aligned):
            m.d.sync += [
                upcoming.align.sum_shift.eq(_least(sum_shift, p.sum_bits)),
                upcoming.align.count_shift.eq(_least(count_shift, p.count_bits + p.guard + 1)),
                upcoming.align.first.eq(batch.first),
                upcoming.scale.eq(top),
                upcoming.last.eq(batch.last),
                upcoming.half.eq(batch.half),
                upcoming.nan.eq(nan),
            ]
        with m.If(self.i.drain):
            m.d.sync += pair.eq(upcoming)
        return pair

    def _add(self, m: Module, pair: data.View, whole: Signal, nans: Signal, scales: Array) -> None:
        """Add counts to the banks' words; note NaN and scale of the batches that end."""
        p = self.parameters
        group = Signal(range(p.groups))
        batch_ends = Signal()
        last = advance(m, self.i.valid, group, p.groups)
        m.d.comb += batch_ends.eq(self.i.valid & last & pair.last)
        with m.If(batch_ends):
            m.d.sync += [Array(nans)[pair.half].eq(pair.nan), scales[pair.half].eq(pair.scale)]

        command = Signal(addition(p))
        m.d.comb += [
            command.valid.eq(self.i.valid),
            command.address.eq(Cat(group, pair.half)),
            command.align.eq(pair.align),
        ]
        low = 0
        for number, bank in enumerate(self._banks):
            if number:
                later = delay(m, 1, command.as_value(), 1, name=f"command_{number}", reset=True)
                command = addition(p)(later)
            high = low + bank.results
            m.d.comb += [
                bank.add.eq(command),
                bank.count.eq(self.i.count[low:high]),
                bank.negative.eq(self.i.negative[low:high]),
            ]
            low = high
        cycles = len(self._banks) - 1 + Bank.latency
        ended = delay(m, 1, batch_ends, cycles, name="ended", reset=True)
        half = delay(m, 1, pair.half, cycles, name="ended_half", reset=True)
        with m.If(ended):
            m.d.sync += Array(whole)[half].eq(1)

    def _read(self, m: Module, busy: Signal, whole: Signal, nans: Signal, scales: Array) -> None:
        """Put out the words of whole batches, and free their halves of the memory."""
        p = self.parameters
        word = self.o.payload
        read_half = Signal()
        read_group = Signal(range(p.groups))
        en = Signal()
        fire = Signal()
        m.d.comb += [
            # One word may follow another at once only where it must, being a beat of results.
            en.eq(~self.o.valid | (self.o.ready if p.group_rows * p.columns == p.results else 0)),
            fire.eq(en & Array(whole)[read_half]),
        ]
        last = advance(m, fire, read_group, p.groups)
        m.d.sync += self.o.valid.eq(fire | (self.o.valid & ~self.o.ready))
        with m.If(fire):
            m.d.sync += [
                word.nan.eq(Array(nans)[read_half]),
                word.scale.eq(scales[read_half]),
                word.last.eq(last),
            ]
            with m.If(last):
                m.d.sync += [
                    read_half.eq(~read_half),
                    Array(whole)[read_half].eq(0),
                    Array(busy)[read_half].eq(0),
                ]
        for bank, columns in zip(self._banks, banks(p.columns), strict=True):
            m.d.comb += [bank.read.eq(fire), bank.read_address.eq(Cat(read_group, read_half))]
            for row in range(p.group_rows):
                first = row * p.columns
                own = bank.o[row * len(columns) : (row + 1) * len(columns)]
                m.d.comb += word.sums[first + columns.start : first + columns.stop].eq(own)


def _least(value: Value, most: int) -> Value:
    """Return a value, or ``most`` if that is less."""
    return Mux(value > most, most, value)
