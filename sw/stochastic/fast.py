"""Stochastic outer products by compiled loops: the bits of the plain models, and far faster.

`outer_product` and `sums` here are those of `sw.stochastic.outer_product`, `pulsed_sums` is
`sw.stochastic.pulsed.sums`. numba compiles the loops when they are first called and keeps what it
made.
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Floats, Integers
from ..checks import instance, whole
from ..formats import FLOAT_FORMATS, binary32
from ..formats.converter import ConverterParameters
from ..formats.fast import quantize
from . import outer_product as outer
from .bits import MOST_FIRST
from .loops import Generators, add_up
from .outer_parameters import OuterProductParameters
from .pulsed import PulsedParameters, Pulses

__all__ = ["outer_product", "pulsed_sums", "sums"]


def outer_product(
    parameters: OuterProductParameters,
    x: npt.ArrayLike,
    d: npt.ArrayLike,
    *,
    shift: int = 0,
    rate: float = 1.0,
    **pairs: Any,
) -> Floats:
    """Return what `sw.stochastic.outer_product.outer_product` returns, of the same arguments.

    ``last`` and ``first``, ``pairs`` here, are those of `sums`.
    """
    p = parameters
    found = sums(p, x, d, **pairs)

    def rounded(value: Integers) -> Floats:
        of = outer.Sums(value=value, exponent=found.exponent, nan=found.nan)
        return outer.results(p, of, shift=shift, rate=rate)

    batches, rows, columns = found.value.shape
    zeros = rounded(np.zeros((batches, 1, 1), np.int64))
    results = np.broadcast_to(zeros, (batches, p.rows, p.columns)).copy()
    results[:, :rows, :columns] = rounded(found.value)
    return results


def sums(
    p: OuterProductParameters, x: Any, d: Any, *, last: Any = None, first: int = 0
) -> outer.Sums:
    """Return the sums of batches up to the last row and column that are not always zero."""
    x, d, stops = outer.batches(p, x, d, last)
    first = whole("first", first, 0, MOST_FIRST)
    generators = _generators(p)
    xs, ds = (_magnitudes(c, v) for c, v in ((p.x_converter, x), (p.d_converter, d)))
    nan_code = p.x_converter.format.nan_code
    nan = (xs[1] == nan_code) | (ds[1] == nan_code)
    sides, states = [], []
    for side, (magnitude, _) in enumerate((xs, ds)):
        used = max(np.flatnonzero(magnitude.any(0)), default=0) + 1
        sides.append(magnitude[:, :used].astype(np.int64))
        # Of the first pair of each phase from here on.
        starts = [
            generators.states(2 * side + phase, (first + (first + phase) % 2) // 2)
            for phase in (0, 1)
        ]
        states.append(np.stack(starts)[:, :used].copy())
    value = np.empty((len(stops), sides[1].shape[1], sides[0].shape[1]), np.int64)
    top = np.empty(len(stops), np.int64)
    add_up(
        *sides,
        xs[1] + ds[1],
        np.full(len(x), p.length),
        stops,
        tuple(states),
        generators.rule,
        (p.words, p.group_rows, p.parallel),
        first,
        p.guard,
        value,
        top,
    )
    nan = np.logical_or.reduceat(nan, np.append(0, stops)[:-1]) if len(stops) else nan
    return outer.Sums(value=value, exponent=top + p.unit, nan=nan)


@functools.lru_cache(16)
def _generators(p: OuterProductParameters) -> Generators:
    """Return those of ``x``, of even and of odd pairs, and those of ``d``."""
    return Generators([*p.x_sources, *p.d_sources], p.words)


def _magnitudes(converter: ConverterParameters, x: Floats) -> tuple[Any, Integers]:
    """Return mantissas and exponent codes as `sw.stochastic.converter.magnitudes` has them."""
    if converter.source != "binary32":
        source = FLOAT_FORMATS[converter.source]
        binary32.to_bits(x, source)
        x = binary32.flush(x, source)
    format = converter.format
    blocks = quantize(x.reshape(-1, format.block_elements), format)
    codes = blocks.exponent[:, 0].astype(np.int64)
    return blocks.mantissa.reshape(x.shape), np.repeat(codes, len(x) // max(len(codes), 1))


def pulsed_sums(p: PulsedParameters, pulses: Pulses, *, first: int = 0) -> Integers:
    """Return what `sw.stochastic.pulsed.sums` returns."""
    instance("p", p, PulsedParameters)
    instance("pulses", pulses, Pulses)
    first = whole("first", first, 0, MOST_FIRST)
    pairs, columns = pulses.x.shape
    rows = pulses.d.shape[1]
    generators = _pulse_generators(p, columns, rows)
    states = [generators.states(side, first)[None] for side in (0, 1)]
    total = np.zeros((min(pairs, 1), rows, columns), np.int64)
    add_up(
        np.ascontiguousarray(pulses.x),
        np.ascontiguousarray(pulses.d),
        np.zeros(pairs, np.int64),
        pulses.lengths,
        np.array([pairs])[:pairs],
        tuple(states),
        generators.rule,
        (p.length, rows, 0),
        first,
        0,
        total,
        np.empty(len(total), np.int64),
    )
    return total.sum(0)


@functools.lru_cache(64)
def _pulse_generators(p: PulsedParameters, columns: int, rows: int) -> Generators:
    """Return those of ``x`` and those of ``d``."""
    return Generators(p.sources(columns, rows), p.length)
