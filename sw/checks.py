"""The checks of what a user gives: each returns the value, or raises `UserError` in one line.

Every public function and data class of Gradgate checks what it takes by these, so that a field is
refused in the same words wherever it stands: its name, what is accepted, what was found. NumPy's
scalars are accepted as the Python numbers that they represent; no check converts anything else.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from .errors import UserError

__all__ = [
    "array",
    "broadcast",
    "choice",
    "divides",
    "flag",
    "instance",
    "is_number",
    "is_whole",
    "known",
    "line",
    "number",
    "one_of",
    "unknown",
    "whole",
]


def unknown(what: str, name: object, known: Iterable[str]) -> UserError:
    """Return the error for a name that is not in a table, with the nearest match and the table."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, 1)
    hint = f", did you mean {near[0]}?" if near else ""
    return UserError(f"unknown {what} {shown(name)}{hint} (known: {', '.join(names)})")


def known(what: str, name: object, table: Mapping[str, Any]) -> Any:
    """Return the entry of a table under a name, or raise the error of `unknown`."""
    if not isinstance(name, str) or name not in table:
        raise unknown(what, name, table)
    return table[name]


def shown(value: object) -> str:
    """Return a value for an error's text: on one line, and no longer than a line."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = f"a {type(value).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def is_whole(value: object) -> TypeGuard[int]:
    """Tell whether ``value`` is an integer; a truth value or a float is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether ``value`` is a real number; a truth value is none."""
    return isinstance(value, float | np.floating) or is_whole(value)


def whole(field: str, value: object, low: int, high: int) -> int:
    """Check that ``value`` is an integer in ``low..high``."""
    if not is_whole(value) or not low <= value <= high:
        raise UserError(f"{field} must be an integer from {low} to {high}, not {shown(value)}")
    return int(value)


def number(field: str, value: object, low: float, high: float) -> float:
    """Check that ``value`` is a number in ``low..high``; NaN is in no range."""
    # A comparison would round the bounds to a narrow type of NumPy's.
    plain = value.item() if isinstance(value, np.generic) else value
    if not is_number(plain) or not low <= plain <= high:
        raise UserError(f"{field} must be a number from {low} to {high}, not {shown(value)}")
    return plain


def divides(field: str, value: int, total: int, what: str) -> int:
    """Check that ``value`` divides ``total``, which the message calls ``what``."""
    if total % value:
        raise UserError(f"{field} must divide {what}, not {value}")
    return value


def one_of(field: str, value: object, allowed: Iterable[int]) -> int:
    """Check that ``value`` is one of the integers ``allowed``; 16.0 is not 16."""
    numbers = tuple(allowed)
    if not is_whole(value) or value not in numbers:
        text = ", ".join(map(str, numbers))
        raise UserError(f"{field} must be one of {text}, not {shown(value)}")
    return int(value)


def choice(field: str, value: object, allowed: Iterable[str]) -> str:
    """Check that ``value`` is one of the strings ``allowed``."""
    names = tuple(allowed)
    if not isinstance(value, str) or value not in names:
        raise UserError(f"{field} must be one of {', '.join(names)}, not {shown(value)}")
    return value


def flag(field: str, value: object) -> bool:
    """Check that ``value`` is a truth value."""
    if not isinstance(value, bool | np.bool_):
        raise UserError(f"{field} must be true or false, not {shown(value)}")
    return bool(value)


def line(field: str, value: object) -> str:
    """Check that ``value`` is a text of one line."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise UserError(f"{field} must be a line of text, not {shown(value)}")
    return value


def instance(field: str, value: object, *kinds: type) -> Any:
    """Check that ``value`` is an object of one of the classes ``kinds``."""
    if not isinstance(value, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise UserError(f"{field} must be of {names}, not {shown(value)}")
    return value


def broadcast(**arrays: np.ndarray) -> tuple[int, ...]:
    """Check that arrays have shapes that NumPy broadcasts to one, and return it."""
    try:
        return np.broadcast_shapes(*(each.shape for each in arrays.values()))
    except ValueError:
        names, shapes = " and ".join(arrays), " and ".join(str(a.shape) for a in arrays.values())
        raise UserError(f"{names} must have shapes that broadcast, not {shapes}") from None


def array(
    field: str,
    value: npt.ArrayLike,
    kind: str,
    *,
    shape: Sequence[Any] | None = None,
    low: float | None = None,
    high: float | None = None,
    finite: bool = False,
) -> npt.NDArray[Any]:
    """Check an array's type, shape and values, and return it as an array.

    Parameters
    ----------
    field : str
        Its name in messages.
    value : array-like
        Arrays and NumPy scalars are used as they are. Python numbers and lists of them, which
        have no type of their own, become ``kind`` if that changes none of them.
    kind : str
        A type of NumPy (``float32``), or ``integer``, ``bool``, ``number`` for any of its kind
        (``number``: integers and floating point).
    shape : sequence of int or str, optional
        What each axis must be: a number, or a name for any number, equal names for equal ones; an
        ellipsis as the first means any axes before.
    low, high : number, optional
        The range of all values; NaN is in no range.
    finite : bool
        Whether NaN and infinities are refused.
    """
    found = _array(field, value, kind)
    if shape is not None:
        _shape(field, found, shape)
    if finite and found.dtype.kind == "f" and not np.isfinite(found).all():
        where = np.argwhere(~np.isfinite(found))[0]
        raise UserError(f"{field} must be finite, not {found[tuple(where)]} at {_index(where)}")
    # NaN is the least and the largest of what holds one, and in no range.
    wrong = np.zeros(found.shape, bool)
    with np.errstate(all="ignore"):  # a narrow type's bound may be an infinity
        if low is not None and found.size and not found.min() >= low:
            wrong |= ~(found >= low)
        if high is not None and found.size and not found.max() <= high:
            wrong |= ~(found <= high)
    if wrong.any():
        where = np.argwhere(wrong)[0]
        bounds = f"from {low} to {high}"
        if low is None or high is None:
            bounds = f"at least {low}" if high is None else f"at most {high}"
        raise UserError(f"{field} must be {bounds}, not {found[tuple(where)]} at {_index(where)}")
    return found


_KINDS = {"integer": "iu", "bool": "b", "number": "iuf"}


def _array(field: str, value: npt.ArrayLike, kind: str) -> npt.NDArray[Any]:
    """Return ``value`` as an array of a kind."""
    if isinstance(value, np.ma.MaskedArray):
        raise UserError(f"{field} must be an array without a mask, not {shown(value)}")
    typed = isinstance(value, np.ndarray | np.generic)
    try:
        found = np.asarray(value)
    except (ValueError, OverflowError, TypeError):
        raise UserError(f"{field} must be an array of {kind}, not {shown(value)}") from None
    if kind in _KINDS:
        good = found.dtype.kind in _KINDS[kind]
        if not good and not typed and not found.size:
            return found.astype({"integer": int, "bool": bool, "number": float}[kind])
    else:
        good = found.dtype == np.dtype(kind)
        if not good and not typed and found.dtype.kind in "iuf":
            with np.errstate(all="ignore"):
                converted = found.astype(kind)
            if np.array_equal(converted, found, equal_nan=found.dtype.kind == "f"):
                return converted
    if not good:
        what = f"{found.dtype}" if found.dtype.kind != "O" else shown(value)
        raise UserError(f"{field} must be an array of {kind}, not {what}")
    return found


def _shape(field: str, found: np.ndarray, shape: Sequence[Any]) -> None:
    """Check the extents of an array."""
    rest = list(shape)
    extents = list(found.shape)
    good = True
    if rest and rest[0] is ...:
        rest = rest[1:]
        good = len(extents) >= len(rest)
        extents = extents[len(extents) - len(rest) :] if good else extents
    names: dict[str, int] = {}
    good = good and len(extents) == len(rest)
    for want, have in zip(rest, extents, strict=False):
        good = good and have == (names.setdefault(want, have) if isinstance(want, str) else want)
    if not good:
        text = ", ".join("..." if each is ... else str(each) for each in shape)
        text += "," if len(shape) == 1 else ""
        raise UserError(f"{field} must have the shape ({text}), not {found.shape}")


def _index(where: np.ndarray) -> str:
    return f"index {', '.join(map(str, where))}" if len(where) else "its only value"
