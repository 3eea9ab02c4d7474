"""The order in which the sums of a block are read: by rows, and in a row by mantissas."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.bfp.multimode_array import DIGIT_BITS, DIGITS, MODES, MultimodeParameters

from ...base.circuit import Circuit

__all__ = ["Readout", "Tags", "exponent_bits"]


class Tags(data.StructLayout):
    """What a block is: modes of its operands, first or last of its tile, last of the job."""

    def __init__(self) -> None:
        super().__init__({"mode_a": 2, "mode_b": 2, "fresh": 1, "ending": 1, "job_end": 1})


def exponent_bits(parameters: MultimodeParameters) -> int:
    """Return the width of a result's signed exponent, in front of its rounding."""
    form = parameters.formats[0]
    least = 2 * (1 - form.exponent_bias) - 8 * DIGITS * DIGIT_BITS
    most = 2 * form.nan_code + least
    return 1 + max(least.bit_length(), most.bit_length())


class Readout(Circuit):
    """Counts the results of a block, one a cycle, and tells which digits each is made of.

    A block is taken in the cycle after ``start``; its results follow at once.

    Members
    -------
    en : In(1)
        Clock enable.
    start : In(1)
        A block is complete.
    tags : In(Tags)
        What it is.
    exponents : In(rows * 4 * exponent_bits)
        Exponent codes of the rows' mantissas.
    valid : Out(1)
        There is a result now.
    row : Out(rows)
        One-hot: its row.
    mask : Out(16)
        The digit products that it is made of.
    column : Out(2)
        Which of ``b``'s mantissas it is of.
    exponent : Out(signed(...))
        What is known of its exponent: all but the code of ``b``.
    nan : Out(1)
        The row's block holds a NaN or an infinity.
    number : Out(...)
        Number of the result in its tile.
    fresh, ending, job_end : Out(1)
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
                "column": Out(2),
                "exponent": Out(signed(exponent_bits(p))),
                "nan": Out(1),
                "number": Out(range(p.rows * DIGITS**2)),
                "fresh": Out(1),
                "ending": Out(1),
                "job_end": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p, form = self.parameters, self.parameters.formats[0]
        tags = Signal(Tags(), reset_less=True)
        exponents = Signal.like(self.exponents, reset_less=True)
        place = Signal(DIGITS)
        number = Signal.like(self.number)
        row = Signal(p.rows)
        active = Signal()

        # Results of a word of ``a``: as many as there are mantissas in it and in one of ``b``.
        last_place, line, column = Signal(4), Signal(2), Signal(2)
        for mode in range(len(MODES)):
            with m.If(tags.mode_b == mode):
                m.d.comb += [
                    line.eq(place >> (2 - mode)),
                    column.eq(place & (DIGITS // MODES[mode] - 1)),
                ]
        # One shift: Verilator 5.048 to 5.050 (issue 7955) adds up those of two without the carry.
        m.d.comb += last_place.eq((DIGITS**2 - 1) >> (tags.mode_a + tags.mode_b))
        row_end = place == last_place
        with m.If(self.en):
            with m.If(active):
                m.d.sync += [place.eq(Mux(row_end, 0, place + 1)), number.eq(number + 1)]
                with m.If(row_end):
                    m.d.sync += row.eq(row << 1)
                    with m.If(row[-1]):
                        m.d.sync += active.eq(0)
            with m.If(self.start):
                m.d.sync += [
                    tags.eq(self.tags),
                    exponents.eq(self.exponents),
                    active.eq(1),
                    place.eq(0),
                    number.eq(0),
                    row.eq(1),
                ]

        def inside(digit: int, mode: Value, value: Value) -> Value:
            """Tell whether a digit is one of a mantissa's."""
            places = Array([digit // d for d in MODES])
            return places[mode] == value

        mine = [inside(i, tags.mode_a, line) for i in range(DIGITS)]
        its = [inside(j, tags.mode_b, column) for j in range(DIGITS)]
        code = Value.cast(0)
        for r in range(p.rows):
            codes = Array(
                [exponents.word_select(DIGITS * r + i, form.exponent_bits) for i in range(DIGITS)]
            )
            code = code | (codes[line] & row[r].replicate(form.exponent_bits))
        # The weight of an element is 2**(E - m) with E = code + 1 - bias; digits stand too high.
        offsets_a, offsets_b = (
            Array(
                [
                    Array(
                        [
                            1 - form.exponent_bias - f.magnitude_bits - DIGIT_BITS * d * value
                            for value in range(DIGITS)
                        ]
                    )
                    for d, f in zip(MODES, p.formats, strict=True)
                ]
            )
            for _ in range(2)
        )
        m.d.comb += [
            self.valid.eq(active),
            self.row.eq(row),
            self.mask.eq(Cat(x & y for x in mine for y in its)),
            self.column.eq(column),
            self.exponent.eq(code + offsets_a[tags.mode_a][line] + offsets_b[tags.mode_b][column]),
            self.nan.eq(code.all()),
            self.number.eq(number),
            self.fresh.eq(tags.fresh),
            self.ending.eq(tags.ending),
            self.job_end.eq(tags.job_end & row_end & row[-1]),
        ]
        return m
