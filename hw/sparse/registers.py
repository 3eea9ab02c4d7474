"""The registers of the sparse array, and whether what they hold can be done."""

import functools
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters

from ..base.field import Field
from ..engine.registers import Register, counter, word
from .packets import ArrayPart

__all__ = ["JobCheck", "registers"]


def registers(p: SparseArrayParameters) -> tuple[Register, ...]:
    """Return what follows the registers common to all units: a job, its tables, counters."""
    row = ceil_log2(p.patch)
    size = functools.partial(word, access="rw", locked="busy")
    return (
        size("rows", bits=1 + ceil_log2(p.sums), description="rows of a sub-tile"),
        size("depth", bits=1 + ceil_log2(p.depth), description="K, places of a dense row"),
        size("pixels", bits=1 + ceil_log2(p.pixels), description="output pixels of a row"),
        size("patch", bits=1 + row, description="rows of a pass's activation tile"),
        size("passes", bits=16, description="passes that are accumulated"),
        Register(
            name="mode",
            access="rw",
            fields=(
                Field(name="mode", bits=2, description="0 sparse, 1 dense, 2 structured"),
                Field(name="balanced", bits=1, description="move sub-tiles between PE rows"),
                Field(name="keep", bits=5, description="bits set in a group, if structured"),
            ),
            description="How masks are given.",
            locked="busy",
        ),
        _table("offset", "Writes the offset of a place.", "place", ceil_log2(p.depth), row),
        _table(
            "base",
            "Writes the first row of an output pixel.",
            "pixel",
            ceil_log2(p.pixels),
            row,
        ),
        _table(
            "shift",
            "Writes what is added to the offsets of a pass's row.",
            "row",
            ceil_log2(p.pe_rows * p.sums),
            row,
        ),
        counter("applied", "passes applied"),
        counter("steps", "cycles in which nonzeros were applied"),
        counter("entry_waits", "cycles that waited for nonzeros"),
        counter("patch_waits", "cycles that waited for an activation tile alone"),
        counter("sum_waits", "cycles that waited for sums to be read, alone"),
    )


def _table(name: str, what: str, index: str, index_bits: int, row_bits: int) -> Register:
    """Return the register through which a table is written."""
    return Register(
        name=name,
        access="wo",
        fields=(
            Field(name="write", bits=1, description="1"),
            Field(name=index, bits=index_bits, description="place in the table"),
            Field(name="rows", bits=row_bits, description="rows of the activation tile"),
        ),
        description=what,
        locked="busy",
    )


class JobCheck(ArrayPart):
    """Whether the registers hold a job that `sw.sparse.array_parameters.Job` allows.

    Latency is two cycles from the sizes, 0 from the mode, which may let a pass begin; interval one.

    Members
    -------
    rows, depth, pixels, patch, passes, mode, keep : In
        The job.
    fits : Out(1)
        It can be done.
    """

    SIZES = ("rows", "depth", "pixels", "patch", "passes")

    def _members(self, p: SparseArrayParameters) -> dict[str, Any]:
        widths = {register.name: register.bits for register in registers(p)}
        return {
            **{name: In(widths[name]) for name in self.SIZES},
            "mode": In(2),
            "keep": In(5),
            "fits": Out(1),
        }

    def elaborate(self, platform: Any) -> Module:
        """Multiply, then compare."""
        m = Module()
        p = self.parameters
        sums = Signal(len(self.rows) + len(self.pixels))
        m.d.sync += sums.eq(self.rows * self.pixels)
        groups = (self.depth[: ceil_log2(p.group)] == 0) & _within(self.keep, p.group)
        sizes_fit = Signal()
        m.d.sync += sizes_fit.eq(
            Cat(
                _within(self.rows, p.sums // p.subtiles),
                _within(self.pixels, min(p.pixels, p.sums // p.subtiles)),
                sums <= p.sums // p.subtiles,
                _within(self.depth, p.depth),
                _within(self.patch, p.patch),
                self.passes != 0,
            ).all()
        )
        m.d.comb += self.fits.eq(sizes_fit & (self.mode != 3) & ((self.mode != 2) | groups))
        return m


def _within(value: Value, most: int) -> Value:
    """Return whether a value is 1..most."""
    return (value != 0) & (value <= most)
