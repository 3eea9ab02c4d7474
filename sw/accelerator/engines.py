"""The engines that move and compute, as models: what a run makes of the scratchpad.

A run reads all before it writes: what it reads of its own results is not defined by the machine
but where a word is written to its own place. Where it is stopped, what it would have written is
not written here; in the machine what it addressed before is undefined.
"""

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..arrays import Floats
from ..bfp.array import gemm
from ..errors import UserError
from ..formats import MxFormat
from ..formats.binary32 import multiply
from ..formats.blocks import Blocks
from ..formats.quantize import quantize
from ..formats.tensor_scale import amax_of, counted_amax, product_scale
from ..train.engine import compiled
from ..words import Words
from . import panels, vector
from .instructions import ADDRESS_BITS, LANE_OPS, REDUCTIONS, WINDOWS
from .scratchpad import Bits, MachineError, Scratchpad
from .window import Window

__all__ = ["Dma", "Engine", "Multiplier", "Quantizer", "Vector"]

Fields = Mapping[str, int]


class Engine(abc.ABC):
    """An engine and its windows.

    Parameters
    ----------
    pad : Scratchpad
        That it reads and writes.
    """

    name: str

    def __init__(self, pad: Scratchpad) -> None:
        self.pad, self.parameters = pad, pad.parameters
        self.windows = [Window() for _ in range(WINDOWS[self.name])]

    @abc.abstractmethod
    def run(self, op: str, fields: Fields) -> int:
        """Do an operation; return the words that it took, see `Outcome`."""


class Dma(Engine):
    """Moves rows of words between external memory and the scratchpad.

    Parameters
    ----------
    memory : array of uint32, (words, values)
        The external memory.
    base : int
        Address of its first byte.
    """

    name = "dma"

    def __init__(self, pad: Scratchpad, memory: Bits, base: int) -> None:
        super().__init__(pad)
        self.memory, self.base = memory, base

    def run(self, op: str, fields: Fields) -> int:
        """Load or store; rows that overlap outside are stored one after the other."""
        inside, outside = self.windows
        rows, words, size = fields["rows"], fields["words"], self.parameters.word_bits // 8
        here = self.pad.panel(inside, rows, words)[0].reshape(rows, words, -1)
        start = outside.address + np.arange(rows) * fields["distance"]
        start %= 1 << ADDRESS_BITS
        if (start % size).any():
            raise MachineError("alignment")
        there = (start - self.base)[:, None] // size + np.arange(words)
        if there.min() < 0 or there.max() >= len(self.memory):
            raise MachineError("bus")
        if op == "load":
            here[...] = self.memory[there]
        else:
            self.memory[there] = here
        return rows * words


class Quantizer(Engine):
    """Makes panels of binary32, by the compiled model where numba is installed."""

    name = "quant"
    amax = np.float32(0)
    """By which tensors are scaled, where they have a scale of their own."""

    def run(self, op: str, fields: Fields) -> int:
        """Quantize, or find the largest magnitude of a tensor and put it into an element."""
        return self._panel(fields) if op == "quantize" else self._amax(fields)

    def _amax(self, fields: Fields) -> int:
        to, source = self.windows
        place, words = self.pad.element(to), fields["inner"] * fields["outer"]
        self.amax = amax_of(self.pad.read(source, words).view(np.float32))
        place[0] = self.amax.view(np.uint32)
        return words

    def _panel(self, fields: Fields) -> int:
        """Make a panel: first all blocks in the order of emission, one a row."""
        p, form = self.parameters, self.parameters.format
        panel, source = self.windows
        inner, outer, blocks = fields["inner"], fields["outer"], fields["blocks"]
        k = blocks * form.reduction
        words = k if fields["transposed"] else -(-k // p.values)
        if inner > words:
            raise MachineError("size")
        rows = outer * (p.values if fields["transposed"] else 1)
        side = p.columns if fields["side"] else p.rows
        place = self.pad.panel(panel, -(-rows // side), blocks * p.beats)
        x = np.zeros((outer, words, p.values), np.float32)
        x[:, :inner] = (
            self.pad.read(source, outer * inner).view(np.float32).reshape(outer, inner, p.values)
        )
        if fields["transposed"]:
            emitted = x.reshape(outer, blocks, form.reduction, p.values).swapaxes(2, 3)
        else:
            emitted = x.reshape(outer, -1)[:, :k]
        words = None
        if panel.key is not None:
            words = Words(key=panel.key, first=panel.skip * p.quantizer_lanes)
        found = _compiled("formats", "quantize", quantize)(
            np.ascontiguousarray(emitted).reshape(-1, form.reduction),
            form if words else p.nearest,
            random=words,
            amax=self.amax if p.tensor_scale else None,
        )
        code, exponent = found.code, found.exponent
        if fields["transposed"]:
            shape = outer, blocks, p.values
            code = code.reshape(*shape, -1).swapaxes(1, 2)
            exponent = exponent.reshape(shape).swapaxes(1, 2)
        result = Blocks(
            code=code.reshape(rows, k),
            exponent=exponent.reshape(rows, blocks),
            format=form,
            axis=1,
            amax=found.amax,
        )
        panels.store(p, place, side, result)
        return rows * blocks * p.beats


class Multiplier(Engine):
    """Multiplies panels as ``bfp_array`` does, by the compiled model where numba is installed.

    Results are multiplied by ``alpha``, where tensors have a scale of their own.
    """

    name = "prod"
    alpha = np.float32(1)

    def run(self, op: str, fields: Fields) -> int:
        """Multiply, or find what products of two tensors are multiplied by."""
        if op == "multiply":
            return self._multiply(fields)
        form = self.parameters.format
        assert isinstance(form, MxFormat)
        first, second = (
            counted_amax(form, np.abs(self.pad.element(window).view(np.float32))[0])
            for window in self.windows[1:]
        )
        self.alpha = product_scale((form, form), (first, second))
        return 1

    def _multiply(self, fields: Fields) -> int:
        """Multiply; results at one address are not in the order of the machine's.

        From a row of a result to the next is the stride of counter 4 of the window of results, from
        a product to the next that of counter 3 of each window.
        """
        p = self.parameters
        to = self.windows[0]
        m, n, count = fields["m"], fields["n"], fields["more"] + 1
        if n % p.columns:
            raise MachineError("size")
        row = to.address + np.arange(count)[:, None] * to.counters[3].stride
        row = row + np.arange(m) * to.counters[4].stride
        address = row[:, :, None] + np.arange(0, n, p.columns)
        address = address.astype(np.int32).astype(np.int64)
        self.pad.places(to.bank, address, p.columns)
        products = np.stack([self._product(fields, number) for number in range(count)])
        elements = (address[..., None] + np.arange(p.columns)).reshape(products.shape)
        self.pad.words[to.bank].reshape(-1)[elements] = products.view(np.uint32)
        return count * p.array.tiles(m, n) * fields["blocks"] * p.beats

    def _product(self, fields: Fields, number: int) -> Floats:
        """Return one of the products."""
        p = self.parameters
        pair = []
        for source, count, side in zip(
            self.windows[1:], (fields["m"], fields["n"]), (p.rows, p.columns), strict=True
        ):
            address = source.address + number * source.counters[3].stride
            window = dataclasses.replace(source, address=address)
            panel = self.pad.panel(window, -(-count // side), fields["blocks"] * p.beats)
            pair.append(panels.load(p, panel, side, count))
        a, b = pair
        product = _compiled("bfp", "gemm", gemm)(
            a, b.transposed, accumulators=p.array.accumulators, window=p.array.dot.alignment
        )
        return multiply(product, self.alpha) if p.tensor_scale else product


class Vector(Engine):
    """Computes in lanes.

    Attributes
    ----------
    scalars : list of uint32
        Bits of the scalar registers.
    """

    name = "vec"

    def __init__(self, pad: Scratchpad) -> None:
        super().__init__(pad)
        self.scalars = [np.uint32(0)] * 4

    def run(self, op: str, fields: Fields) -> int:
        """Do an operation in all lanes, or load a scalar register."""
        if op == "scalar":
            self.scalars[fields["register"]] = self.pad.first(self.windows[1])
            return 1
        lane, inner, outer = LANE_OPS[fields["lane"]], fields["inner"], fields["outer"]
        number = fields["scalar"]
        s = self.scalars[number - 1] if number else np.uint32(fields["imm"])
        unread = np.broadcast_to(np.uint32(0), (inner * outer, self.parameters.values))
        x, y = (
            self.pad.read(window, inner * outer) if name in vector.OPERANDS[lane] else unread
            for name, window in zip("xy", self.windows[1:], strict=True)
        )
        result = vector.lanes(lane, x=x, y=y, s=s, function=fields["function"])
        if fields["relu"]:
            result = vector.relu(result)
        reduction = REDUCTIONS[fields["reduce"]]
        if reduction != "none":
            result = vector.reduced(reduction, result.reshape(outer, inner, -1))
            if fields["fold"]:
                result = vector.fold(reduction, result)
        self.pad.write(self.windows[0], result)
        return inner * outer


def _compiled(wing: str, name: str, plain: Any) -> Any:
    """Return a function of a wing, compiled where numba is installed."""
    try:
        return getattr(compiled(wing), name)
    except UserError:
        return plain
