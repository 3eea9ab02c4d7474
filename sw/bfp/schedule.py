"""How the layers of a network are mapped on the multi-mode array, and the cycles that they take."""

import dataclasses
from collections.abc import Sequence

from ..checks import choice, instance, shown, whole
from ..core.convolution import Convolution
from ..core.products import PASSES, Layer, Product, check_layers
from ..errors import UserError
from .multimode_array import MODES, MultimodeParameters

__all__ = ["Mapping", "map_pass", "utilization"]

SIDES = 1, 2, 3, 4, 6, 8
TILES = tuple((down, across) for down in SIDES for across in SIDES)
"""Neighbouring outputs that a depth-wise convolution may compute in one product."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mapping:
    """A pass of a layer on the array.

    Parameters
    ----------
    layer : Layer
        The layer.
    which : str
        The pass.
    modes : tuple of int
        Modes of the products' operands ``a`` and ``b``.
    transposed : tuple of bool
        For each product whether ``b`` lies along the rows of the array.
    tile : tuple of int
        As in `Layer.products`.
    cycles : int
        Cycles of all jobs, one behind the other.
    work : int
        Multiply-adds of the layer.
    """

    layer: Layer
    which: str
    modes: tuple[int, int]
    transposed: tuple[bool, ...]
    tile: tuple[int, int]
    cycles: int
    work: int

    def utilization(self, parameters: MultimodeParameters) -> float:
        """Return the share of the multipliers' slots that work of the layer fills."""
        instance("parameters", parameters, MultimodeParameters)
        slots = parameters.rows * parameters.columns * parameters.lanes
        return self.work / (self.cycles * slots * parameters.sums(*self.modes))


def _cycles(p: MultimodeParameters, product: Product, modes: tuple[int, int]) -> tuple[int, bool]:
    """Return the cycles of a product where they are fewest, and whether it is transposed there."""
    options = []
    for transposed in (False, True):
        m, n = (product.n, product.m) if transposed else (product.m, product.n)
        pair = modes[::-1] if transposed else modes
        rows, columns = p.tile(*pair)
        tiles = product.count * -(-m // rows) * -(-n // columns)
        options.append((p.job_cycles(tiles, product.k, *pair), transposed))
    return min(options)


def _check(
    parameters: MultimodeParameters, batch: int, modes: tuple[int, int]
) -> tuple[int, tuple[int, int]]:
    """Check what is common to all layers; return all but the first."""
    instance("parameters", parameters, MultimodeParameters)
    batch = whole("batch", batch, 1, 2**31 - 1)
    if not isinstance(modes, tuple) or len(modes) != 2:
        raise UserError(f"modes must be those of the two operands, not {shown(modes)}")
    a, b = (whole(f"mode of {n}", m, 0, len(MODES) - 1) for n, m in zip("ab", modes, strict=True))
    return batch, (a, b)


def map_pass(
    parameters: MultimodeParameters,
    layer: Layer,
    which: str,
    batch: int,
    modes: tuple[int, int],
) -> Mapping:
    """Return the mapping of a pass that takes the fewest cycles.

    Each product is a job, as many equal ones as there are channels or heads a single one;
    ``modes``, each 0, 1 or 2, are those of its two operands.
    """
    batch, modes = _check(parameters, batch, modes)
    instance("layer", layer, Layer)
    choice("which", which, PASSES)
    depthwise = isinstance(layer, Convolution) and layer.depthwise
    best: Mapping | None = None
    for tile in TILES if depthwise else TILES[:1]:
        products = layer.products(which, batch, tile=tile)
        cycles, transposed = zip(*(_cycles(parameters, q, modes) for q in products), strict=True)
        if best is None or sum(cycles) < best.cycles:
            best = Mapping(
                layer=layer,
                which=which,
                modes=modes,
                transposed=transposed,
                tile=tile,
                cycles=sum(cycles),
                work=sum(q.work for q in products),
            )
    assert best is not None
    return best


def utilization(
    parameters: MultimodeParameters,
    layers: Sequence[Layer],
    batch: int,
    modes: tuple[int, int],
) -> tuple[float, list[Mapping]]:
    """Return the share of slots used by a network's three passes, and the mapping of each."""
    batch, modes = _check(parameters, batch, modes)
    check_layers(layers)
    maps = [
        map_pass(parameters, layer, which, batch, modes) for layer in layers for which in PASSES
    ]
    slots = parameters.rows * parameters.columns * parameters.lanes * parameters.sums(*modes)
    return sum(m.work for m in maps) / (sum(m.cycles for m in maps) * slots), maps
