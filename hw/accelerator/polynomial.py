"""The table of the vector engine's functions, and the polynomial of its rows."""

from functools import partial
from typing import Any

from amaranth.hdl import Module, Value
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from sw.accelerator.functions import DISTANCE, POLYNOMIAL_LATENCY, SLOPE, VALUE, rows

from ..base.circuit import Circuit
from ..base.pipeline import delay, register
from .unsigned_product import UnsignedProduct, multiply

__all__ = ["Polynomial"]


class Polynomial(Circuit):
    """The table of coefficients and the polynomial of a row, as `sw.accelerator.functions` has it.

    Latency is `latency` enabled cycles, interval one cycle. The table is read at two times: what
    is needed late would be wider to keep than its address.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    row : In(range(rows of the table))
    distance : In(DISTANCE)
        Place in the row.
    o : Out(VALUE + 1)
        The value, below 2, from registers.
    """

    latency = POLYNOMIAL_LATENCY

    def __init__(self) -> None:
        self._columns = list(zip(*rows(), strict=True))
        self._bits = [max(column).bit_length() for column in self._columns]
        super().__init__(
            {
                "en": In(1),
                "row": In(range(len(rows()))),
                "distance": In(DISTANCE),
                "o": Out(VALUE + 1),
            }
        )

    def _read(self, m: Module, name: str, row: Value, *columns: int) -> list[Value]:
        """Return columns of the table, two cycles later."""
        bits = [self._bits[c] for c in columns]
        words = []
        for coefficients in zip(*(self._columns[c] for c in columns), strict=True):
            word = 0
            for coefficient, size in zip(reversed(coefficients), reversed(bits), strict=True):
                word = word << size | coefficient
            words.append(word)
        m.submodules[name] = table = memory.Memory(shape=sum(bits), depth=len(words), init=words)
        read = table.read_port()
        m.d.comb += [read.addr.eq(row), read.en.eq(self.en)]
        word = register(m, self.en, f"{name}_read", sum(bits), read.data)
        return [word[sum(bits[:n]) :][:size] for n, size in enumerate(bits)]

    def elaborate(self, platform: Any) -> Module:
        """Read, multiply, add, and multiply and add again."""
        m = Module()
        late = partial(delay, m, self.en)
        slope, square = self._read(m, "slopes", self.row, 1, 2)
        distance = late(self.distance, 2, name="distance_read")

        first = UnsignedProduct(a_bits=len(square), b_bits=SLOPE)
        bent = multiply(m, self.en, "first", first, distance[DISTANCE - SLOPE :], square)
        slope = late(slope, first.latency, name="slope_later")
        slope = register(m, self.en, "slope_here", len(slope), slope + bent[SLOPE:])
        distance = late(distance, first.latency + 1, name="distance_later")

        second = UnsignedProduct(a_bits=len(slope), b_bits=DISTANCE)
        climbed = multiply(m, self.en, "second", second, distance, slope)
        row = late(self.row, first.latency + 1 + second.latency, name="row_later")
        (value,) = self._read(m, "values", row, 0)
        total = register(m, self.en, "total", VALUE + 1, value + climbed[DISTANCE:])
        m.d.comb += self.o.eq(total)
        return m
