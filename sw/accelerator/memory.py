"""The memory map: where arrays lie in external memory, and how."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..checks import array
from ..errors import UserError

__all__ = ["Map", "Region"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Region:
    """An array of binary32 in external memory.

    Its axes are those of what is stored, the last one fastest.

    Parameters
    ----------
    address : int
        Of its first byte.
    shape : tuple of int
        Of the array.
    stored : tuple of int
        Of what is in memory: the same axes, longer where zeros fill up words of the scratchpad.
        Of fewer axes the last one holds all further ones of the array.
    layout : str
        What the axes are.
    """

    address: int
    shape: tuple[int, ...]
    stored: tuple[int, ...]
    layout: str

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return 4 * math.prod(self.stored)

    @property
    def first(self) -> int:
        """Bytes from an index of the first axis to the next."""
        return 4 * math.prod(self.stored[1:])

    def _view(self, memory: npt.NDArray[np.uint8]) -> Floats:
        bytes_ = memory[self.address : self.address + self.size]
        found = bytes_.view(np.float32).reshape(self.stored)
        return found[tuple(slice(extent) for extent in self._flat)]

    @property
    def _flat(self) -> tuple[int, ...]:
        """The shape of the array with as many axes as what is stored."""
        axes = len(self.stored) - 1
        return *self.shape[:axes], math.prod(self.shape[axes:])

    def read(self, memory: bytes | bytearray | npt.NDArray[np.uint8]) -> Floats:
        """Return a copy of the array that a memory holds."""
        found = memory if isinstance(memory, np.ndarray) else np.frombuffer(memory, np.uint8)
        array("memory", found, "uint8", shape=("bytes",))
        if len(found) < self.address + self.size:
            least = self.address + self.size
            raise UserError(f"memory must have {least} bytes or more, not {len(found)}")
        return self._view(found).reshape(self.shape).copy()

    def write(self, memory: npt.NDArray[np.uint8], values: Floats) -> None:
        """Put the array into a memory; what fills it up stays as it was."""
        name = f"array of {self.layout}"
        found = array(name, values, "float32", shape=self.shape)
        self._view(memory)[...] = found.reshape(self._flat)


class Map(dict[str, Region]):
    """Regions by name, one behind the other; rows end with whole words of the scratchpad.

    Parameters
    ----------
    values : int
        Values of a word.
    """

    def __init__(self, values: int) -> None:
        super().__init__()
        self._word = values
        self.size = 0

    def put(
        self, name: str, shape: tuple[int, ...], layout: str, stored: tuple[int, ...] | None = None
    ) -> Region:
        """Add a region behind the others; ``stored`` as in `Region`, without what fills words."""
        *axes, last = stored or shape
        region = Region(
            address=self.size,
            shape=shape,
            stored=(*axes, -(-last // self._word) * self._word),
            layout=layout,
        )
        self[name] = region
        self.size += region.size
        return region

    def image(self, arrays: Mapping[str, Floats]) -> bytes:
        """Return a memory with arrays in their regions, and zeros."""
        memory = np.zeros(self.size, np.uint8)
        for name, values in arrays.items():
            self[name].write(memory, values)
        return memory.tobytes()
