"""The array whose precision is switched at run time."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value

from sw.bfp.multimode_array import DIGITS, LEAST_SPACING, MultimodeParameters

from ..base.field import Field
from ..base.pipeline import delay
from ..engine.core import Core
from ..engine.registers import word
from ..stream.fifo import OutputFifo
from .multimode.column import MultimodeColumn
from .multimode.digits import WORD_BITS, SplitWords, word_bits
from .multimode.readout import Readout
from .multimode.sequencer import MultimodeSequencer

__all__ = ["MultimodeArray"]


def word_fields(p: MultimodeParameters, count: int, what: str) -> tuple[Field, ...]:
    """Return the fields of a beat of an operand of ``count`` words side by side."""
    fields = [
        Field(
            name="word",
            bits=word_bits(p),
            count=count * p.lanes,
            description=f"{p.lanes} words of each {what}: 16 bits of mantissas, lowest first"
            + ("" if p.sign_inside else ", and 4 of signs"),
        ),
        Field(
            name="exponent",
            bits=p.formats[0].exponent_bits,
            count=count * DIGITS,
            description=f"4 exponent codes of each {what}, one a mantissa of a word",
        ),
        Field(name="mode", bits=2, description="0, 1, 2: mantissas of 4, 8, 16 bits"),
    ]
    return tuple(fields)


class MultimodeArray(Core):
    """Output-stationary array of composed multipliers, whose modes may change from tile to tile.

    A beat holds ``lanes`` words for each of ``rows`` (``i_a``) and ``columns`` (``i_b``). A word
    is one mantissa of 16 bits, two of 8 or four of 4, which are as many rows or columns of the
    tile, at one place of the reduction; so that a beat always brings ``lanes`` places, a tile takes
    as long in every mode, and gives 16 times the products of 4-bit mantissas, 4 times those of 8.
    Both operands choose their modes independently, by the field ``mode`` of a tile's first beat.

    A result beat holds a result of each column word; for each row word in turn they come by its
    mantissas, and for each of these by those of the column word.

    Latency is `latency` cycles from a tile's last beat to its first results; a job without stalls
    takes `MultimodeParameters.cycles`. ``o`` comes from a queue; the ready of each operand depends
    on the valid of the other and on the modes.
    """

    JOBS = True
    BUSY = "a job runs"
    FLAGS = {
        "nan": "a result was NaN",
        "overflow": "a result was infinite",
        "framing": "tlast inside a tile, a mode of 3 or changed in a tile, or padding not zero",
        "refused": "a start while busy, or with a size of 0",
    }
    registers = (
        word("tiles", "rw", 32, "tiles in a job", locked="busy"),
        word("beats", "rw", 32, "beats of a tile", locked="busy"),
        word("cycles", "ro", 32, "cycles spent busy"),
        word("taken", "ro", 32, "operand beats taken"),
        word("operand_stalls", "ro", 32, "cycles that waited for an operand"),
        word("adder_stalls", "ro", 32, "cycles that waited for the results of the block before"),
        word("result_stalls", "ro", 32, "cycles that waited for results to be taken"),
    )

    def __init__(self, *, parameters: MultimodeParameters) -> None:
        self.parameters = p = parameters
        self._columns = [MultimodeColumn(parameters=p) for _ in range(p.columns)]
        result = Field(name="result", bits=32, count=p.columns, description="binary32 value")
        super().__init__(
            streams={
                "i_a": word_fields(p, p.rows, "row"),
                "i_b": word_fields(p, p.columns, "column"),
                "o": (result,),
            }
        )

    @property
    def _hold_at(self) -> int:
        """Enabled cycles from row 0's operands to the ``hold`` of their block."""
        return self._columns[0].elements[0].add_latency + 1

    @property
    def latency(self) -> int:
        """Cycles from a tile's last beat to its first results, without stalls."""
        return self._hold_at + self._columns[0].latency + 3

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        words_a, words_b = (n * p.lanes * word_bits(p) for n in (p.rows, p.columns))

        m.submodules.sequencer = sequencer = MultimodeSequencer(parameters=p)
        m.submodules.queue = queue = OutputFifo(shape=self.o.payload.shape().size)
        m.d.comb += [
            sequencer.start.eq(self.start),
            sequencer.clear.eq(self.clear),
            sequencer.ready.eq(self.i_a.valid & self.i_b.valid),
            sequencer.mode_a.eq(self.i_a.payload.data[-2:]),
            sequencer.mode_b.eq(self.i_b.payload.data[-2:]),
            sequencer.room.eq(queue.credit),
            sequencer.done.eq(self.done),
            self.i_a.ready.eq(sequencer.wants & self.i_b.valid),
            self.i_b.ready.eq(sequencer.wants & self.i_a.valid),
            self.busy.eq(sequencer.busy),
        ]
        for register in self.registers:
            mine, its = getattr(self, register.name), getattr(sequencer, register.name)
            m.d.comb += mine.eq(its) if register.access == "ro" else its.eq(mine)

        en = sequencer.en
        data_a, data_b = self.i_a.payload.data[:-2], self.i_b.payload.data[:-2]
        a = Signal(len(data_a), reset_less=True)
        b = Signal(len(data_b), reset_less=True)
        with m.If(sequencer.take):
            m.d.sync += [a.eq(data_a), b.eq(data_b)]
        m.submodules.split_a = split_a = SplitWords(parameters=p, count=p.rows * p.lanes)
        m.submodules.split_b = split_b = SplitWords(parameters=p, count=p.columns * p.lanes)
        m.d.comb += [
            split_a.mode.eq(sequencer.tags.mode_a),
            split_a.i.eq(a[:words_a]),
            split_b.mode.eq(sequencer.tags.mode_b),
            split_b.i.eq(b[:words_b]),
        ]
        size = p.lanes * WORD_BITS
        rows = Cat(
            delay(m, en, split_a.o.word_select(r, size), r, name=f"row_{r}") for r in range(p.rows)
        )

        # A block's exponents wait until its last products have been added.
        codes_a = Signal(len(a) - words_a, reset_less=True)
        codes_b = Signal(len(b) - words_b, reset_less=True)
        tags = Signal.like(sequencer.tags, reset_less=True)
        with m.If(en & sequencer.close):
            m.d.sync += [codes_a.eq(a[words_a:]), codes_b.eq(b[words_b:])]
            m.d.sync += tags.eq(sequencer.tags)
        assert self._hold_at < LEAST_SPACING

        first = self._line(m, en, "first", sequencer.first)
        add = self._line(m, en, "add", sequencer.beat)
        hold = self._line(m, en, "close", sequencer.close)
        at, count = self._hold_at, p.rows
        m.submodules.readout = readout = Readout(parameters=p)
        m.d.comb += [
            readout.en.eq(en),
            readout.start.eq(hold[at]),
            readout.tags.eq(tags),
            readout.exponents.eq(codes_a),
        ]
        column = self._columns[0]
        number = readout.number
        ends = Cat(readout.valid & readout.ending, readout.valid & readout.job_end)
        written = Cat(number, readout.valid)
        conduct: dict[str, Value] = {
            "en": en,
            "a": rows,
            "first": first[at - 1 : at - 1 + count],
            "add": add[at - 1 : at - 1 + count],
            "hold": hold[at : at + count],
            "start": hold[at],
            "row": readout.row,
            "mask": readout.mask,
            "column": readout.column,
            "exponent": readout.exponent,
            "nan": readout.nan,
            "read": delay(m, en, number, column.read_latency, name="read"),
            "fresh": delay(m, en, readout.fresh, column.add_latency, name="fresh"),
        }
        written = delay(m, en, written, column.write_latency, name="written", reset=True)
        ending, job_end = delay(m, en, ends, column.latency, name="ends", reset=True)
        conduct |= {"write_at": written[:-1], "write": written[-1]}

        code_bits = DIGITS * p.formats[0].exponent_bits
        for i, column in enumerate(self._columns):
            m.submodules[f"column_{i}"] = column
            m.d.comb += [
                column.b.eq(split_b.o.word_select(i, size)),
                column.codes.eq(codes_b.word_select(i, code_bits)),
                queue.word.word_select(i, 32).eq(column.result),
            ]
            m.d.comb += [getattr(column, name).eq(value) for name, value in conduct.items()]

        push = en & ending
        m.d.comb += [
            queue.push.eq(push),
            queue.word[-1].eq(job_end),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
            self.done.eq(self.o.valid & self.o.ready & self.o.payload.last),
            self.flags.nan.eq(push & Cat(c.is_nan for c in self._columns).any()),
            self.flags.overflow.eq(push & Cat(c.infinite for c in self._columns).any()),
            self.flags.framing.eq(
                sequencer.strange
                | sequencer.take
                & ~sequencer.tile_end
                & (self.i_a.payload.last | self.i_b.payload.last)
            ),
            self.flags.refused.eq(sequencer.refused),
        ]
        return m

    def _line(self, m: Module, en: Signal, name: str, tag: Value) -> Value:
        """Return a tag at all delays up to that of the last row's ``hold``."""
        line = Signal(self._hold_at + self.parameters.rows - 1, name=f"{name}_line")
        with m.If(en):
            m.d.sync += line.eq(Cat(tag, line)[: len(line)])
        return Cat(tag, line)
