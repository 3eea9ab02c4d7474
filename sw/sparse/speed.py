"""Cycles and memory traffic of the passes of layers on the sparse array.

As Procrustes (Yang et al., MICRO 2020) counts them: forward and gradient of the input skip the
zeros of the weights, the gradient of the weights those of the activations; it is needed of every
weight, for any may come to be tracked.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..core.convolution import Convolution
from ..core.products import Layer
from .array_parameters import SparseArrayParameters
from .correlation import correlations
from .cycles import array_cycles
from .mapping import best_tiling
from .tiling import Tiling

__all__ = ["BUFFER", "Cost", "Density", "pass_cost"]

Integers = npt.NDArray[np.int64]

BUFFER = 128 * 1024 * 8
"""Bits of the buffer between memory and array, those of Procrustes' configuration."""

WORD, POINTER = 32, 20
"""Bits of a value, and of the pointer of a compressed block."""

STEPS = (1, 2, 4, 8, 16, 32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Density:
    """Share of an operand that is not zero.

    Parameters
    ----------
    mean : float
        Of all places.
    spread : float
        Standard deviation of the logarithm of a row's share.
    """

    mean: float
    spread: float = 0.0

    def bits(self, tiling: Tiling, rng: np.random.Generator) -> Integers:
        """Return random bits set in each beat of masks, as `Tiling.count` takes them."""
        p, c = tiling.parameters, tiling.correlation
        count = tiling.row_groups * tiling.wave_rows
        share = self.mean * np.exp(rng.normal(-(self.spread**2) / 2, self.spread, count))
        share = np.where(np.arange(count) < c.rows, np.minimum(share, 1), 0)
        places = tiling.places
        share = share.reshape(tiling.row_groups, 1, tiling.wave_rows, 1)
        bits = rng.binomial(places[:, None], share)
        return bits.reshape(*bits.shape[:2], p.slots, tiling.rows, -1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """What a pass takes.

    Parameters
    ----------
    cycles : int
        Of the array.
    read, written : int
        Bits between memory and buffer.
    work : int
        Multiply-adds without zeros skipped.
    """

    cycles: int = 0
    read: int = 0
    written: int = 0
    work: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Return the sum."""
        return Cost(
            cycles=self.cycles + other.cycles,
            read=self.read + other.read,
            written=self.written + other.written,
            work=self.work + other.work,
        )


def pass_cost(
    p: SparseArrayParameters,
    layer: Layer,
    which: str,
    batch: int,
    *,
    weights: Density | None,
    activations: Density | None,
    balanced: bool = True,
    latency: int,
    seed: int = 1,
) -> Cost:
    """Return cycles and traffic of a pass, on random masks.

    The tiling is the one that takes the least time. Where an operand of a group of rows has no
    place in the buffer it is read again for every tile; the dense one is read for every group of
    rows, results are written once. Activations are stored compressed where they are skipped, and
    in pass ``weight`` the weights are read and written once more, to be updated.

    Parameters
    ----------
    p : SparseArrayParameters
        Of the array.
    layer : Layer
        The layer.
    which : str
        The pass.
    batch : int
        Images.
    weights, activations : Density or None
        Of the layer's weights and inputs; None for both is an array that skips nothing.
    balanced : bool
        Whether pieces are moved between lines.
    latency : int
        As of `array_cycles`.
    seed : int
        Of the masks.
    """
    operand = activations if which == "weight" else weights
    mean = 1.0 if operand is None else operand.mean
    options = [
        _tilings(p, layer, which, batch, parts, mean) for parts in _parts(p, layer, which, batch)
    ]
    _, tilings = min(options, key=lambda option: option[0])
    rng = np.random.default_rng(seed)
    total = Cost()
    for tiling, mode in tilings:
        if mode == "dense":
            waves = tiling.dense()
        else:
            waves = tiling.count(
                (operand or Density(mean=1.0)).bits(tiling, rng), balanced=balanced
            )
        cycles = array_cycles(p, tiling.job(mode, balanced=balanced), waves, latency=latency)
        total += Cost(cycles=cycles, work=tiling.correlation.work)
    tiling = tilings[0][0]
    return total + _traffic(tiling, layer, batch, weights, activations)


def _parts(p: SparseArrayParameters, layer: Layer, which: str, batch: int) -> list[int]:
    """Return parts into which the batch may be cut so that a layer's few channels fill lines."""
    if which != "weight" or not isinstance(layer, Convolution):
        return [1]
    return [n for n in STEPS if n == 1 or (batch % n == 0 and n * layer.channels <= 4 * p.slots)]


@functools.lru_cache(maxsize=4096)
def _tilings(
    p: SparseArrayParameters,
    layer: Layer,
    which: str,
    batch: int,
    parts: int,
    mean: float,
) -> tuple[float, Sequence[tuple[Tiling, str]]]:
    """Return the estimated time and the tilings, with their modes, of a pass."""
    found, time = [], 0.0
    for c in correlations(layer, which, batch, parts=parts):
        modes = ["sparse"] + ["dense"] * (mean == 1.0)
        options = [(*_best(p, c, mean, mode=mode), mode) for mode in modes]
        cost, tiling, mode = min(options, key=lambda option: option[0])
        time += cost
        found.append((tiling, mode))
    return time, found


_best = functools.lru_cache(maxsize=4096)(best_tiling)


def _traffic(
    tiling: Tiling, layer: Layer, batch: int, weights: Density | None, activations: Density | None
) -> Cost:
    """Return the traffic of a pass."""
    c = tiling.correlation
    count = {name: math.prod(shape) for name, shape in layer.shapes(batch).items()}
    plane = layer.kernel**2 if isinstance(layer, Convolution) else 1
    inputs = layer.size**2 if isinstance(layer, Convolution) else 1
    bits = {
        "w": _stored(count["w"], plane, weights),
        "x": _stored(count["x"], inputs, activations),
        "y": WORD * count["y"],
    }
    sparse, other, result = {
        "forward": ("w", "x", "y"),
        "input": ("w", "y", "x"),
        "weight": ("x", "y", "w"),
    }[c.which]
    again = 1 if bits[sparse] / tiling.row_groups <= BUFFER else math.prod(tiling.tiles)
    read = bits[sparse] * again + bits[other] * tiling.row_groups
    written = WORD * count["x"] if result == "x" else bits[result]
    if result == "w":
        read += bits["w"]
    return Cost(read=read, written=written)


def _stored(count: int, block: int, density: Density | None) -> int:
    """Return the bits of a tensor: as it is, or in compressed blocks."""
    if density is None:
        return WORD * count
    return round(count * density.mean * WORD) + count + -(-count // block) * POINTER
