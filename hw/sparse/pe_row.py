"""PE row of the sparse array: the nonzeros of its tile, applied in all its PEs at once."""

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.stages import pe_row_latency

from ..base.memory import uninitialized_memory
from ..base.pipeline import delay
from ..float.add import Adder
from .packets import ArrayPart, nonzero_layout, step_layout
from .pe import ProcessingElement

__all__ = ["PeRow"]


class PeRow(ArrayPart):
    """Row of PEs, each with a column of the dense operand and sums of its own.

    Nonzeros and activation tile of a pass are stored while those of another are applied and the
    sums of a third are read: every memory has two halves, ping-pong. Interval is one cycle a step.
    Latencies in cycles from ``step``: 1 to ``base``, `PATCH_LATENCY` to the last use of the
    activation tile, `latency` to the sum in memory. ``o`` and ``more`` are registered.

    Members
    -------
    store : In(issue_width), nonzero : In(ArrayLayout(nonzero_layout(parameters), issue_width))
        Adds nonzeros to those of the pass that is stored, the second with the first alone; beyond
        the last place they are lost.
    close : In(1)
        The nonzeros of a pass are stored; those that follow are another's.
    lost : Out(1)
        A nonzero was.
    write : In(1), row : In(1 + ceil_log2(patch)), x : In(ArrayLayout(32, columns))
        Writes a row of an activation tile, its half the highest bit.
    step : In(step_layout(parameters))
        What to do with the nonzeros stored.
    more : Out(1)
        There are nonzeros beyond ``step.number``, a cycle later.
    base : In(ceil_log2(patch))
        First row of the activation tile of the step's output pixel.
    pixels : In(1 + ceil_log2(pixels))
        Output pixels of a nonzero.
    draining, drain_half : In(1)
        The half ``drain_half`` of the sums is read.
    get : In(1), address : In(ceil_log2(sums))
        Reads sums.
    o : Out(ArrayLayout(32, columns))
        The sums read, two ``get`` later.
    """

    def _members(self, p: SparseArrayParameters) -> dict[str, Any]:
        self._pes = [ProcessingElement(target=p.target) for _ in range(p.columns)]
        self._columns = data.ArrayLayout(32, p.columns)
        row = ceil_log2(p.patch)
        return {
            "store": In(p.issue_width),
            "nonzero": In(data.ArrayLayout(nonzero_layout(p), p.issue_width)),
            "close": In(1),
            "lost": Out(1),
            "write": In(1),
            "row": In(1 + row),
            "x": In(self._columns),
            "step": In(step_layout(p)),
            "more": Out(1),
            "base": In(row),
            "pixels": In(1 + ceil_log2(p.pixels)),
            "draining": In(1),
            "drain_half": In(1),
            "get": In(1),
            "address": In(ceil_log2(p.sums)),
            "o": Out(self._columns),
        }

    @property
    def latency(self) -> int:
        """Cycles from a step to its sums in memory."""
        return pe_row_latency(self._pes[0].target)

    def elaborate(self, platform: Any) -> Module:
        """Store nonzeros, read one a step, multiply it and add the products to their sums."""
        m = Module()
        p = self.parameters
        # Of two nonzeros one is even and one odd: each has a memory of its own.
        memories = [
            uninitialized_memory(
                shape=nonzero_layout(p).size, depth=2 * p.nonzeros // p.issue_width
            )
            for _ in range(p.issue_width)
        ]
        for i, words in enumerate(memories):
            m.submodules[f"nonzeros_{i}"] = words
        fills = self._store(m, memories)
        nonzero, active = self._read(m, memories, fills)
        self._apply(m, nonzero, active)
        return m

    def _store(self, m: Module, memories: list[memory.Memory]) -> list[Signal]:
        """Store nonzeros behind each other; return how many each half has."""
        p = self.parameters
        half = Signal()
        fill = Signal(range(p.nonzeros + 1))
        fills = [Signal.like(fill, name=f"fill_{i}") for i in range(2)]
        odd = fill[0] if p.issue_width > 1 else Const(0)
        low = p.issue_width - 1
        for i, words in enumerate(memories):
            write = words.write_port()
            after = fill + (odd & (i == 0))
            valid = Mux(odd, self.store[i - 1], self.store[i])
            m.d.comb += [
                write.en.eq(valid & ~after[len(fill) - 1]),
                write.addr.eq(Cat(after[low : len(fill) - 1], half)),
                write.data.eq(Mux(odd, self.nonzero[i - 1], self.nonzero[i])),
            ]
        stored = self.store[0] + self.store[low] if low else self.store
        over = fill + stored > p.nonzeros
        m.d.comb += self.lost.eq(over)
        with m.If(self.close):
            m.d.sync += [Array(fills)[half].eq(fill), half.eq(~half), fill.eq(0)]
        with m.Else():
            m.d.sync += fill.eq(Mux(over, p.nonzeros, fill + stored))
        return fills

    def _read(
        self, m: Module, memories: list[memory.Memory], fills: list[Signal]
    ) -> tuple[data.View, Value]:
        """Return the nonzero of the step before the last, and whether there is one."""
        p, number = self.parameters, self.step.number
        found = []
        for words in memories:
            read = words.read_port()
            m.d.comb += read.addr.eq(Cat(number[p.issue_width - 1 :], self.step.half))
            found.append(read.data)
        count = Mux(self.step.half, fills[1], fills[0])
        active = Signal()
        odd = Signal()
        m.d.sync += [
            odd.eq(number[0]),
            active.eq(self.step.valid & (number < count)),
            self.more.eq(number + 1 < count),
        ]
        nonzero = delay(m, 1, Mux(odd, found[-1], found[0]), 1, name="nonzero_read")
        active = delay(m, 1, active, 1, name="present", reset=True)
        return data.View(nonzero_layout(p), nonzero), active

    def _apply(self, m: Module, nonzero: data.View, active: Value) -> None:
        """Multiply the nonzero by a row of the activation tile, and add the products."""
        p = self.parameters
        step = data.View(step_layout(p), delay(m, 1, self.step.as_value(), 2, name="step"))

        # The sums of a row lie behind those of the row before.
        base = Signal(range(p.sums), reset_less=True)
        next_row = Mux(nonzero.first, base + self.pixels, base)[: len(base)]
        with m.If(step.begins):
            m.d.sync += base.eq(Mux(step.opening, 0, next_row))
        place = Signal(ceil_log2(p.patch), reset_less=True)
        m.d.sync += place.eq(nonzero.offset + delay(m, 1, self.base, 1, name="first_row"))
        half = delay(m, 1, step.half, 1, name="half")
        pixel = delay(m, 1, step.pixel, 1, name="pixel")
        x = self._activations(m, Cat(place, half))

        # Where the sums are, from the cycle before they are read to that of their writing.
        pe = self._pes[0]
        issue = pe.issue_latency
        where = delay(m, 1, (base + pixel)[: len(base)], issue, name="where")
        half = delay(m, 1, half, issue, name="where_half")
        active = delay(m, 1, active, pe.latency + 3, name="active", reset=True)
        sums = self._sums(m, where, half, active)
        first = delay(m, 1, nonzero.first, issue + 2, name="first")
        is_null = delay(m, 1, nonzero.is_null, issue + 3, name="is_null")
        weight = delay(m, 1, nonzero.value, 3, name="weight")
        for i, element in enumerate(self._pes):
            m.submodules[f"pe_{i}"] = element
            m.d.comb += [
                element.weight.eq(weight),
                element.x.eq(x[i]),
                element.is_null.eq(is_null),
                element.first.eq(first),
                element.sum.eq(sums[i]),
            ]

    def _activations(self, m: Module, address: Value) -> Any:
        """Return a row of the activation tile, two cycles later."""
        m.submodules.activations = words = uninitialized_memory(
            shape=self._columns.size, depth=2 * self.parameters.patch
        )
        write, read = words.write_port(), words.read_port()
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.row),
            write.data.eq(self.x),
            read.addr.eq(address),
        ]
        return data.View(self._columns, delay(m, 1, read.data, 1, name="x"))

    def _sums(self, m: Module, where: Value, half: Value, active: Value) -> Any:
        """Return the sums so far, a cycle later; store the new ones and read those of a pass."""
        p = self.parameters
        later = Adder.latency + 2
        write_at = delay(m, 1, where, later, name="write_at")
        write_half = delay(m, 1, half, later, name="write_half")
        halves = []
        for i in range(2):
            m.submodules[f"sums_{i}"] = sums = uninitialized_memory(
                shape=self._columns.size, depth=p.sums
            )
            write, get = sums.write_port(), sums.read_port()
            drained = self.draining & (self.drain_half == i)
            m.d.comb += [
                write.en.eq(active & (write_half == i)),
                write.addr.eq(write_at),
                write.data.eq(Cat(pe.o for pe in self._pes)),
                get.en.eq(~drained | self.get),
                get.addr.eq(Mux(drained, self.address, where)),
            ]
            halves.append(get.data)
        with m.If(self.get):
            m.d.sync += self.o.eq(Mux(self.drain_half, halves[1], halves[0]))
        read_half = delay(m, 1, half, 1, name="read_half")
        return data.View(self._columns, Mux(read_half, halves[1], halves[0]))
