"""Feed of an array: memories of both operands, read in the order of the tiles."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.pipeline import advance, count_to
from .operand_memory import OperandMemory

__all__ = ["TileFeed"]


class TileFeed(Circuit):
    """Gives both operands' words together, tile by tile, from memories that get each once.

    Tiles come by rows: a panel of ``a`` is read for each of the panels of ``b``, and all of those
    for each panel of ``a``. Where a block of ``b`` is a word and one of ``a`` several, that word
    comes with the first of these and stays. Latency is two cycles from a word's last part to
    ``valid``, interval a word of each a cycle. ``valid`` and ``o_a``, ``o_b`` come from registers,
    as does the ready of ``i_a`` and ``i_b``.

    Parameters
    ----------
    widths : (int, int)
        Bits of a word of ``a``, and of ``b``.
    words : (int, int)
        Words of them that are held, powers of two.
    part_bits : int
        Of a part of either.
    block_words : (int, int)
        Words of a block of a panel of them: as many, or one of ``b``.

    Members
    -------
    blocks, tile_rows, tile_columns : In(16)
        Sizes of the product, which stay while words come.
    i_a, i_b : In(stream.Signature(part_bits))
        Parts, see `OperandMemory`.
    padding : Out(1)
        As there.
    valid : Out(1), ready : In(1), o_a, o_b : Out(width)
        The words.
    """

    def __init__(
        self,
        *,
        widths: tuple[int, int],
        words: tuple[int, int],
        part_bits: int,
        block_words: tuple[int, int],
    ) -> None:
        self.block_words = block_words
        self.memories = [
            OperandMemory(width=width, part_bits=part_bits, words=depth)
            for width, depth in zip(widths, words, strict=True)
        ]
        super().__init__(
            {
                **dict.fromkeys(("blocks", "tile_rows", "tile_columns"), In(16)),
                **{f"i_{n}": In(stream.Signature(part_bits)) for n in "ab"},
                "padding": Out(1),
                "valid": Out(1),
                "ready": In(1),
                **{f"o_{n}": Out(width) for n, width in zip("ab", widths, strict=True)},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Read a word of both when there is one and the last one is taken."""
        m = Module()
        m.submodules.a, m.submodules.b = a, b = self.memories
        block_words, words_b = self.block_words
        word = Signal(range(block_words))
        read = Signal()
        read_b = Signal()
        there_b = b.there
        m.d.comb += read_b.eq(read)
        if words_b < block_words:
            there_b |= word != 0
            m.d.comb += read_b.eq(read & (word == 0))
        m.d.comb += read.eq(a.there & there_b & (~self.valid | self.ready))
        with m.If(read):
            m.d.sync += self.valid.eq(1)
        with m.Elif(self.ready):
            m.d.sync += self.valid.eq(0)

        block_end = advance(m, read, word, block_words)
        last_block = count_to(m, read & block_end, self.blocks, name="blocks")
        tile_end = block_end & last_block
        last_column = count_to(m, read & tile_end, self.tile_columns, name="tile_columns")
        last_row = count_to(m, read & tile_end & last_column, self.tile_rows, name="tile_rows")
        ends_b = last_block if words_b < block_words else tile_end
        for name, memory, reads, back, final in (
            ("a", a, read, tile_end, last_column),
            ("b", b, read_b, ends_b & last_column, last_row),
        ):
            wiring.connect(m, wiring.flipped(getattr(self, f"i_{name}")), memory.i)
            m.d.comb += [
                memory.read.eq(reads),
                memory.back.eq(back),
                memory.keep.eq(~final),
                getattr(self, f"o_{name}").eq(memory.o),
            ]
        m.d.comb += self.padding.eq(a.padding | b.padding)
        return m
