"""Operations of engines on tensors that have no place in the scratchpad yet."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .instructions import FUNCTIONS, LANE_OPS, REDUCTIONS

__all__ = [
    "External",
    "Matrix",
    "Operation",
    "Tensor",
    "Window",
    "dma",
    "multiply",
    "repeated",
    "vector",
]


@dataclasses.dataclass(eq=False)
class Tensor:
    """Consecutive words of a bank; they become more while operations are made of them."""

    name: str
    words: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
    """What an engine walks over.

    Parameters
    ----------
    tensor : Tensor
        What it is of.
    counters : tuple of tuple of int
        Counts and strides in elements, the fastest last; in a plane also what one more adds to y
        and to x.
    offset : int
        Of the first element in the tensor, which may lie before it, outside of a plane.
    plane : tuple of int, optional
        First y and x, height and width of the plane outside of which all is zero.
    single : bool
        Whether single elements are meant.
    register : int, optional
        The address register that moves it.
    step : int
        Elements from a repetition of its operation to the next.
    """

    tensor: Tensor
    counters: tuple[tuple[int, ...], ...] = ()
    offset: int = 0
    plane: tuple[int, int, int, int] | None = None
    single: bool = False
    register: int | None = None
    step: int = 0


@dataclasses.dataclass(frozen=True)
class Matrix:
    """Rows of whole words in a tensor, one behind the other; a word has ``values`` elements."""

    tensor: Tensor
    rows: int
    words: int
    values: int

    @classmethod
    def make(cls, name: str, rows: int, columns: int, values: int) -> "Matrix":
        """Return a matrix of a tensor of its own; rows end with a whole word."""
        words = -(-columns // values)
        return cls(Tensor(name, rows * words), rows, words, values)

    @property
    def stride(self) -> int:
        """Elements from a row to the next."""
        return self.words * self.values

    def top(self, rows: int) -> "Matrix":
        """Return its first rows."""
        return dataclasses.replace(self, rows=rows)

    @property
    def along(self) -> Window:
        """Word after word, row after row."""
        return Window(tensor=self.tensor, counters=((self.rows * self.words, self.values),))

    @property
    def across(self) -> Window:
        """Down the rows, word beside word."""
        counters = (self.words, self.values), (self.rows, self.stride)
        return Window(tensor=self.tensor, counters=counters)

    def again(self, times: int) -> Window:
        """Return all words, in order, several times."""
        counters = (times, 0), (self.rows * self.words, self.values)
        return Window(tensor=self.tensor, counters=counters)

    def elements(self, count: int, times: int = 1) -> Window:
        """Return single elements, each several times."""
        return Window(tensor=self.tensor, counters=((count, 1), (times, 0)), single=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class External:
    """A place in external memory; ``register`` is the address register that moves it."""

    address: int
    register: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operation:
    """A RUN of an engine.

    Parameters
    ----------
    name : str
        Of the instruction.
    comment : str
        For listings.
    windows : mapping of int to Window
        By number.
    fields : mapping of str to int
        Of the instruction, without tokens.
    external : External, optional
        Where the memory port begins.
    key : int, optional
        Of the random words of the first step; that of a step is moved by ``key_register``.
    times : int
        How often it is done, its windows moved by their steps.
    """

    name: str
    comment: str
    windows: Mapping[int, Window]
    fields: Mapping[str, int]
    external: External | None = None
    key: int | None = None
    key_register: int | None = None
    times: int = 1

    @property
    def engine(self) -> str:
        """Who carries it out."""
        return self.name.partition(".")[0]

    @property
    def writes(self) -> frozenset[Tensor]:
        """The tensor that it writes, if any."""
        none = self.name in ("dma.store", "vec.scalar", "prod.alpha")
        return frozenset() if none else frozenset([self.windows[0].tensor])

    @property
    def reads(self) -> tuple[Tensor, ...]:
        """The tensors that it reads."""
        if self.name.startswith("dma"):
            return (self.windows[0].tensor,) if self.name == "dma.store" else ()
        return tuple(w.tensor for number, w in sorted(self.windows.items()) if number)

    @property
    def reads_at_once(self) -> tuple[Tensor, ...]:
        """The tensors that it reads at the same time."""
        return () if self.name == "prod.alpha" else self.reads


def vector(
    comment: str,
    lane: str,
    to: Window,
    x: Window | None = None,
    y: Window | None = None,
    *,
    shape: tuple[int, int],
    scalar: float | int = 0.0,
    **options: Any,
) -> Operation:
    """Return an operation of the vector engine.

    ``shape`` is how often it has how many words, which a reduction makes one of. ``scalar`` is a
    number, or an integer: one more than that of a scalar register. ``options``: ``reduce`` and
    ``function`` by name, ``fold`` and ``relu``.
    """
    register = scalar if isinstance(scalar, int) else 0
    number = 0.0 if isinstance(scalar, int) else scalar
    fields = {
        "lane": LANE_OPS.index(lane),
        "reduce": REDUCTIONS.index(options.pop("reduce", "none")),
        "function": FUNCTIONS.index(options.pop("function", "none")),
        "scalar": register,
        "outer": shape[0],
        "inner": shape[1],
        "imm": int(np.float32(number).view(np.uint32)),
        **{name: int(value) for name, value in options.items()},
    }
    windows = {n: window for n, window in enumerate((to, x, y)) if window}
    return Operation(name="vec.map", comment=comment, windows=windows, fields=fields)


def multiply(
    comment: str, to: Matrix, left: Tensor, right: Tensor, *, m: int, n: int, blocks: int
) -> Operation:
    """Return a product of two panels, into the first ``m`` rows of ``to``."""
    stored = Window(tensor=to.tensor, counters=((m, to.stride), (1, 0)))
    windows = {0: stored, 1: Window(tensor=left), 2: Window(tensor=right)}
    fields = {"m": m, "n": n, "blocks": blocks}
    return Operation(name="prod.multiply", comment=comment, windows=windows, fields=fields)


def repeated(operation: Operation, times: int, steps: Sequence[int]) -> Operation:
    """Return an operation that is done several times, each window moved by its step."""
    windows = {
        number: dataclasses.replace(window, step=steps[number])
        for number, window in operation.windows.items()
    }
    return dataclasses.replace(operation, windows=windows, times=times)


def dma(name: str, comment: str, matrix: Matrix, external: External) -> Operation:
    """Return a load of a whole matrix, or a store; outside, too, its rows lie close."""
    distance = matrix.stride * 4
    return Operation(
        name=f"dma.{name}",
        comment=comment,
        windows={0: Window(tensor=matrix.tensor)},
        fields={"rows": matrix.rows, "words": matrix.words, "distance": distance},
        external=external,
    )
