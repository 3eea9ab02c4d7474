"""Writer of panels: what the quantizer gives of the rows of a matrix, for the array to read."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters

from ..base.circuit import Circuit
from ..base.pipeline import advance, count_ahead
from ..stream.packet import Packet
from .front import outside
from .ports import PLACE, write_signature

__all__ = ["PanelWriter"]


class PanelWriter(Circuit):
    """Writes rows, or columns, of a panel slice by slice.

    A word has a beat of as many rows as a tile has; a group of rows has ``blocks`` x `beats`
    consecutive words. Rows come whole, or block by block of as many as a word has values. Latency
    is a cycle from the beat that completes a slice to its write, interval one; ``port`` and
    ``done`` come from registers.

    Parameters
    ----------
    parameters : AcceleratorParameters
        Of the machine.
    packet : Packet
        Of ``i``: the quantizer's.

    Members
    -------
    start : In(1)
        Starts with what the following six have, which stays until ``done``.
    base, bank : In
        Address of the panel's first element.
    transposed : In(1)
        Rows come block by block.
    side : In(1)
        The panel is of columns of the array's tiles.
    blocks : In(16)
        Of a row.
    outer : In(24)
        Rows, or groups of as many as a word has values.
    halt : In(1)
        Nothing is written any more.
    i : In(packet.signature)
        Elements of a row and their exponent; a beat is taken in each cycle.
    port : Out(write_signature(...))
        Of the scratchpad.
    bad : Out(1)
        A word is not in its bank, or the panel does not begin with one; it is not written.
    done : Out(1)
        The last word is written in this cycle.
    """

    def __init__(self, *, parameters: AcceleratorParameters, packet: Packet) -> None:
        self.parameters = parameters
        super().__init__(
            {
                **PLACE,
                **dict.fromkeys(("start", "transposed", "side", "halt"), In(1)),
                "blocks": In(16),
                "outer": In(24),
                "i": In(packet.signature),
                "port": Out(write_signature(parameters)),
                "bad": Out(1),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Put a slice together, and write it to its place in all slices of the word."""
        m = Module()
        p = self.parameters
        value_bits = (p.values - 1).bit_length()
        address = Signal(signed(32 - value_bits))
        number = Signal(range(p.slices))
        step = Signal()
        end = Signal()
        codes = self._gather(m, step)
        self._walk(m, step, address, number, end)
        lanes = p.slice_bits // VALUE_BITS
        chosen = [number == n for n in range(p.slices)]
        padded = Signal(p.slice_bits)
        m.d.comb += [
            self.i.ready.eq(1),
            padded.eq(codes),
            self.bad.eq(step & (outside(p, self.bank, address) | self.base[:value_bits].any())),
        ]
        m.d.sync += [
            self.port.en.eq(step & ~self.bad & ~self.halt),
            self.port.bank.eq(self.bank),
            self.port.address.eq(address),
            self.port.data.eq(padded.replicate(p.slices)),
            self.port.lanes.eq(Cat(each.replicate(lanes) for each in chosen)),
            self.port.side.eq(self.i.payload.data.exponent.replicate(p.slices)),
            self.port.slices.eq(Cat(chosen)),
            self.done.eq(end),
        ]
        return m

    def _gather(self, m: Module, step: Signal) -> Value:
        """Return a slice, which is complete with ``step``: the elements of one beat or several."""
        p = self.parameters
        parts = p.lanes // p.quantizer_lanes
        codes = self.i.payload.data.mantissa.as_value()
        accept = self.i.valid & self.i.ready
        last = advance(m, accept, Signal(range(parts), name="part"), parts)
        m.d.comb += step.eq(accept & last)
        if parts == 1:
            return codes
        before = Signal((parts - 1) * len(codes), reset_less=True)
        gathered = Cat(before, codes)
        with m.If(accept):
            m.d.sync += before.eq(gathered[len(codes) :])
        return gathered

    def _walk(self, m: Module, step: Signal, address: Signal, number: Signal, end: Signal) -> None:
        """Step the address and the slice's number; tell the last slice of all by ``end``.

        ``line`` is where a row of slices, or in a transposed matrix a block of it, begins, and
        ``corner`` where a block of a group of transposed rows does.
        """
        p = self.parameters
        line = Signal.like(address)
        corner = Signal.like(address)
        beat = Signal(range(p.beats))
        row = Signal(range(p.values))
        words = Signal(16 + p.beats.bit_length())
        m.d.sync += words.eq(self.blocks * p.beats)
        beat_end = step & advance(m, step, beat, p.beats)
        row_last = Signal()
        number_last = Signal()
        # The next slice is of another row; of another block, of the row or the transposed rows.
        next_row = Signal()
        next_block = Signal()
        m.d.comb += [
            row_last.eq(row == p.values - 1),
            number_last.eq(number == Mux(self.side, p.columns - 1, p.rows - 1)),
            next_block.eq(beat_end & (~self.transposed | row_last)),
        ]
        block_last = count_ahead(m, next_block, self.blocks, name="blocks")
        outer_last = count_ahead(m, next_block & block_last, self.outer, name="outer")
        m.d.comb += [
            next_row.eq(beat_end & (self.transposed | block_last)),
            end.eq(next_row & next_block & block_last & outer_last),
        ]
        following = address + 1
        with m.If(step):
            m.d.sync += address.eq(following)
        with m.If(next_row):
            m.d.sync += [number.eq(Mux(number_last, 0, number + 1)), row.eq(row + 1)]
        with m.If(next_row & ~number_last):
            m.d.sync += address.eq(line)
        with m.Elif(next_row & ~self.transposed):
            m.d.sync += line.eq(following)
        with m.Elif(next_row & ~row_last):
            m.d.sync += [address.eq(line + words), line.eq(line + words)]
        with m.Elif(next_row):
            begin = Mux(block_last, following, corner + p.beats)
            m.d.sync += [address.eq(begin), line.eq(begin), corner.eq(begin)]
        with m.If(self.start):
            base = self.base[-len(address) :].as_signed()
            m.d.sync += [each.eq(base) for each in (address, line, corner)]
            m.d.sync += [number.eq(0), row.eq(0)]
