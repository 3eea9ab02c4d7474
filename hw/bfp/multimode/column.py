"""A column of the multi-mode array: elements, and the adder that their results share."""

import functools
from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from sw.bfp.multimode_array import DIGITS, LEAST_SPACING, MultimodeParameters

from ...base.circuit import Circuit
from ...base.pipeline import delay, register
from ...float.add import Adder
from ...float.from_integer import FromInteger
from .composer import Composer
from .digits import WORD_BITS
from .element import MultimodeElement
from .readout import exponent_bits

__all__ = ["MultimodeColumn"]


class MultimodeColumn(Circuit):
    """``rows`` elements that share one word of ``b``, and the accumulation of their results.

    ``b`` walks down one element a cycle; what belongs to row ``r`` comes ``r`` cycles later than
    that of row 0. A result's place in the tile is its address in the memory of partial sums.
    Enabled cycles from a result's ``row`` and ``mask``: `read_latency` to ``read``, `add_latency`
    to ``fresh``, `write_latency` to ``write`` and `latency` to ``result``.

    Members
    -------
    en : In(1)
        Clock enable.
    a : In(rows * lanes * WORD_BITS), b : In(lanes * WORD_BITS)
        Words of digits, those of ``a`` each in its row's time.
    first, add, hold : In(rows)
        As in `MultimodeElement`.
    start : In(1), codes : In(4 * exponent_bits)
        Exponent codes of the word of ``b``, taken for the results that follow.
    row, mask, column, exponent, nan : In
        As in `Readout`.
    read, write_at : In, write, fresh : In(1)
        Addresses of partial sums; one is written; the addition is the first of its result.
    result : Out(32)
        Sum of the result's blocks so far.
    is_nan, infinite : Out(1)
        What it is.
    """

    def __init__(self, *, parameters: MultimodeParameters) -> None:
        self.parameters = p = parameters
        width = p.lanes * WORD_BITS
        self.composer = Composer(parameters=p)
        self.rounding = FromInteger(width=p.sum_bits, exponent_bits=exponent_bits(p))
        self.add_latency = self.composer.latency + self.rounding.latency
        self.read_latency = self.add_latency - 1
        self.write_latency = self.add_latency + Adder.latency
        self.latency = self.write_latency + 1
        assert self.write_latency < self.read_latency + LEAST_SPACING
        results = range(p.rows * DIGITS**2)
        super().__init__(
            {
                "en": In(1),
                "a": In(p.rows * width),
                "b": In(width),
                "first": In(p.rows),
                "add": In(p.rows),
                "hold": In(p.rows),
                "start": In(1),
                "codes": In(DIGITS * p.formats[0].exponent_bits),
                "row": In(p.rows),
                "mask": In(DIGITS**2),
                "column": In(2),
                "exponent": In(signed(exponent_bits(p))),
                "nan": In(1),
                "read": In(results),
                "write_at": In(results),
                "write": In(1),
                "fresh": In(1),
                "result": Out(32),
                "is_nan": Out(1),
                "infinite": Out(1),
            }
        )

    @functools.cached_property
    def elements(self) -> list[MultimodeElement]:
        """The elements, row 0 first."""
        return [MultimodeElement(parameters=self.parameters) for _ in range(self.parameters.rows)]

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p, code_bits = self.parameters, self.parameters.formats[0].exponent_bits
        m.submodules.composer = composer = self.composer
        m.submodules.rounding = rounding = self.rounding
        m.submodules.adder = adder = Adder()

        b = self.b
        for r, element in enumerate(self.elements):
            m.submodules[f"element_{r}"] = element
            m.d.comb += [
                element.en.eq(self.en),
                element.a.eq(self.a.word_select(r, len(element.a))),
                element.b.eq(b),
                element.first.eq(self.first[r]),
                element.add.eq(self.add[r]),
                element.hold.eq(self.hold[r]),
                composer.totals.word_select(r, len(element.totals)).eq(element.totals),
            ]
            b = element.b_next

        codes = Signal.like(self.codes, reset_less=True)
        with m.If(self.en & self.start):
            m.d.sync += codes.eq(self.codes)
        code = Array([codes.word_select(j, code_bits) for j in range(DIGITS)])[self.column]
        exponent = register(m, self.en, "exponent_sum", self.exponent.shape(), self.exponent + code)
        nan = register(m, self.en, "either_nan", 1, self.nan | code.all())
        wait = composer.latency - 1
        m.d.comb += [
            composer.en.eq(self.en),
            composer.row.eq(self.row),
            composer.mask.eq(self.mask),
            rounding.en.eq(self.en),
            rounding.mantissa.eq(composer.sum),
            rounding.exponent.eq(delay(m, self.en, exponent, wait, name="exponent").as_signed()),
            rounding.nan.eq(delay(m, self.en, nan, wait, name="nan")),
        ]

        m.submodules.partial = partial = memory.Memory(shape=32, depth=p.rows * DIGITS**2, init=[])
        read, write = partial.read_port(), partial.write_port()
        m.d.comb += [
            read.en.eq(self.en),
            read.addr.eq(self.read),
            adder.en.eq(self.en),
            adder.a.eq(Mux(self.fresh, 0, read.data)),
            adder.b.eq(rounding.o),
            write.en.eq(self.en & self.write),
            write.addr.eq(self.write_at),
            write.data.eq(adder.o),
        ]
        with m.If(self.en):
            m.d.sync += self.result.eq(adder.o)
        special = self.result[23:31].all()
        m.d.comb += [
            self.is_nan.eq(special & self.result[:23].any()),
            self.infinite.eq(special & ~self.result[:23].any()),
        ]
        return m
