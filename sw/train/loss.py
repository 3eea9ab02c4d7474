"""What a network is trained by: the cross entropy of shares by softmax."""

import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..checks import array

__all__ = ["cross_entropy", "exponential", "logarithm", "softmax"]


LN2 = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
"""The natural logarithm of 2: a first part that a small integer multiplies exactly, and the rest.

As in fdlibm's ``e_exp.c`` (Sun Microsystems, 1993).
"""


def exponential(x: Floats) -> Floats:
    """Return the exponential of what is not positive, the same bits on every processor.

    Basic operations of binary64 alone make it, whose last bits are then rounded away; NumPy's own
    takes other instructions, and gives other bits, by processor.
    """
    wide = np.maximum(x.astype(np.float64), -700.0)
    count = np.rint(wide / sum(LN2))
    rest = (wide - count * LN2[0]) - count * LN2[1]
    total = np.ones_like(rest)
    for n in range(13, 0, -1):
        total = 1 + total * rest / n
    with np.errstate(invalid="ignore"):
        return np.ldexp(total, count.astype(np.int32)).astype(x.dtype)


def logarithm(x: Floats) -> npt.NDArray[np.float64]:
    """Return the natural logarithm of positive normal numbers, as `exponential` is made."""
    part, power = np.frexp(x.astype(np.float64))
    low = part < 0.5**0.5
    part, power = np.where(low, 2 * part, part), power - low
    ratio = (part - 1) / (part + 1)
    total = np.zeros_like(ratio)
    for n in range(25, 0, -2):
        total = total * ratio * ratio + 2 / n
    return power * LN2[0] + (power * LN2[1] + total * ratio)


def softmax(x: Floats) -> Floats:
    """Return shares along the last axis in proportion to the exponentials."""
    shares = exponential(x - x.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def cross_entropy(outputs: Floats, labels: npt.NDArray[np.int64]) -> tuple[float, Floats]:
    """Return the mean cross entropy of softmax outputs, and its gradient.

    ``labels`` are integers, one for each row of outputs and below the number of columns.
    """
    array("outputs", outputs, "number", shape=("batch", "classes"))
    high = outputs.shape[1] - 1
    array("labels", labels, "integer", shape=(len(outputs),), low=0, high=high)
    shares = softmax(outputs)
    rows = np.arange(len(outputs))
    loss = float(-logarithm(np.maximum(shares[rows, labels], 1e-30)).mean())
    shares[rows, labels] -= 1
    return loss, shares / outputs.dtype.type(len(outputs))
