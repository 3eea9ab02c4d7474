"""Slow scalar references in integers and fractions, written from the docstrings.

Shift registers jump by products of polynomials over GF(2), nothing by matrices.
"""

import functools
import math
from fractions import Fraction
from typing import Any

from sw.formats import BfpFormat
from sw.stochastic.lfsr import TAPS
from tests.bfp.reference import quantize_block, to_binary32

TWO = Fraction(2)


def times(a: int, b: int, modulus: int) -> int:
    """The product of polynomials over GF(2), reduced."""
    product, top = 0, modulus.bit_length() - 1
    while b:
        if b & 1:
            product ^= a
        a, b = a << 1, b >> 1
        if a >> top & 1:
            a ^= modulus
    return product


def power(exponent: int, modulus: int) -> int:
    """x to the power of ``exponent``."""
    result, base = 1, 2
    while exponent:
        if exponent & 1:
            result = times(result, base, modulus)
        base, exponent = times(base, base, modulus), exponent >> 1
    return result


def polynomial(width: int) -> int:
    return 1 | sum(1 << tap for tap in TAPS[width])


def step(state: int, width: int, form: str) -> int:
    places = [state >> i & 1 for i in range(width)]
    if form == "fibonacci":
        parity = 0
        for tap in TAPS[width]:
            parity ^= places[tap - 1]
        places = [parity, *places[:-1]]
    else:
        # Multiply by x modulo the polynomial, from coefficients.
        out = places[-1]
        places = [0, *places[:-1]]
        for exponent in (0, *TAPS[width][1:]):
            places[exponent] ^= out
    return sum(bit << i for i, bit in enumerate(places))


def jump(state: int, steps: int, width: int, form: str) -> int:
    steps %= (1 << width) - 1
    if form == "galois":
        return times(state, power(steps, polynomial(width)), polynomial(width))
    # The bits that enter obey a recurrence, whose polynomial is the other one turned round.
    turned = int(f"{polynomial(width):b}"[::-1], 2)
    coefficients = power(steps, turned)
    bits, now = [state >> i & 1 for i in reversed(range(width))], state
    for _ in range(width):
        now = step(now, width, form)
        bits.append(now & 1)
    after = [
        sum(bits[i + j] for j in range(width) if coefficients >> j & 1) % 2 for i in range(width)
    ]
    return sum(bit << i for i, bit in enumerate(reversed(after)))


@functools.cache
def leap(width: int) -> int:
    steps = width
    while math.gcd(steps, 2**width - 1) != 1:
        steps += 1
    return steps


class Register:
    """The states that words are the tops of, one after another."""

    def __init__(self, state: int, width: int, form: str) -> None:
        self.width, self.form = width, form
        self.states = [state]
        # In the order in which they enter at the bottom.
        self.entered = [state >> i & 1 for i in reversed(range(width))]
        self.factor = power(leap(width), polynomial(width))

    def __getitem__(self, number: int) -> int:
        while number >= len(self.states):
            self.states.append(self.next())
        return self.states[number]

    def next(self) -> int:
        if self.form == "galois":
            return times(self.states[-1], self.factor, polynomial(self.width))
        for _ in range(leap(self.width)):
            self.entered.append(sum(self.entered[-tap] for tap in TAPS[self.width]) % 2)
        return int("".join(map(str, self.entered[-self.width :])), 2)


class Bits:
    """The bits of some elements, by their own registers or a common one."""

    def __init__(self, p: Any, starts: list[int]) -> None:
        self.p = p
        self.registers = [Register(start, p.width, p.form) for start in starts]
        self.words: dict[tuple[int, int], int] = {}

    def word(self, element: int, number: int) -> int:
        if (element, number) not in self.words:
            self.words[element, number] = self.make(element, number)
        return self.words[element, number]

    def make(self, element: int, number: int) -> int:
        p = self.p
        state = self.registers[element if p.share == "independent" else 0][number]
        if p.share == "rotated":
            for _ in range(element % p.width):
                state = (state << 1 & 2**p.width - 1) + (state >> p.width - 1)
        return state // 2 ** (p.width - p.bits)

    def bit(self, element: int, number: int, magnitude: int) -> bool:
        word = self.word(element, number)
        return word < magnitude or (word == magnitude and self.p.bits == self.p.width)


def all_bits(p: Any, elements: list[int]) -> list[Bits]:
    """Bits for each number of elements, whose registers lie evenly on the cycle."""
    counts = [n if p.share == "independent" else 1 for n in elements]
    total, period = sum(counts), 2**p.width - 1
    starts = [
        jump(p.seed, (2 * i + 1) * period // (2 * total), p.width, p.form) for i in range(total)
    ]
    found = []
    for count in counts:
        found.append(Bits(p, starts[:count]))
        starts = starts[count:]
    return found


def magnitudes(p: Any, values: list[float]) -> tuple[list[int], int | None]:
    """Integers of ``bits`` bits with signs, and the exponent that they share; None if NaN."""
    format = BfpFormat(
        mantissa_bits=p.bits,
        sign_inside=False,
        exponent_rule="ceil",
        block=(len(values),),
        rounding=p.rounding,
    )
    q, code, _ = quantize_block(values, format, [0] * len(values))
    return q, None if code == 255 else code - 126


def outer_product(
    p: Any,
    x: list[list[float]],
    d: list[list[float]],
    last: list[bool],
    *,
    first: int = 0,
    shift: int = 0,
    rate: float = 1.0,
) -> list[list[list[float]]]:
    """Results of batches, (batches, rows, columns)."""
    cycles = p.length // p.parallel
    period = max(cycles, max(p.rows, p.columns) // p.lanes + 2, 4)
    group = min(n for n in range(1, p.rows + 1) if p.rows % n == 0 and p.rows // n <= period)
    words = (cycles + p.rows // group - 1) * p.parallel
    sources = all_bits(p, [p.columns, p.columns, p.rows, p.rows])
    results, batch = [], []
    for i in range(len(x)):
        batch.append(i)
        if not (last[i] or len(batch) == p.batch or i == len(x) - 1):
            continue
        sides = []
        for vectors in (x, d):
            mine = [vectors[j] for j in batch]
            if p.scale == "batch":
                q, e = magnitudes(p, [value for vector in mine for value in vector])
                n = len(mine[0])
                sides.append([(q[k * n : k * n + n], e) for k in range(len(mine))])
            else:
                sides.append([magnitudes(p, vector) for vector in mine])
        pairs = []
        for j, (qx, ex), (qd, ed) in zip(batch, *sides, strict=True):
            phase, number = (first + j) % 2, (first + j) // 2
            counts = [[0] * p.columns for _ in range(p.rows)]
            for row in range(p.rows):
                begin = number * words + row // group * p.parallel
                for column in range(p.columns):
                    both = sum(
                        sources[phase].bit(column, begin + t, abs(qx[column]))
                        and sources[2 + phase].bit(row, begin + t, abs(qd[row]))
                        for t in range(p.length)
                    )
                    counts[row][column] = both if (qx[column] < 0) == (qd[row] < 0) else -both
            exponent = None if ex is None or ed is None else ex + ed
            pairs.append((counts, exponent))
        results.append(
            [
                [
                    result(p, [(counts[r][c], e) for counts, e in pairs], shift, rate)
                    for c in range(p.columns)
                ]
                for r in range(p.rows)
            ]
        )
        batch = []
    return results


def nearest(v: Fraction) -> int:
    return math.floor(v + Fraction(1, 2))


def result(p: Any, pairs: list[tuple[int, int | None]], shift: int, rate: float) -> float:
    """The sum of a batch's counts, each of which is a share of ``length``."""
    total, top = 0, None
    for count, exponent in pairs:
        if exponent is None:
            return math.nan
        top = exponent if top is None else top
        if exponent > top:
            total, top = nearest(total / TWO ** (exponent - top)), exponent
        term = nearest(abs(count) * 2**p.guard / TWO ** (top - exponent))
        total += -term if count < 0 else term
    assert top is not None
    unit = TWO ** (top - p.guard) / p.length
    if p.rate == "shift":
        return to_binary32(total * unit / TWO**shift)
    value = to_binary32(total * unit)
    if value == 0:
        return math.copysign(0.0, value) * math.copysign(1.0, rate)
    return (
        value * math.inf * rate
        if math.isinf(value)
        else to_binary32(Fraction(value) * Fraction(rate))
    )
