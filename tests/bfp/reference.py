"""Slow scalar references, one number at a time in exact fractions, written from the publications.

FlexBlock: arXiv 2203.06673 and its authors' simulator; HBFP: arXiv 2211.10737 and its emulator; MX:
OCP Microscaling 1.0. They read a format's plain fields and derive everything else anew.
"""

import math
from fractions import Fraction

from sw.formats import BfpFormat

TWO = Fraction(2)
LEAST = 2.0**-126


def floor_log2(v: Fraction) -> int:
    exponent = v.numerator.bit_length() - v.denominator.bit_length()
    return exponent if v >= TWO**exponent else exponent - 1


def ceil_log2(v: Fraction) -> int:
    exponent = floor_log2(v)
    return exponent if v == TWO**exponent else exponent + 1


def flush(x: float) -> float:
    return math.copysign(0.0, x) if abs(x) < LEAST else x


def to_binary32(v: Fraction, places: int = 23, least: int = -126) -> float:
    """Round once to 24 bits, ties to even (as Python does); then zero or infinity if outside.

    Other formats have other places behind the point and another exponent of the least number.
    """
    if v == 0:
        return 0.0
    ulp = TWO ** (floor_log2(abs(v)) - places)
    rounded = round(v / ulp) * ulp
    if abs(rounded) < TWO**least:
        return 0.0 if v > 0 else -0.0
    if abs(rounded) >= TWO ** (2 - least):
        return math.inf if v > 0 else -math.inf
    return float(rounded)


def add(x: float, y: float) -> float:
    x, y = flush(x), flush(y)
    if math.isfinite(x) and math.isfinite(y):
        if x == y == 0:
            return -0.0 if math.copysign(1, x) == math.copysign(1, y) == -1 else 0.0
        return to_binary32(Fraction(x) + Fraction(y))
    if math.isnan(x) or math.isnan(y) or x == -y:
        return math.nan
    return y if math.isinf(y) else x


def conventions(format: BfpFormat) -> tuple[int, int, int, int]:
    """Magnitude bits, bias of the exponent code, code of NaN and lowest E."""
    m = format.mantissa_bits - (1 if format.sign_inside else 0)
    bias = 2 ** (format.exponent_bits - 1) - 1
    lowest = 1 - bias if format.exponent_floor is None else format.exponent_floor
    return m, bias, 2**format.exponent_bits - 1, lowest


def quantize_block(
    values: list[float], format: BfpFormat, words: list[int]
) -> tuple[list[int], int, list[bool]]:
    """Integers, exponent code and zero-set flags of one block."""
    m, bias, nan_code, lowest = conventions(format)
    if not all(math.isfinite(v) for v in values):
        return [0] * len(values), nan_code, [False] * len(values)
    exact = [Fraction(flush(v)) for v in values]
    top = max(abs(v) for v in exact)
    if top == 0:
        return [0] * len(values), lowest - 1 + bias, [False] * len(values)
    highest = (nan_code - 1) + 1 - bias
    e = ceil_log2(top) if format.exponent_rule == "ceil" else floor_log2(top) + 1
    e = min(max(e, lowest), highest)
    ulp = TWO ** (e - m)
    q = []
    for v, word in zip(exact, words, strict=True):
        t = abs(v) / ulp
        n = math.floor(t)
        if format.rounding == "nearest_even":
            n = round(t)
        elif format.rounding == "nearest_away":
            n = math.floor(t + Fraction(1, 2))
        elif format.rounding == "stochastic":
            steps = 2**format.random_bits
            n += math.floor((t - n) * steps) + word >= steps
        n = min(n, 2**m if v < 0 and not format.symmetric else 2**m - 1)
        q.append(-n if v < 0 else n)
    zero_set = [v == 0 or floor_log2(top) - floor_log2(abs(v)) >= m for v in exact]
    return q, e - 1 + bias, zero_set


def element(q: int, code: int, format: BfpFormat) -> Fraction:
    """The value of an integer in a block that is not NaN."""
    m, bias, _, _ = conventions(format)
    return q * TWO ** (code + 1 - bias - m)


def block_sum(qa: list[int], qb: list[int], code_a: int, code_b: int, format: BfpFormat) -> float:
    """The dot product of two blocks, rounded once."""
    if conventions(format)[2] in (code_a, code_b):
        return math.nan
    unit = element(1, code_a, format) * element(1, code_b, format)
    return to_binary32(sum(x * y for x, y in zip(qa, qb, strict=True)) * unit)


def accumulate(sums: list[float], accumulators: int) -> float:
    """The sum of a tile's block sums in the array's order."""
    partial = [0.0] * accumulators
    last = [-1] * accumulators
    for k, value in enumerate(sums):
        partial[k % accumulators] = add(partial[k % accumulators], value)
        last[k % accumulators] = k
    level = []
    for j in range(accumulators):
        k = len(sums) - accumulators + j
        level.append(partial[last.index(k)] if k >= 0 else 0.0)
    while len(level) > 1:
        level = [add(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def flexblock(values: list[float], m: int) -> list[Fraction]:
    """FlexBlock's converter as its simulator has it: keep k fraction bits below the hidden one."""
    fields = [0 if abs(v) < LEAST else floor_log2(Fraction(abs(v))) + 127 for v in values]
    largest = max(fields)
    result = []
    for v, field in zip(values, fields, strict=True):
        k = m - 1 - (largest - field)
        if field == 0 or k < 0:
            result.append(Fraction(0))
            continue
        step = TWO ** (field - 127 - k)
        result.append(math.trunc(Fraction(v) / step) * step)
    return result


def hbfp(values: list[float], m: int) -> list[Fraction]:
    """HBFP's quantizer with rounding to nearest: clamp(q * ulp, 2**E - ulp), E at least -26."""
    top = max(abs(Fraction(v)) for v in values)
    e = -26 if top == 0 else max(-26, ceil_log2(top))
    ulp = TWO ** (e - m)
    return [max(-(TWO**e - ulp), min(TWO**e - ulp, round(Fraction(v) / ulp) * ulp)) for v in values]


def mxint8(values: list[float]) -> list[Fraction]:
    """MXINT8: a scale of 2**floor(log2(max)) and elements of 6 fraction bits up to 127/64."""
    top = max(abs(Fraction(v)) for v in values)
    if top == 0:
        return [Fraction(0)] * len(values)
    scale = TWO ** floor_log2(top)
    return [max(-127, min(127, round(Fraction(v) / scale * 64))) * scale / 64 for v in values]
