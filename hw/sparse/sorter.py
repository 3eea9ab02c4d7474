"""A row of keys that sorts what comes to it, and gives it folded: the largest with the smallest."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..circuit import Circuit

__all__ = ["FoldingSorter", "SortingCell"]


def _place(key_bits: int, payload_bits: int) -> data.StructLayout:
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
        place = _place(key_bits, payload_bits)
        super().__init__(
            {
                "insert": In(1),
                "new": In(place),
                "before": In(place),
                "pushed": In(1),
                "fold": In(1),
                "after": In(place),
                "exceeded": Out(1),
                "held": Out(place),
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


class FoldingSorter(Circuit):
    """Packets of keys in; out, from both ends of their descending order, pairs and their sums.

    A packet is ``keys`` beats in and half as many out: the larger and the smaller key of each are
    the next from either end, and equal keys are in the order in which they came. A key finds its
    place in the cycle in which it comes: it is compared with all keys held, those that it exceeds
    move on by one place, and it takes that of the first of them. So a row of places goes through
    `sw.sparse.sorting.insertion_network`, a pass a cycle.

    The first pair is given two cycles after the last key, one a cycle; the next packet may begin as
    the last pair moves to the output. All outputs come from registers, but ``i.ready`` of one.

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
        super().__init__(
            {"i": In(stream.Signature(taken)), "o": Out(stream.Signature(given))},
        )

    def elaborate(self, platform: Any) -> Module:
        """Build a row whose two halves are emptied towards the ends of the row."""
        m = Module()
        half = self.keys // 2
        cells = [
            SortingCell(key_bits=self.key_bits, payload_bits=self.payload_bits)
            for _ in range(self.keys)
        ]
        emptying = Signal()
        insert = Signal()
        fold = Signal()
        move = Signal()
        for n, cell in enumerate(cells):
            m.submodules[f"cell_{n}"] = cell
            m.d.comb += [
                cell.insert.eq(insert),
                cell.new.eq(Cat(self.i.payload.key, self.i.payload.payload, 1)),
                cell.fold.eq(fold),
            ]
            if n:
                m.d.comb += [
                    cell.before.eq(cells[n - 1].held),
                    cell.pushed.eq(cells[n - 1].exceeded),
                ]
            if n < half - 1:
                m.d.comb += cell.after.eq(cells[n + 1].held)
            elif n >= half:
                # Nothing comes from the other half, but for the sake of fewer gates its content.
                m.d.comb += [
                    cell.after.eq(cells[n - 1].held),
                    cell.after.full.eq(cells[n - 1].held.full if n > half else 0),
                ]

        large, small = cells[0].held, cells[-1].held
        ending = ~cells[1].held.full if half > 1 else 1
        m.d.comb += [
            self.i.ready.eq(~emptying),
            insert.eq(self.i.valid & ~emptying),
            move.eq(~self.o.valid | self.o.ready),
            fold.eq(emptying & move),
        ]
        with m.If(insert):
            m.d.sync += emptying.eq(self.i.payload.last)
        with m.Elif(fold):
            m.d.sync += emptying.eq(~ending)
        sums = Signal.like(self.o.payload.key, name="sum", reset_less=True)
        payload = Signal.like(self.o.payload.payload, name="payload", reset_less=True)
        last = Signal(reset_less=True)
        with m.If(fold):
            m.d.sync += [
                sums.eq(large.key + small.key),
                payload.eq(Cat(large.payload, small.payload)),
                last.eq(ending),
            ]
        with m.If(move):
            m.d.sync += self.o.valid.eq(emptying)
        m.d.comb += [
            self.o.payload.key.eq(sums),
            self.o.payload.payload.eq(payload),
            self.o.payload.last.eq(last),
        ]
        return m
