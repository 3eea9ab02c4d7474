"""Which arithmetic is meant for which products of a network."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import shown
from ..core.products import PASSES
from ..errors import UserError
from ..grammar import place as read_place
from .arithmetic import Arithmetic
from .arithmetic import read as read_arithmetic
from .recipe import ATTENTION, Recipe

__all__ = ["Places", "computed"]

Place = tuple[int | None, str | None]
"""A layer or all, and a pass or all."""


def computed(layers: int) -> npt.NDArray[np.bool_]:
    """Return which products a training computes, (layers, 3).

    The gradient of the input of layer 0 is never computed: it is that of the data.
    """
    result = np.ones((layers, len(PASSES)), bool)
    result[0, PASSES.index("input")] = False
    return result


class Places:
    """Arithmetics of products by layer and pass.

    Parameters
    ----------
    name : str
        For messages.
    arithmetics : mapping of str to Arithmetic, or its name
        Under ``""`` for all products, ``"input"`` for a pass, ``"0"`` for a layer, counted from 0,
        or ``"0.input"`` for a pass of a layer; the last of these that there is counts. Layers are
        also ``first`` and ``last``.
    layers : int or None
        How many there are; without, ``last`` is not known.
    """

    def __init__(
        self, name: str, arithmetics: Mapping[str, Any], layers: int | None = None
    ) -> None:
        self.name = name
        self.arithmetics: dict[Place, Arithmetic] = {}
        self._texts: dict[Place, str] = {}
        for text, arithmetic in arithmetics.items():
            place = self._read(text, layers)
            if place in self._texts:
                both = f"{self._texts[place]} and {text}"
                raise UserError(f"arithmetic of one place is given twice, {both}, in {name!r}")
            self._texts[place] = text
            self.arithmetics[place] = read_arithmetic(arithmetic)

    def _read(self, text: str, layers: int | None) -> Place:
        """Return the place of a text."""
        found = read_place(text, PASSES)
        if found is None:
            raise UserError(
                f"arithmetic must be given for {', '.join(PASSES)}, a layer (0, first, last) or a "
                f"pass of one (0.input), not for {shown(text)}"
            )
        layer, which = found
        if layer == "last" and layers is None:
            raise UserError(f"layers must be given for the last one of {self.name!r}, not None")
        if layer is None:
            return None, which
        ends = {"first": 0, "last": (layers or 0) - 1}
        return ends[layer] if layer in ends else int(layer), which

    def _owner(self, layer: int, which: str) -> Place | None:
        """Return the place that decides a pass of a layer."""
        places = ((layer, which), (layer, None), (None, which), (None, None))
        return next((place for place in places if place in self.arithmetics), None)

    def find(self, layer: int, which: str) -> Arithmetic | None:
        """Return the arithmetic of a pass of a layer, None where none is given.

        A recipe whose forward pass the layer has not is given as one that takes nothing from it.
        """
        place = self._owner(layer, which)
        found = None if place is None else self.arithmetics[place]
        if isinstance(found, Recipe) and which != PASSES[0]:
            forward = self.find(layer, PASSES[0])
            if not isinstance(forward, Recipe) or forward.forward != found.forward:
                return found.alone
        return found

    def free(self, layers: int) -> npt.NDArray[np.bool_]:
        """Return which products that are computed have no arithmetic here, (layers, 3)."""
        given = [[self._owner(layer, which) for which in PASSES] for layer in range(layers)]
        return computed(layers) & np.array([[each is None for each in row] for row in given])

    def check(self, layers: int, *, updated: Iterable[int] = ()) -> None:
        """Raise `UserError` unless each arithmetic decides a product of so many layers.

        The gradients of the weights of layers ``updated`` are computed otherwise.
        """
        done = computed(layers)
        done[list(updated), PASSES.index("weight")] = False
        products = np.argwhere(done).tolist()
        used = {self._owner(layer, PASSES[column]) for layer, column in products}
        for place, text in self._texts.items():
            if place in used:
                continue
            layer, which = place
            why = "others are given for all of its products"
            if updated:
                why = "the update computes the gradients of weights"
            if layer is not None and layer >= layers:
                why = f"the network has {layers} layers, the last of which is {layers - 1}"
            elif which == "input" and (layer == 0 or layers == 1):
                why = "the gradient of the input of layer 0 is never computed"
            elif which == "weight":
                why = "the update computes the gradients of weights"
            where = text or "all products"
            raise UserError(f"arithmetic of {where} in {self.name!r} has no effect: {why}")

    def check_recipes(self, others: Iterable[int]) -> None:
        """Raise `UserError` for a recipe that is given to a layer of two activations alone."""
        left = set(others)
        for place, text in self._texts.items():
            if place[0] in left and isinstance(self.arithmetics[place], Recipe):
                raise UserError(
                    f"arithmetic of {text} in {self.name!r} has no effect: recipes leave products "
                    f"of two activations in {ATTENTION}"
                )
