"""What is called with arguments that are right, and how they are made."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sw.formats import BLOCK_FORMATS, BlockFormat, quantize

__all__ = [
    "CALLS",
    "EACH",
    "HBFP4",
    "MX",
    "SQUARE",
    "VALUES",
    "Call",
    "blocks",
    "call",
    "floats",
    "words",
]


@dataclasses.dataclass(frozen=True)
class Call:
    """A function, a maker of right arguments, and what else each argument may be.

    ``takes`` names the kinds of change (`tests.fuzz.mutate`) that an argument bears by the
    function's documentation, after which the result is another but right.
    """

    function: Callable[..., Any]
    arguments: Callable[[np.random.Generator], dict[str, Any]]
    takes: Mapping[str, frozenset[str]]


CALLS: dict[str, Call] = {}

# Any values and shapes: functions that work element by element.
VALUES = "nan inf huge subnormal"
EACH = f"{VALUES} shape rows empty"


def call(function: Callable[..., Any], key: str = "", /, **takes: str) -> Callable[..., None]:
    """Enter the arguments of a function, made by what is decorated."""

    def enter(arguments: Callable[[np.random.Generator], dict[str, Any]]) -> None:
        where = key or f"{function.__module__}.{getattr(function, '__qualname__', '')}"
        kinds = {field: frozenset(text.split()) for field, text in takes.items()}
        CALLS[where] = Call(function, arguments, kinds)

    return enter


def floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def words(rng: np.random.Generator, bits: int, *shape: int) -> np.ndarray:
    return rng.integers(0, 1 << bits, shape)


HBFP4 = dataclasses.replace(BLOCK_FORMATS["hbfp4"], block=(4,))
MX = dataclasses.replace(BLOCK_FORMATS["mxint8"], block=(8,))
SQUARE = dataclasses.replace(BLOCK_FORMATS["hbfp8_8x8"], block=(4, 4), rounding="truncate")


def blocks(rng: np.random.Generator, format: BlockFormat, axis: int, *shape: int) -> Any:
    random = words(rng, format.random_bits, *shape)
    return quantize.quantize(floats(rng, *shape), format, axis=axis, random=random)
