"""The registers of the sparse array, and whether what they hold can be done."""

import functools
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters

from ..base.field import Field
from ..engine.registers import Register, word

__all__ = ["fitting", "registers"]


def registers(p: SparseArrayParameters) -> tuple[Register, ...]:
    """Return what follows the registers common to all units: a job, its tables, counters."""
    row = ceil_log2(p.patch)
    size = functools.partial(word, access="rw", locked="busy")
    return (
        size("rows", bits=1 + ceil_log2(p.sums), description="rows of a piece"),
        size("depth", bits=1 + ceil_log2(p.depth), description="dense places of a row"),
        size("positions", bits=1 + ceil_log2(p.positions), description="positions of a row"),
        size("patch", bits=1 + row, description="rows of a wave's dense operand"),
        size("waves", bits=16, description="waves that are added up"),
        Register(
            name="mode",
            access="rw",
            fields=(
                Field(name="mode", bits=2, description="0 sparse, 1 dense, 2 structured"),
                Field(name="balanced", bits=1, description="move pieces between lines"),
                Field(name="keep", bits=5, description="bits set in a group, if structured"),
            ),
            description="How masks are given.",
            locked="busy",
        ),
        _table("offset", "Writes the offset of a place.", "place", ceil_log2(p.depth), row),
        _table("base", "Writes the base of a position.", "position", ceil_log2(p.positions), row),
        _table(
            "shift",
            "Writes what is added to the offsets of a wave's row.",
            "row",
            ceil_log2(p.lines * p.sums),
            row,
        ),
        word("applied", "ro", 32, "waves applied"),
        word("steps", "ro", 32, "cycles in which entries were applied"),
        word("entry_waits", "ro", 32, "cycles that waited for entries"),
        word("patch_waits", "ro", 32, "cycles that waited for the dense operand alone"),
        word("sum_waits", "ro", 32, "cycles that waited for sums to be read, alone"),
    )


def _table(name: str, what: str, index: str, index_bits: int, row_bits: int) -> Register:
    """Return the register through which a table is written."""
    return Register(
        name=name,
        access="wo",
        fields=(
            Field(name="write", bits=1, description="1"),
            Field(name=index, bits=index_bits, description="place in the table"),
            Field(name="rows", bits=row_bits, description="rows of the patch"),
        ),
        description=what,
        locked="busy",
    )


def fitting(m: Module, core: Any, p: SparseArrayParameters) -> Value:
    """Return whether the registers of a core hold what `sw.sparse.array_parameters.Job` allows.

    It follows those of sizes by two cycles, but the mode, which may let a wave begin, at once.
    """
    sums = Signal(len(core.rows) + len(core.positions))
    m.d.sync += sums.eq(core.rows * core.positions)
    mode, keep = core.mode.mode, core.mode.keep
    groups = (core.depth[: ceil_log2(p.group)] == 0) & _within(keep, p.group)
    fits = Signal()
    m.d.sync += fits.eq(
        Cat(
            _within(core.rows, p.sums // p.pieces),
            _within(core.positions, min(p.positions, p.sums // p.pieces)),
            sums <= p.sums // p.pieces,
            _within(core.depth, p.depth),
            _within(core.patch, p.patch),
            core.waves != 0,
        ).all()
    )
    return fits & (mode != 3) & ((mode != 2) | groups)


def _within(value: Value, most: int) -> Value:
    """Return whether a value is 1..most."""
    return (value != 0) & (value <= most)
