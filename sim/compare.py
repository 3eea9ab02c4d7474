"""Bit-exact comparison that says where, what and from which inputs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["MismatchError", "assert_equal"]


class MismatchError(AssertionError):
    """Values differ; ``count`` of them."""

    def __init__(self, text: str, *, count: int) -> None:
        self.count = count
        super().__init__(text)


def assert_equal(
    actual: np.ndarray, expected: np.ndarray, *, context: Mapping[str, Any] | None = None
) -> None:
    """Raise MismatchError, which tells the first, if any values are not the same bits.

    Parameters
    ----------
    actual, expected : array
        Integers, or floating point compared by its bits; of one shape and type.
    context : dict
        Told in the message. Special: ``inputs``, a dict of arrays of which the rows of the first
        mismatch's first index are shown; ``waves``, a function that runs again with waves and
        returns the file's path.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    context = dict(context or {})
    inputs, waves = context.pop("inputs", {}), context.pop("waves", None)
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        text = f"got {actual.dtype} {actual.shape}, expected {expected.dtype} {expected.shape}"
        raise MismatchError(text, count=expected.size)
    wrong = np.argwhere(_bits(actual) != _bits(expected))
    if not len(wrong):
        return
    first = tuple(int(i) for i in wrong[0])
    index = first[0] if len(first) == 1 else first
    values = f"got {_hex(actual[first])}, expected {_hex(expected[first])}"
    lines = [f"{len(wrong)} of {actual.size} values differ, first at {index}: {values}"]
    lines += [f"{name}: {value}" for name, value in context.items()]
    for name, values in inputs.items():
        if first and first[0] < len(values):
            lines.append(f"{name}[{first[0]}]: {_hex(np.asarray(values)[first[0]])}")
    if waves is not None:
        lines.append(f"waves: {waves()}")
    raise MismatchError("\n  ".join(lines), count=len(wrong))


def _bits(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f":
        return values
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}").reshape(values.shape)


def _hex(values: Any) -> str:
    values = np.asarray(values)
    mask = (1 << 8 * values.dtype.itemsize) - 1
    digits = 2 * values.dtype.itemsize
    words = [f"{int(v) & mask:0{digits}x}" for v in _bits(values).ravel()]
    number = f" ({values.item()!r})" if values.size == 1 else ""
    return " ".join(words) + number
