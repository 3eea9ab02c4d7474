"""Which arithmetic each product of a training takes, and what decides it."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..core.products import PASSES
from ..errors import UserError
from ..formats import BfpFormat
from .arithmetic import Arithmetic
from .places import Places

__all__ = ["BINARY32", "Fixed", "Precision"]


class Precision(abc.ABC):
    """Chooses the arithmetic of each product; after training, what it chose is in ``history``.

    ``history`` holds the modes as each epoch begins, (layers, 3), where these may change, or is
    None; ``formats`` are those of the modes, ``places`` the arithmetics that are given by place.
    """

    name: str
    places: Places
    history: list[npt.NDArray[np.int32]] | None = None
    formats: Sequence[BfpFormat] = ()

    @abc.abstractmethod
    def check(self, layers: int) -> None:
        """Raise `UserError` unless all has an effect in a network of so many layers."""

    @abc.abstractmethod
    def arithmetic(self, layer: int, which: str) -> Arithmetic:
        """Return the arithmetic of a pass of a layer."""

    @abc.abstractmethod
    def start(self, epoch: int) -> None:
        """Begin an epoch, counted from 1."""

    @abc.abstractmethod
    def step(self) -> None:
        """End a step of training."""

    @abc.abstractmethod
    def observe(self, layer: int, which: str, w: Floats, gradient: Floats) -> None:
        """Look at a layer's weights, and at the gradient that its pass ``which`` gave."""

    def now(self) -> str:
        """Return a word on the present choice for the progress bar."""
        return self.name

    def record(self) -> dict[str, Any]:
        """Return what it chose as lists for JSON: ``modes``, None where these do not change."""
        return {"modes": None}


class Fixed(Precision):
    """One arithmetic for each product.

    Parameters
    ----------
    name : str
        For messages.
    arithmetics : mapping of str to Arithmetic, or its name
        By place, as of `Places`.
    layers : int or None
        How many the network has, if it is known yet.
    """

    def __init__(
        self, name: str, arithmetics: Mapping[str, Any], layers: int | None = None
    ) -> None:
        self.name = name
        self.places = Places(name, arithmetics, layers)
        for which in PASSES:
            if not {(None, which), (None, None)} & set(self.places.arithmetics):
                raise UserError(f"arithmetic of the pass {which} must be given in {name!r}")
        if layers is not None:
            self.check(layers)

    def check(self, layers: int) -> None:
        """Raise `UserError` unless each arithmetic has an effect."""
        self.places.check(layers)

    def arithmetic(self, layer: int, which: str) -> Arithmetic:
        """Return the arithmetic of the pass of the layer."""
        found = self.places.find(layer, which)
        assert found is not None
        return found

    def start(self, epoch: int) -> None:
        """Every epoch is alike."""

    def step(self) -> None:
        """Every step is alike."""

    def observe(self, layer: int, which: str, w: Floats, gradient: Floats) -> None:
        """Nothing depends on what is seen."""


BINARY32 = Fixed("binary32", {"": "binary32"})
"""Binary32 for everything."""
