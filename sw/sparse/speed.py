"""Cycles and memory traffic of the passes of layers on the sparse array.

As Procrustes (Yang et al., MICRO 2020) counts them: forward and gradient of the input skip the
zeros of the weights, the gradient of the weights those of the activations; it is needed of every
weight, for any may come to be tracked. The authors' set-up is an array of 16 x 16 whose tiles are
split into halves, batches of 16, a buffer of 128 KiB and 1 KiB in each element.
"""

import dataclasses
import functools
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..checks import choice, flag, instance, whole
from ..core.convolution import Convolution
from ..core.products import MOST, PASSES, Dense, Layer, check_layers
from ..errors import CapacityError, UserError
from .array_parameters import SparseArrayParameters
from .correlation import correlations
from .cycles import array_cycles
from .density import Density, Measured
from .mapping import MOST_MARGIN, best_tiling
from .tiling import Tiling

__all__ = ["BUFFER", "Cost", "network_cost", "pass_cost"]

BUFFER = 128 * 1024 * 8
"""Bits of the buffer between memory and array, those of Procrustes' configuration."""

WORD, POINTER = 32, 20
"""Bits of a value, and of the pointer of a compressed block."""

BANDWIDTH = 256
"""Bits a cycle between memory and buffer where memory is not taken to be fast enough."""

STEPS = (1, 2, 4, 8, 16, 32)
"""Parts into which a batch may be cut."""

MARGINS = (1.5, MOST_MARGIN)
"""How many times the mean PE rows can hold in the tilings that are tried."""


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
    limited : float
        Cycles where memory gives and takes `BANDWIDTH` bits in each, beside the array's work.
    """

    cycles: int = 0
    read: int = 0
    written: int = 0
    work: int = 0
    limited: float = 0.0

    @property
    def traffic(self) -> int:
        """Bits between memory and buffer."""
        return self.read + self.written

    def __add__(self, other: "Cost") -> "Cost":
        """Return the sum."""
        return Cost(
            cycles=self.cycles + other.cycles,
            read=self.read + other.read,
            written=self.written + other.written,
            work=self.work + other.work,
            limited=self.limited + other.limited,
        )


def pass_cost(
    p: SparseArrayParameters,
    layer: Layer,
    which: str,
    batch: int,
    *,
    weights: Density | Measured | None,
    activations: Density | Measured | None,
    results: Density | Measured | None = None,
    balanced: bool = True,
    seed: int = 1,
) -> Cost:
    """Return cycles and traffic of a pass, on random masks.

    The tiling is the one that takes the fewest cycles. Its loops over groups of rows and over tiles
    are nested in the order that has the least traffic: what has no place in the buffer is read
    again for each group, or for each tile; halos are not counted. Activations are stored compressed
    if they have a density, gradients never; in pass ``weight`` the weights are read and written
    once more, to be updated.

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
    weights, activations : Density or Measured or None
        Of the layer's weights and inputs; None for both is an array that skips nothing.
    results : Density or Measured or None
        Of the layer's results, as they are stored in pass ``forward``.
    balanced : bool
        Whether sub-tiles are moved between PE rows.
    seed : int
        Of the masks.
    """
    instance("p", p, SparseArrayParameters)
    instance("layer", layer, Convolution, Dense)
    choice("which", which, PASSES)
    batch = whole("batch", batch, 1, MOST)
    tensors = (("weights", weights), ("activations", activations), ("results", results))
    for name, density in tensors:
        instance(name, density, Density, Measured, type(None))
    flag("balanced", balanced)
    whole("seed", seed, 0, 2**32 - 1)
    operand = activations if which == "weight" else weights
    tiled: Sequence[tuple[Tiling, str]] = ()
    for margin in MARGINS:
        options = [
            _tilings(p, layer, which, batch, parts, operand.mean if operand else 1.0, margin)
            for parts in _parts(p, layer, which, batch)
        ]
        _, tiled = min(options, key=lambda option: option[0])
        rng = np.random.default_rng([seed, zlib.crc32(f"{layer.name} {which}".encode())])
        try:
            total = sum((_cost(*each, operand, balanced, rng) for each in tiled), start=Cost())
        except CapacityError:
            continue
        densities = {"w": weights, "x": activations, "y": results}
        total += _traffic([tiling for tiling, _ in tiled], layer, batch, densities)
        return dataclasses.replace(total, limited=max(total.cycles, total.traffic / BANDWIDTH))
    raise UserError(f"nonzeros must be more than {p.nonzeros} for {layer.name}")


def _cost(
    tiling: Tiling,
    mode: str,
    operand: Density | Measured | None,
    balanced: bool,
    rng: np.random.Generator,
) -> Cost:
    """Return the cycles of a part of a pass."""
    if mode == "dense":
        passes = tiling.dense()
    else:
        passes = tiling.count((operand or Density(mean=1.0)).bits(tiling, rng), balanced=balanced)
    job = tiling.job(mode, balanced=balanced)
    cycles = array_cycles(tiling.parameters, job, passes)
    return Cost(cycles=cycles, work=tiling.correlation.work)


def _parts(p: SparseArrayParameters, layer: Layer, which: str, batch: int) -> list[int]:
    """Return parts into which the batch may be cut so that a layer's few channels fill PE rows."""
    if which != "weight" or not isinstance(layer, Convolution):
        return [1]
    return [
        n for n in STEPS if n == 1 or (batch % n == 0 and n * layer.channels <= 4 * p.pass_subtiles)
    ]


@functools.lru_cache(maxsize=4096)
def _tilings(
    p: SparseArrayParameters,
    layer: Layer,
    which: str,
    batch: int,
    parts: int,
    mean: float,
    margin: float,
) -> tuple[float, Sequence[tuple[Tiling, str]]]:
    """Return the estimated time and the tilings, with their modes, of a pass.

    The time is infinite where parts of the batch do not fit.
    """
    found, time = [], 0.0
    for c in correlations(layer, which, batch, parts=parts):
        modes = ["sparse"] + ["dense"] * (mean == 1.0)
        try:
            options = [(*_best(p, c, mean, mode=mode, margin=margin), mode) for mode in modes]
        except CapacityError:
            if parts == 1:
                raise
            return math.inf, ()
        cost, tiling, mode = min(options, key=lambda option: option[0])
        time += cost
        found.append((tiling, mode))
    return time, found


_best = functools.lru_cache(maxsize=4096)(best_tiling)


def _traffic(
    tilings: Sequence[Tiling],
    layer: Layer,
    batch: int,
    densities: Mapping[str, Density | Measured | None],
) -> Cost:
    """Return the traffic of a pass; ``densities`` are those of ``w``, ``x`` and ``y``."""
    which = tilings[0].correlation.which
    shapes = layer.shapes(batch)
    bits = {
        name: _stored(
            math.prod(shape),
            math.prod(shape[2:]),
            None if name == "y" and which != "forward" else densities[name],
        )
        for name, shape in shapes.items()
    }
    sparse, other, result = {
        "forward": ("w", "x", "y"),
        "input": ("w", "y", "x"),
        "weight": ("x", "y", "w"),
    }[which]
    read = 0.0
    for tiling in tilings:
        c = tiling.correlation
        part = c.rows * c.channels // c.blocks * len(c.down.taps) * len(c.across.taps)
        mine = bits[sparse] * part / math.prod(shapes[sparse])
        apart = c.blocks > 1 and which != "weight"
        groups, tiles = 1 if apart else tiling.row_groups, math.prod(tiling.tiles)
        by_rows = mine * (1 if mine / tiling.row_groups <= BUFFER else tiles)
        by_rows += bits[other] * (1 if bits[other] <= BUFFER else groups)
        by_tiles = mine * (1 if mine <= BUFFER else tiles)
        by_tiles += bits[other] * (1 if bits[other] / tiles <= BUFFER else groups)
        read += min(by_rows, by_tiles)
    if result == "w":
        read += bits["w"]
    written = WORD * math.prod(shapes["x"]) if result == "x" else bits[result]
    return Cost(read=round(read), written=written)


def _stored(count: int, block: int, density: Density | Measured | None) -> int:
    """Return the bits of a tensor: as it is, or in compressed blocks."""
    if density is None:
        return WORD * count
    return round(count * density.mean * WORD) + count + -(-count // block) * POINTER


def network_cost(
    p: SparseArrayParameters,
    layers: Sequence[Layer],
    batch: int,
    weights: Sequence[Density | Measured | None],
    activations: Sequence[Density | Measured | None],
    **options: Any,
) -> dict[str, Cost]:
    """Return the cost of each pass of a network; the first layer needs no gradient of its input.

    ``weights`` and ``activations`` are those of the layers, of which each is taken to give the next
    one's activations; ``options`` as of `pass_cost`.
    """
    check_layers(layers)
    for name, densities in (("weights", weights), ("activations", activations)):
        instance(name, densities, list, tuple)
        if len(densities) != len(layers):
            raise UserError(
                f"{name} must be one of each of the {len(layers)} layers, not {len(densities)}"
            )
    results = [*activations[1:], None]
    total: dict[str, Cost] = dict.fromkeys(PASSES, Cost())
    tensors = zip(layers, weights, activations, results, strict=True)
    for number, (layer, w, x, y) in enumerate(tensors):
        for which in PASSES:
            if number or which != "input":
                total[which] += pass_cost(
                    p, layer, which, batch, weights=w, activations=x, results=y, **options
                )
    return total
