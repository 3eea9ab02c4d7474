"""The stages of a network: what the accelerator computes, one after the other, from what."""

import dataclasses
from collections.abc import Sequence

from ..errors import UserError
from ..train.attention import EachToken, MeanToken, Positions, SelfAttention, Tokens
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

__all__ = ["INPUT", "Gathered", "Mixed", "Projected", "Scored", "Stage", "stages", "takes_tokens"]

INPUT = -1
"""In place of a stage's number: the input of the network."""

COMPUTE = Weighted, Pool, BatchNorm, Mean, MeanToken, Positions
"""Layers that are stages of their own."""


@dataclasses.dataclass(frozen=True, eq=False)
class Projected:
    """A dense layer in front of an attention: of queries, keys or values."""

    dense: Weighted
    attention: SelfAttention


@dataclasses.dataclass(frozen=True, eq=False)
class Scored:
    """The shares of values, of queries and keys."""

    attention: SelfAttention


@dataclasses.dataclass(frozen=True, eq=False)
class Mixed:
    """Values weighted by their shares."""

    attention: SelfAttention


@dataclasses.dataclass(frozen=True, eq=False)
class Gathered:
    """A dense layer behind an attention."""

    dense: Weighted
    attention: SelfAttention


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """A layer that computes.

    Parameters
    ----------
    part : sw.train.layers.Layer, Projected, Scored, Mixed or Gathered
        What it does; a `Residual` stands for the sum of what its branches gave.
    inputs : tuple of int
        Numbers of the earlier stages whose outputs it takes, or `INPUT`.
    number : int
        By which `Network.arrays` names its arrays, if it has any.
    relu : bool
        Whether a rectifier follows.
    """

    part: Layer | Projected | Scored | Mixed | Gathered
    inputs: tuple[int, ...]
    number: int
    relu: bool = False


def stages(network: Network) -> list[Stage]:
    """Return the stages, each behind those whose outputs it takes; all lead to the last one.

    Rows of a flattened sample lie where its planes do, as samples are innermost; those of tokens
    are what `takes_tokens` says.
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
        if isinstance(layer, Flatten | Tokens):
            continue
        if isinstance(layer, EachToken):
            source = _extend(found, numbers, layer.layers, source)
            continue
        if isinstance(layer, SelfAttention):
            source = _attention(found, numbers, layer, source)
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


def _attention(
    found: list[Stage], numbers: dict[int, int], layer: SelfAttention, source: int
) -> int:
    """Append an attention and its dense layers; return the number of the last stage."""

    def append(part: Scored | Mixed, *inputs: int) -> int:
        found.append(Stage(part=part, inputs=inputs, number=-1))
        return len(found) - 1

    def dense(kind: type[Projected | Gathered], each: EachToken, below: int) -> int:
        [weighted] = each.parts
        assert isinstance(weighted, Weighted)
        part = kind(weighted, layer)
        found.append(Stage(part=part, inputs=(below,), number=numbers[id(weighted)]))
        return len(found) - 1

    query, key, value = layer.projections
    # The operand of keys is made first.
    first = dense(Projected, key, source)
    shares = append(Scored(layer), dense(Projected, query, source), first)
    mixed = append(Mixed(layer), shares, dense(Projected, value, source))
    return dense(Gathered, layer.output, mixed)


def takes_tokens(network: Network) -> bool:
    """Tell whether a network takes the rows of its images as tokens."""
    return bool(network.layers) and isinstance(network.layers[0], Tokens)
