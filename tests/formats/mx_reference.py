"""A slow scalar reference of MX and NVFP4, one number at a time, written from the publications.

OCP Microscaling Formats (MX) 1.0 and torchao (`mx_tensor.py`) for MX, TransformerEngine
(`reference_nvfp4.py`, `ptx.cuh`) for NVFP4. It reads a format's plain fields and derives everything
else anew: numbers of codes as fractions, binary32 by packing bits. Where Gradgate deviates on
purpose the comment says DEVIATION.
"""

import bisect
import functools
import math
import struct
from fractions import Fraction
from typing import Any

LEAST = 2.0**-126
FLT_MAX = float.fromhex("0x1.fffffep127")


def bits_of(x: float) -> int:
    """The bits of a binary32."""
    return struct.unpack("<I", struct.pack("<f", x))[0]


def b32(x: float) -> float:
    """A binary64 rounded to binary32, which is exact of a product and innocuous of a quotient."""
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def flush(x: float) -> float:
    """DEVIATION: Gradgate's binary32 has no subnormals."""
    return math.copysign(0.0, x) if abs(x) < LEAST else x


def times(x: float, y: float) -> float:
    return flush(b32(flush(x) * flush(y)))


def over(x: float, y: float) -> float:
    return flush(b32(flush(x) / y)) if y else math.inf


def minus(x: float, y: float) -> float:
    return flush(b32(x - y))


def plus(x: float, y: float) -> float:
    return flush(b32(x + y))


@functools.cache
def numbers(element: Any, negative: bool = False) -> list[Fraction]:
    """The numbers of the codes 0, 1, 2, ... without a sign, or what the negative ones are minus."""
    if hasattr(element, "mantissa_bits"):
        m = element.mantissa_bits - (1 if element.sign_inside else 0)
        count = 2**m + (negative and not element.symmetric)
        return [Fraction(q, 2 ** (m - 1)) for q in range(count)]
    e_bits, f_bits = element.exponent_bits, element.fraction_bits
    bias = max(1, 2 ** (e_bits - 1) - 1)
    found = []
    for code in range(2 ** (e_bits + f_bits)):
        e, f = divmod(code, 2**f_bits)
        significand = Fraction(f, 2**f_bits) + (1 if e else 0)
        found.append(significand * Fraction(2) ** ((e or 1) - bias))
    if element.specials == "nan":
        return found[:-1]
    return found[: -(2**f_bits)] if element.specials == "ieee" else found


def nan_element(element: Any) -> int:
    """The code of an element of a block that is NaN."""
    specials = getattr(element, "specials", "none")
    return 0 if specials == "none" else 2 ** (element.exponent_bits + element.fraction_bits) - 1


def fraction_bits(element: Any) -> int:
    if hasattr(element, "mantissa_bits"):
        return element.mantissa_bits - (1 if element.sign_inside else 0) - 1
    return element.fraction_bits


def emax(element: Any) -> int:
    return math.floor(math.log2(numbers(element)[-1]))


def mx_code(amax: float, element: Any, rule: str) -> int:
    """The code of a scale of 8 bits, of the largest magnitude of a block, by torchao's formulas."""
    bits = bits_of(flush(amax))
    if rule == "rceil":
        d = bits_of(b32(flush(amax) * b32(1 / float(numbers(element)[-1]))))
        field, fraction = d >> 23, d & 0x7FFFFF
        code = field + (fraction > 0x400000 if field == 0 else fraction != 0)
        return min(code, 254)
    if rule == "even":
        bits = bits + ((1 << 22) >> fraction_bits(element)) & 0xFF800000
    e = (bits >> 23) - 127 - emax(element)
    if rule == "below":
        e += Fraction(flush(amax)) >= numbers(element)[-1] * Fraction(2) ** e
    if rule == "ceil":
        e += bits & 0x7FFFFF != 0
    # DEVIATION: torchao clamps to 128, which would be the code of NaN.
    return min(max(e, -127), 127) + 127


def magnitude_code(a: Fraction, table: list[Fraction], rounding: str, word: int, bits: int) -> int:
    """The code of a magnitude among those of a table; what is beyond the last saturates."""
    low = bisect.bisect_right(table, a) - 1
    if low == len(table) - 1:
        return low
    part = (a - table[low]) / (table[low + 1] - table[low])
    if rounding == "nearest_even":
        return low + (part > Fraction(1, 2) or (part == Fraction(1, 2) and low % 2 == 1))
    if rounding == "nearest_away":
        return low + (part >= Fraction(1, 2))
    if rounding == "stochastic":
        # Of r in 0..2**bits - 1, as many round up as the part has whole 2**-bits.
        return low + (word >= 2**bits - math.floor(part * 2**bits))
    assert rounding == "truncate"
    return low


def signed(code: int, negative: bool, element: Any) -> int:
    """A code with its sign; only floats have a -0."""
    if not hasattr(element, "mantissa_bits"):
        return code + negative * 2 ** (element.exponent_bits + element.fraction_bits)
    if not negative or code == 0:
        return code
    m = element.mantissa_bits - (1 if element.sign_inside else 0)
    twos = element.twos_complement
    twos = not element.symmetric if twos is None else twos
    return 2 ** (m + 1) - code if twos else 2**m + code


def quantize_mx(values: list[float], format: Any, words: list[int]) -> tuple[list[int], int]:
    """The codes of a block's elements, and that of its scale."""
    element = format.element
    if not all(math.isfinite(v) for v in values):
        return [nan_element(element)] * len(values), 255
    code = mx_code(max(map(abs, values)), element, format.scale.rule)
    unit = Fraction(2) ** (code - 127)
    found = []
    for v, word in zip(values, words, strict=True):
        a, negative = Fraction(abs(flush(v))) / unit, math.copysign(1, v) < 0
        table = numbers(element, negative)
        q = magnitude_code(a, table, format.rounding, word, format.random_bits)
        found.append(signed(q, negative, element))
    return found, code


E2M1 = [Fraction(n, 2) for n in (0, 1, 2, 3, 4, 6, 8, 12)]
E4M3 = [Fraction(f, 512) if e == 0 else Fraction(8 + f, 8) * Fraction(2) ** (e - 7)
        for e in range(16) for f in range(8)][:-1]  # fmt: skip


def counted(amax: float, bound: int) -> float:
    """DEVIATION: an amax of less counts as 6 * bound * 2**-116."""
    return max(flush(amax), 6 * bound * 2.0**-116) if flush(amax) else 0.0


def encode_scale(amax: float, bound: int) -> float:
    return b32(6 * bound / amax) if amax else 1.0


def candidate(
    values: list[float], quotient: float, scale: float, format: Any, words: list[int]
) -> tuple[list[int], int]:
    """The codes of a block under the scale that is nearest to a quotient."""
    code = magnitude_code(Fraction(min(quotient, 448.0)), E4M3, "nearest_even", 0, 0)
    factor = min(over(1.0, times(float(E4M3[code]), b32(1 / scale))), FLT_MAX)
    found = []
    for v, word in zip(values, words, strict=True):
        scaled = min(abs(times(v, factor)), 6.0)
        q = magnitude_code(Fraction(scaled), E2M1, format.rounding, word, format.random_bits)
        found.append(q + 8 * (math.copysign(1, v) < 0))
    return found, code


def total_error(values: list[float], found: list[int], code: int, amax: float, side: int) -> float:
    """The error that four over six compares: rows from left to right, then halves of rows."""
    rows = []
    for start in range(0, len(values), side):
        total = 0.0
        for v, q in zip(values[start : start + side], found[start : start + side], strict=True):
            number = float(E2M1[q % 8]) * (-1 if q > 7 else 1)
            value = over(times(times(number, float(E4M3[code])), amax), 6.0 * 256)
            total = plus(total, abs(minus(value, flush(v))))
        rows.append(total)
    while len(rows) & (len(rows) - 1):
        rows.append(0.0)
    while len(rows) > 1:
        half = len(rows) // 2
        rows = [plus(x, y) for x, y in zip(rows[:half], rows[half:], strict=True)]
    return rows[0]


def quantize_nvfp4(
    values: list[float], format: Any, words: list[int], amax: float
) -> tuple[list[int], int]:
    """The codes of a block's elements, and that of its scale, given the tensor's amax."""
    if not all(math.isfinite(v) for v in values):
        return [0] * len(values), 127
    four_over_six = format.scale.four_over_six
    bound = 256 if four_over_six else 448
    amax = counted(amax, bound)
    scale = encode_scale(amax, bound)
    top = flush(max(map(abs, values)))
    if not four_over_six:
        quotient = times(top, b32(scale * b32(1 / 6)))
        return candidate(values, quotient, scale, format, words)
    base = times(over(top, 6.0), scale)
    six = candidate(values, base, scale, format, words)
    four = candidate(values, times(base, 1.5), scale, format, words)
    side = format.block[-1]
    errors = [total_error(values, *each, amax, side) for each in (six, four)]
    return four if errors[1] < errors[0] else six


def value(code: int, element: Any) -> float:
    """The number of a code, infinities and NaN among them; that of -0 has its sign."""
    table = numbers(element)
    if hasattr(element, "mantissa_bits"):
        m = element.mantissa_bits - (1 if element.sign_inside else 0)
        twos = element.twos_complement
        twos = not element.symmetric if twos is None else twos
        if code < 2**m:
            return float(table[code])
        unit = 0.5 ** (m - 1)
        return (code - 2 ** (m + 1)) * unit if twos else 0.0 - (code - 2**m) * unit
    half = 2 ** (element.exponent_bits + element.fraction_bits)
    sign, size = -1.0 if code >= half else 1.0, code % half
    if size < len(table):
        return sign * float(table[size])
    infinite = element.specials == "ieee" and size == len(table)
    return sign * math.inf if infinite else math.nan


def dequantize(code: int, scale: int, format: Any, amax: float = 0.0) -> float:
    """The value of an element of a block."""
    number = value(code, format.element)
    if hasattr(format.scale, "rule"):
        if scale == 255:
            return math.nan
        # Exact in binary64; rounded once.
        return flush(b32(number * 2.0 ** (scale - 127)))
    if scale == 127:
        return math.nan
    bound = 256 if format.scale.four_over_six else 448
    decode = b32(1 / encode_scale(counted(amax, bound), bound))
    return times(number * float(E4M3[scale]), decode)
