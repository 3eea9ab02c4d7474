"""Recipes one number at a time, as their authors' papers and code say; exact fractions, slow."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from tests import words_reference

Matrix = list[list[Fraction]]
Sign = list[int]
Quantized = list[list[tuple[list[Fraction], Fraction]]]
"""Rows of blocks: the elements, and what they are multiplied by but for a tensor's scale."""

E2M1 = [Fraction(n, 2) for n in (0, 1, 2, 3, 4, 6, 8, 12)]
E4M3 = sorted(
    {Fraction(f, 512) for f in range(8)}
    | {Fraction(8 + f, 8) * Fraction(2) ** (e - 7) for e in range(1, 16) for f in range(8)}
)[:-1]
E5M2 = sorted(
    {Fraction(f, 65536) for f in range(4)}
    | {Fraction(4 + f, 4) * Fraction(2) ** (e - 15) for e in range(1, 31) for f in range(4)}
)
TE_SIGNS = [1, 1, 1, -1, 1, -1, -1, -1, -1, -1, -1, 1, -1, 1, -1, -1]
ROOT = Fraction(0xB504F3, 1 << 26)
"""1 / sqrt(32) as binary32, 0x3E3504F3."""


def matrix(x: np.ndarray) -> Matrix:
    return [[Fraction(float(v)) for v in row] for row in x]


def transposed(x: Matrix) -> Matrix:
    return [list(column) for column in zip(*x, strict=True)]


def exponent(v: Fraction) -> int:
    """floor(log2(v))."""
    e = v.numerator.bit_length() - v.denominator.bit_length()
    return e if Fraction(2) ** e <= v else e - 1


def fl(v: Fraction, bits: int = 24) -> Fraction:
    """Rounded to so many bits, to nearest even."""
    if v == 0:
        return v
    unit = Fraction(2) ** (exponent(abs(v)) - bits + 1)
    return round(v / unit) * unit


def nearest(v: Fraction, numbers: list[Fraction], *, down: bool = False) -> Fraction:
    """To nearest and even, or half down; saturating."""
    size = abs(v)
    low = max(i for i, n in enumerate(numbers) if n <= size)
    if low + 1 < len(numbers):
        middle = (numbers[low] + numbers[low + 1]) / 2
        low += size > middle or (size == middle and low % 2 == 1 and not down)
    return numbers[low] if v >= 0 else -numbers[low]


def stochastic(v: Fraction, word: int) -> Fraction:
    """TransformerEngine's: t = a + r / 256 steps, cut to its own step."""
    size = abs(v)

    def step(size: Fraction) -> Fraction:
        return Fraction(1, 2) if size < 2 else Fraction(1 if size < 4 else 2)

    t = size + Fraction(word, 256) * step(size)
    t = min(t // step(t) * step(t), Fraction(6))
    return t if v >= 0 else -t


def hadamard(x: Matrix, signs: Sign, scale: Fraction) -> Matrix:
    """Tiles of rows, filled up with zeros, in bfloat16."""
    n, rows = len(signs), []
    for row in x:
        padded = [fl(v, 8) for v in row] + [Fraction(0)] * (-len(row) % n)
        result = []
        for start in range(0, len(padded), n):
            turned = [s * v for s, v in zip(signs, padded[start : start + n], strict=True)]
            for j in range(n):
                total = sum(v * (-1) ** (i & j).bit_count() for i, v in enumerate(turned))
                result.append(fl(total * scale, 8))
        rows.append(result)
    return rows


def groups(row: list[Fraction], block: int) -> Iterator[list[Fraction]]:
    padded = row + [Fraction(0)] * (-len(row) % block)
    return (padded[start : start + block] for start in range(0, len(padded), block))


def mx(x: Matrix, numbers: list[Fraction], rule: str, words: Iterator[int] | None) -> Quantized:
    """Blocks of 32; ``three_quarters``: 3A/4 under the scale of A by the rule floor."""
    rows = []
    for row in x:
        blocks = []
        for part in groups(row, 32):
            amax = max(map(abs, part))
            e = exponent(amax) - exponent(numbers[-1]) if amax else -127
            if rule == "rceil" and amax:
                quotient = fl(amax * fl(1 / numbers[-1]))
                e = exponent(quotient) + (quotient != Fraction(2) ** exponent(quotient))
            if rule == "three_quarters":
                part = [fl(v * Fraction(3, 4)) for v in part]
            scaled = [v / Fraction(2) ** e for v in part]
            taken = [stochastic(v, next(words)) if words else nearest(v, numbers) for v in scaled]
            blocks.append((taken, Fraction(2) ** e))
        rows.append(blocks)
    return rows


def nvfp4_codes(amax: Fraction, tensor: Fraction) -> Fraction:
    """The value of a block's scale, given S_enc."""
    return nearest(fl(amax * fl(tensor * fl(Fraction(1, 6)))), E4M3)


def nvfp4(
    x: Matrix,
    *,
    words: Iterator[int] | None = None,
    square: bool = False,
    headroom: Fraction = Fraction(1),
) -> tuple[Quantized, Fraction]:
    """Blocks of 16, or tiles of 16 x 16; with the tensor's amax."""
    amax = max(abs(v) for row in x for v in row)
    enc = fl(2688 / amax) if amax else Fraction(1)
    dec = fl(fl(1 / enc) * headroom)
    tops = [[max(map(abs, part)) for part in groups(row, 16)] for row in x]
    if square:
        for start in range(0, len(x), 16):
            band = tops[start : start + 16]
            most = [max(each) for each in zip(*band, strict=True)]
            tops[start : start + 16] = [most] * len(band)
    rows = []
    for row, own in zip(x, tops, strict=True):
        blocks = []
        for part, top in zip(groups(row, 16), own, strict=True):
            code = nvfp4_codes(top, enc)
            factor = fl(1 / fl(code * dec)) if code else Fraction(0)
            scaled = [fl(v * factor) for v in part]
            taken = [stochastic(v, next(words)) if words else nearest(v, E2M1) for v in scaled]
            blocks.append((taken, code))
        rows.append(blocks)
    return rows, amax


def deviation(x: Matrix) -> tuple[Quantized, list[list[bool]]]:
    """Quartet's forward pass: blocks of 32, and which elements were not clipped."""
    rows, masks = [], []
    for row in x:
        blocks, mask = [], []
        for part in groups(row, 32):
            mean = fl(pairwise(part) / 32)
            squares = fl(pairwise([fl(v * v) for v in part]) / 32)
            variance = fl(squares - fl(mean * mean))
            std = Fraction(float(np.sqrt(np.float32(float(variance))))) if variance >= 0 else 1
            ratio = Fraction(float(np.float32(2.92247856 / 6)))
            e = exponent(fl(fl(std * ratio) + Fraction(float(np.float32(1e-8)))))
            scaled = [v / Fraction(2) ** e for v in part]
            blocks.append(([nearest(v, E2M1, down=True) for v in scaled], Fraction(2) ** e))
            mask += [abs(v) < 6 for v in scaled]
        rows.append(blocks)
        masks.append(mask)
    return rows, masks


def pairwise(values: list[Fraction]) -> Fraction:
    while len(values) > 1:
        values = [fl(a + b) for a, b in zip(values[::2], values[1::2], strict=True)]
    return values[0]


def values(x: Quantized, columns: int, factor: Fraction = Fraction(1)) -> Matrix:
    """What the elements are worth, in binary32."""
    rows = [[fl(fl(q * s) * factor) for part, s in row for q in part] for row in x]
    return [row[:columns] for row in rows]


def product(a: Quantized, b: Quantized) -> Matrix:
    """Each block's sum is exact and rounded once, and added in binary32."""
    result = []
    for left in a:
        row = []
        for right in b:
            total = Fraction(0)
            for (p, s), (q, t) in zip(left, right, strict=True):
                exact = sum(u * v for u, v in zip(p, q, strict=True)) * s * t
                total = fl(total + fl(exact))
            row.append(total)
        result.append(row)
    return result


def times(x: Matrix, factor: Fraction) -> Matrix:
    return [[fl(v * factor) for v in row] for row in x]


def scale_of(a: Fraction, b: Fraction, headroom: Fraction = Fraction(1)) -> Fraction:
    """Of the product of two tensors in NVFP4."""
    return fl(fl(fl(a * b) / (2688 * 2688)) * headroom)


def floats(x: Matrix) -> np.ndarray:
    return np.array([[float(v) for v in row] for row in x], np.float32)


def stream(seed: int, step: int, layer: int, use: int) -> Iterator[int]:
    """Words of 8 bits."""
    key, first = words_reference.key(seed, step, layer, use), 0
    while True:
        yield from words_reference.words(key, 64, 8, first)
        first += 64


def drawn(seed: int, step: int, layer: int) -> Sign:
    """32 signs of a step and a layer: use 7."""
    key = words_reference.key(seed, step, layer, 7)
    return [-1 if bit else 1 for bit in words_reference.words(key, 32, 1)]
