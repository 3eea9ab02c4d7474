"""The scratchpad: banks of words, codes of exponents beside them, and how engines use both."""

import numpy as np
import numpy.typing as npt

from ..arrays import Integers
from ..checks import array, instance
from .parameters import VALUE_BITS, AcceleratorParameters
from .window import Window

__all__ = ["Bits", "MachineError", "Scratchpad"]

Bits = npt.NDArray[np.uint32]


class MachineError(Exception):
    """What stops the machine; its text is the name of the cause."""


class Scratchpad:
    """The banks, zero at first.

    Parameters
    ----------
    parameters : AcceleratorParameters
        Of the machine.

    Attributes
    ----------
    words : array of uint32, (banks, words, values)
        Bits of the values; value 0 is the lowest of a word.
    side : array of uint32, (banks, words, slices)
        Codes of exponents.
    """

    def __init__(self, parameters: AcceleratorParameters) -> None:
        self.parameters = p = instance("parameters", parameters, AcceleratorParameters)
        self.words: Bits = np.zeros((p.banks, p.bank_words, p.values), np.uint32)
        self.side: Bits = np.zeros((p.banks, p.bank_words, p.slices), np.uint32)

    def read(self, window: Window, steps: int) -> Bits:
        """Return the words of the first positions of a window, (steps, values)."""
        address, inside = window.walk(steps)
        used = address[inside]
        if window.single:
            found = self._values(window.bank, used)[:, None]
        else:
            found = self.words[window.bank, self.places(window.bank, used)]
        result = np.zeros((steps, self.parameters.values), np.uint32)
        result[inside] = found
        return result

    def first(self, window: Window) -> np.uint32:
        """Return the element at a window's first position."""
        address, inside = window.walk(1)
        return self._values(window.bank, address)[0] if inside[0] else np.uint32(0)

    def element(self, window: Window) -> Bits:
        """Return a view of the element, of shape (1,), at which a window begins, in any plane."""
        address = int(np.array(window.address).astype(np.int32))
        self.places(window.bank, np.array([address]), 1)
        return self.words[window.bank].reshape(-1)[address : address + 1]

    def write(self, window: Window, words: Bits) -> None:
        """Write words to the first positions of a window, the last where one comes twice."""
        words = array("words", words, "uint32", shape=("steps", self.parameters.values))
        address, inside = window.walk(len(words))
        address, words = address[inside], words[inside]
        if window.single:
            self._values(window.bank, address)
            self.words[window.bank].reshape(-1)[address] = words[:, 0]
        else:
            self.words[window.bank, self.places(window.bank, address)] = words

    def _values(self, bank: int, address: Integers) -> Bits:
        """Return single elements."""
        self.places(bank, address, 1)
        return self.words[bank].reshape(-1)[address]

    def places(self, bank: int, address: Integers, step: int | None = None) -> Integers:
        """Return the words of elements, or stop the machine if one is none of the bank.

        ``step`` is what addresses must be multiples of, a word's values if not given.
        """
        p = self.parameters
        outside = (address < 0) | (address >= p.bank_values)
        if bank >= p.banks or (outside | (address % (step or p.values) != 0)).any():
            raise MachineError("address")
        return address // p.values

    def panel(self, window: Window, groups: int, length: int) -> tuple[Bits, Bits]:
        """Return views of a panel: of its slices and of the codes beside them.

        Their shapes are (groups, length, slices, values of a slice) and (groups, length, slices).
        """
        p = self.parameters
        step = p.slice_bits // VALUE_BITS
        count = groups * length
        start = np.array(window.address).astype(np.int32).astype(np.int64)
        first, last = self.places(window.bank, start + np.array([0, (count - 1) * p.values]))
        words = self.words[window.bank, first : last + 1]
        side = self.side[window.bank, first : last + 1]
        return (
            words.reshape(groups, length, p.values // step, step),
            side.reshape(groups, length, p.slices),
        )
