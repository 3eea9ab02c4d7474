"""The transposer: tiles of a square block format by rows in, by rows or by columns out."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value

from sw.bfp.transposer import TransposerParameters
from sw.formats.coding import BITS

from ..base.field import Field
from ..base.pipeline import count_events, register, wire
from ..engine.core import Core
from ..engine.registers import counter, stall_registers
from ..formats.operand import operand_packet
from ..stream.packet import Packet

__all__ = ["Transposer"]


class Transposer(Core):
    """Tiles that leave as they came or transposed, as a bit in their stream says.

    A tile is as many beats as it has rows, in and out: one row each, or one column where it leaves
    transposed. Its exponent is unchanged; it, ``transpose`` and ``last`` are those of the tile's
    last beat. Its elements are codes of any meaning.

    Latency is `latency` cycles from a tile's last beat to its first, without stalls; interval a
    beat a cycle, whatever the mixture of tiles. A tile that is complete leaves without waiting
    for the next one, which may enter meanwhile. ``o.valid`` comes from a register, ``o.payload``
    from registers and one multiplexer; ``i.ready`` depends on ``o.ready``.

    Members
    -------
    i : In(Packet.signature)
        Rows of tiles. ``last`` may come with the last row of a tile only.
    o : Out(operand_packet(...).signature)
        Rows or columns of tiles. Other members are those of `Core`.
    """

    FLAGS = {
        "framing": "tlast inside a tile, transpose changed in one, or padding bits not zero",
    }
    registers = (
        counter("tiles", "tiles given"),
        counter("transposed", "tiles given that were transposed"),
        *stall_registers("elements"),
    )

    def __init__(self, *, parameters: TransposerParameters) -> None:
        self.parameters = p = parameters
        elements = operand_packet(p.format, p.side)
        text = "the tile is to leave by columns"
        flag = Field(name="transpose", bits=1, description=text, coding=BITS)
        super().__init__(streams={"i": Packet(*elements.fields, flag), "o": elements})

    def elaborate(self, platform: Any) -> Module:
        """Build the square of elements, which moves up or to the left.

        Rows enter below while the square moves up. A tile that has entered so is complete when its
        first row is on top; moving on up it leaves by rows, moving to the left by columns, and the
        next tile follows in the same direction. Then columns of the square hold the rows of a tile.
        What moves together, a row or a column of the square, is a stage; stage 0 leaves.
        """
        m = Module()
        side = self.parameters.side
        row = self.i.payload
        leftward = Signal()
        leaving = Signal()
        moves = self._stages(m, leaving)
        self._square(m, leftward, moves)

        i_fire = wire(m, "i_fire", 1, self.i.valid & self.i.ready)
        o_fire = wire(m, "o_fire", 1, self.o.valid & self.o.ready)
        row_in = Signal(range(side))
        row_out = Signal(range(side))
        last_in = wire(m, "last_in", 1, row_in == side - 1)
        last_out = wire(m, "last_out", 1, row_out == side - 1)
        # There is room for a last row only if that of the tile before has left or leaves now.
        complete = wire(m, "complete", 1, last_in & i_fire)
        transposing = register(m, complete, "transposing", 1, row.data.transpose)
        exponent = register(m, complete, "exponent", row.data.exponent.shape(), row.data.exponent)
        last = register(m, complete, "last", 1, row.last)
        held_transpose = register(m, i_fire, "held_transpose", 1, row.data.transpose)
        with m.If(o_fire):
            m.d.sync += row_out.eq(Mux(last_out, 0, row_out + 1))
            with m.If(last_out):
                m.d.sync += leaving.eq(0)
        with m.If(i_fire):
            m.d.sync += row_in.eq(Mux(last_in, 0, row_in + 1))
        with m.If(complete):
            m.d.sync += [leaving.eq(1), leftward.eq(leftward ^ row.data.transpose)]
        misframed = row.last & ~last_in | (row.data.transpose ^ held_transpose) & (row_in != 0)
        m.d.comb += [
            self.i.ready.eq(moves[-1]),
            self.o.valid.eq(leaving),
            self.o.payload.data.exponent.eq(exponent),
            self.o.payload.last.eq(last & last_out),
            self.flags.framing.eq(i_fire & misframed),
        ]
        events = (
            (self.tiles, o_fire & last_out),
            (self.transposed, o_fire & last_out & transposing),
            (self.input_stalls, self.i.ready & ~self.i.valid),
            (self.output_stalls, self.o.valid & ~self.o.ready),
        )
        count_events(m, self.clear, events)
        return m

    def _stages(self, m: Module, leaving: Signal) -> list[Signal]:
        """Return which stages move on: those in front of one that is free or moves on."""
        side = self.parameters.side
        used = Signal(side)
        moves: list[Signal] = []
        for n in range(side):
            before = moves[-1] if moves else leaving & self.o.ready
            moves.append(wire(m, f"moves_{n}", 1, ~used[n] | before))
            with m.If(moves[n]):
                m.d.sync += used[n].eq(used[n + 1] if n + 1 < side else self.i.valid)
        return moves

    def _square(self, m: Module, leftward: Signal, moves: list[Signal]) -> None:
        """Move elements up or to the left; put out what leaves."""
        side, bits = self.parameters.side, self.parameters.format.element_bits
        row = self.i.payload.data.mantissa
        square = [
            [Signal(bits, name=f"element_{r}_{c}", reset_less=True) for c in range(side)]
            for r in range(side)
        ]
        for r in range(side):
            for c in range(side):
                below: Value = square[r + 1][c] if r + 1 < side else row[c]
                right: Value = square[r][c + 1] if c + 1 < side else row[r]
                with m.If(Mux(leftward, moves[c], moves[r])):
                    m.d.sync += square[r][c].eq(Mux(leftward, right, below))
        for n, element in enumerate(self.o.payload.data.mantissa):
            m.d.comb += element.eq(Mux(leftward, square[n][0], square[0][n]))
