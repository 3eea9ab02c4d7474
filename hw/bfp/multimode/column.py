"""Column of the multi-mode array: PEs, and the adder that their results share."""

from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal, Value, signed
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from sw.bfp.multimode_array import DIGITS, MultimodeParameters
from sw.bfp.stages import COMPOSER_LATENCY, LEAST_SPACING

from ...base.circuit import Circuit
from ...base.pipeline import delay, register
from ...float.add import Adder
from ...float.from_integer import FromInteger
from ..pe import chain
from .composer import Composer
from .digits import operand_bits
from .pe import MultimodePE
from .readout import exponent_bits

__all__ = ["MultimodeColumn"]


class MultimodeColumn(Circuit):
    """``rows`` PEs that share one word of ``b``, and the accumulation of their results.

    ``b`` walks down one PE a cycle; what belongs to row ``r`` comes ``r`` cycles later than that of
    row 0. A result's number in the tile is its address in the memory of partial sums, of which
    addresses read and written in a cycle differ. Latency, in enabled cycles from a result's ``row``
    and ``mask``, is that of `ComposedStages`: ``read`` to ``read``, ``value`` to ``sum_first``,
    ``write`` to ``write`` and ``result`` to ``result``, a register. Interval is one.

    Members
    -------
    en : In(1)
        Clock enable.
    a : In(rows * operand_bits), b : In(operand_bits)
        Words of digits, those of ``a`` each in its row's time.
    first, add, hold : In(rows)
        As in `MultimodePE`.
    start : In(1), codes : In(4 * exponent_bits)
        Exponent codes of the word of ``b``, taken for the results that follow.
    row, mask, index_b, exponent, nan : In
        As in `Readout`.
    read, write_at : In, write, sum_first : In(1)
        Addresses of partial sums; one is written; the addition is the first of its result.
    result : Out(32)
        Sum of the result's blocks so far.
    """

    def __init__(self, *, parameters: MultimodeParameters) -> None:
        self.parameters = p = parameters
        width = operand_bits(p)
        assert p.stages.write < p.stages.read + LEAST_SPACING
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
                "index_b": In(2),
                "exponent": In(signed(exponent_bits(p))),
                "nan": In(1),
                "read": In(results),
                "write_at": In(results),
                "write": In(1),
                "sum_first": In(1),
                "result": Out(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build PEs, composer, conversion, and the accumulation in a memory."""
        m = Module()
        p = self.parameters
        m.submodules.composer = composer = Composer(parameters=p)
        for r, pe in chain(m, self, [MultimodePE(parameters=p) for _ in range(p.rows)]):
            m.d.comb += [
                pe.first.eq(self.first[r]),
                pe.add.eq(self.add[r]),
                pe.hold.eq(self.hold[r]),
                composer.totals.word_select(r, len(pe.totals)).eq(pe.totals),
            ]
        m.d.comb += [
            composer.en.eq(self.en),
            composer.row.eq(self.row),
            composer.mask.eq(self.mask),
        ]
        total = self._accumulate(m, self._value(m, composer.sum))
        with m.If(self.en):
            m.d.sync += self.result.eq(total)
        return m

    def _value(self, m: Module, total: Value) -> Value:
        """Return the chosen sum in fp32, by the exponents of both blocks."""
        p, code_bits = self.parameters, self.parameters.formats[0].exponent_bits
        m.submodules.rounding = rounding = FromInteger(
            width=p.sum_bits, exponent_bits=exponent_bits(p)
        )
        codes = Signal.like(self.codes, reset_less=True)
        with m.If(self.en & self.start):
            m.d.sync += codes.eq(self.codes)
        code = Array([codes.word_select(j, code_bits) for j in range(DIGITS)])[self.index_b]
        exponent = register(m, self.en, "exponent_sum", self.exponent.shape(), self.exponent + code)
        nan = register(m, self.en, "either_nan", 1, self.nan | code.all())
        wait = COMPOSER_LATENCY - 1
        m.d.comb += [
            rounding.en.eq(self.en),
            rounding.mantissa.eq(total),
            rounding.exponent.eq(delay(m, self.en, exponent, wait, name="exponent").as_signed()),
            rounding.nan.eq(delay(m, self.en, nan, wait, name="nan")),
        ]
        return rounding.o

    def _accumulate(self, m: Module, value: Value) -> Value:
        """Add a value to its partial sum in the memory; return the new one."""
        m.submodules.adder = adder = Adder()
        depth = self.parameters.rows * DIGITS**2
        m.submodules.partial = partial = memory.Memory(shape=32, depth=depth, init=[])
        read, write = partial.read_port(), partial.write_port()
        m.d.comb += [
            read.en.eq(self.en),
            read.addr.eq(self.read),
            adder.en.eq(self.en),
            adder.a.eq(Mux(self.sum_first, 0, read.data)),
            adder.b.eq(value),
            write.en.eq(self.en & self.write),
            write.addr.eq(self.write_at),
            write.data.eq(adder.o),
        ]
        return adder.o
