"""The reference of `mx_reference` for many values at once, by tables of thresholds.

A code is found by a search among the numbers of all codes, or among what lies halfway between them,
in binary64, which has every number exactly; a scale by the formulas of the publications in NumPy's
binary32. `test_reference` compares it with the scalar one.
"""

from fractions import Fraction
from typing import Any

import numpy as np

from tests.formats import mx_reference as scalar

FLT_MAX = np.float32(scalar.FLT_MAX)
ONE = np.float32(1)
E2M1 = np.array([float(v) * sign for sign in (1, -1) for v in scalar.E2M1], np.float32)
E4M3 = np.array([float(v) for v in scalar.E4M3], np.float32)


def flush(x: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(x) < np.float32(scalar.LEAST), np.copysign(np.float32(0), x), x)


def times(x: Any, y: Any) -> np.ndarray:
    with np.errstate(all="ignore"):
        return flush(flush(np.asarray(x, np.float32)) * flush(np.asarray(y, np.float32)))


def table_of(element: Any, negative: bool) -> np.ndarray:
    """The numbers of the codes without a sign, in binary64."""
    return np.array([float(v) for v in scalar.numbers(element, negative)])


def search(
    a: np.ndarray, table: np.ndarray, rounding: str, words: np.ndarray, bits: int
) -> np.ndarray:
    """The codes of magnitudes in binary64."""
    if rounding in ("nearest_even", "nearest_away"):
        halfway = (table[1:] + table[:-1]) / 2
        if rounding == "nearest_even":
            # Between an even code and the next the middle belongs to the lower one.
            halfway[::2] = np.nextafter(halfway[::2], np.inf)
        return np.searchsorted(halfway, a, "right")
    a = np.minimum(a, table[-1])
    low = np.searchsorted(table, a, "right") - 1
    if rounding == "truncate":
        return low
    step = np.diff(table, append=np.inf)
    part = np.floor((a - table[low]) / step[low] * 2.0**bits)
    return low + (part + words >= 2.0**bits)


def mx_codes(top: np.ndarray, element: Any, rule: str) -> np.ndarray:
    """The codes of scales of 8 bits, of the largest magnitudes of blocks, which are finite."""
    top = flush(top)
    if rule == "rceil":
        largest = np.float32(scalar.numbers(element)[-1])
        d = (top * (ONE / largest)).view(np.uint32).astype(np.int64)
        up = np.where(d >> 23 == 0, d & 0x7FFFFF > 0x400000, d & 0x7FFFFF != 0)
        return np.minimum((d >> 23) + up, 254)
    fraction, exponent = np.frexp(top.astype(np.float64))
    exponent = np.where(top > 0, exponent - 1, -1000) - scalar.emax(element)
    if rule == "below":
        largest = scalar.numbers(element)[-1]
        exponent += fraction >= float(largest / (2 * Fraction(2) ** scalar.emax(element)))
    if rule == "ceil":
        exponent += fraction > 0.5
    if rule == "even":
        # As many bits behind the leading one as the element has, half away from zero.
        rounded = np.floor(fraction * 2.0 ** (scalar.fraction_bits(element) + 1) + 0.5)
        exponent += rounded == 2.0 ** (scalar.fraction_bits(element) + 1)
    return np.clip(exponent, -127, 127) + 127


def signed(code: np.ndarray, negative: np.ndarray, element: Any) -> np.ndarray:
    """Codes with their signs, by the scalar reference's table."""
    count = len(scalar.numbers(element, True))
    table = [[scalar.signed(q, sign, element) for q in range(count)] for sign in (False, True)]
    return np.array(table)[negative.astype(int), code]


def quantize_mx(
    x: np.ndarray, format: Any, words: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The codes of elements (blocks, elements of one) and of scales (blocks,)."""
    element, finite = format.element, np.asarray(np.isfinite(x).all(1))
    x = np.where(finite[:, None], flush(x), np.float32(0))
    code = mx_codes(np.abs(x).max(1), element, format.scale.rule)
    a = np.ldexp(np.abs(x).astype(np.float64), (127 - code)[:, None])
    words = np.zeros(x.shape) if words is None else words
    above, below = (
        search(a, table_of(element, negative), format.rounding, words, format.random_bits)
        for negative in (False, True)
    )
    found = signed(np.where(np.signbit(x), below, above), np.signbit(x), element)
    found = np.where(finite[:, None], found, scalar.nan_element(element))
    return found, np.where(finite, code, 255)


def candidate(
    x: np.ndarray, quotient: np.ndarray, scale: np.float32, format: Any, words: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The codes of blocks of NVFP4 under the scales nearest to quotients."""
    code = search(
        quotient.astype(np.float64), E4M3.astype(np.float64), "nearest_even", np.zeros(1), 0
    )
    with np.errstate(divide="ignore"):
        factor = np.minimum(ONE / (E4M3[code] * (ONE / scale)), FLT_MAX)
    scaled = np.abs(times(x, factor[:, None])).astype(np.float64)
    found = search(scaled, E2M1[:8].astype(np.float64), format.rounding, words, format.random_bits)
    return found + 8 * np.signbit(x), code


def errors(
    x: np.ndarray, found: np.ndarray, code: np.ndarray, amax: np.float32, side: int
) -> np.ndarray:
    """The errors that four over six compares, of each block."""
    value = flush(times(times(E2M1[found], E4M3[code][:, None]), amax) / np.float32(6 * 256))
    with np.errstate(over="ignore"):
        terms = np.abs(flush(value - x)).reshape(len(x), -1, side)
        rows = np.zeros(terms.shape[:2], np.float32)
        for k in range(side):
            rows = rows + terms[:, :, k]
        while rows.shape[1] & (rows.shape[1] - 1):
            rows = np.pad(rows, ((0, 0), (0, 1)))
        while (half := rows.shape[1] // 2) > 0:
            rows = rows[:, :half] + rows[:, half:]
    return rows[:, 0]


def quantize_nvfp4(
    x: np.ndarray, format: Any, amax: float, words: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The codes of elements (blocks, elements of one) and of scales, given the tensor's amax."""
    finite = np.asarray(np.isfinite(x).all(1))
    x = np.where(finite[:, None], flush(x), np.float32(0))
    words = np.zeros(x.shape) if words is None else words
    bound = 256 if format.scale.four_over_six else 448
    largest = np.float32(scalar.counted(amax, bound))
    scale, top = np.float32(scalar.encode_scale(float(largest), bound)), np.abs(x).max(1)
    if format.scale.four_over_six:
        base = times(flush(top / np.float32(6)), scale)
        found, code = candidate(x, base, scale, format, words)
        four = candidate(x, times(base, 1.5), scale, format, words)
        side = format.block[-1]
        better = errors(x, *four, largest, side) < errors(x, found, code, largest, side)
        found = np.where(better[:, None], four[0], found)
        code = np.where(better, four[1], code)
    else:
        quotient = times(top, scale * (ONE / np.float32(6)))
        found, code = candidate(x, quotient, scale, format, words)
    return np.where(finite[:, None], found, 0), np.where(finite, code, 127)


def product(a: tuple, b: tuple, amax_a: np.float32, amax_b: np.float32) -> np.ndarray:
    """TransformerEngine's product of NVFP4, block after block in binary32.

    ``a`` are codes of elements (m, k) and scales (m, k / 16), ``b`` (k, n) and (k / 16, n).
    """
    y = np.zeros((len(a[0]), b[0].shape[1]), np.float32)
    for k in range(a[1].shape[1]):
        part = slice(16 * k, 16 * k + 16)
        # The products are multiples of 1/4 and their sum is below 576: exact in any order.
        total = E2M1[a[0][:, part]] @ E2M1[b[0][part]]
        y = y + np.outer(E4M3[a[1][:, k]], E4M3[b[1][k]]) * total
    return y * (amax_a * amax_b / np.float32(36 * 448 * 448))
