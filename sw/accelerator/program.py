"""A program of the accelerator, with what its memory holds before and after."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from ..arrays import Floats
from ..checks import instance
from ..errors import UserError
from ..train.data import Data
from ..train.network import Network
from ..train.settings import Settings
from .assembler import Line
from .banks import Place
from .coding import disassemble
from .instructions import BYTES
from .memory import Map
from .parameters import AcceleratorParameters
from .start import start

__all__ = ["MOMENTUM", "Memory", "Program", "listing", "one_hot"]

Memory = bytes | bytearray | np.ndarray

MOMENTUM = "momentum_"
"""Before the name of an array: its momentum's."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """A training as instructions, and its memory map.

    External memory holds, by name: ``pixels`` and ``labels``, the batches of an epoch and the first
    one again, samples innermost; the arrays of the network and their momenta, which the end of the
    training overwrites; ``rates``, the negative rate of each epoch; and room for ``losses``.

    Parameters
    ----------
    parameters, settings
        Of the machine and of the training.
    lines : tuple of Line
        Instructions and comments.
    regions : Map
        Of external memory.
    tensors : mapping of str to Place
        Of the scratchpad: bank and first word.
    """

    parameters: AcceleratorParameters
    settings: Settings
    lines: tuple[Line, ...]
    regions: Map
    tensors: Mapping[str, Place]

    @property
    def instructions(self) -> list[int]:
        """The instructions."""
        return [line.word for line in self.lines]

    @property
    def code(self) -> bytes:
        """The instructions as in memory."""
        return b"".join(word.to_bytes(BYTES, "little") for word in self.instructions)

    def image(self, network: Network, data: Data) -> bytes:
        """Return external memory before a training of a network.

        Momenta are zeros. ``data`` is what the program was made for.
        """
        names = self._names
        arrays = instance("network", network, Network).arrays
        if {name: array.shape for name, array in arrays.items()} != {
            name: self.regions[name].shape for name in names
        }:
            raise UserError("network must have the layers that the program was made for")
        found = start(self.parameters, data, self.settings)
        order = np.concatenate([found.order, found.order[:1]])
        return self.regions.image(
            {
                "pixels": np.ascontiguousarray(data.train_x[order].swapaxes(1, 2)),
                "labels": one_hot(data.train_y[order], data.classes),
                "rates": -found.rates,
                **arrays,
            }
        )

    @property
    def _names(self) -> list[str]:
        """Names of the network's arrays."""
        others = {"pixels", "labels", "rates", "losses"}
        return [n for n in self.regions if n not in others and not n.startswith(MOMENTUM)]

    def weights(self, memory: Memory) -> dict[str, Floats]:
        """Return the arrays of the network, by the names of `Network.arrays`."""
        return {name: self.regions[name].read(memory) for name in self._names}

    def momenta(self, memory: Memory) -> dict[str, Floats]:
        """Return the momenta of the arrays that have any, by the arrays' names."""
        names = [name for name in self._names if MOMENTUM + name in self.regions]
        return {name: self.regions[MOMENTUM + name].read(memory) for name in names}

    def losses(self, memory: Memory) -> Floats:
        """Return the mean loss of each step's batch, (epochs, steps)."""
        return self.regions["losses"].read(memory)


def one_hot(labels: np.ndarray, classes: int) -> Floats:
    """Return (steps, classes, samples): one at labels, else zero."""
    return (labels[:, None] == np.arange(classes)[:, None]).astype(np.float32)


def listing(program: Program) -> str:
    """Return a program as text: number, instruction and comment, and the places of tensors."""
    p = instance("program", program, Program)
    texts = [disassemble(line.word) for line in p.lines]
    width = max(map(len, texts))
    lines = [
        f"{pc:4}  {text:{width}}  ; {line.comment}".rstrip(" ;")
        for pc, (text, line) in enumerate(zip(texts, p.lines, strict=True))
    ]
    lines += [f"; {name}: bank {bank}, word {word}" for name, (bank, word) in p.tensors.items()]
    lines += [
        f"; {name}: byte {region.address}, {region.layout}, {region.shape} in {region.stored}"
        for name, region in p.regions.items()
    ]
    return "\n".join(lines) + "\n"
