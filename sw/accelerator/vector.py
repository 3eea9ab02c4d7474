"""What the vector engine computes, on bits of binary32: lanes, and reductions in their order."""

from collections.abc import Callable

import numpy as np

from ..arrays import Floats
from ..checks import array, choice, whole
from ..formats.binary32 import NAN, add, flush, multiply
from .instructions import FUNCTIONS, LANE_OPS, REDUCTIONS
from .scratchpad import Bits

__all__ = ["OPERANDS", "PARTIALS", "fold", "lanes", "reduced", "relu"]

PARTIALS = 8
"""Sums under way in a reduction: word ``i`` is added to that of number ``i % PARTIALS``."""

SIGN = np.uint32(1 << 31)
ONE = np.float32(1).view(np.uint32)


def maximum(x: Floats, y: Floats) -> Floats:
    """Return ``y`` where ``x`` is not larger, `NAN` where one is; subnormals are zeros."""
    x, y = flush(x), flush(y)
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(x) | np.isnan(y), NAN, np.where(x > y, x, y))


def relu(bits: Bits) -> Bits:
    """Return values above zero, +0 for others; NaN is `NAN`."""
    x = flush(array("bits", bits, "uint32").view(np.float32))
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(x), NAN, np.where(x > 0, x, np.float32(0))).view(np.uint32)


def _mask(x: Bits, y: Bits) -> Bits:
    with np.errstate(invalid="ignore"):
        return np.where(flush(y.view(np.float32)) > 0, x, np.uint32(0))


def _equal(x: Bits, y: Bits) -> Bits:
    with np.errstate(invalid="ignore"):
        same = flush(x.view(np.float32)) == flush(y.view(np.float32))
    return np.where(same, ONE, np.uint32(0))


def _on_floats(operation: Callable[..., Floats]) -> Callable[..., Bits]:
    """Return an operation of bits, given one of values."""

    def wrapped(*operands: Bits) -> Bits:
        return operation(*(each.view(np.float32) for each in operands)).view(np.uint32)

    return wrapped


_LANES: dict[str, tuple[str, Callable[..., Bits]]] = {
    "copy": ("x", lambda x: x),
    "fill": ("s", lambda s: s),
    "add": ("xy", _on_floats(add)),
    "sub": ("xy", lambda x, y: _on_floats(add)(x, y ^ SIGN)),
    "mul": ("xy", _on_floats(multiply)),
    "scale": ("xs", _on_floats(multiply)),
    "axpy": ("xsy", _on_floats(lambda x, s, y: add(multiply(x, s), y))),
    "shift": ("xs", _on_floats(add)),
    "max": ("xy", _on_floats(maximum)),
    "mask": ("xy", _mask),
    "equal": ("xy", _equal),
}

OPERANDS = {op: _LANES.get(op, ("x",))[0] for op in LANE_OPS}
"""What each operation takes: ``x`` and ``y``, from windows, and ``s``, a scalar."""


def lanes(op: str, *, x: Bits, y: Bits, s: np.uint32, function: int = 0) -> Bits:
    """Return the result of an operation in every lane; operands that it does not take are not read.

    Parameters
    ----------
    op : str
        Of `LANE_OPS`.
    x, y : array of uint32
        Bits of operands, of one shape.
    s : uint32
        Bits of the scalar.
    function : int
        Code of the function, where ``op`` is ``function``.
    """
    choice("op", op, LANE_OPS)
    operands = {
        "x": array("x", x, "uint32"),
        "y": array("y", y, "uint32", shape=x.shape),
        "s": np.broadcast_to(array("s", s, "uint32", shape=()), x.shape),
    }
    if op == "function":
        from .functions import evaluate

        code = whole("function", function, 1, len(FUNCTIONS) - 1)
        return evaluate(code, operands["x"].view(np.float32)).view(np.uint32)
    names, operation = _LANES[op]
    return operation(*(operands[name] for name in names))


def reduced(reduction: str, bits: Bits) -> Bits:
    """Return the reduction of the words of each group, (groups, words, lanes) to (groups, lanes).

    Of sums there are `PARTIALS`, each +0 at first, which are added pairwise in the end, all of
    them. The largest is found word after word.
    """
    choice("reduction", reduction, REDUCTIONS[1:])
    values = array("bits", bits, "uint32", shape=("groups", "words", "lanes")).view(np.float32)
    groups, words, count = values.shape
    if reduction == "max":
        # The larger of a word and itself is the word, flushed.
        largest = maximum(values[:, 0], values[:, 0])
        for i in range(1, words):
            largest = maximum(largest, values[:, i])
        return largest.view(np.uint32)
    partial = np.zeros((groups, PARTIALS, count), np.float32)
    for i in range(0, words, PARTIALS):
        part = values[:, i : i + PARTIALS]
        partial[:, : part.shape[1]] = add(partial[:, : part.shape[1]], part)
    return _pairwise(add, partial)[:, 0].view(np.uint32)


def fold(reduction: str, bits: Bits) -> Bits:
    """Return the reduction of the lanes of each word, neighbours first, in all lanes."""
    choice("reduction", reduction, REDUCTIONS[1:])
    values = array("bits", bits, "uint32", shape=("words", "lanes")).view(np.float32)
    operation = maximum if reduction == "max" else add
    one = _pairwise(operation, values[:, :, None])[:, 0]
    return np.broadcast_to(one, values.shape).view(np.uint32)


def _pairwise(operation: Callable[[Floats, Floats], Floats], values: Floats) -> Floats:
    """Combine neighbours along axis 1, a power of two of them, until one is left."""
    while values.shape[1] > 1:
        values = operation(values[:, ::2], values[:, 1::2])
    return values
