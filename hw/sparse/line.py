"""A line of the sparse array: the non-zeros of its tile, applied in all its elements at once."""

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.cycles import PATCH_LATENCY

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from ..base.pipeline import delay
from .element import Element

__all__ = ["Line", "entry_layout", "step_layout"]


def entry_layout(p: SparseArrayParameters) -> data.StructLayout:
    """Return the layout of what a line holds of a non-zero.

    ``value``; ``offset``: its row of a patch, from a position's first; ``first``: whether it is
    the first of its row; ``void``: whether it is none, in a row that has none.
    """
    return data.StructLayout({"value": 32, "offset": ceil_log2(p.patch), "first": 1, "void": 1})


def step_layout(p: SparseArrayParameters) -> data.StructLayout:
    """Return the layout of a step of all lines: an entry at a position.

    ``number`` of the entry; ``opening``: whether it is entry 0; ``position``, ``begins``: whether
    that is 0; ``valid``; ``turn``: which half of all memories.
    """
    return data.StructLayout(
        {
            "number": ceil_log2(p.entries),
            "opening": 1,
            "position": ceil_log2(p.positions),
            "begins": 1,
            "valid": 1,
            "turn": 1,
        }
    )


class Line(Circuit):
    """Line of elements, each with a column of the dense operand and sums of its own.

    Entries and patch are stored for one wave while those of another are applied and the sums of a
    third are read. Every memory has two halves that take turns. Latencies in cycles from ``step``:
    1 to ``base``, `PATCH_LATENCY` to the last use of the patch, `latency` to the sum.

    Parameters
    ----------
    parameters : SparseArrayParameters
        Of the array.

    Members
    -------
    store : In(fetch), entry : In(ArrayLayout(entry_layout(parameters), fetch))
        Adds entries to those of the wave that is stored, the second with the first alone; beyond
        the last place they are lost.
    close : In(1)
        The entries of a wave are stored; those that follow are another's.
    lost : Out(1)
        An entry was.
    write : In(1), row : In(1 + ceil_log2(patch)), x : In(32 * columns)
        Writes a row of a patch, its half the highest bit.
    step : In(step_layout(parameters))
        What to do with the entries stored.
    more : Out(1)
        There are entries beyond ``step.number``, a cycle later.
    base : In(ceil_log2(patch))
        First row of the patch of the step's position.
    positions : In(1 + ceil_log2(positions))
        Positions of an entry.
    draining, drain_turn : In(1)
        The half ``drain_turn`` of the sums is read.
    get : In(1), address : In(ceil_log2(sums))
        Reads sums.
    o : Out(32 * columns)
        The sums read, two ``get`` later, from registers.
    """

    def __init__(self, *, parameters: SparseArrayParameters) -> None:
        self.parameters = p = parameters
        self._elements = [Element(target=p.target) for _ in range(p.columns)]
        row = ceil_log2(p.patch)
        super().__init__(
            {
                "store": In(p.fetch),
                "entry": In(data.ArrayLayout(entry_layout(p), p.fetch)),
                "close": In(1),
                "lost": Out(1),
                "write": In(1),
                "row": In(1 + row),
                "x": In(32 * p.columns),
                "step": In(step_layout(p)),
                "more": Out(1),
                "base": In(row),
                "positions": In(1 + ceil_log2(p.positions)),
                "draining": In(1),
                "drain_turn": In(1),
                "get": In(1),
                "address": In(ceil_log2(p.sums)),
                "o": Out(32 * p.columns),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a step to its sums in memory."""
        return PATCH_LATENCY + 1 + self._elements[0].latency + 1

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        entry, active = self._entries(m)
        self._apply(m, entry, active)
        return m

    def _entries(self, m: Module) -> tuple[data.View, Value]:
        """Store entries; return that of the step before the last and whether there is one."""
        p = self.parameters
        half = Signal()
        fill = Signal(range(p.entries + 1))
        fills = [Signal.like(fill, name=f"fill_{i}") for i in range(2)]
        # Of two entries one is even and one odd: each has a memory of its own.
        odd = fill[0] if p.fetch > 1 else Const(0)
        low = p.fetch - 1
        read_at = Cat(self.step.number[low:], self.step.turn)
        found = []
        for i in range(p.fetch):
            m.submodules[f"entries_{i}"] = entries = uninitialized_memory(
                shape=entry_layout(p).size, depth=2 * p.entries // p.fetch
            )
            write, read = entries.write_port(), entries.read_port()
            mine = Mux(odd, self.entry[i - 1].as_value(), self.entry[i].as_value())
            there = Mux(odd, self.store[i - 1], self.store[i])
            after = fill + (odd & (i == 0))
            m.d.comb += [
                write.en.eq(there & ~after[len(fill) - 1]),
                write.addr.eq(Cat(after[low : len(fill) - 1], half)),
                write.data.eq(mine),
                read.addr.eq(read_at),
            ]
            found.append(read.data)
        stored = self.store[0] + self.store[low] if low else self.store
        over = fill + stored > p.entries
        m.d.comb += self.lost.eq(over)
        with m.If(self.close):
            m.d.sync += [Array(fills)[half].eq(fill), half.eq(~half), fill.eq(0)]
        with m.Else():
            m.d.sync += fill.eq(Mux(over, p.entries, fill + stored))
        count = Mux(self.step.turn, fills[1], fills[0])
        active = Signal()
        which = Signal()
        m.d.sync += [
            which.eq(self.step.number[0]),
            active.eq(self.step.valid & (self.step.number < count)),
            self.more.eq(self.step.number + 1 < count),
        ]
        entry = delay(m, 1, Mux(which, found[-1], found[0]), 1, name="entry_read")
        return data.View(entry_layout(p), entry), delay(m, 1, active, 1, name="present", reset=True)

    def _apply(self, m: Module, entry: data.View, active: Value) -> None:
        """Multiply the entry by the patch's row, and add the products to their sums."""
        p = self.parameters
        step = data.View(step_layout(p), delay(m, 1, self.step.as_value(), 2, name="step"))

        # The sums of a row lie behind those of the row before.
        base = Signal(range(p.sums), reset_less=True)
        following = Mux(step.opening, 0, Mux(entry.first, base + self.positions, base)[: len(base)])
        with m.If(step.begins):
            m.d.sync += base.eq(following)
        place = Signal(ceil_log2(p.patch), reset_less=True)
        m.d.sync += place.eq(entry.offset + delay(m, 1, self.base, 1, name="first_row"))
        tags = delay(m, 1, Cat(step.turn, step.position, entry.first, entry.void), 1, name="tags")
        active = delay(m, 1, active, 1, name="active", reset=True)
        value = delay(m, 1, entry.value, 3, name="value")

        m.submodules.patch = patch = uninitialized_memory(shape=32 * p.columns, depth=2 * p.patch)
        write, read = patch.write_port(), patch.read_port()
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.row),
            write.data.eq(self.x),
            read.addr.eq(Cat(place, tags[0])),
        ]
        x = delay(m, 1, read.data, 1, name="x")

        # Where the sums are, from the cycle before they are read to that of their writing.
        element = self._elements[0]
        where = Cat((base + tags[1:-2])[: len(base)], tags[0])
        last = element.latency - element.issue_latency
        where = delay(m, 1, where, element.issue_latency, name="where")
        turn, where = where[-1], where[:-1]
        at_end = delay(m, 1, Cat(where, turn), last + 2, name="written")
        fresh, void = delay(m, 1, tags[-2:], element.issue_latency + 1, name="kind")
        void = delay(m, 1, void, 1, name="void")
        ends = delay(m, 1, active, element.latency + 2, name="valid", reset=True)

        halves = []
        for i in range(2):
            m.submodules[f"sums_{i}"] = sums = uninitialized_memory(
                shape=32 * p.columns, depth=p.sums
            )
            write, get = sums.write_port(), sums.read_port()
            drained = self.draining & (self.drain_turn == i)
            m.d.comb += [
                write.en.eq(ends & (at_end[-1] == i)),
                write.addr.eq(at_end[:-1]),
                write.data.eq(Cat(element.o for element in self._elements)),
                get.en.eq(~drained | self.get),
                get.addr.eq(Mux(drained, self.address, where)),
            ]
            halves.append(get.data)
        with m.If(self.get):
            m.d.sync += self.o.eq(Mux(self.drain_turn, halves[1], halves[0]))
        held = Mux(delay(m, 1, turn, 1, name="turn"), halves[1], halves[0])
        for i, element in enumerate(self._elements):
            m.submodules[f"element_{i}"] = element
            m.d.comb += [
                element.weight.eq(value),
                element.x.eq(x.word_select(i, 32)),
                element.none.eq(void),
                element.fresh.eq(fresh),
                element.sum.eq(held.word_select(i, 32)),
            ]
