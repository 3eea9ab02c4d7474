"""A row of keys that sorts what comes to it, and gives it folded: the largest with the smallest."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.pipeline import register

__all__ = ["FoldingSorter", "SortingRow", "place"]


def place(key_bits: int, payload_bits: int) -> data.StructLayout:
    """Return the layout of a place in the row, and of what goes on to the next."""
    return data.StructLayout({"key": key_bits, "payload": payload_bits, "full": 1})


class SortingCell(Circuit):
    """A place of the row: its key, and the comparator with the key that comes.

    All outputs but ``exceeded`` come from registers.

    Parameters
    ----------
    key_bits, payload_bits : int
        Bits of a key, and of what goes with it.

    Members
    -------
    insert : In(1)
        A key comes: that of ``new``.
    new : In(struct)
        The key that comes, ``full``.
    before : In(struct)
        What the place before holds.
    pushed : In(1)
        The key that comes exceeds that of the place before.
    fold : In(1)
        Take what ``after`` holds; not with ``insert``.
    after : In(struct)
        What comes here when the row is emptied.
    exceeded : Out(1)
        The key that comes exceeds the one held, or none is.
    held : Out(struct)
        What this place holds.
    """

    def __init__(self, *, key_bits: int, payload_bits: int) -> None:
        self.key_bits = key_bits
        self.payload_bits = payload_bits
        held = place(key_bits, payload_bits)
        super().__init__(
            {
                "insert": In(1),
                "new": In(held),
                "before": In(held),
                "pushed": In(1),
                "fold": In(1),
                "after": In(held),
                "exceeded": Out(1),
                "held": Out(held),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        content = Signal(self.key_bits + self.payload_bits, reset_less=True)
        full = Signal()
        new, before, after = (v.as_value() for v in (self.new, self.before, self.after))
        m.d.comb += [
            self.held.eq(Cat(content, full)),
            self.exceeded.eq(~full | (self.new.key > self.held.key)),
        ]
        with m.If(self.fold | self.insert & self.exceeded):
            m.d.sync += Cat(content, full).eq(Mux(self.fold, after, Mux(self.pushed, before, new)))
        return m


class SortingRow(Circuit):
    """A row of places in the descending order of their keys, of equal ones in that of their coming.

    A key finds its place in the cycle in which it comes: it is compared with all keys held, those
    that it exceeds move on by a place, and it takes that of the first of them. So the row goes
    through `sw.sparse.sorting.insertion_network`, a pass a cycle. It is emptied from both ends: the
    halves move towards them.

    Parameters
    ----------
    keys : int
        Places, an even number.
    key_bits, payload_bits : int
        Bits of a key, and of what goes with it.

    Members
    -------
    insert : In(1), key : In(key_bits), payload : In(payload_bits)
        A key comes, and what goes with it.
    fold : In(1)
        Each half moves by a place towards its end of the row; not with ``insert``.
    held : Out(ArrayLayout(StructLayout, keys))
        What the places hold, from registers: ``key``, ``payload``, and whether they are ``full``.
    """

    def __init__(self, *, keys: int, key_bits: int, payload_bits: int) -> None:
        self.keys = keys
        self.key_bits = key_bits
        self.payload_bits = payload_bits
        super().__init__(
            {
                "insert": In(1),
                "key": In(key_bits),
                "payload": In(payload_bits),
                "fold": In(1),
                "held": Out(data.ArrayLayout(place(key_bits, payload_bits), keys)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        half = self.keys // 2
        cells = [
            SortingCell(key_bits=self.key_bits, payload_bits=self.payload_bits)
            for _ in range(self.keys)
        ]
        for n, cell in enumerate(cells):
            m.submodules[f"cell_{n}"] = cell
            m.d.comb += [
                cell.insert.eq(self.insert),
                cell.new.eq(Cat(self.key, self.payload, 1)),
                cell.fold.eq(self.fold),
                self.held[n].eq(cell.held),
            ]
            if n:
                before = cells[n - 1]
                m.d.comb += [cell.before.eq(before.held), cell.pushed.eq(before.exceeded)]
            if n < half - 1:
                m.d.comb += cell.after.eq(cells[n + 1].held)
            elif n >= half:
                m.d.comb += cell.after.eq(cells[n - 1].held)
                if n == half:
                    # Nothing comes from the other half; for fewer gates its key does, not full.
                    m.d.comb += cell.after.full.eq(0)
        return m


class FoldingSorter(Circuit):
    """Packets of keys in; out, from both ends of their descending order, pairs and their sums.

    A packet is ``keys`` beats in and half as many out: the larger and the smaller key of each are
    the next from either end. The first pair is given two cycles after the last key, one a cycle;
    the next packet may begin as the last pair moves to the output. All outputs come from registers.

    Parameters
    ----------
    keys : int
        Keys of a packet, an even number.
    key_bits, payload_bits : int
        Bits of a key, and of what goes with it.

    Members
    -------
    i : In(stream.Signature(StructLayout))
        ``key``, ``payload``; ``last`` with the last key of a packet.
    o : Out(stream.Signature(StructLayout))
        ``key``: sum of two keys, a bit wider; ``payload``: that of the larger key, then that of the
        smaller; ``last`` with the last pair of a packet.
    """

    def __init__(self, *, keys: int, key_bits: int, payload_bits: int) -> None:
        self.keys = keys
        self.key_bits = key_bits
        self.payload_bits = payload_bits
        taken, given = (
            data.StructLayout({"key": key, "payload": payload, "last": 1})
            for key, payload in ((key_bits, payload_bits), (key_bits + 1, 2 * payload_bits))
        )
        super().__init__({"i": In(stream.Signature(taken)), "o": Out(stream.Signature(given))})

    def elaborate(self, platform: Any) -> Module:
        """Fill the row, then empty it."""
        m = Module()
        m.submodules.row = row = SortingRow(
            keys=self.keys, key_bits=self.key_bits, payload_bits=self.payload_bits
        )
        emptying = Signal()
        move = Signal()
        large, small = row.held[0], row.held[self.keys - 1]
        ending = ~row.held[1].full if self.keys > 2 else 1
        m.d.comb += [
            self.i.ready.eq(~emptying),
            row.insert.eq(self.i.valid & ~emptying),
            row.key.eq(self.i.payload.key),
            row.payload.eq(self.i.payload.payload),
            move.eq(~self.o.valid | self.o.ready),
            row.fold.eq(emptying & move),
        ]
        with m.If(row.insert):
            m.d.sync += emptying.eq(self.i.payload.last)
        with m.Elif(row.fold):
            m.d.sync += emptying.eq(~ending)
        with m.If(move):
            m.d.sync += self.o.valid.eq(emptying)
        total = register(m, row.fold, "total", self.key_bits + 1, large.key + small.key)
        both = Cat(large.payload, small.payload)
        m.d.comb += [
            self.o.payload.key.eq(total),
            self.o.payload.payload.eq(register(m, row.fold, "payloads", len(both), both)),
            self.o.payload.last.eq(register(m, row.fold, "last", 1, ending)),
        ]
        return m
