"""Reader of panels: what quantization made of a matrix becomes an operand of the array."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import AcceleratorParameters

from ..base.circuit import Circuit
from ..base.pipeline import advance, count_ahead, delay
from ..formats.operand import operand_packet
from ..stream.buffer import StreamBuffer
from .front import outside
from .ports import PLACE, READ_LATENCY, read_signature

__all__ = ["LOOPS", "PanelReader"]

LOOPS = "blocks", "tile_columns", "tile_rows", "products"
"""What is counted, the fastest first."""

DEPTH = 8
"""Words under way and in the buffer, more than a word's way from the read to the array takes."""


class PanelReader(Circuit):
    """Reads a panel in the order in which the array takes tiles, a word a beat.

    A panel has a tile's rows, or columns, in ``blocks`` x `beats` consecutive words, tile behind
    tile. Tiles come by rows: each tile of rows is read again for each of the columns', and all of
    the columns' again for each of the rows'. Then come those of the next product. Latency is
    `latency` cycles from a start to the first beat, interval one. ``o`` comes from registers.

    Parameters
    ----------
    parameters : AcceleratorParameters
        Of the machine.
    rows : bool
        Whether the panel is of rows, instead of columns.

    Members
    -------
    start : In(1)
        Starts with what the following seven have, which stays while words are read.
    base, bank : In
        Address of the first element of the first product's panel.
    step : In(signed(32))
        Elements from there to that of the next product.
    blocks, tile_rows, tile_columns, products : In(16)
        Sizes of a product, and how many there are.
    port : Out(read_signature(...))
        Of the scratchpad.
    o : Out(operand_packet(...).signature)
        The operand.
    bad : Out(1)
        A word is not in its bank, or a panel does not begin with one; no more are read.
    """

    latency = 1 + READ_LATENCY + 2

    def __init__(self, *, parameters: AcceleratorParameters, rows: bool) -> None:
        self.parameters = p = parameters
        self.rows = rows
        self.count = p.rows if rows else p.columns
        name = "row" if rows else "column"
        self.packet = operand_packet(p.format, p.lanes, self.count, name)
        super().__init__(
            {
                "start": In(1),
                **PLACE,
                "step": In(signed(32)),
                **dict.fromkeys(LOOPS, In(16)),
                "port": Out(read_signature(p)),
                "o": Out(self.packet.signature),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Count tiles, and read while there is room for words."""
        m = Module()
        p = self.parameters
        active = Signal()
        issue = Signal()
        room = Signal(range(DEPTH + 1), init=DEPTH)
        following = Signal.like(room)
        fits = Signal(init=1)
        value_bits = (p.values - 1).bit_length()
        address = Signal(signed(32 - value_bits))
        panel = Signal(signed(32))
        m.submodules.buffer = buffer = StreamBuffer(shape=self.packet, depth=DEPTH)
        wiring.connect(m, buffer.o, wiring.flipped(self.o))
        m.d.comb += [
            self.bad.eq(active & (outside(p, self.bank, address) | panel[:value_bits].any())),
            issue.eq(active & fits),
            self.port.en.eq(issue),
            self.port.bank.eq(self.bank),
            self.port.address.eq(address),
        ]
        # What is read of an address that is bad goes nowhere.
        read = delay(m, 1, issue & ~self.bad, READ_LATENCY, name="read", reset=True)
        m.d.comb += buffer.i.valid.eq(read)
        m.d.comb += following.eq(room - issue + (self.o.valid & self.o.ready))
        m.d.sync += [room.eq(following), fits.eq(following != 0)]
        width = p.lanes * p.format.element_bits
        slices = [self.port.data.word_select(n, p.slice_bits)[:width] for n in range(self.count)]
        side = self.port.side[: self.count * p.format.exponent_bits]
        m.d.comb += buffer.i.payload.data.as_value().eq(Cat(*slices, side))
        self._walk(m, issue, address, panel, active)
        return m

    def _walk(
        self, m: Module, issue: Signal, address: Signal, panel: Signal, active: Signal
    ) -> None:
        """Step the address with each word, and end after the last one.

        ``panel`` is the first element of the present product's panel.
        """
        first = Signal.like(address)
        following = panel + self.step
        beats = self.parameters.beats
        step = issue & advance(m, issue, Signal(range(beats), name="beat"), beats)
        ends = []
        for name in LOOPS:
            step = step & count_ahead(m, step, getattr(self, name), name=name)
            ends.append(step)
        tile_end, row_end, product_end, end = ends

        def begin(at: Value) -> list[Any]:
            """Begin with the panel of which the first element is there."""
            word = at[-len(address) :].as_signed()
            return [panel.eq(at), address.eq(word), first.eq(word)]

        with m.If(issue):
            m.d.sync += address.eq(address + 1)
        with m.If(row_end):
            # A tile of rows is done with; the columns' begin again.
            m.d.sync += first.eq(address + 1) if self.rows else address.eq(first)
        if self.rows:
            with m.Elif(tile_end):
                m.d.sync += address.eq(first)
        with m.If(product_end):
            m.d.sync += begin(following[:32])
        with m.If(end | self.bad):
            m.d.sync += active.eq(0)
        with m.If(self.start):
            m.d.sync += [active.eq(1), *begin(self.base)]
