"""Arguments changed at random: in ways that keep their value, and in ways that do not."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["Change", "changes"]


@dataclasses.dataclass(frozen=True)
class Change:
    """One way to change an argument.

    ``kept``: the value is the same in another form, so that a call either refuses it or gives the
    same result; else a call refuses it, unless it is said to take this ``kind``.
    """

    kind: str
    kept: bool
    make: Callable[[Any, np.random.Generator], Any]


def _put(value: object) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    """Return a change of one element of an array."""

    def make(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        array = array.copy()
        with np.errstate(all="ignore"):
            array.reshape(-1)[rng.integers(array.size)] = value
        return array

    return make


def _cast(dtype: str) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    return lambda array, rng: array.astype(dtype)


def _spread(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the array with gaps between its elements in memory."""
    wide = np.zeros((*array.shape, 2), array.dtype)
    wide[..., 0] = array
    return wide[..., 0]


def _frozen(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the array in memory that can not be written."""
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)


def _longer(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the array with its first row again at its end."""
    return np.concatenate([array, array[:1]]) if array.ndim else array[None]


def _turned(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the array with axes exchanged, of another shape in any case."""
    alike = array.shape[:1] == array.shape[-1:]
    return array[None] if alike else np.swapaxes(array, 0, -1)


def _small(value: int, rng: np.random.Generator) -> np.integer:
    """Return an integer in a small type of NumPy."""
    return np.uint8(value) if 0 <= value < 256 else np.int32(value)


ARRAYS = (
    Change("list", True, lambda array, rng: array.tolist()),
    Change("order", True, lambda array, rng: np.asfortranarray(array)),
    Change("gaps", True, _spread),
    Change("read-only", True, _frozen),
    Change("swapped", True, lambda array, rng: array.astype(array.dtype.newbyteorder(">"))),
    Change("shape", False, lambda array, rng: array[None]),
    Change("shape", False, lambda array, rng: array[..., :-1]),
    Change("rows", False, _longer),
    Change("shape", False, lambda array, rng: array.reshape(-1)[0]),
    Change("shape", False, _turned),
    Change("empty", False, lambda array, rng: array[:0]),
    Change("type", False, _cast("U8")),
    Change("type", False, _cast("complex64")),
    Change("type", False, _cast("O")),
    Change("type", False, lambda array, rng: array.astype("U4").astype("S4")),
    Change("none", False, lambda array, rng: None),
    Change("text", False, lambda array, rng: "3.0"),
    Change("ragged", False, lambda array, rng: [[1], [1, 2]]),
)

FLOATS = (
    *ARRAYS,
    Change("wider", True, _cast("f8")),
    Change("type", False, lambda array, rng: np.round(array).astype("i4")),
    Change("type", False, lambda array, rng: array > 0),
    Change("nan", False, _put(np.nan)),
    Change("inf", False, _put(np.inf)),
    Change("huge", False, _put(3e38)),
    Change("subnormal", False, _put(1e-40)),
    Change("wider", False, lambda array, rng: array.astype("f8") * (1 + 2.0**-40)),
    Change("wider", False, lambda array, rng: array.astype("f8") * 1e200),
)

INTEGERS = (
    *ARRAYS,
    Change("wider", True, _cast("i8")),
    Change("type", False, _cast("f8")),
    Change("type", False, lambda array, rng: array + 0.5),
    Change("negative", False, lambda array, rng: _put(-1)(array.astype("i8"), rng)),
    Change("range", False, lambda array, rng: _put(2**62)(array.astype("i8"), rng)),
    Change("range", False, lambda array, rng: _put(2**63)(array.astype("u8"), rng)),
    Change("range", False, lambda array, rng: _put(-(2**62))(array.astype("i8"), rng)),
    Change("range", False, lambda array, rng: _put(2**32)(array.astype("i8"), rng)),
)

BOOLS = (
    *ARRAYS,
    Change("type", False, _cast("u1")),
    Change("type", False, _cast("f4")),
    Change("type", False, lambda array, rng: array.astype("i8") * 2),
)

WHOLES = (
    Change("scalar", True, lambda value, rng: np.int64(value)),
    Change("scalar", True, _small),
    Change("type", False, lambda value, rng: float(value)),
    Change("type", False, lambda value, rng: np.float32(value)),
    Change("type", False, lambda value, rng: bool(value)),
    Change("type", False, lambda value, rng: str(value)),
    Change("type", False, lambda value, rng: [value]),
    Change("type", False, lambda value, rng: value + 0.5),
    Change("none", False, lambda value, rng: None),
    Change("negative", False, lambda value, rng: -1),
    Change("negative", False, lambda value, rng: -(2**40)),
    Change("range", False, lambda value, rng: 2**40),
    Change("range", False, lambda value, rng: 10**30),
    Change("range", False, lambda value, rng: 10**5000),
)

NUMBERS = (
    Change("scalar", True, lambda value, rng: np.float64(value)),
    Change("type", False, lambda value, rng: str(value)),
    Change("type", False, lambda value, rng: complex(value)),
    Change("type", False, lambda value, rng: True),
    Change("type", False, lambda value, rng: [value, value]),
    Change("none", False, lambda value, rng: None),
    Change("nan", False, lambda value, rng: float("nan")),
    Change("inf", False, lambda value, rng: float("inf")),
    Change("negative", False, lambda value, rng: -0.5),
    Change("range", False, lambda value, rng: 1e300),
    Change("range", False, lambda value, rng: 10**400),
)

TEXTS = (
    Change("text", False, lambda value, rng: value[:-1]),
    Change("text", False, lambda value, rng: f" {value}"),
    Change("text", False, lambda value, rng: value.upper() if value != value.upper() else "?"),
    Change("text", False, lambda value, rng: ""),
    Change("text", False, lambda value, rng: f"{value}\n\0"),
    Change("type", False, lambda value, rng: 3),
    Change("type", False, lambda value, rng: value.encode()),
    Change("type", False, lambda value, rng: [value]),
    Change("none", False, lambda value, rng: None),
)

FLAGS = (
    Change("type", False, lambda value, rng: int(value)),
    Change("type", False, lambda value, rng: "true"),
    Change("type", False, lambda value, rng: None),
    Change("type", False, lambda value, rng: np.zeros(2, bool)),
    Change("scalar", True, lambda value, rng: np.bool_(value)),
)

OTHERS = (
    Change("none", False, lambda value, rng: None),
    Change("type", False, lambda value, rng: "hbfp4"),
    Change("type", False, lambda value, rng: 3),
    Change("type", False, lambda value, rng: {}),
    Change("type", False, lambda value, rng: object()),
)


def changes(value: Any) -> Iterator[Change]:
    """Return what there is to do to an argument."""
    if isinstance(value, np.ndarray):
        yield from {"f": FLOATS, "b": BOOLS}.get(value.dtype.kind, INTEGERS)
    elif isinstance(value, bool):
        yield from FLAGS
    elif isinstance(value, int):
        yield from WHOLES
    elif isinstance(value, float):
        yield from NUMBERS
    elif isinstance(value, str):
        yield from TEXTS
    else:
        yield from OTHERS
