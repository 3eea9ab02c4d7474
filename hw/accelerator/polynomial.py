"""The table of the vector engine's functions, and the polynomial of its rows."""

from functools import partial
from typing import Any

from amaranth.hdl import Module, Value
from amaranth.lib import data, memory
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
        super().__init__(
            {
                "en": In(1),
                "row": In(range(len(rows()))),
                "distance": In(DISTANCE),
                "o": Out(VALUE + 1),
            }
        )

    def _read(self, m: Module, name: str, row: Value, *columns: str) -> Any:
        """Return columns of the table, two cycles later."""
        words = [{column: getattr(each, column) for column in columns} for each in rows()]
        layout = data.StructLayout(
            {column: max(word[column] for word in words).bit_length() for column in columns}
        )
        m.submodules[name] = table = memory.Memory(shape=layout, depth=len(words), init=words)
        read = table.read_port()
        m.d.comb += [read.addr.eq(row), read.en.eq(self.en)]
        return register(m, self.en, f"{name}_read", layout, read.data)

    def elaborate(self, platform: Any) -> Module:
        """Read, multiply, add, and multiply and add again."""
        m = Module()
        late = partial(delay, m, self.en)
        table = self._read(m, "slopes", self.row, "slope", "square")
        slope, square = table.slope, table.square
        distance = late(self.distance, 2, name="distance_read")

        first = UnsignedProduct(a_bits=len(square), b_bits=SLOPE)
        bent = multiply(m, self.en, "first", first, distance[DISTANCE - SLOPE :], square)
        slope = late(slope, first.latency, name="slope_later")
        slope = register(m, self.en, "slope_here", len(slope), slope + bent[SLOPE:])
        distance = late(distance, first.latency + 1, name="distance_later")

        second = UnsignedProduct(a_bits=len(slope), b_bits=DISTANCE)
        climbed = multiply(m, self.en, "second", second, distance, slope)
        row = late(self.row, first.latency + 1 + second.latency, name="row_later")
        value = self._read(m, "values", row, "value").value
        total = register(m, self.en, "total", VALUE + 1, value + climbed[DISTANCE:])
        m.d.comb += self.o.eq(total)
        return m
