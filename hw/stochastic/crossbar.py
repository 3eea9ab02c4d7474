"""The crossbar of the outer product: both sides' bits, and the processing elements."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.stages import OuterStages, banks

from ..base.circuit import Circuit
from ..base.pipeline import delay
from ..formats.operand import operand_packet
from .counts import CountsSignature
from .pe_row import PERow
from .side import Side

__all__ = ["Crossbar"]


class Crossbar(Circuit):
    """Rows of processing elements that count coincident bits of ``x`` and ``d``.

    A pair of vectors starts once both are loaded, then one every `period` cycles. Each group of
    rows counts a cycle behind the one before, so that the counts of one group a cycle leave while
    the next pair is counted. Pairs alternate between two phases, since the last groups of a pair
    still count while the first of the next start. Columns count in banks, see `banks`.

    Latency is `latency` cycles from a pair's start to its first counts, interval `period` cycles a
    pair. All of ``o`` comes from registers, but for gates behind those of ``o.negative``.

    Parameters
    ----------
    parameters : OuterProductParameters
        Rows, columns, streams and their generators.

    Members
    -------
    i_x, i_d : In(Packet.signature)
        Converted elements of vectors, as of `hw.formats.operand.operand_packet`.
    o : Out(CountsSignature)
        Pairs that start, and their counts.
    last_x, last_d : Out(1)
        With ``o.start``: ``last`` of the vectors, from registers.
    framing : Out(1)
        ``last`` inside a vector.
    starved : Out(1)
        Only a vector is missing for a pair to start.
    blocked : Out(1)
        Only ``o.allow`` is.
    """

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        self._banks = banks(p.columns)
        packet = operand_packet(p.x_converter.format, p.lanes)
        self._sides = {
            name: Side(
                sources=(sources[0], sources[1]),
                packet=packet,
                parallel=p.parallel,
                period=p.period,
            )
            for name, sources in (("x", p.x_sources), ("d", p.d_sources))
        }
        super().__init__(
            {
                "i_x": In(packet.signature),
                "i_d": In(packet.signature),
                "o": Out(CountsSignature(parameters=p)),
                "last_x": Out(1),
                "last_d": Out(1),
                "framing": Out(1),
                "starved": Out(1),
                "blocked": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the start of a pair to its first counts."""
        return OuterStages(self.parameters).counts

    def elaborate(self, platform: Any) -> Module:
        """Load pairs, count in each group's window, select the counts of a group a cycle."""
        m = Module()
        self._load(m)
        self._start(m)
        phase = Signal(init=1)
        m.d.sync += phase.eq(phase ^ self.o.start)
        for side in self._sides.values():
            m.d.comb += side.load.eq(Cat(self.o.start & phase, self.o.start & ~phase))
        windows, select = self._windows(m, phase)
        self._signs(m, select[0])
        self._count(m, windows, select)
        m.d.sync += self.o.valid.eq(select.any())
        return m

    def _load(self, m: Module) -> None:
        """Connect both sides to the vectors."""
        for name, side in self._sides.items():
            m.submodules[name] = side
            wiring.connect(m, wiring.flipped(getattr(self, f"i_{name}")), side.i)
        m.d.comb += self.framing.eq(Cat(side.framing for side in self._sides.values()).any())

    def _start(self, m: Module) -> None:
        """Start pairs, each in the cycle after it is decided: what it moves is much and far."""
        p = self.parameters
        x, d = self._sides["x"], self._sides["d"]
        wait = Signal(range(p.period))
        loaded = Signal()
        due = Signal(init=1)
        begin = Signal()
        m.d.comb += [
            loaded.eq(x.valid & d.valid),
            begin.eq(loaded & due & self.o.allow),
            self.starved.eq(~loaded & due & self.o.allow),
            self.blocked.eq(loaded & due & ~self.o.allow),
        ]
        m.d.sync += self.o.start.eq(begin)
        with m.If(begin):
            m.d.sync += [
                wait.eq(p.period - 2),
                due.eq(0),
                self.o.scale.eq(x.exponent + d.exponent),
                self.o.nan.eq(x.exponent.all() | d.exponent.all()),
                self.last_x.eq(x.last),
                self.last_d.eq(d.last),
            ]
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.Else():
            m.d.sync += due.eq(1)

    def _windows(self, m: Module, phase: Signal) -> tuple[data.View, Value]:
        """Return in which phases each group's bits are valid, and when its counts are.

        Counts are two cycles behind the window's end: bits and counts are in registers.
        """
        p = self.parameters
        left = Signal(range(p.stream_cycles + 1))
        with m.If(self.o.start):
            m.d.sync += left.eq(p.stream_cycles)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        first = Signal(2)
        later = Signal(data.ArrayLayout(2, p.groups - 1))
        windows = Signal(data.ArrayLayout(2, p.groups))
        end = Signal(p.groups + 1)
        m.d.comb += [
            first.eq(Mux(left != 0, Cat(~phase, phase), 0)),
            windows.eq(Cat(first, later)),
        ]
        m.d.sync += [later.eq(windows), end.eq(Cat(left == 1, end))]
        for side in self._sides.values():
            m.d.comb += [side.run[n].eq(Cat(window[n] for window in windows).any()) for n in (0, 1)]
        return windows, end[1:]

    def _signs(self, m: Module, drain: Value) -> None:
        """Hold the signs of a pair while its counts leave."""
        p = self.parameters
        phase = Signal()
        row_signs = Signal(p.rows, reset_less=True)
        column_signs = Signal(p.columns, reset_less=True)
        m.d.sync += row_signs.eq(row_signs >> p.group_rows)
        with m.If(drain):
            m.d.sync += [
                phase.eq(~phase),
                row_signs.eq(self._sides["d"].negative),
                column_signs.eq(self._sides["x"].negative),
            ]
        for side in self._sides.values():
            m.d.comb += side.sign_phase.eq(phase)
        m.d.comb += self.o.drain.eq(drain)
        rows: Value = row_signs[: p.group_rows]
        negative = []
        for number, columns in enumerate(self._banks):
            if number:
                rows = delay(m, 1, rows, 1, name=f"row_signs_{number}")
            own = column_signs[columns.start : columns.stop]
            own = delay(m, 1, own, number, name=f"column_signs_{number}")
            negative.extend(own ^ sign.replicate(len(own)) for sign in rows)
        m.d.comb += self.o.negative.eq(Cat(negative))

    def _count(self, m: Module, windows: data.View, select: Value) -> None:
        """Build the banks, each with bits and selects a cycle behind those of the one before."""
        p = self.parameters
        layout = self._sides["d"].layout
        x_bits = Signal(self._sides["x"].layout, reset_less=True)
        d_bits = Signal(layout)
        m.d.sync += x_bits.eq(self._sides["x"].bits)
        # Bits of d outside a group's window are zeros, so that those of x need not be.
        for row in range(p.rows):
            for phase, valid in enumerate(windows[row // p.group_rows]):
                bits = self._sides["d"].bits[row][phase]
                m.d.sync += d_bits[row][phase].eq(bits & valid.replicate(p.parallel))
        rows = d_bits
        found = []
        for number, columns in enumerate(self._banks):
            if number:
                # A register's next bit is that of the next group a bank before. Without a reset
                # they differ, so that synthesis does not share one of them, with the load of both.
                select = delay(m, 1, select, 1, name=f"select_{number}")
                late = delay(m, 1, rows.as_value(), 1, name=f"d_bits_{number}", reset=True)
                rows = layout(late)
            own = x_bits[columns.start : columns.stop].as_value()
            own = delay(m, 1, own, number, name=f"x_{number}")
            counts = self._bank(m, number, columns, select, rows, own)
            found.append(delay(m, 1, counts, 1, name=f"counts_{number}"))
        m.d.comb += self.o.count.eq(Cat(found))

    def _bank(
        self,
        m: Module,
        number: int,
        columns: range,
        select: Value,
        d_bits: data.View,
        x_bits: Value,
    ) -> Value:
        """Build a bank's rows; return the counts of the group that is selected, row by row."""
        p = self.parameters
        counts: list[Value] = [Value.cast(0)] * p.group_rows
        for r in range(p.rows):
            row = PERow(columns=len(columns), count_bits=p.count_bits, parallel=p.parallel)
            m.submodules[f"row_{r}_{number}"] = row
            m.d.comb += [
                row.x.eq(x_bits),
                row.d.eq(d_bits[r]),
                row.select.eq(select[r // p.group_rows]),
            ]
            counts[r % p.group_rows] |= row.counts.as_value()
        return Cat(counts)
