"""The crossbar of the outer product: both sides' bits, the elements that count them."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sw.stochastic.outer_parameters import OuterProductParameters

from ..base.circuit import Circuit
from ..base.pipeline import delay
from .row import Row, banks
from .side import Side

__all__ = ["Crossbar"]


class Crossbar(Circuit):
    """Rows of elements that count what streams of ``x`` and ``d`` have in common.

    A pair of vectors starts once both are loaded; the next one may `period` cycles later. Each
    group of rows counts a cycle behind the one before, so that the counts of one group a cycle come
    out while the next pair is counted. Pairs take turns in two phases, since the last groups of a
    pair still count while the first of the next start. Columns count in banks, see `banks`.

    The first counts of a pair come `latency` cycles after its start.

    Parameters
    ----------
    parameters : OuterProductParameters
        Of the outer product.

    Members
    -------
    x, d : In(stream.Signature(StructLayout))
        Converted elements of vectors, as of `hw.formats.quantizer.Quantizer`.
    allow : In(1)
        Whether a pair may start in the next cycle, unless one starts in this.
    start : Out(1)
        Whether a pair starts, from registers.
    waits : Out(1)
        Whether only a vector is missing for a pair to start.
    held : Out(1)
        Whether only ``allow`` is.
    scale : Out(exponent bits + 1)
        With ``start``: the sum of the pair's exponent codes, from registers.
    nan : Out(1)
        With ``start``: whether one of them is that of NaN, from registers.
    last_x, last_d : Out(1)
        With ``start``: whether the vectors came with ``last``.
    early : Out(1)
        ``last`` came inside a vector.
    closing : Out(1)
        The cycle before that of a pair's first counts.
    counted : Out(1)
        Whether there are counts, of the first bank.
    counts : Out(group_rows * columns * count_bits)
        Counts of a group, bank by bank of columns, in each row by row; those of a bank are a cycle
        behind those of the one before, and from registers.
    negative : Out(group_rows * columns)
        Signs of the products that they stand for, likewise.
    """

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        self._banks = banks(p.columns)
        self._sides = {
            name: Side(
                sources=(sources[0], sources[1]),
                lanes=p.lanes,
                parallel=p.parallel,
                exponent_bits=p.x_converter.format.exponent_bits,
                period=p.period,
            )
            for name, sources in (("x", p.x_sources), ("d", p.d_sources))
        }
        lanes, code = p.lanes * (p.bits + 1), p.x_converter.format.exponent_bits
        beat = stream.Signature(data.StructLayout({"mantissa": lanes, "exponent": code, "last": 1}))
        results = p.group_rows * p.columns
        super().__init__(
            {
                "x": In(beat),
                "d": In(beat),
                "allow": In(1),
                "start": Out(1),
                "waits": Out(1),
                "held": Out(1),
                "scale": Out(code + 1),
                "nan": Out(1),
                "last_x": Out(1),
                "last_d": Out(1),
                "early": Out(1),
                "closing": Out(1),
                "counted": Out(1),
                "counts": Out(results * p.count_bits),
                "negative": Out(results),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the start of a pair to its first counts."""
        return self.parameters.stream_cycles + 3

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        x, d = self._sides["x"], self._sides["d"]
        phase = self._begin(m)
        window, select = self._windows(m, phase)

        # Bits of d outside a group's window are zeros, so that those of x need not be.
        x_bits = Signal.like(x.bits, reset_less=True)
        d_bits = Signal.like(d.bits)
        masks = (window[row // p.group_rows] for row in range(p.rows))
        masks = (Cat(bit.replicate(p.parallel) for bit in mask) for mask in masks)
        m.d.sync += [x_bits.eq(x.bits), d_bits.eq(d.bits & Cat(masks))]

        self._signs(m, select[0])
        m.d.sync += self.counted.eq(select.any())
        found: list[Value] = []
        rows: Value = d_bits
        for number, columns in enumerate(self._banks):
            if number:
                # A line's next place is that of the next group a bank before. Without a reset they
                # differ, so that synthesis does not make one of them, with the load of both.
                select = delay(m, 1, select, 1, name=f"select_{number}")
                rows = delay(m, 1, rows, 1, name=f"d_bits_{number}", reset=True)
            own = x_bits[2 * p.parallel * columns.start : 2 * p.parallel * columns.stop]
            own = delay(m, 1, own, number, name=f"x_{number}")
            counts = self._bank(m, number, columns, select, rows, own)
            found.append(delay(m, 1, counts, 1, name=f"counts_{number}"))
        m.d.comb += self.counts.eq(Cat(found))
        return m

    def _bank(
        self,
        m: Module,
        number: int,
        columns: range,
        select: Value,
        d_bits: Value,
        x_bits: Value,
    ) -> Value:
        """Build a bank's rows; return the counts of the group that is selected, row by row."""
        p = self.parameters
        counts: list[Value] = [Value.cast(0)] * p.group_rows
        for r in range(p.rows):
            row = Row(columns=len(columns), count_bits=p.count_bits, parallel=p.parallel)
            m.submodules[f"row_{r}_{number}"] = row
            m.d.comb += [
                row.x.eq(x_bits),
                row.d.eq(d_bits.word_select(r, 2 * p.parallel)),
                row.select.eq(select[r // p.group_rows]),
            ]
            counts[r % p.group_rows] |= row.counts
        return Cat(counts)

    def _begin(self, m: Module) -> Signal:
        """Load both sides, start pairs and return the phase of the latest one.

        A pair starts the cycle after it is decided: what it moves is many and far.
        """
        p = self.parameters
        phase = Signal(init=1)
        wait = Signal(range(p.period))
        x, d = self._sides["x"], self._sides["d"]
        full, due, begin = Signal(), Signal(init=1), Signal()
        m.d.comb += [
            full.eq(x.full & d.full),
            begin.eq(full & due & self.allow),
            self.waits.eq(~full & due & self.allow),
            self.held.eq(full & due & ~self.allow),
            self.early.eq(x.early | d.early),
        ]
        m.d.sync += [self.start.eq(begin), phase.eq(phase ^ self.start)]
        with m.If(begin):
            m.d.sync += [wait.eq(p.period - 2), due.eq(0)]
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.Else():
            m.d.sync += due.eq(1)
        for name, side in self._sides.items():
            m.submodules[name] = side
            port = getattr(self, name)
            m.d.comb += [
                side.i.payload.eq(port.payload),
                side.i.valid.eq(port.valid),
                port.ready.eq(side.i.ready),
                side.keep.eq(Cat(self.start & phase, self.start & ~phase)),
            ]
        with m.If(begin):
            m.d.sync += [
                self.scale.eq(x.exponent + d.exponent),
                self.nan.eq(x.exponent.all() | d.exponent.all()),
                self.last_x.eq(x.last),
                self.last_d.eq(d.last),
            ]
        return phase

    def _windows(self, m: Module, phase: Signal) -> tuple[list[Value], Value]:
        """Return when each group's bits are valid in each phase, and when its counts are.

        The latter is two cycles behind the former's end: bits and counts are in registers.
        """
        p = self.parameters
        left = Signal(range(p.stream_cycles + 1))
        with m.If(self.start):
            m.d.sync += left.eq(p.stream_cycles)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        open_now = Signal(2)
        m.d.comb += open_now.eq(Mux(left != 0, Cat(~phase, phase), 0))
        later = Signal(2 * (p.groups - 1), name="window")
        lines = Cat(open_now, later)
        m.d.sync += later.eq(lines)
        end = Signal(p.groups + 1)
        m.d.sync += end.eq(Cat(left == 1, end))
        for side in self._sides.values():
            m.d.comb += side.run.eq(Cat(lines[0::2].any(), lines[1::2].any()))
        window = [lines.word_select(group, 2) for group in range(p.groups)]
        return window, end[1:]

    def _signs(self, m: Module, closing: Value) -> None:
        """Keep the signs of a pair while its counts come out."""
        p = self.parameters
        phase = Signal()
        row_signs = Signal(p.rows, reset_less=True)
        column_signs = Signal(p.columns, reset_less=True)
        m.d.sync += row_signs.eq(row_signs >> p.group_rows)
        with m.If(closing):
            m.d.sync += [
                phase.eq(~phase),
                row_signs.eq(self._sides["d"].negative),
                column_signs.eq(self._sides["x"].negative),
            ]
        for side in self._sides.values():
            m.d.comb += side.closing.eq(phase)
        m.d.comb += self.closing.eq(closing)
        rows: Value = row_signs[: p.group_rows]
        negative = []
        for number, columns in enumerate(self._banks):
            if number:
                rows = delay(m, 1, rows, 1, name=f"row_signs_{number}")
            own = column_signs[columns.start : columns.stop]
            own = delay(m, 1, own, number, name=f"column_signs_{number}")
            negative.extend(own ^ sign.replicate(len(own)) for sign in rows)
        m.d.comb += self.negative.eq(Cat(negative))
