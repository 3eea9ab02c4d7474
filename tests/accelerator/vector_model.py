"""A model of the vector engine, one command at a time, over a scratchpad of arrays."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from sw.accelerator.coding import encode
from sw.accelerator.functions import evaluate
from sw.accelerator.instructions import LANE_OPS
from sw.formats.binary32 import add, flush, multiply

from .scratchpad import Scratchpad
from .test_walker import Window, positions

__all__ = ["Bits", "Model", "Run"]

Bits = npt.NDArray[np.uint32]

NAN = np.uint32(0x7FC00000)
ONE_OPERAND = ("copy", "scale", "shift", "function")


@dataclasses.dataclass(frozen=True)
class Run:
    """An operation, and the windows that are set before it, by their numbers.

    ``wrong`` are bits of the instruction that are set although they may not be.
    """

    name: str
    fields: dict[str, int]
    windows: dict[int, Window] = dataclasses.field(default_factory=dict)
    wrong: int = 0

    def commands(self) -> Iterable[int]:
        """Give the instructions."""
        for number, window in self.windows.items():
            for name, fields in window.items():
                yield encode(f"vec.{name}", window=number, **fields)
        yield encode(f"vec.{self.name}", **self.fields) | self.wrong


def higher(x: Bits, y: Bits) -> Bits:
    """Return the greater of values of bits, the second if none is."""
    a, b = flush(x.view(np.float32)), flush(y.view(np.float32))
    some = np.where(a > b, a, b).view(np.uint32)
    return np.where(np.isnan(a) | np.isnan(b), NAN, some)


def both(operation: Callable[..., Any]) -> Callable[[Bits, Bits], Bits]:
    """Return an operation on bits."""
    return lambda x, y: operation(x.view(np.float32), y.view(np.float32)).view(np.uint32)


SUM, PRODUCT = both(add), both(multiply)


def lanes(op: str, x: Bits, y: Bits, s: Bits, function: int) -> Bits:
    """Return what a lane operation makes of bits."""
    a, b = (flush(each.view(np.float32)) for each in (x, y))
    return {
        "copy": lambda: x,
        "fill": lambda: s,
        "add": lambda: SUM(x, y),
        "sub": lambda: SUM(x, y ^ np.uint32(1 << 31)),
        "mul": lambda: PRODUCT(x, y),
        "scale": lambda: PRODUCT(x, s),
        "axpy": lambda: SUM(PRODUCT(x, s), y),
        "shift": lambda: SUM(x, s),
        "max": lambda: higher(x, y),
        "mask": lambda: np.where(b > 0, x, np.uint32(0)),
        "equal": lambda: (a == b).astype(np.float32).view(np.uint32),
        "function": lambda: evaluate(function, x.view(np.float32)).view(np.uint32),
    }[op]()


class Model:
    """Windows, scalar registers and a scratchpad, as commands in order leave them."""

    def __init__(self, memory: Scratchpad) -> None:
        self.p, self.values = memory.p, memory.values.copy()
        self.windows: list[Window] = [{"base": {"address": 0}}] * 3
        self.scalars = np.zeros(4, np.uint32)

    def run(self, run: Run) -> Bits:
        """Return the scratchpad after a run."""
        for number, window in run.windows.items():
            self.windows[number] = window
        if run.name == "scalar":
            self.scalars[run.fields.get("register", 0)] = self._read(1, 1, True)[0, 0]
        else:
            self._map(run.fields)
        return self.values.copy()

    def _places(self, number: int, count: int) -> list[tuple[int, bool]]:
        places = positions(self.windows[number])
        return [places[n % len(places)] for n in range(count)]

    def _read(self, number: int, count: int, single: bool = False) -> Bits:
        base, width = self.windows[number]["base"], self.p.values
        found = np.zeros((count, width), np.uint32)
        for n, (element, inside) in enumerate(self._places(number, count)):
            if inside:
                step = 0 if single or base.get("single") else 1
                at = element + step * np.arange(width)
                found[n] = self.values[base.get("bank", 0), at]
        return found

    def _map(self, fields: dict[str, int]) -> None:
        op = LANE_OPS[fields.get("lane", 0)]
        inner, outer = fields["inner"], fields["outer"]
        x = y = np.zeros((inner * outer, self.p.values), np.uint32)
        if op != "fill":
            x = self._read(1, inner * outer)
        if op not in (*ONE_OPERAND, "fill"):
            y = self._read(2, inner * outer)
        register = fields.get("scalar", 0)
        s = self.scalars[register - 1] if register else np.uint32(fields.get("imm", 0))
        result = lanes(op, x, y, np.full_like(x, s), fields.get("function", 0))
        if fields.get("relu"):
            value = result.view(np.float32)
            result = np.where(flush(value) > 0, result, np.where(np.isnan(value), NAN, 0))
            result = result.astype(np.uint32)
        if fields.get("reduce"):
            result = self._reduced(result.reshape(outer, inner, -1), fields)
        self._write(result)

    def _reduced(self, words: Bits, fields: dict[str, int]) -> Bits:
        """Reduce words along the second dimension, then perhaps lanes."""
        combine = SUM if fields["reduce"] == 1 else higher
        if fields["reduce"] == 1:
            partial = np.zeros((len(words), 8, self.p.values), np.uint32)
            for i in range(words.shape[1]):
                partial[:, i % 8] = SUM(partial[:, i % 8], words[:, i])
            while partial.shape[1] > 1:
                partial = SUM(partial[:, ::2], partial[:, 1::2])
            total = partial[:, 0]
        else:
            # Of what is below all else the first is the greater.
            total = higher(np.full_like(words[:, 0], 0xFF800000), words[:, 0])
            for i in range(1, words.shape[1]):
                total = higher(total, words[:, i])
        if fields.get("fold"):
            while total.shape[1] > 1:
                total = combine(total[:, ::2].copy(), total[:, 1::2].copy())
            total = np.repeat(total, self.p.values, axis=1)
        return total

    def _write(self, words: Bits) -> None:
        base = self.windows[0]["base"]
        places = self._places(0, len(words))
        for word, (element, inside) in zip(words, places, strict=True):
            if inside:
                width = 1 if base.get("single") else self.p.values
                self.values[base.get("bank", 0), element : element + width] = word[:width]
