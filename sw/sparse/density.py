"""Where operands are not zero: by chance, or as measured."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..arrays import Integers
from ..checks import array, number, whole
from ..core.products import Layer, check_layers
from ..errors import UserError
from .tiling import Tiling

__all__ = ["Density", "Measured", "layer_densities"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Density:
    """Share of an operand that is not zero.

    Parameters
    ----------
    mean : float
        Of all places, 0..1.
    spread : float
        Standard deviation of the logarithm of a row's share, 0..10.
    """

    mean: float
    spread: float = 0.0

    def __post_init__(self) -> None:
        """Check every field."""
        number("mean", self.mean, 0, 1)
        number("spread", self.spread, 0, 10)

    def bits(self, tiling: Tiling, rng: np.random.Generator) -> Integers:
        """Return random bits set in each beat of masks, as `Tiling.count` takes them."""
        p, c = tiling.parameters, tiling.correlation
        count = tiling.row_groups * tiling.pass_rows
        share = self.mean * np.exp(rng.normal(-(self.spread**2) / 2, self.spread, count))
        share = np.where(np.arange(count) < c.rows, np.minimum(share, 1), 0)
        places = tiling.places
        share = share.reshape(tiling.row_groups, 1, tiling.pass_rows, 1)
        bits = rng.binomial(places[:, None], share)
        return bits.reshape(*bits.shape[:2], p.pass_subtiles, tiling.rows, -1)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """The mask of an operand.

    Parameters
    ----------
    mask : array of bool
        Of weights, (filters, channels, r, s), or of activations, (images, channels, y, x); of a
        dense layer both have two axes.
    """

    mask: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Check the mask."""
        mask = array("mask", self.mask, "bool")
        if mask.ndim not in (2, 4) or not mask.size:
            raise UserError(f"mask must have two axes or four and a place, not {mask.shape}")
        object.__setattr__(self, "mask", mask)

    @property
    def mean(self) -> float:
        """Share of all places that is not zero."""
        return float(self.mask.mean())

    def bits(self, tiling: Tiling, rng: np.random.Generator) -> Integers:
        """Return the bits set in each beat of masks, as `Tiling.count` takes them."""
        return tiling.bits(tiling.correlation.sparse(self.mask))


def layer_densities(
    layers: Sequence[Layer], keep: float, *, spread: float, row_spread: float, seed: int
) -> list[Density]:
    """Return densities of layers that make ``keep`` of all weights.

    Parameters
    ----------
    layers : sequence of Layer
        The network.
    keep : float
        Share of all weights that is not zero.
    spread, row_spread : float
        Standard deviation of the logarithm of a layer's density, and of a row's within it.
    seed : int
        Of the random numbers.
    """
    check_layers(layers)
    number("keep", keep, 0, 1)
    number("spread", spread, 0, 10)
    number("row_spread", row_spread, 0, 10)
    rng = np.random.default_rng(whole("seed", seed, 0, 2**32 - 1))
    size = np.array([math.prod(layer.shapes(1)["w"]) for layer in layers])
    share = np.exp(rng.normal(0, spread, len(layers)))
    density = np.minimum(share * keep, 1)
    for _ in range(50):
        share *= keep / float(density @ size / size.sum())
        density = np.minimum(share * keep, 1)
    return [Density(mean=float(mean), spread=row_spread) for mean in density]
