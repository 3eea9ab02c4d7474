"""The transposer: tiles of a square block format by rows in, by rows or by columns out."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from sw.bfp.transposer import TransposerParameters

from ..base.field import Field
from ..base.pipeline import count_events, wire
from ..engine.core import Core
from ..engine.registers import word
from ..formats.operand import operand_fields

__all__ = ["Transposer"]


class Transposer(Core):
    """Tiles that leave as they came or transposed, as a bit in their stream says.

    A tile is as many beats as it has rows, in and out: one row each, or one column where it leaves
    transposed. Its exponent is unchanged; it, ``transpose`` and ``last`` are those of the tile's
    last beat. Its elements are codes of any meaning.

    Latency is `latency` cycles from a tile's last beat to its first, without stalls; throughput is
    a beat a cycle, whatever the mixture of tiles. A tile that is complete leaves without waiting
    for the next one, which may enter meanwhile. ``o.valid`` comes from a register, ``o.payload``
    from registers and one multiplexer; ``i.ready`` depends on ``o.ready``.

    Members
    -------
    i : In(stream.Signature(...))
        Rows of tiles, fields as in `streams`. ``last`` may come with the last row of a tile only.
    o : Out(stream.Signature(...))
        Rows or columns of tiles, fields as in `streams`.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    FLAGS = {
        "framing": "tlast inside a tile, transpose changed in one, or padding bits not zero",
    }
    registers = (
        word("tiles", "ro", 32, "tiles given"),
        word("transposed", "ro", 32, "tiles given that were transposed"),
        word("input_stalls", "ro", 32, "cycles that waited for elements"),
        word("output_stalls", "ro", 32, "cycles that waited for the output to be taken"),
    )
    latency = 1

    def __init__(self, *, parameters: TransposerParameters) -> None:
        self.parameters = p = parameters
        elements = operand_fields(p.format, p.side)
        flag = Field(name="transpose", bits=1, description="the tile is to leave by columns")
        super().__init__(streams={"i": (*elements, flag), "o": elements})

    def elaborate(self, platform: Any) -> Module:
        """Build the square of elements, which moves up or to the left.

        Rows enter below while the square moves up. A tile that has entered so is complete when its
        first row is on top; moving on up it leaves by rows, moving to the left by columns, and the
        next tile follows in the same direction. Then columns of the square hold the rows of a tile.
        What moves together, a row or a column of the square, is a stage; stage 0 leaves.
        """
        m = Module()
        side, bits = self.parameters.side, self.parameters.format.element_bits
        data = self.i.payload.data
        row, code, turn = data[: side * bits], data[side * bits : -1], data[-1]
        exponent = Signal(len(code), reset_less=True)
        last = Signal(reset_less=True)
        held_turn = Signal(reset_less=True)
        turned = Signal(reset_less=True)
        leftward = Signal()
        leaving = Signal()
        used = Signal(side)

        # A stage moves on when the one before it is free or moves on.
        moves: list[Value] = []
        for n in range(side):
            before = moves[-1] if moves else leaving & self.o.ready
            moves.append(wire(m, f"moves_{n}", 1, ~used[n] | before))
            with m.If(moves[n]):
                m.d.sync += used[n].eq(used[n + 1] if n + 1 < side else self.i.valid)

        square = [
            [Signal(bits, name=f"element_{r}_{c}", reset_less=True) for c in range(side)]
            for r in range(side)
        ]
        for r in range(side):
            for c in range(side):
                below = square[r + 1][c] if r + 1 < side else row.word_select(c, bits)
                right = square[r][c + 1] if c + 1 < side else row.word_select(r, bits)
                with m.If(Mux(leftward, moves[c], moves[r])):
                    m.d.sync += square[r][c].eq(Mux(leftward, right, below))
        given = Cat(Mux(leftward, square[n][0], square[0][n]) for n in range(side))

        take = wire(m, "take", 1, self.i.valid & self.i.ready)
        give = wire(m, "give", 1, self.o.valid & self.o.ready)
        row_in = Signal(range(side))
        row_out = Signal(range(side))
        last_in = wire(m, "last_in", 1, row_in == side - 1)
        last_out = wire(m, "last_out", 1, row_out == side - 1)
        with m.If(give):
            m.d.sync += row_out.eq(Mux(last_out, 0, row_out + 1))
            with m.If(last_out):
                m.d.sync += leaving.eq(0)
        with m.If(take):
            m.d.sync += [row_in.eq(Mux(last_in, 0, row_in + 1)), held_turn.eq(turn)]
            # There is room for a last row only if that of the tile before has left or leaves now.
            with m.If(last_in):
                m.d.sync += [
                    leaving.eq(1),
                    leftward.eq(leftward ^ turn),
                    turned.eq(turn),
                    exponent.eq(code),
                    last.eq(self.i.payload.last),
                ]
        strange = self.i.payload.last & ~last_in | (turn ^ held_turn) & (row_in != 0)
        m.d.comb += [
            self.i.ready.eq(moves[-1]),
            self.o.valid.eq(leaving),
            self.o.payload.data.eq(Cat(given, exponent)),
            self.o.payload.last.eq(last & last_out),
            self.flags.framing.eq(take & strange),
        ]
        events = (
            (self.tiles, give & last_out),
            (self.transposed, give & last_out & turned),
            (self.input_stalls, self.i.ready & ~self.i.valid),
            (self.output_stalls, self.o.valid & ~self.o.ready),
        )
        count_events(m, self.clear, events)
        return m
