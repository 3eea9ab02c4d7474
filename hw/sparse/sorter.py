"""Insertion sorter in a row of cells, read from both ends: the largest key with the smallest."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.field import Field
from ..base.pipeline import register
from ..stream.packet import Packet

__all__ = ["FoldingSorter", "SortingRow", "cell_layout", "keyed"]


def cell_layout(key_bits: int, payload_bits: int) -> data.StructLayout:
    """Return the layout of a cell's content, and of what goes on to the next."""
    return data.StructLayout({"key": key_bits, "payload": payload_bits, "full": 1})


def keyed(key_bits: int, payload_bits: int) -> Packet:
    """Return the packet of a key and what goes with it."""
    return Packet(
        Field(name="key", bits=key_bits, description="key"),
        Field(name="payload", bits=payload_bits, description="what goes with it"),
    )


class SortingCell(Circuit):
    """Cell of the row: its key, and the comparator with the key that is inserted.

    Latency is one cycle, interval one. All outputs but ``exceeded`` come from registers.

    Parameters
    ----------
    key_bits, payload_bits : int
        Bits of a key, and of what goes with it.

    Members
    -------
    insert : In(1)
        A key is inserted: that of ``new``.
    new : In(cell_layout(...))
        The new key, ``full``.
    before : In(cell_layout(...))
        Content of the cell before.
    pushed : In(1)
        The new key exceeds that of the cell before.
    fold : In(1)
        Load ``after``; not with ``insert``.
    after : In(cell_layout(...))
        Content of the neighbour that moves here when the row is emptied.
    exceeded : Out(1)
        The new key exceeds the one held, or none is.
    held : Out(cell_layout(...))
        Content.
    """

    def __init__(self, *, key_bits: int, payload_bits: int) -> None:
        self.key_bits = key_bits
        self.payload_bits = payload_bits
        held = cell_layout(key_bits, payload_bits)
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
        """Load the new key, the neighbour's or nothing."""
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
    """Row of cells in descending order of their keys, equal ones in order of arrival.

    A key is compared with all keys held in the cycle in which it is inserted: those that it exceeds
    shift by a cell, and it is stored in that of the first of them. So the row goes through
    `sw.sparse.sorting.insertion_network`, a stage a cycle. It is emptied from both ends: the halves
    shift towards them. Latency and interval are one cycle a key.

    Parameters
    ----------
    keys : int
        Cells, an even number.
    key_bits, payload_bits : int
        Bits of a key, and of what goes with it.

    Members
    -------
    insert : In(1), key : In(key_bits), payload : In(payload_bits)
        Inserts a key, and what goes with it.
    fold : In(1)
        Each half shifts by a cell towards its end of the row; not with ``insert``.
    held : Out(ArrayLayout(cell_layout(...), keys))
        Contents, from registers.
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
                "held": Out(data.ArrayLayout(cell_layout(key_bits, payload_bits), keys)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Chain the cells, each with its neighbour towards its end."""
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
    """Sorter of packets of keys, which gives pairs from both ends of their descending order.

    A packet is ``keys`` beats in and half as many out: the larger and the smaller key of each are
    the next from either end. Latency is two cycles from the last key to the first pair, interval
    one cycle a key and one a pair; the next packet may begin as the last pair moves to the output.
    All outputs come from registers.

    Parameters
    ----------
    keys : int
        Keys of a packet, an even number.
    key_bits, payload_bits : int
        Bits of a key, and of what goes with it.

    Members
    -------
    i : In(keyed(key_bits, payload_bits).signature)
        Keys; ``last`` with the last one of a packet.
    o : Out(keyed(key_bits + 1, 2 * payload_bits).signature)
        ``key``: sum of two keys; ``payload``: that of the larger key, then that of the smaller;
        ``last`` with the last pair of a packet.
    """

    def __init__(self, *, keys: int, key_bits: int, payload_bits: int) -> None:
        self.keys = keys
        self.key_bits = key_bits
        self.payload_bits = payload_bits
        super().__init__(
            {
                "i": In(keyed(key_bits, payload_bits).signature),
                "o": Out(keyed(key_bits + 1, 2 * payload_bits).signature),
            }
        )

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
            row.key.eq(self.i.payload.data.key),
            row.payload.eq(self.i.payload.data.payload),
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
            self.o.payload.data.key.eq(total),
            self.o.payload.data.payload.eq(register(m, row.fold, "payloads", len(both), both)),
            self.o.payload.last.eq(register(m, row.fold, "last", 1, ending)),
        ]
        return m
