"""The sums of a bank of columns."""

from typing import Any

from amaranth.hdl import Cat, Module
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.stochastic.outer_parameters import OuterProductParameters

from ..base.circuit import Circuit
from ..base.pipeline import delay
from .accumulator import Accumulator, alignment

__all__ = ["Bank", "addition"]


def addition(p: OuterProductParameters) -> data.StructLayout:
    """Return the command to add the counts of a group of rows to their sums.

    ``valid``; ``address``: of the word, the group and, above it, which of both batches; ``align``:
    see `hw.stochastic.accumulator.alignment`.
    """
    return data.StructLayout({"valid": 1, "address": _address_bits(p), "align": alignment(p)})


def _address_bits(p: OuterProductParameters) -> int:
    return 1 + ceil_log2(p.groups)


class Bank(Circuit):
    """Memory of two batches' sums of some columns, and the adders of counts to them.

    A word, of a group of rows, holds the new sums `latency` cycles after its counts. Interval is
    one cycle, to different words. ``o`` comes from the memory's output register.

    Parameters
    ----------
    parameters : OuterProductParameters
        Widths, and rows of a group.
    columns : int
        Columns of the bank.

    Members
    -------
    add : In(addition(parameters))
        Command.
    count, negative : In(ArrayLayout(count_bits, group_rows * columns)), In(group_rows * columns)
        With it: counts, row by row, and their signs.
    read : In(1)
        Puts out the word at ``read_address`` from the next cycle on.
    read_address : In(1 + ceil_log2(groups))
    o : Out(ArrayLayout(sum_bits, group_rows * columns))
        Sums, row by row.
    """

    latency = Accumulator.latency

    def __init__(self, *, parameters: OuterProductParameters, columns: int) -> None:
        self.parameters = p = parameters
        self.results = p.group_rows * columns
        self.word = data.ArrayLayout(p.sum_bits, self.results)
        super().__init__(
            {
                "add": In(addition(p)),
                "count": In(data.ArrayLayout(p.count_bits, self.results)),
                "negative": In(self.results),
                "read": In(1),
                "read_address": In(_address_bits(p)),
                "o": Out(self.word),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the memory and an adder for each result of a group."""
        m = Module()
        p = self.parameters
        m.submodules.memory = words = memory.Memory(
            shape=self.word, depth=1 << _address_bits(p), init=[]
        )
        old = words.read_port()
        new = words.write_port()
        out = words.read_port()
        for i in range(self.results):
            m.submodules[f"accumulator_{i}"] = adder = Accumulator(parameters=p)
            m.d.comb += [
                adder.count.eq(self.count[i]),
                adder.negative.eq(self.negative[i]),
                adder.align.eq(self.add.align),
                adder.sum.eq(old.data[i]),
                new.data[i].eq(adder.o),
            ]
        write = Cat(self.add.valid, self.add.address)
        write = delay(m, 1, write, Accumulator.latency, name="write", reset=True)
        m.d.comb += [
            old.addr.eq(self.add.address),
            old.en.eq(self.add.valid),
            Cat(new.en, new.addr).eq(write),
            out.addr.eq(self.read_address),
            out.en.eq(self.read),
            self.o.eq(out.data),
        ]
        return m
