"""Readout of the sums of a block: by rows, and in a row by mantissas."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.bfp.multimode_array import DIGIT_BITS, DIGITS, MODES, MultimodeParameters

from ...base.circuit import Circuit

__all__ = ["Readout", "Tags", "exponent_bits"]


class Tags(data.StructLayout):
    """Tags of a block: modes of its operands, first or last of its tile, last of the job."""

    def __init__(self) -> None:
        super().__init__({"mode_a": 2, "mode_b": 2, "sum_first": 1, "tile_last": 1, "job_last": 1})


def exponent_bits(parameters: MultimodeParameters) -> int:
    """Return the width of a result's signed exponent, in front of its rounding."""
    form = parameters.formats[0]
    least = 2 * form.scale.exponent(0) - 8 * DIGITS * DIGIT_BITS
    most = 2 * form.nan_code + least
    return 1 + max(least.bit_length(), most.bit_length())


class Readout(Circuit):
    """Counter of the results of a block, one a cycle, and the choice of digits of each.

    Latency is an enabled cycle from ``start`` to the block's first result, interval one from result
    to result: by rows, then by the mantissas of ``a``'s word, then of ``b``'s. Outputs depend on
    registers only; a start while results are read replaces them.

    Members
    -------
    en : In(1)
        Clock enable.
    start : In(1)
        A block is complete.
    tags : In(Tags)
        Its tags.
    exponents : In(rows * 4 * exponent_bits)
        Exponent codes of the rows' mantissas.
    valid : Out(1)
        There is a result now.
    row : Out(rows)
        One-hot: its row.
    mask : Out(16)
        The digit products that it is made of.
    index_b : Out(2)
        Which of the mantissas of ``b``'s word it is of.
    exponent : Out(signed(...))
        What is known of its exponent: all but the code of ``b``.
    nan : Out(1)
        The row's block holds a NaN or an infinity.
    number : Out(...)
        Number of the result in its tile.
    sum_first, tile_last, job_last : Out(1)
        It is the first or last sum of its result; the last of the job.
    """

    def __init__(self, *, parameters: MultimodeParameters) -> None:
        self.parameters = p = parameters
        codes = p.rows * DIGITS * p.formats[0].exponent_bits
        super().__init__(
            {
                "en": In(1),
                "start": In(1),
                "tags": In(Tags()),
                "exponents": In(codes),
                "valid": Out(1),
                "row": Out(p.rows),
                "mask": Out(DIGITS**2),
                "index_b": Out(2),
                "exponent": Out(signed(exponent_bits(p))),
                "nan": Out(1),
                "number": Out(range(p.rows * DIGITS**2)),
                "sum_first": Out(1),
                "tile_last": Out(1),
                "job_last": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the registers of the block, the counters, and what follows from them."""
        m = Module()
        tags = Signal(Tags(), reset_less=True)
        exponents = Signal.like(self.exponents, reset_less=True)
        with m.If(self.en & self.start):
            m.d.sync += [tags.eq(self.tags), exponents.eq(self.exponents)]
        pair, row_end = self._count(m, tags)

        # Indices of the mantissas in their words.
        index_a = Signal(2)
        index_b = Signal(2, name="index_b_now")
        for mode, digits in enumerate(MODES):
            with m.If(tags.mode_b == mode):
                m.d.comb += [
                    index_a.eq(pair >> (2 - mode)),
                    index_b.eq(pair & (DIGITS // digits - 1)),
                ]
        code = self._code(exponents, index_a)
        offset_a, offset_b = self._offsets()
        m.d.comb += [
            self.mask.eq(self._mask(tags, index_a, index_b)),
            self.index_b.eq(index_b),
            self.exponent.eq(
                code + offset_a[tags.mode_a][index_a] + offset_b[tags.mode_b][index_b]
            ),
            self.nan.eq(code.all()),
            self.sum_first.eq(tags.sum_first),
            self.tile_last.eq(tags.tile_last),
            self.job_last.eq(tags.job_last & row_end & self.row[-1]),
        ]
        return m

    def _count(self, m: Module, tags: data.View) -> tuple[Signal, Value]:
        """Count pairs of mantissas and rows; return the pair, and whether it is the row's last."""
        pair = Signal(DIGITS)
        pair_last = Signal(4)
        # One shift: Verilator 5.048 to 5.050 (issue 7955) adds up those of two without the carry.
        m.d.comb += pair_last.eq((DIGITS**2 - 1) >> (tags.mode_a + tags.mode_b))
        row_end = pair == pair_last
        with m.If(self.en):
            with m.If(self.valid):
                m.d.sync += [pair.eq(Mux(row_end, 0, pair + 1)), self.number.eq(self.number + 1)]
                with m.If(row_end):
                    m.d.sync += self.row.eq(self.row << 1)
                    with m.If(self.row[-1]):
                        m.d.sync += self.valid.eq(0)
            with m.If(self.start):
                m.d.sync += [self.valid.eq(1), pair.eq(0), self.number.eq(0), self.row.eq(1)]
        return pair, row_end

    def _mask(self, tags: data.View, index_a: Signal, index_b: Signal) -> Value:
        """Return which products are of digits of both mantissas."""

        def inside(digit: int, mode: Value, index: Value) -> Value:
            """Tell whether a digit is one of a mantissa's, not the exponent of one below."""
            mine = Array([digit // digits for digits in MODES])[mode] == index
            return mine & (mode != 1) if self.parameters.moved and digit % MODES[1] else mine

        in_a = [inside(i, tags.mode_a, index_a) for i in range(DIGITS)]
        in_b = [inside(j, tags.mode_b, index_b) for j in range(DIGITS)]
        return Cat(x & y for x in in_a for y in in_b)

    def _code(self, exponents: Signal, index_a: Signal) -> Value:
        """Choose the exponent code of the row's mantissa."""
        bits = self.parameters.formats[0].exponent_bits
        code = Value.cast(0)
        for r in range(self.parameters.rows):
            codes = Array([exponents.word_select(DIGITS * r + i, bits) for i in range(DIGITS)])
            code = code | (codes[index_a] & self.row[r].replicate(bits))
        return code

    def _offsets(self) -> tuple[Array, Array]:
        """Return by mode and index what a mantissa adds to the exponent.

        An element has the weight of its last place, and its digits stand too high in their word.
        """
        table = [
            [int(f.last_place(0)) - DIGIT_BITS * digits * index for index in range(DIGITS)]
            for digits, f in zip(MODES, self.parameters.formats, strict=True)
        ]
        return Array(map(Array, table)), Array(map(Array, table))
