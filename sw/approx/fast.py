"""Products of matrices by approximate multipliers in compiled loops: the bits of the plain model.

`gemm` is that of `sw.approx.product`. Where no sum of a row can be subnormal and no product too
large, which the exponents tell, a row needs no case distinctions. With the left fraction fixed a
product is then a function of the right value, tabulated for every fraction and scaled by the left
power of two. A product by Mitchell's multiplier is a sum of bit patterns. numba compiles the loops
when they are first called and keeps what it made.
"""

import functools
import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..checks import instance
from ..formats import binary32
from ..jit import njit
from .multipliers import LARGEST_BITS, encode, multiplier
from .product import Datapath, matrices
from .table import LARGEST_TABLE_BITS, Table, make
from .vector import (
    GROUP,
    PANEL,
    add_scaled,
    add_shifted,
    columns,
    load_group,
    load_panel,
    multiply,
    store_group,
    store_panel,
)

__all__ = ["gemm"]

DEPTH = 4
"""Places of the reduction that are tabulated at a time."""

ONE = 127 << 23

jit: Any = njit(error_model="numpy")


def gemm(fractions: Datapath | Table, a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Return what `sw.approx.product.gemm` returns."""
    instance("fractions", fractions, Datapath, Table)
    a, b = matrices(a, b)
    # The right operand's columns are those of the vectors, in whole panels.
    if _work(b.shape[1], a.shape[0]) <= _work(a.shape[0], b.shape[1]):
        return _gemm(fractions, a, b, False)
    return np.ascontiguousarray(_gemm(fractions, b.T, a.T, True).T)


def _work(m: int, n: int) -> int:
    """Return in proportion the time of rows and columns."""
    return -(-n // PANEL) * (m + GROUP)


def _gemm(fractions: Datapath | Table, a: Any, b: Any, turned: bool) -> Floats:
    """Return a product; ``turned``: of transposes, so that the fractions change places as well."""
    bits = fractions.bits
    name = fractions.name if isinstance(fractions, Datapath) else None
    a, b = (np.ascontiguousarray(x).view(np.int32) for x in (a, b))
    if name is not None and name != "mitchell" and bits > LARGEST_TABLE_BITS:
        return _rows(name)(a, b, bits, np.zeros(1, np.uint16), turned)
    (m, depth), n = a.shape, b.shape[1]
    places, across = -(-depth // DEPTH) * DEPTH, -(-n // PANEL) * PANEL
    right, least, largest = _cut(b, bits, places, across)
    left = _cut(a, bits, m, places)[0]
    total = np.zeros(m * across, np.float32)
    if name == "mitchell":
        _by_addition(left, right.ravel(), total)
    else:
        _by_table(*_arrange(left, right, bits), _values(fractions, turned).ravel(), total)
    result = np.ascontiguousarray(total.reshape(m, across)[:, :n])
    result[np.isnan(result)] = binary32.NAN
    special = np.flatnonzero(~_plain(a, least, largest, bits))
    if len(special):
        entries = (
            _table(fractions).entries if bits <= LARGEST_TABLE_BITS else np.zeros(1, np.uint16)
        )
        rows = _rows(None if bits <= LARGEST_TABLE_BITS else name)
        result[special] = rows(a[special], b, bits, entries, turned)
    return result


@functools.lru_cache(16)
def _made(name: str, bits: int) -> Table:
    return make(name, bits)


def _table(fractions: Datapath | Table) -> Table:
    """Return the table of what multiplies fractions."""
    return fractions if isinstance(fractions, Table) else _made(fractions.name, fractions.bits)


@functools.lru_cache(16)
def _values(fractions: Datapath | Table, turned: bool) -> Floats:
    """Return the products of 1 up to 4 of fractions, those of a right one side by side."""
    table = _table(fractions)
    side = 1 << table.bits
    entries = table.entries.astype(np.int64)
    values = np.ldexp(1 + np.ldexp(entries & (side - 1), -table.bits), entries >> table.bits)
    square = values.reshape(side, side) if turned else values.reshape(side, side).T
    missing = max(GROUP - side, 0)
    return np.ascontiguousarray(np.pad(square, (0, missing)), np.float32)


@jit
def _cut(x, bits, rows, across):
    """Return patterns cut to ``bits`` of the fraction, subnormal ones 0, with zeros around them.

    Return also each row's least exponent but that of zero, 255 if there is none, and its largest.
    """
    mask = np.int32(-1 << (LARGEST_BITS - bits))
    result = np.zeros((rows, across), np.int32)
    least = np.full(x.shape[0], 255)
    largest = np.zeros(x.shape[0], np.int64)
    for i in range(x.shape[0]):
        low, high = 255, 0
        for j in range(x.shape[1]):
            exponent = x[i, j] >> 23 & 255
            result[i, j] = x[i, j] & mask if exponent > 0 else 0
            low = min(low, exponent if exponent > 0 else 255)
            high = max(high, exponent)
        least[i], largest[i] = low, high
    return result, least, largest


@jit
def _plain(a, least, largest, bits):
    """Tell of each row of ``a`` whether its products and their sums need no case distinctions.

    Products are then of exponents at which all their places, and so those of sums, weigh as much as
    the smallest normal number or more.
    """
    plain = np.zeros(len(a), np.bool_)
    if len(largest) and largest.max() >= 254:
        return plain
    for i in range(a.shape[0]):
        good = True
        for k in range(a.shape[1]):
            exponent = np.int64(a[i, k] >> 23 & 255)
            inside = exponent + least[k] - 127 > bits and exponent + largest[k] - 127 < 254
            good &= exponent == 0 or (exponent < 255 and (inside or largest[k] == 0))
        plain[i] = good
    return plain


@jit
def _arrange(a, b, bits):
    """Return what the loop over the table takes of cut operands.

    That are for each place of ``a``, in their order, where the products of its
    fraction begin, and its power of two with the sign; which groups of fractions any row has at a
    place of the reduction; where in the table those of each place of ``b`` begin, and its power.
    """
    (m, places), across = a.shape, b.shape[1]
    ones, shift = (1 << bits) - 1, LARGEST_BITS - bits
    side = max(1 << bits, GROUP)
    starts = np.empty(m * places, np.int32)
    scale_a = np.empty(m * places, np.int32)
    used = np.zeros((places, side // GROUP), np.bool_)
    for i in range(m):
        for k in range(places):
            fraction = a[i, k] >> shift & ones
            at = (k // DEPTH * m + i) * DEPTH + k % DEPTH
            starts[at] = (k % DEPTH * side + fraction) * PANEL
            scale_a[at] = a[i, k] & ~0x7FFFFF
            used[k, fraction // GROUP] = True
    rows_b = np.empty((places, across), np.int32)
    scale_b = np.empty((places, across), np.int32)
    for k in range(places):
        for j in range(across):
            rows_b[k, j] = (b[k, j] >> shift & ones) * side
            scale_b[k, j] = b[k, j] & ~0x7FFFFF
    return starts, scale_a.view(np.float32), used, rows_b, scale_b.view(np.float32)


@jit
def _by_table(starts, scale_a, used, rows_b, scale_b, values, result):
    """Tabulate some places of the reduction for a panel of columns, then scale for each row."""
    places, columns_of_b = rows_b.shape
    groups = used.shape[1]
    m = len(result) // columns_of_b
    products = np.empty(DEPTH * groups * GROUP * PANEL, np.float32)
    for column in range(0, columns_of_b, PANEL):
        for block in range(places // DEPTH):
            for u in range(DEPTH):
                k = block * DEPTH + u
                first = u * groups * GROUP * PANEL
                _tabulate(products, first, used[k], rows_b[k], scale_b[k], column, values)
            for i in range(m):
                at = i * columns_of_b + column
                total = load_panel(result, at)
                for place in range((block * m + i) * DEPTH, (block * m + i + 1) * DEPTH):
                    product = load_panel(products, starts[place])
                    total = add_scaled(total, scale_a[place], product)
                store_panel(result, at, total)


@jit
def _tabulate(products, first, used, rows_b, scale_b, column, values):
    """Write the products of each left fraction that is used, as of 1 up to 2, and a row of b."""
    for c in range(column, column + PANEL, GROUP):
        scale = load_group(scale_b, c)
        for group in range(len(used)):
            if used[group]:
                place = first + group * GROUP * PANEL + c - column
                for row in columns(values, rows_b, c, group * GROUP):
                    store_group(products, place, multiply(row, scale))
                    place += PANEL


@jit
def _by_addition(a, b, result):
    """Add the product of cut operands by Mitchell; a product's pattern is the sum of patterns."""
    m, depth = a.shape
    columns_of_b = len(b) // depth
    for column in range(0, columns_of_b, PANEL):
        for i in range(m):
            at = i * columns_of_b + column
            total = load_panel(result, at)
            for k in range(depth):
                if a[i, k] != 0:
                    shift = np.int32(a[i, k] - ONE)
                    total = add_shifted(total, shift, load_panel(b, k * columns_of_b + column))
            store_panel(result, at, total)


@functools.cache
def _rows(name: str | None) -> Any:
    """Return the loop for all cases, of a multiplier by name or of a table."""
    product = None if name is None else numba.njit(multiplier(name).product)
    nearest = name is not None and multiplier(name).nearest
    code_of = numba.njit(encode)

    @numba.njit(error_model="numpy")
    def rows(a, b, bits, entries, turned):
        one, shift = 1 << bits, LARGEST_BITS - bits
        result = np.zeros((a.shape[0], b.shape[1]), np.float32)
        for i in range(a.shape[0]):
            for k in range(a.shape[1]):
                x, exponent_a = np.int64(a[i, k]) >> shift & (one - 1), a[i, k] >> 23 & 255
                for j in range(b.shape[1]):
                    y, exponent_b = np.int64(b[k, j]) >> shift & (one - 1), b[k, j] >> 23 & 255
                    left, right = (y, x) if turned else (x, y)
                    if product is None:
                        code = np.int64(entries[left << bits | right])
                    else:
                        code = code_of(product(left | one, right | one, bits), bits, nearest)
                    exponent = np.int64(exponent_a) + exponent_b - 127 + (code >> bits)
                    size = exponent << 23 | (code & (one - 1)) << shift
                    if exponent_a == 255 or exponent_b == 255:
                        nan = exponent_a == 0 or exponent_b == 0
                        nan |= exponent_a == 255 and a[i, k] & 0x7FFFFF != 0
                        nan |= exponent_b == 255 and b[k, j] & 0x7FFFFF != 0
                        size = 0x7FC00000 if nan else 0x7F800000
                    elif exponent_a == 0 or exponent_b == 0 or exponent <= 0:
                        size = 0
                    elif exponent >= 255:
                        size = 0x7F800000
                    negative = (a[i, k] ^ b[k, j]) < 0
                    value = np.int32(size).view(np.float32)
                    total = result[i, j] + (-value if negative else value)
                    if abs(total) < np.float32(2.0**-126):
                        total = np.float32(math.copysign(0.0, total))
                    result[i, j] = np.float32(np.nan) if math.isnan(total) else total
        return result

    return rows
