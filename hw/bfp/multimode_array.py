"""The array whose precision is switched at run time."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value

from sw.bfp.multimode_array import DIGITS, MODE_BITS, MODES, MultimodeParameters
from sw.bfp.stages import LEAST_SPACING
from sw.formats.block_coding import ScaleCoding
from sw.formats.word_coding import WordCoding

from ..base.field import Field
from ..base.pipeline import delay, register
from ..engine.order import tile_sizes
from ..engine.tiles import TileArray
from ..stream.packet import Packet
from .multimode.codes import DecodeWords
from .multimode.column import MultimodeColumn
from .multimode.digits import WORD_BITS, SplitWords
from .multimode.order import multimode_matrices
from .multimode.readout import Readout
from .multimode.sequencer import MultimodeSequencer

__all__ = ["MultimodeArray"]


def word_packet(p: MultimodeParameters, count: int, what: str) -> Packet:
    """Return a beat of an operand of ``count`` words side by side."""
    return Packet(
        Field(
            name="word",
            bits=p.packed_bits,
            count=count * p.lanes,
            description=f"{p.lanes} words of each {what}: 16 bits of "
            + ("codes" if p.coded else "mantissas")
            + ", lowest first"
            + ("" if p.sign_inside else ", and 4 of signs"),
            coding=WordCoding(p.formats, not p.sign_inside, p.coded, MODES),
        ),
        Field(
            name="exponent",
            bits=p.formats[0].exponent_bits,
            count=count * DIGITS,
            description=f"4 exponent codes of each {what}, one an element of a word",
            coding=ScaleCoding(p.formats[0]),
        ),
        Field(name="mode", bits=MODE_BITS, description="0, 1, 2: elements of 4, 8, 16 bits"),
    )


class MultimodeArray(TileArray):
    """Output-stationary array of composed multipliers, whose modes may change from tile to tile.

    A beat holds ``lanes`` words for each of ``rows`` (``i_a``) and ``columns`` (``i_b``). A word
    is one element of 16 bits, two of 8 or four of 4, which are as many rows or columns of the
    tile, at one step of the reduction; so that a beat always brings ``lanes`` steps, a tile takes
    as long in every mode, and gives 16 times the products of 4-bit elements, 4 times those of 8.
    Both operands choose their modes independently, by the field ``mode`` of a tile's first beat.
    Elements are mantissas, with their signs beside or above them, or codes, which are decoded here
    (`DecodeWords`). Sums of a block are exact, and rounded once.

    A result beat holds a result of each column word; for each row word in turn they come by its
    elements, and for each of these by those of the column word. Members are those of `TileArray`;
    latency, interval and drain are `MultimodeParameters.mode_timing`. The ready of each operand
    also depends on the modes.

    Parameters
    ----------
    parameters : MultimodeParameters
    product : bool
        Whether a job is of ``tile_rows`` x ``tile_columns`` tiles instead of ``tiles``.
    """

    FLAGS = {
        **TileArray.FLAGS,
        "framing": "tlast inside a tile, a mode of 3 or changed in a tile, or padding not zero",
    }

    def __init__(self, *, parameters: MultimodeParameters, product: bool = False) -> None:
        self.parameters = p = parameters
        sizes = tile_sizes("beats") if product else {"tiles": "tiles", "beats": "beats"}
        self.facts = {"matrices": multimode_matrices(p, sizes)}
        super().__init__(
            sequencer=MultimodeSequencer(parameters=p, product=product),
            streams={
                "i_a": word_packet(p, p.rows, "row"),
                "i_b": word_packet(p, p.columns, "column"),
            },
            rows=p.rows,
            columns=p.columns,
        )

    def elaborate(self, platform: Any) -> Module:
        """Build columns and the readout of their blocks."""
        m = Module()
        p, sequencer = self.parameters, self._sequencer
        en, tags = sequencer.en, sequencer.tags
        a, b = self._accept(m, framing=sequencer.protocol_error)
        m.d.comb += [
            sequencer.mode_a.eq(self.i_a.payload.data.mode),
            sequencer.mode_b.eq(self.i_b.payload.data.mode),
        ]
        digits_a = self._digits(m, "split_a", tags.mode_a, a.word.as_value())
        digits_b = self._digits(m, "split_b", tags.mode_b, b.word.as_value())
        rows = [self._skewed(m, digits_a[r], r) for r in range(p.rows)]
        control = self._control(m)

        # A block's exponents wait until its last products have been added.
        assert p.stages.hold < LEAST_SPACING
        ends = en & sequencer.block_last
        codes_a, codes_b = (
            register(m, ends, name, len(value), value)
            for name, value in (
                ("codes_a", a.exponent.as_value()),
                ("codes_b", b.exponent.as_value()),
            )
        )
        readout, tile_last, job_last = self._readout(m, codes_a, control["start"], ends)
        code_bits = DIGITS * p.formats[0].exponent_bits
        results = []
        for i in range(p.columns):
            m.submodules[f"column_{i}"] = column = MultimodeColumn(parameters=p)
            m.d.comb += [
                column.en.eq(en),
                column.a.eq(Cat(rows)),
                column.b.eq(digits_b[i]),
                column.codes.eq(codes_b.word_select(i, code_bits)),
            ]
            shared = control | readout
            m.d.comb += [getattr(column, name).eq(value) for name, value in shared.items()]
            results.append(column.result)
        self._give(m, results, tile_last, job_last)
        return m

    def _digits(self, m: Module, name: str, mode: Value, words: Value) -> list[Value]:
        """Split words into digits; return the operand of each row or column."""
        p = self.parameters
        count = len(words) // p.packed_bits
        split = (DecodeWords if p.coded else SplitWords)(parameters=p, count=count)
        m.submodules[name] = split
        m.d.comb += [split.mode.eq(mode), split.i.eq(words)]
        size = p.lanes * WORD_BITS
        operands = [split.o.word_select(i, size) for i in range(count // p.lanes)]
        return [Cat(operand, mode == 1) for operand in operands] if p.moved else operands

    def _control(self, m: Module) -> dict[str, Value]:
        """Return the inputs of all columns that follow the beats, row by row."""
        sequencer, stages = self._sequencer, self.parameters.stages
        first = self._line(m, "block_first", sequencer.block_first, stages.products)
        add = self._line(m, "beat", sequencer.beat, stages.products)
        last = self._line(m, "block_last", sequencer.block_last, stages.hold)
        return {
            "first": first[stages.products :],
            "add": add[stages.products :],
            "hold": last[stages.hold :],
            "start": last[stages.hold],
        }

    def _readout(
        self, m: Module, codes: Value, start: Value, block_last: Value
    ) -> tuple[dict[str, Value], Value, Value]:
        """Read the results of blocks; return inputs of all columns, and the tags of a result."""
        en, stages = self._sequencer.en, self.parameters.stages
        tags = Signal.like(self._sequencer.tags, reset_less=True)
        with m.If(block_last):
            m.d.sync += tags.eq(self._sequencer.tags)
        m.submodules.readout = readout = Readout(parameters=self.parameters)
        m.d.comb += [
            readout.en.eq(en),
            readout.start.eq(start),
            readout.tags.eq(tags),
            readout.exponents.eq(codes),
        ]
        number, valid = readout.number, readout.valid
        ends = Cat(valid & readout.tile_last, valid & readout.job_last)
        tile_last, job_last = delay(m, en, ends, stages.result, name="ends", reset=True)
        written = delay(m, en, Cat(number, valid), stages.write, name="written", reset=True)
        control: dict[str, Value] = {
            name: getattr(readout, name) for name in ("row", "mask", "index_b", "exponent", "nan")
        }
        control |= {
            "read": delay(m, en, number, stages.read, name="read"),
            "sum_first": delay(m, en, readout.sum_first, stages.value, name="sum_first"),
            "write_at": written[:-1],
            "write": written[-1],
        }
        return control, tile_last, job_last
