"""Windows: the addresses that nested counters give, and what of them lies outside a plane."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from ..arrays import Flags, Integers
from ..checks import whole
from .instructions import COUNTERS

__all__ = ["Counter", "Window"]


@dataclasses.dataclass(frozen=True)
class Counter:
    """A counter of a window: its values, and what one more of them adds."""

    count: int = 1
    stride: int = 0
    ystep: int = 0
    xstep: int = 0


@dataclasses.dataclass(frozen=True)
class Bounds:
    """The first position in a plane, and the plane's extents."""

    y: int
    x: int
    height: int
    width: int


@dataclasses.dataclass
class Window:
    """A window of an engine, which every run walks through from the first position on.

    The last of the counters is the fastest.

    Parameters
    ----------
    address : int
        Of the first element, 32 bits signed; of a byte where the window is of external memory.
    bank : int
        Of the scratchpad.
    single : int
        Whether one element is meant, which reads give in all lanes.
    key : int or None
        Of a stream of random words; None rounds to nearest, ties away.
    skip : int
        The quantizer's beats of which random words are left out.
    bounds : Bounds or None
        The plane outside of which all is zero; None where nothing is outside.
    counters : list of Counter
        The slowest first.
    """

    address: int = 0
    bank: int = 0
    single: int = 0
    key: int | None = None
    skip: int = 0
    bounds: Bounds | None = None
    counters: list[Counter] = dataclasses.field(default_factory=lambda: [Counter()] * COUNTERS)

    def set(self, slot: str, values: Mapping[str, int]) -> None:
        """Set a slot, by the name and the fields that the table of instructions gives it."""
        fields = {name: value for name, value in values.items() if name not in ("window", "add")}
        if slot == "base":
            base = Window(fields["address"], fields["bank"], fields["single"])
            vars(self).update(vars(base))
        elif slot == "bounds":
            self.bounds = Bounds(**fields)
        elif slot == "key":
            self.key, self.skip = fields["key"], fields["skip"]
        else:
            self.counters[int(slot.removeprefix("counter"))] = Counter(**fields)

    def walk(self, steps: int) -> tuple[Integers, Flags]:
        """Return the element addresses of the first positions, and which are inside.

        After the last position comes the first. Addresses wrap at 32 bits, places in the plane at
        16, both signed.
        """
        whole("steps", steps, 0, 2**48)
        address = np.full(steps, self.address, np.int64)
        y = np.full(steps, self.bounds.y if self.bounds else 0, np.int64)
        x = np.full(steps, self.bounds.x if self.bounds else 0, np.int64)
        carry = np.arange(steps)
        for counter in reversed(self.counters):
            if counter.count == 1:
                continue
            carry, index = np.divmod(carry, counter.count)
            address += index * counter.stride
            if self.bounds:
                y += index * counter.ystep
                x += index * counter.xstep
        return address.astype(np.int32).astype(np.int64), self._inside(y, x)

    def _inside(self, y: Integers, x: Integers) -> Flags:
        """Tell which places are in the plane."""
        if not self.bounds:
            return np.ones(y.shape, np.bool_)
        y, x = y.astype(np.int16).astype(np.int64), x.astype(np.int16).astype(np.int64)
        return (y >= 0) & (y < self.bounds.height) & (x >= 0) & (x < self.bounds.width)
