"""Notes of the units of approximate multipliers."""

from typing import Any

from sw.approx.amsim_multiplier import AmsimParameters
from sw.approx.array import ApproxArrayParameters
from sw.approx.multiplier import ApproxParameters
from sw.approx.multipliers import NAMES, multiplier
from sw.approx.realm import factors
from sw.formats import FloatFormat

from .bfp import tiles_order
from .note import ARITHMETIC, COUNTED, FIFO_READY, JOB_READY, Cycles, Notes, Port, packets

__all__ = ["amsim_multiplier", "array", "multipliers"]

_PRODUCTS = {
    "exact": "A x B, truncated",
    "exact_nearest": "A x B, rounded to nearest, ties to even, in the last of its b fraction bits",
    "mitchell": "with t = A + B - 2^(b + 1), u = t div 2^b, r = t - u 2^b: (2^b + r) x 2^(u + b)",
    "mbm": "with the last bit of A and of B set if b < 23, t = A + B - 2^(b + 1), u = t div 2^b, "
    "C = (655360 div 2^u) div 2^(23 - b) and r = t - u 2^b + C, less C again if u = 1 and r is 2^b "
    "or more: (2^b + r) x 2^(u + b)",
    "realm": "with t = A + B - 2^(b + 1), u = t div 2^b, r = t - u 2^b: (2^b + r) x 2^(u + b) + "
    "F x 2^(2b - 6), at most 2^(2b + 2) - 1, where F is in row i and column j of this table, "
    "i and j the top bits of both fractions, from 0 to {n} - 1: {table}",
    "drum": "the exact product of the top {n} bits of A and of B, the last of these set where any "
    "bits are cut off, moved back to its place",
    "array": "the sum of A_i x B_j x 2^(i + j) over all pairs of bits with i + j at least "
    "max(b - {n}, 0)",
}


def _product(name: str, bits: int) -> str:
    found = multiplier(name)
    table = ""
    if found.kind == "realm":
        table = "; ".join(" ".join(map(str, row)) for row in factors(found.number))
    how = _PRODUCTS[found.kind].format(n=found.number, table=table)
    return (
        f"Fractions are cut to their first b = {bits} bits; A and B are 2^b plus these. The "
        f"multiplier {name} makes P of them: {how}. P lies from 2^(2b) to below 2^(2b + 2); the "
        "carry u is 1 from 2^(2b + 1) on, the fraction the b bits behind P's leading one; those "
        "behind are cut off, and 0 in the product."
    )


def _scale(format: FloatFormat) -> str:
    return (
        f"The product's exponent field is e_a + e_b - {format.bias} + u, its sign the exclusive or "
        "of both. Below 1, or with an operand of zero or subnormal, the product is a zero of that "
        f"sign; from {format.exponent_ones} on an infinity. An infinite operand gives an infinity; "
        "infinity times zero, or a NaN, gives NaN."
    )


def _table(bits: int) -> str:
    return (
        f"Fractions x of a and y of b are cut to their first {bits} bits and look up entry x x "
        f"2^{bits} + y: its top bit is the carry u, the {bits} below it are the fraction of the "
        "product; the bits behind are 0."
    )


def _load(bits: int, what: str) -> tuple[str, ...]:
    return (
        (
            f"Write 1 to load, then send the {4**bits} entries on s_axis_table, entry 0 first; the "
            f"last one, and it alone, has tlast. {what} wait until table.loaded is 1."
        ),
    )


def _table_port(bits: int) -> Port:
    return Port(
        order=f"Entry x x 2^{bits} + y, of fractions x of a and y of b, from 0 up, one a beat.",
        last=f"On entry {4**bits - 1}, the last. Elsewhere it ends the load, and flags framing.",
        ready="While table.loading is 1.",
    )


def _pairs(p: Any, ready: str) -> dict[str, Port]:
    return {
        "i": Port(
            order=f"a[n] and b[n] are multiplied by lane n of {p.lanes}; lanes are independent.",
            last="Free; it leaves with the products.",
            ready=ready,
        ),
        "o": Port(order="product[n] is that of lane n.", last="As it came with the pairs."),
    }


def multipliers(p: ApproxParameters) -> Notes:
    """Return the notes of ``approx_multiplier``."""
    known = next((t for n, t in NAMES.items() if n == p.multiplier), p.multiplier)
    return Notes(
        does=(
            (
                f"{p.lanes} multipliers of floating-point values, {p.multiplier}: {known}. A beat "
                "of pairs gives a beat of products."
            ),
        ),
        ports=_pairs(p, FIFO_READY),
        order=("Beats leave in the order in which they came.",),
        sums=(_product(p.multiplier, p.bits or 0), _scale(p.format)),
        cycles=packets(p.timing, "beats", 1),
        work=("products", p.lanes),
    )


def amsim_multiplier(p: AmsimParameters) -> Notes:
    """Return the notes of ``amsim_multiplier``."""
    bits = p.bits or 0
    ready = "High while a table is loaded and there is room; a register but for that."
    return Notes(
        does=(
            (
                f"{p.lanes} multipliers of floating-point values, whose fractions are looked up in "
                f"a table of {4**bits} products that is loaded at run time."
            ),
        ),
        ports={**_pairs(p, ready), "i_table": _table_port(bits)},
        order=("Beats leave in the order in which they came.",),
        sums=(_table(bits), _scale(p.format)),
        cycles=packets(p.timing, "beats", 1),
        job=_load(bits, "Pairs"),
        flags={"refused": "Write load again when no product is under way and no table is loading."},
        work=("products", p.lanes),
    )


def array(p: ApproxArrayParameters) -> Notes:
    """Return the notes of ``approx_array``."""
    step, rows = p.interleave, p.tile_rows
    last = "Free on the last beat of a tile, elsewhere an error; it goes nowhere."
    product = _table(p.bits) if p.has_table else _product(p.multiplier, p.bits)
    shape = (rows, p.columns, 8)
    extra = p.timing.latency + p.timing.drain
    ready = JOB_READY.replace(
        "both operands are taken in the same cycle or neither is",
        f"the first of every {step} beats of a and the beat of b are taken in the same cycle; for "
        "the others b is not asked",
    )
    return Notes(
        does=(
            (
                f"Multiplies matrices by {p.multiplier} multipliers of {p.format.name}, adding in "
                f"binary32: {rows} x {p.columns} results at a time, of which each of {p.rows} x "
                f"{p.columns} elements computes {step} in turn."
            ),
        ),
        ports={
            "i_a": Port(
                order=f"A step k of the reduction takes {step} beats. Beat j of them has in "
                f"value[r], r = 0..{p.rows - 1}, the operand of the tile's row r x {step} + j.",
                last=last,
                ready=ready,
            ),
            "i_b": Port(
                order=f"A beat a step k, with the first of its {step} beats of a: value[c] is of "
                "the tile's column c.",
                last=last,
                ready=ready,
            ),
            **({"i_table": _table_port(p.bits)} if p.has_table else {}),
            "o": Port(
                order=f"A beat is a row of a tile, row 0 first, {rows} beats a tile: result[c] is "
                "of column c.",
                last="On the last row of the job's last tile alone.",
            ),
        },
        order=(
            *tiles_order(rows, p.columns, "zeros"),
            f"A tile takes depth x {step} beats of s_axis_a and depth of s_axis_b, depth = K.",
        ),
        sums=(
            product,
            _scale(p.format),
            (
                "The products of a result are added in binary32, one after the other in the order "
                "of the reduction, beginning with +0 + product 0."
            ),
            ARITHMETIC,
        ),
        cycles=Cycles(
            formula=f"(T - 1) x max(B, {rows}) + B + {extra}, where T = ceil(M / {rows}) x "
            f"ceil(N / {p.columns}) tiles and B = K x {step} beats",
            sizes=("M", "N", "K"),
            cases=(shape, (4 * rows, 4 * p.columns, 8), (64, 64, 256)),
            count=p.cycles,
            work=lambda m, n, k: m * n * k,
        ),
        job=_load(p.bits, "A job's operands") if p.has_table else (),
        flags={
            "framing": COUNTED + " A table whose tlast is wrong is to be loaded again."
            if p.has_table
            else COUNTED
        },
        work=("multiply-adds", p.rows * p.columns),
    )
