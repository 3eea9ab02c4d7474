"""The passes of each recipe as its authors say, of `recipe_reference`'s numbers."""

from fractions import Fraction

import numpy as np

from .recipe_reference import (
    E2M1,
    E4M3,
    E5M2,
    ROOT,
    TE_SIGNS,
    Matrix,
    Quantized,
    Sign,
    deviation,
    drawn,
    fl,
    floats,
    groups,
    hadamard,
    matrix,
    mx,
    nvfp4,
    product,
    scale_of,
    stream,
    times,
    transposed,
    values,
)


def passed(
    recipe: str,
    which: str,
    x: np.ndarray,
    w: np.ndarray,
    y: np.ndarray,
    place: tuple[int, int, int],
) -> np.ndarray:
    """The product of a pass under a recipe, (batch, outputs) and so on.

    ``x`` is (batch, inputs), ``w`` (outputs, inputs), ``y`` (batch, outputs); ``place`` are the
    seed, the step and the layer.
    """
    a, b, c = matrix(x), matrix(w), matrix(y)
    uses = {"forward": (0, 1), "input": (2, 3), "weight": (4, 5)}[which]
    first, second = (stream(*place, use) for use in uses)
    makers = {
        "mxfp8": _mxfp8,
        "mxfp8_hybrid": _mxfp8,
        "nvfp4": _nvfp4,
        "mxfp4": _mxfp4,
        "quartet": _quartet,
        "tetrajet": _tetrajet,
    }
    gradients = E5M2 if recipe == "mxfp8_hybrid" else E4M3
    return floats(makers[recipe](which, a, b, c, (first, second), (drawn(*place), gradients)))


def _pair(which: str, x: Matrix, w: Matrix, y: Matrix) -> tuple[Matrix, Matrix]:
    pairs = {
        "forward": (x, w),
        "input": (y, transposed(w)),
        "weight": (transposed(y), transposed(x)),
    }
    return pairs[which]


def _mxfp8(which, x, w, y, words, more) -> Matrix:
    left, right = _pair(which, x, w, y)
    numbers = E4M3 if which == "forward" else more[1]
    return product(mx(left, numbers, "rceil", None), mx(right, E4M3, "rceil", None))


def _nvfp4(which, x, w, y, words, more) -> Matrix:
    left, right = _pair(which, x, w, y)
    if which == "forward":
        (a, p), (b, q) = nvfp4(left), nvfp4(right, square=True)
    elif which == "input":
        a, p = nvfp4(left, words=words[0])
        # The same codes as forward, read along the other axis.
        tiles, q = nvfp4(w, square=True)
        b = _turned(tiles, len(w), len(w[0]))
    else:
        left, right = (hadamard(each, TE_SIGNS, Fraction(1, 4)) for each in (left, right))
        (a, p), (b, q) = nvfp4(left, words=words[0]), nvfp4(right)
    return times(product(a, b), scale_of(p, q))


def _turned(tiles: Quantized, rows: int, columns: int) -> Quantized:
    """Square tiles of the transpose."""
    elements = [[q for part, _ in row for q in part] for row in tiles]
    turned = []
    for column in range(columns):
        line = [elements[row][column] for row in range(rows)]
        scales = [tiles[start][column // 16][1] for start in range(0, rows, 16)]
        turned.append(list(zip(groups(line, 16), scales, strict=True)))
    return turned


def _mxfp4(which, x, w, y, words, more) -> Matrix:
    left, right = _pair(which, x, w, y)
    if which == "forward":  # bfloat16, added up in binary32
        ones = [
            [[([fl(v, 8)], Fraction(1)) for v in row] for row in each] for each in (left, right)
        ]
        return product(ones[0], ones[1])
    return _three_quarters(left, right, words, more[0])


def _three_quarters(left: Matrix, right: Matrix, words, signs: Sign) -> Matrix:
    turned = (hadamard(each, signs, ROOT) for each in (left, right))
    a, b = (mx(each, E2M1, "three_quarters", own) for each, own in zip(turned, words, strict=True))
    return times(product(a, b), fl(Fraction(16, 9)))


def _quartet(which, x, w, y, words, more) -> Matrix:
    plain = [1] * 32
    (a, kept_x), (b, kept_w) = (deviation(hadamard(each, plain, ROOT)) for each in (x, w))
    if which == "forward":
        return product(a, b)
    columns = -(-len(x[0]) // 32) * 32
    made_x, made_w = values(a, columns), values(b, columns)
    left, right = _pair(which, made_x, made_w, y)
    result = _three_quarters(left, right, words, more[0])
    kept = kept_x if which == "input" else kept_w
    masked = [
        [v if good else Fraction(0) for v, good in zip(row, mask, strict=True)]
        for row, mask in zip(result, kept, strict=True)
    ]
    return [row[: len(x[0])] for row in hadamard(masked, plain, ROOT)]


def _tetrajet(which, x, w, y, words, more) -> Matrix:
    (a, p), (b, q) = nvfp4(x), nvfp4(w)
    if which == "forward":
        return times(product(a, b), scale_of(p, q))
    made_x, made_w = (
        values(each, len(x[0]), fl(1 / fl(2688 / amax))) for each, amax in ((a, p), (b, q))
    )
    left, right = _pair(which, made_x, made_w, y)
    turned = [hadamard(each, more[0], ROOT) for each in (left, right)]
    (a, p), (b, q) = (
        nvfp4(each, words=own, headroom=Fraction(17, 16))
        for each, own in zip(turned, words, strict=True)
    )
    return times(product(a, b), scale_of(p, q, Fraction(289, 256)))
