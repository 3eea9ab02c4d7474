"""The stages of a network: what the accelerator computes, one after the other, from what."""

import dataclasses
from collections.abc import Sequence

from ..errors import UserError
from ..train.layers import (
    BatchNorm,
    Flatten,
    Layer,
    Mean,
    Pool,
    Rectifier,
    Residual,
    Weighted,
)
from ..train.network import Network

__all__ = ["INPUT", "Stage", "stages"]

INPUT = -1
"""In place of a stage's number: the input of the network."""

COMPUTE = Weighted, Pool, BatchNorm, Mean
"""Layers that are stages of their own."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """A layer that computes.

    Parameters
    ----------
    part : sw.train.layers.Layer
        What it does; a `Residual` stands for the sum of what its branches gave.
    inputs : tuple of int
        Numbers of the earlier stages whose outputs it takes, or `INPUT`.
    number : int
        By which `Network.arrays` names its arrays, if it has any.
    relu : bool
        Whether a rectifier follows.
    """

    part: Layer
    inputs: tuple[int, ...]
    number: int
    relu: bool = False


def stages(network: Network) -> list[Stage]:
    """Return the stages, each behind those whose outputs it takes; all lead to the last one.

    Rows of a flattened sample lie where its planes do, as samples are innermost.
    """
    owners = [id(part) for part in network.parts if part.parameters]
    numbers = {owner: number for number, owner in enumerate(owners)}
    found: list[Stage] = []
    _extend(found, numbers, network.layers, INPUT)
    return found


def _extend(
    found: list[Stage], numbers: dict[int, int], layers: Sequence[Layer], source: int
) -> int:
    """Append layers, one behind the other; return the number of the last stage."""
    first = source
    for layer in layers:
        inputs = (source,)
        if isinstance(layer, Flatten):
            continue
        if isinstance(layer, Rectifier):
            if source == first:
                raise UserError("network must have no rectifier where it, or a branch, begins")
            found[source] = dataclasses.replace(found[source], relu=True)
            continue
        if isinstance(layer, Residual):
            branches = layer.body, layer.shortcut
            inputs = tuple(_extend(found, numbers, branch, source) for branch in branches)
        elif not isinstance(layer, COMPUTE):
            raise UserError(f"network must have layers of the accelerator, not {layer!r}")
        found.append(Stage(part=layer, inputs=inputs, number=numbers.get(id(layer), -1)))
        source = len(found) - 1
    return source
