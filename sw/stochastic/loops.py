"""Compiled loops that count the coincidences of random bits, those of 64 words at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..arrays import Integers
from ..jit import njit
from .bits import BitSource

__all__ = ["Generators", "add_up"]

STRIDE = 4
"""Words that are made of one state."""

jit: Any = njit()
# numba gives an intrinsic the arguments of its second function, which a type checker cannot see.
primitive: Any = intrinsic


@primitive
def _ones(typing: Any, word: Any) -> Any:
    """Return how many bits of a word are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return word(word), generate


@primitive
def _below(typing: Any, array: Any, place: Any, threshold: Any) -> Any:
    """Return which of 64 words of a contiguous array of int32 lie below a threshold, as bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(32)
        form = ir.VectorType(word, 64)
        data = context.make_array(array)(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), form.as_pointer())
        unknown = ir.Constant(form, ir.Undefined)
        vector = builder.insert_element(unknown, arguments[2], word(0))
        zeros = ir.Constant(ir.VectorType(word, 64), None)
        thresholds = builder.shuffle_vector(vector, unknown, zeros)
        less = builder.icmp_signed("<", builder.load(address, align=4), thresholds)
        return builder.bitcast(less, ir.IntType(64))

    return types.int64(array, types.intp, types.int32), generate


class Generators:
    """The shift registers of some bit sources, at any place of their sequences.

    ``rule`` is the argument of `add_up`.

    Parameters
    ----------
    sources : sequence of BitSource
        Of equal registers, bits and share.
    words : int
        Words that a pair uses up.
    """

    def __init__(self, sources: Sequence[BitSource], words: int) -> None:
        self.source = source = sources[0]
        self.words = words
        lfsr = source.lfsr
        powers = [lfsr.linear.power(1 << bit) for bit in range(lfsr.width)]
        self.powers = np.array(powers, np.int64)
        self.starts = [np.array(each.starts, np.int64) for each in sources]
        turns = np.arange(max(each.elements for each in sources)) % lfsr.width
        if source.share != "rotated":
            turns[:] = 0
        steps = range(1, STRIDE + 1)
        self.rule = (
            np.array([lfsr.linear.tables(lfsr.leap * n) for n in steps], np.int64),
            lfsr.linear.tables(lfsr.leap * words).astype(np.int64),
            # Where an element's word begins in two states one above the other.
            2 * lfsr.width - source.bits - turns,
            lfsr.width,
            source.bits,
            int(source.inclusive),
        )

    def states(self, which: int, pairs: int) -> Integers:
        """Return the states of the registers of a source ``pairs`` pairs after its start."""
        lfsr = self.source.lfsr
        states = self.starts[which].copy()
        _jump(self.powers, states, pairs * self.words * lfsr.leap % lfsr.period)
        return states


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
    """Return the state that tables make of one."""
    after = tables[0, state & 255] ^ tables[1, state >> 8 & 255]
    return after ^ tables[2, state >> 16 & 255] ^ tables[3, state >> 24 & 255]


@jit
def _sequence(tables, state, words, states):
    """Write a state and those of the words that follow."""
    states[0] = state
    # Several words from one state: a step waits for its tables.
    for t in range(0, words, STRIDE):
        for step in range(STRIDE):
            states[t + 1 + step] = _next(tables[step], states[t])


@jit
def _streams(states, rule, magnitudes, live, words, buffers, bits):
    """Write random bits of the elements ``live``, (words of 64, elements), zeros of the others.

    The states are stepped as by a pair of vectors.
    """
    tables, pair_tables, shifts, width, word_bits, inclusive = rule
    sequence, word = buffers
    bits[:] = 0
    for k in range(len(live)):
        e = live[k]
        register = e if len(states) > 1 else 0
        if k == 0 or register:
            _sequence(tables, states[register], words, sequence)
        if k == 0 or register or shifts[e] != shifts[live[k - 1]]:
            for t in range(words):
                twice = sequence[t] << width | sequence[t]
                word[t] = twice >> shifts[e] & ((1 << word_bits) - 1)
        threshold = np.int32(abs(magnitudes[e]) + inclusive)
        for place in range((words + 63) >> 6):
            bits[place, e] = _below(word, 64 * place, threshold)
    for e in range(len(states)):
        states[e] = _next(pair_tables, states[e])


@jit
def _nonzero(values, places):
    """Return how many values are not zero, and write where they are."""
    count = 0
    for place in range(len(values)):
        if values[place] != 0:
            places[count] = place
            count += 1
    return count


@jit
def _shifted(value, places):
    """Return a value moved right, rounded to nearest, a half up."""
    places = min(places, 62)
    return (value >> places) + (value >> (places - 1) & 1) if places > 0 else value


@jit
def _window(begin, end, place):
    """Return which bits of the word at ``place`` are those from ``begin`` to below ``end``."""
    low, high = max(begin - 64 * place, 0), max(end - 64 * place, 0)
    mask = np.int64(-1) << low
    return mask if high >= 64 else mask & ((np.int64(1) << high) - 1)


@jit
def add_up(x, d, scale, lengths, stops, states, rule, shape, first, guard, totals, tops):
    """Count the bits of pairs and add up the counts, as `sw.stochastic.outer_product.add_up` says.

    Parameters
    ----------
    x, d : array of int64, (pairs, elements)
        Magnitudes with signs.
    scale : array of int64, (pairs,)
        Sums of exponent codes.
    lengths : array of int64, (pairs,)
        Bits of each pair that count.
    stops : array of int64, (batches,)
        Pairs up to the end of each batch.
    states : pair of arrays of int64, (phases, registers)
        Of ``x`` and of ``d``, which are stepped; pairs alternate between them.
    rule : tuple
        That of `Generators`.
    shape : tuple of int
        Words of a pair, rows of a group, and words that a group is behind the one before.
    first, guard : int
        Number of the first pair, and bits below those of a count.
    totals, tops : array of int64, (batches, rows, columns) and (batches,)
        Filled with sums and the largest scales.
    """
    words, group, behind = shape
    rows, columns = totals.shape[1:]
    x_live, d_live = np.empty(columns, np.int64), np.empty(rows, np.int64)
    # One more, so that they are in pairs.
    x_bits = np.zeros(((words + 127) >> 6, columns), np.int64)
    d_bits = np.zeros(((words + 127) >> 6, rows), np.int64)
    buffers = np.empty(words + 64, np.int64), np.empty(64 * len(x_bits), np.int32)
    counts = np.empty(columns, np.int64)
    i = 0
    for batch in range(len(stops)):
        total, top = totals[batch], scale[i]
        total[:] = 0
        while i < stops[batch]:
            if scale[i] > top:
                for row in range(rows):
                    for column in range(columns):
                        total[row, column] = _shifted(total[row, column], scale[i] - top)
                top = scale[i]
            fall = top - scale[i]
            x_count, d_count = _nonzero(x[i], x_live), _nonzero(d[i], d_live)
            if x_count == 0 or d_count == 0:
                x_count = d_count = 0
            phase = (first + i) % len(states[0])
            _streams(states[0][phase], rule, x[i], x_live[:x_count], words, buffers, x_bits)
            _streams(states[1][phase], rule, d[i], d_live[:d_count], words, buffers, d_bits)
            for row in d_live[:d_count]:
                begin = row // group * behind
                end = begin + lengths[i]
                counts[:] = 0
                for place in range(begin >> 6, (end + 63) >> 6, 2):
                    low = d_bits[place, row] & _window(begin, end, place)
                    high = d_bits[place + 1, row] & _window(begin, end, place + 1)
                    for column in range(columns):
                        ones = _ones(low & x_bits[place, column])
                        counts[column] += ones + _ones(high & x_bits[place + 1, column])
                for column in range(columns):
                    term = _shifted(counts[column] << guard, fall)
                    minus = (d[i, row] ^ x[i, column]) >> 63
                    total[row, column] += (term ^ minus) - minus
            i += 1
        tops[batch] = top
