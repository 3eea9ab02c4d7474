"""Stochastic outer products by compiled loops: the bits of the plain models, and far faster.

`outer_product` here is that of `sw.stochastic.outer`, `pulsed_sums` is `sw.stochastic.pulsed.sums`.
Bits of a stream lie in words of 64, which are combined and counted at once. numba compiles the
loops when they are first called and keeps what it made.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba.extending import intrinsic

from .. import binary32
from ..bfp.converter import ConverterParameters
from ..bfp.fast import Random, quantize
from ..formats import FLOAT_FORMATS
from . import outer
from .bits import BitSource
from .outer_parameters import OuterProductParameters
from .pulsed import PulsedParameters, Pulses

__all__ = ["Generators", "add_up", "outer_product", "pulsed_sums"]

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

jit: Any = numba.njit(cache=True)
# numba gives an intrinsic the arguments of its second function, which a type checker cannot see.
primitive: Any = intrinsic


@primitive
def _ones(typing: Any, word: Any) -> Any:
    """Return how many bits of a word are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return word(word), generate


class Generators:
    """The shift registers of some bit sources, at any place of their sequences.

    ``rule`` is what `add_up` takes of them.

    Parameters
    ----------
    sources : sequence of BitSource
        Of equal registers, bits and share.
    """

    def __init__(self, sources: Sequence[BitSource]) -> None:
        self.source = source = sources[0]
        lfsr = source.lfsr
        powers = [lfsr.linear.power(1 << bit) for bit in range(lfsr.width)]
        self.powers = np.array(powers, np.int64)
        self.starts = [np.array(each.starts, np.int64) for each in sources]
        turns = np.arange(max(each.elements for each in sources)) % lfsr.width
        self.rule = (
            lfsr.linear.tables(lfsr.leap).astype(np.int64),
            # Where an element's word begins in two states one above the other.
            2 * lfsr.width - source.bits - turns,
            lfsr.width,
            source.bits,
            source.share == "rotated",
        )

    def states(self, which: int, words: int) -> Integers:
        """Return the states of the registers of a source ``words`` words after its start."""
        lfsr = self.source.lfsr
        states = self.starts[which].copy()
        _jump(self.powers, states, words * lfsr.leap % lfsr.period)
        return states

    def operand(self, magnitude: npt.NDArray[np.integer]) -> tuple[Integers, Integers]:
        """Return below what words set the bits of magnitudes with signs, and their signs."""
        magnitude = magnitude.astype(np.int64)
        return np.abs(magnitude) + self.source.inclusive, magnitude >> 63


@jit
def _jump(powers, states, steps):
    """Move states on; ``powers`` are the images of 1, 2, 4 ... steps."""
    for i in range(len(states)):
        state = states[i]
        for bit in range(len(powers)):
            if steps >> bit & 1:
                after = 0
                for place in range(len(powers)):
                    after ^= powers[bit, place] & -(state >> place & 1)
                state = after
        states[i] = state


@jit
def _next(tables, state):
    """Return the state of the next word."""
    after = tables[0, state & 255] ^ tables[1, state >> 8 & 255]
    return after ^ tables[2, state >> 16 & 255] ^ tables[3, state >> 24 & 255]


@jit
def _streams(states, rule, thresholds, words, bits):
    """Fill ``bits``, (words of 64, elements), with so many random bits; step the states."""
    tables, shifts, width, word_bits, turned = rule
    mask, low = (1 << word_bits) - 1, width - word_bits
    bits[:] = 0
    state = states[0]
    for t in range(words):
        row, place = bits[t >> 6], np.int64(1) << (t & 63)
        if turned:
            twice = state << width | state
            for e in range(len(thresholds)):
                row[e] |= place if (twice >> shifts[e] & mask) < thresholds[e] else 0
            state = _next(tables, state)
        elif len(states) == 1:
            word = state >> low
            for e in range(len(thresholds)):
                row[e] |= place if word < thresholds[e] else 0
            state = _next(tables, state)
        else:
            for e in range(len(thresholds)):
                row[e] |= place if states[e] >> low < thresholds[e] else 0
                states[e] = _next(tables, states[e])
    if len(states) == 1:
        states[0] = state


@jit
def _shifted(value, places):
    """Return a value moved right, rounded to nearest, a half up."""
    places = min(places, 62)
    return (value >> places) + (value >> (places - 1) & 1) if places > 0 else value


@jit
def _window(begin, end, place):
    """Return which bits of the word at ``place`` are those from ``begin`` to below ``end``."""
    low, high = max(begin - 64 * place, 0), min(end - 64 * place, 64)
    mask = np.int64(-1) << low
    return mask if high == 64 else mask & ((np.int64(1) << high) - 1)


@jit
def add_up(x, d, scale, lengths, stops, states, rule, shape, first, guard, totals, tops):
    """Count the bits of pairs and add up the counts, as `sw.stochastic.outer.add_up` says.

    Parameters
    ----------
    x, d : pair of arrays of int64, (pairs, elements)
        Thresholds, and signs, -1 where negative.
    scale : array of int64, (pairs,)
        Sums of exponent codes.
    lengths : array of int64, (pairs,)
        Bits of each pair that count.
    stops : array of int64, (batches,)
        Pairs up to the end of each batch.
    states : pair of arrays of int64, (phases, registers)
        Of ``x`` and of ``d``, which are stepped; pairs take them by turns.
    rule : tuple
        That of `Generators`.
    shape : tuple of int
        Words of a pair, rows of a group, and words that a group is behind the one before.
    first, guard : int
        Pairs that came before, and bits kept below those of a count.
    totals, tops : array of int64, (batches, rows, columns) and (batches,)
        Filled with sums and the largest scales.
    """
    (x_thresholds, x_signs), (d_thresholds, d_signs) = x, d
    words, group, behind = shape
    rows, columns = totals.shape[1:]
    x_bits = np.empty(((words + 63) >> 6, columns), np.int64)
    d_bits = np.empty(((words + 63) >> 6, rows), np.int64)
    counts = np.empty(columns, np.int64)
    i = 0
    for batch in range(len(stops)):
        total, top = totals[batch], scale[i]
        total[:] = 0
        while i < stops[batch]:
            phase = (first + i) % len(states[0])
            _streams(states[0][phase], rule, x_thresholds[i], words, x_bits)
            _streams(states[1][phase], rule, d_thresholds[i], words, d_bits)
            if scale[i] > top:
                for row in range(rows):
                    for column in range(columns):
                        total[row, column] = _shifted(total[row, column], scale[i] - top)
                top = scale[i]
            fall = top - scale[i]
            for row in range(rows):
                begin = row // group * behind
                end = begin + lengths[i]
                some = np.int64(0)
                counts[:] = 0
                for place in range(begin >> 6, (end + 63) >> 6):
                    mine = d_bits[place, row] & _window(begin, end, place)
                    some |= mine
                    for column in range(columns):
                        counts[column] += _ones(mine & x_bits[place, column])
                if some == 0:
                    continue
                for column in range(columns):
                    term = _shifted(counts[column] << guard, fall)
                    minus = d_signs[i, row] ^ x_signs[i, column]
                    total[row, column] += (term ^ minus) - minus
            i += 1
        tops[batch] = top


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
    """Return what `sw.stochastic.outer.outer_product` returns."""
    p = parameters
    x, d, stops = outer.batches(p, x, d, last)
    generators = _generators(p)
    xs, ds = (_magnitudes(c, v) for c, v in ((p.x_converter, x), (p.d_converter, d)))
    nan_code = p.x_converter.format.nan_code
    nan = (xs[1] == nan_code) | (ds[1] == nan_code)
    # Of the first pair of each phase from here on.
    done = [(first + (first + phase) % 2) // 2 * p.words for phase in (0, 1)]
    sides, states = [], []
    for side, (magnitude, _) in enumerate((xs, ds)):
        # Behind the last element that is not always zero there is nothing to count.
        used = max(np.flatnonzero(magnitude.any(0)), default=0) + 1
        magnitude = magnitude[:, :used]
        sides.append(generators.operand(magnitude))
        starts = [generators.states(2 * side + phase, done[phase]) for phase in (0, 1)]
        states.append(np.stack(starts)[:, :used].copy())
    value = np.empty((len(stops), sides[1][0].shape[1], sides[0][0].shape[1]), np.int64)
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

    def rounded(value: Integers) -> Floats:
        found = outer.Sums(value=value, exponent=top + p.unit, nan=nan)
        return outer.results(p, found, shift=shift, rate=rate)

    shape = (len(stops), p.rows, p.columns)
    results = np.broadcast_to(rounded(np.zeros((len(stops), 1, 1), np.int64)), shape).copy()
    results[:, : value.shape[1], : value.shape[2]] = rounded(value)
    return results


@functools.lru_cache(16)
def _generators(p: OuterProductParameters) -> Generators:
    """Return those of ``x``, of even and of odd pairs, and those of ``d``."""
    return Generators([*p.x_sources, *p.d_sources])


def _magnitudes(converter: ConverterParameters, x: Floats) -> tuple[Any, Integers]:
    """Return mantissas and exponent codes as `sw.stochastic.converter.magnitudes` has them."""
    if converter.source != "binary32":
        source = FLOAT_FORMATS[converter.source]
        binary32.to_bits(x, source)
        x = binary32.flush(x, source)
    format = converter.format
    blocks = quantize(x.reshape(-1, format.block_elements), format, random=Random(1))
    codes = blocks.exponent[:, 0].astype(np.int64)
    return blocks.mantissa.reshape(x.shape), np.repeat(codes, len(x) // max(len(codes), 1))


def pulsed_sums(p: PulsedParameters, pulses: Pulses, *, first: int = 0) -> Integers:
    """Return what `sw.stochastic.pulsed.sums` returns."""
    pairs, columns = pulses.x.shape
    rows = pulses.d.shape[1]
    generators = _pulse_generators(p, columns, rows)
    states = [generators.states(side, first * p.length)[None] for side in (0, 1)]
    total = np.zeros((min(pairs, 1), rows, columns), np.int64)
    add_up(
        generators.operand(pulses.x),
        generators.operand(pulses.d),
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
    return Generators(p.sources(columns, rows))
