"""Operations of engines on tensors that have no place in the scratchpad yet."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .instructions import FUNCTIONS, LANE_OPS, REDUCTIONS
from .part import Part, pieces

__all__ = [
    "External",
    "Matrix",
    "Operation",
    "Tensor",
    "Window",
    "grouped",
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
    """What an engine walks over: a window of the machine, on a tensor instead of a bank.

    The tensor's place is known later, when all operations are.

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
    part : Part, optional
        What of the tensor it reads or writes; without, perhaps all.
    step : int
        Elements from a repetition of its operation to the next.
    """

    tensor: Tensor
    counters: tuple[tuple[int, ...], ...] = ()
    offset: int = 0
    plane: tuple[int, int, int, int] | None = None
    single: bool = False
    register: int | None = None
    part: Part | None = None
    step: int = 0

    def meets(self, other: "Window") -> bool:
        """Tell whether a word may be in both."""
        if self.tensor is not other.tensor:
            return False
        return not (self.part and other.part) or self.part.meets(other.part)


@dataclasses.dataclass(frozen=True)
class Matrix:
    """Rows of whole words in a tensor; a word has ``values`` elements.

    They lie one behind the other, or are those of a ``part`` of such a matrix.
    """

    tensor: Tensor
    rows: int
    words: int
    values: int
    part: Part | None = None

    @classmethod
    def make(cls, name: str, rows: int, columns: int, values: int) -> "Matrix":
        """Return a matrix of a tensor of its own; rows end with a whole word."""
        words = -(-columns // values)
        return cls(Tensor(name, rows * words), rows, words, values)

    @property
    def stride(self) -> int:
        """Elements from a row to the next."""
        return (self.part.pitch if self.part else self.words) * self.values

    @property
    def offset(self) -> int:
        """Of its first element in the tensor."""
        part = self.part
        return part.rows.start * self.stride + part.columns.start * self.values if part else 0

    def top(self, rows: int) -> "Matrix":
        """Return its first rows."""
        return dataclasses.replace(self, rows=rows)

    def cut(self, rows: range | None = None, columns: range | None = None) -> "Matrix":
        """Return some of the rows, or all, and some of the words of each, or all."""
        assert self.part is None
        rows, columns = rows or range(self.rows), columns or range(self.words)
        part = Part(self.words, rows, columns)
        return dataclasses.replace(self, rows=len(rows), words=len(columns), part=part)

    def split(self, most: int) -> list[tuple[range, "Matrix"]]:
        """Return at most so many parts of the words of all rows, and which words they are."""
        return [(words, self.cut(columns=words)) for words in pieces(self.words, most)]

    @property
    def along(self) -> Window:
        """Word after word, row after row."""
        counters: tuple[tuple[int, int], ...] = ((self.rows * self.words, self.values),)
        if self.words * self.values != self.stride:
            counters = (self.rows, self.stride), (self.words, self.values)
        return self.window(counters)

    @property
    def across(self) -> Window:
        """Down the rows, word beside word."""
        return self.window(((self.words, self.values), (self.rows, self.stride)))

    def window(self, counters: tuple[tuple[int, ...], ...]) -> Window:
        """Return a window on it, from its first element on."""
        return Window(tensor=self.tensor, counters=counters, offset=self.offset, part=self.part)

    def again(self, times: int) -> Window:
        """Return all words, in order, several times."""
        return self.window(((times, 0), (self.rows * self.words, self.values)))

    def elements(self, count: int, times: int = 1, first: int = 0) -> Window:
        """Return single elements, from one on, each several times."""
        counters = (count, 1), (times, 0)
        return Window(tensor=self.tensor, counters=counters, offset=first, single=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class External:
    """A place in external memory; ``register`` is the address register that moves it."""

    address: int
    register: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operation:
    """A RUN of an engine, with the windows that are set for it.

    Its tokens are those that `sw.accelerator.tokens` finds.

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
    skip : int
        Beats of the quantizer whose random words come before.
    group : str
        What it is counted as: a layer's pass.
    work : int
        Multiply-adds that the result needs.
    """

    name: str
    comment: str
    windows: Mapping[int, Window]
    fields: Mapping[str, int]
    external: External | None = None
    key: int | None = None
    key_register: int | None = None
    times: int = 1
    skip: int = 0
    group: str = ""
    work: int = 0

    @property
    def engine(self) -> str:
        """Who carries it out."""
        return self.name.partition(".")[0]

    @property
    def writes(self) -> frozenset[Tensor]:
        """The tensor that it writes, if any."""
        return frozenset(window.tensor for window in self.targets)

    @property
    def reads(self) -> tuple[Tensor, ...]:
        """The tensors that it reads."""
        return tuple(window.tensor for window in self.sources)

    @property
    def sources(self) -> tuple[Window, ...]:
        """The windows that it reads."""
        if self.name.startswith("dma"):
            return (self.windows[0],) if self.name == "dma.store" else ()
        return tuple(window for number, window in sorted(self.windows.items()) if number)

    @property
    def targets(self) -> tuple[Window, ...]:
        """The windows that it writes."""
        none = self.name in ("dma.store", "vec.scalar", "prod.alpha")
        return () if none else (self.windows[0],)

    @property
    def reads_at_once(self) -> tuple[Tensor, ...]:
        """The tensors that it reads at the same time."""
        return () if self.name == "prod.alpha" else self.reads


def grouped(name: str, operations: Iterable[Operation]) -> Iterator[Operation]:
    """Give operations, of a group of this name if they have none."""
    for each in operations:
        yield each if each.group else dataclasses.replace(each, group=name)


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
    comment: str,
    to: Matrix,
    left: Window,
    right: Window,
    *,
    m: int,
    n: int,
    blocks: int,
    work: int,
) -> Operation:
    """Return a product of two panels, into the first ``m`` rows of ``to``, of so much ``work``."""
    windows = {0: to.window(((m, to.stride), (1, 0))), 1: left, 2: right}
    fields = {"m": m, "n": n, "blocks": blocks}
    return Operation(
        name="prod.multiply", comment=comment, windows=windows, fields=fields, work=work
    )


def repeated(operation: Operation, times: int, steps: Sequence[int]) -> Operation:
    """Return an operation that is done several times, each window moved by its step.

    Windows move in tensors, not in planes.
    """
    windows = {
        number: dataclasses.replace(window, step=steps[number])
        for number, window in operation.windows.items()
    }
    return dataclasses.replace(operation, windows=windows, times=times)
