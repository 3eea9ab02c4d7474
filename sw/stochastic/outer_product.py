"""Model of the stochastic outer product: the weight update of ESSOP.

ESSOP (arXiv 2003.11256, ISCAS 2020; US patent 11,436,302) multiplies by a logical AND of random
bits whose chances are the scaled magnitudes of two vectors, and counts. Published are powers of two
as scales and random words that are used again for many elements; all else here, the
staggered rows, the alignment of samples and the rounding, is this project's choice.
"""

import dataclasses
import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Flags, Floats, Integers
from ..checks import array, flag, instance, whole
from ..errors import UserError
from ..formats import binary32
from .bits import MOST_FIRST
from .converter import magnitudes
from .outer_parameters import OuterProductParameters

__all__ = [
    "Sums",
    "add_up",
    "batches",
    "counts",
    "ends",
    "outer_product",
    "results",
    "sums",
]

PAIRS = 128
"""Pairs that are counted at a time."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """Sums of counts over batches: ``value * 2**exponent``, or NaN.

    Parameters
    ----------
    value : array of int64, (batches, rows, columns)
    exponent : array of int64, (batches,)
    nan : array of bool, (batches,)
    """

    value: Integers
    exponent: Integers
    nan: Flags

    def __post_init__(self) -> None:
        """Check types and shapes."""
        shape = ("batches", "rows", "columns")
        value = array("value", self.value, "integer", shape=shape)
        exponent = array("exponent", self.exponent, "integer", shape=(len(value),))
        nan = array("nan", self.nan, "bool", shape=(len(value),))
        object.__setattr__(self, "value", value.astype(np.int64, copy=False))
        object.__setattr__(self, "exponent", exponent.astype(np.int64, copy=False))
        object.__setattr__(self, "nan", nan)


def ends(p: OuterProductParameters, last: npt.ArrayLike) -> list[int]:
    """Return the numbers of the pairs that end a batch: those marked, and each ``batch``-th."""
    instance("p", p, OuterProductParameters)
    last = array("last", last, "bool", shape=("pairs",))
    found, begin = [], 0
    for end in [*np.flatnonzero(last).tolist(), len(last)]:
        found += range(begin + p.batch - 1, end, p.batch)
        found += [end] if end < len(last) else []
        begin = end + 1
    return found


def counts(
    p: OuterProductParameters, x: npt.ArrayLike, d: npt.ArrayLike, *, first: int = 0
) -> Integers:
    """Return the counts of pairs of magnitudes, (pairs, rows, columns).

    Even pairs use words of one pair of sources, odd ones of another, each pair the `words` that
    follow those of the last. A group of rows counts a cycle, ``parallel`` words, behind the one
    before; a bit of ``x`` meets the bit of ``d`` of the same word's number.
    """
    instance("p", p, OuterProductParameters)
    most = 1 << p.bits
    x = array("x", x, "integer", shape=("pairs", p.columns), low=0, high=most)
    d = array("d", d, "integer", shape=(len(x), p.rows), low=0, high=most)
    first = whole("first", first, 0, MOST_FIRST)
    count = np.zeros((len(x), p.rows, p.columns), np.int64)
    for phase, start in itertools.product((0, 1), range(0, len(x), PAIRS)):
        # Even and odd are the numbers of pairs since the start.
        pairs = slice(start + (first + start + phase) % 2, start + PAIRS, 2)
        done = (first + pairs.start) // 2 * p.words
        bits = []
        for magnitude, source in ((x[pairs], p.x_sources[phase]), (d[pairs], p.d_sources[phase])):
            words = source.words(done, len(magnitude) * p.words)
            words = words.reshape(len(magnitude), p.words, source.elements)
            bits.append(source.compare(words, magnitude[:, None]).astype(np.float32))
        for row in range(p.rows):
            behind = row // p.group_rows * p.parallel
            window = slice(behind, behind + p.length)
            count[pairs, row] = (bits[1][:, None, window, row] @ bits[0][:, window])[:, 0]
    return count


def _shifted(value: Integers, places: int) -> Integers:
    """Return values moved right, rounded to nearest, a half up."""
    places = min(places, 62)
    return (value >> places) + (value >> places - 1 & 1) if places else value


def add_up(
    p: OuterProductParameters, counts: Integers, negative: Flags, scale: Integers, *, nan: bool
) -> tuple[Integers, int, bool]:
    """Return the sum of a batch's counts, its exponent, and whether it is NaN.

    A count has ``guard`` bits below it. A pair of a lower scale than the sum so far moves right, as
    does the sum before a pair of a higher one, both rounded to nearest: the pair's magnitude, and
    the sum, a half up.

    Parameters
    ----------
    p : OuterProductParameters
    counts : array of int64, (pairs, rows, columns)
    negative : array of bool, (pairs, rows, columns)
    scale : array of int64, (pairs,)
        Sums of both vectors' exponent codes.
    nan : bool
        Whether any vector holds a NaN or an infinity.
    """
    instance("p", p, OuterProductParameters)
    shape = ("pairs", p.rows, p.columns)
    counts = array("counts", counts, "integer", shape=shape, low=0, high=p.length)
    negative = array("negative", negative, "bool", shape=counts.shape)
    scale = array("scale", scale, "integer", shape=(len(counts),))
    flag("nan", nan)
    if not len(counts):
        raise UserError("counts must be those of a pair or more, not of 0")
    total, top = np.zeros(counts.shape[1:], np.int64), int(scale[0])
    for count, sign, each in zip(counts, negative, scale.tolist(), strict=True):
        rise = max(each - top, 0)
        fall = max(top - each, 0)
        term = _shifted(count << p.guard, fall)
        total = _shifted(total, rise) + np.where(sign, -term, term)
        top += rise
    return total, top + p.unit, nan


def batches(
    p: OuterProductParameters, x: npt.ArrayLike, d: npt.ArrayLike, last: npt.ArrayLike | None
) -> tuple[Floats, Floats, Integers]:
    """Check the arguments of `outer_product`; return both, and the pairs up to each batch's end."""
    instance("parameters", p, OuterProductParameters)
    x = array("x", x, "float32", shape=("pairs", p.columns))
    d = array("d", d, "float32", shape=("pairs", p.rows))
    if len(x) != len(d):
        raise UserError(f"x and d must be as many vectors, not {len(x)} and {len(d)}")
    marked = np.zeros(len(x), bool)
    if last is not None:
        marked[:] = array("last", last, "bool", shape=marked.shape)
    if p.scale == "batch" and (len(x) % p.batch or marked.any()):
        raise UserError(f"x must be whole batches of {p.batch} vectors, not {len(x)}")
    marked[-1:] = True
    return x, d, np.array(ends(p, marked), np.int64) + 1


def sums(p: OuterProductParameters, x: Any, d: Any, *, last: Any = None, first: int = 0) -> Sums:
    """Return the sums of the batches of pairs; arguments as of `outer_product`."""
    x, d, stops = batches(p, x, d, last)
    first = whole("first", first, 0, MOST_FIRST)
    xs, ds = magnitudes(p.x_converter, x), magnitudes(p.d_converter, d)
    scale = xs[2].astype(np.int64) + ds[2]
    nan_code = p.x_converter.format.nan_code
    nan = (xs[2] == nan_code) | (ds[2] == nan_code)
    found, begin = [], 0
    counted = counts(p, xs[0], ds[0], first=first)
    for stop in stops.tolist():
        batch = slice(begin, stop)
        sign = ds[1][batch, :, None] ^ xs[1][batch, None]
        found.append(add_up(p, counted[batch], sign, scale[batch], nan=bool(nan[batch].any())))
        begin = stop
    shape = (len(found), p.rows, p.columns)
    return Sums(
        value=np.array([value for value, *_ in found], np.int64).reshape(shape),
        exponent=np.array([exponent for _, exponent, _ in found], np.int64),
        nan=np.array([nan for *_, nan in found], bool),
    )


def results(p: OuterProductParameters, sums: Sums, *, shift: int = 0, rate: float = 1.0) -> Floats:
    """Return ``2**-shift`` or ``rate`` times the sums, (batches, rows, columns).

    ``shift``, 0..31, applies where the parameter ``rate`` is ``shift``; a ``rate`` other than 1
    where it is ``free``: a finite number, which is rounded to binary32. Each sum is rounded to
    binary32, and by a free rate again.
    """
    instance("p", p, OuterProductParameters)
    instance("sums", sums, Sums)
    factor = p.check_scale(shift, rate)
    exponent = sums.exponent - int(shift)
    value = binary32.from_integer(sums.value, exponent[:, None, None], sums.nan[:, None, None])
    return binary32.multiply(value, factor) if p.rate == "free" else value


def outer_product(
    parameters: OuterProductParameters,
    x: npt.ArrayLike,
    d: npt.ArrayLike,
    *,
    last: npt.ArrayLike | None = None,
    first: int = 0,
    shift: int = 0,
    rate: float = 1.0,
) -> Floats:
    """Return the results of each batch, (batches, rows, columns): sums of ``d * x`` over its pairs.

    Parameters
    ----------
    parameters : OuterProductParameters
        Of the block.
    x, d : array of float32, (pairs, columns) and (pairs, rows)
        Values of ``parameters.source``.
    last : array of bool, (pairs,)
        Pairs that end a batch; each ``batch``-th pair after an end does in any case, as does the
        last one.
    first : int
        Number of the first pair.
    shift, rate : int, float
        See `results`.
    """
    found = sums(parameters, x, d, last=last, first=first)
    return results(parameters, found, shift=shift, rate=rate)
