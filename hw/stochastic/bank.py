"""The sums of a bank of columns."""

from typing import Any

from amaranth.hdl import Cat, Module
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.stochastic.outer_parameters import OuterProductParameters

from ..base.circuit import Circuit
from ..base.pipeline import delay
from .accumulator import Accumulator, fall_bits, rise_bits

__all__ = ["Bank"]


class Bank(Circuit):
    """Memory of two batches' sums of some columns, and what adds counts to them.

    Parameters
    ----------
    parameters : OuterProductParameters
        Of the outer product.
    columns : int
        Columns of the bank.

    Members
    -------
    add : In(1)
        Add the counts to the word at ``address``; it holds their sums `latency` cycles later.
    address : In(1 + ceil_log2(groups))
        Group of rows and, above it, which of both batches.
    fresh, fall, rise : In
        As of `Accumulator`.
    counts, negative : In(group_rows * columns * count_bits), In(group_rows * columns)
        Counts, row by row, and their signs.
    get : In(1)
        Put out the word at ``get_address`` from the next cycle on.
    get_address : In(1 + ceil_log2(groups))
    o : Out(group_rows * columns * sum_bits)
        Sums, row by row, from registers.
    """

    latency = Accumulator.latency

    def __init__(self, *, parameters: OuterProductParameters, columns: int) -> None:
        self.parameters = p = parameters
        self.results = p.group_rows * columns
        self.depth = 2 << ceil_log2(p.groups)
        address = ceil_log2(self.depth)
        super().__init__(
            {
                "add": In(1),
                "address": In(address),
                "fresh": In(1),
                "fall": In(fall_bits(p)),
                "rise": In(rise_bits(p)),
                "counts": In(self.results * p.count_bits),
                "negative": In(self.results),
                "get": In(1),
                "get_address": In(address),
                "o": Out(self.results * p.sum_bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        m.submodules.memory = words = memory.Memory(
            shape=self.results * p.sum_bits, depth=self.depth, init=[]
        )
        read, write, get = words.read_port(), words.write_port(), words.read_port()
        added = []
        for i in range(self.results):
            lane = Accumulator(parameters=p)
            m.submodules[f"accumulator_{i}"] = lane
            m.d.comb += [
                lane.count.eq(self.counts.word_select(i, p.count_bits)),
                lane.negative.eq(self.negative[i]),
                lane.fall.eq(self.fall),
                lane.fresh.eq(self.fresh),
                lane.rise.eq(self.rise),
                lane.sum.eq(read.data.word_select(i, p.sum_bits)),
            ]
            added.append(lane.o)
        stored = Cat(self.add, self.address)
        stored = delay(m, 1, stored, Accumulator.latency, name="stored", reset=True)
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.add),
            write.en.eq(stored[0]),
            write.addr.eq(stored[1:]),
            write.data.eq(Cat(added)),
            get.addr.eq(self.get_address),
            get.en.eq(self.get),
            self.o.eq(get.data),
        ]
        return m
