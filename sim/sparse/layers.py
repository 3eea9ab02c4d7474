"""Passes of layers through the sparse array."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from sw.checks import array, choice, instance
from sw.core.products import PASSES, Layer
from sw.sparse.array import apply as model
from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.correlation import correlations
from sw.sparse.cycles import array_cycles
from sw.sparse.mapping import best_tiling
from sw.sparse.tiling import Tiling

from .array import simulate

__all__ = ["Pass", "run_pass"]

Floats = npt.NDArray[np.float32]

TENSORS = {"forward": ("w", "x", "y"), "input": ("w", "y", "x"), "weight": ("x", "y", "w")}
"""The sparse operand, the dense one and the result of each pass."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """What a pass gave, in RTL or the model, and its cycles in RTL and model."""

    result: Floats
    cycles: int
    expected: int


def run_pass(
    p: SparseArrayParameters,
    layer: Layer,
    which: str,
    sparse: Floats,
    dense: Floats,
    *,
    batch: int,
    mode: str = "sparse",
    rtl: bool = True,
    **options: Any,
) -> Pass:
    """Return the result of a pass of a layer, tile by tile, and its cycles.

    Parameters
    ----------
    p, layer, which
        Parameters of the array, the layer and the pass.
    sparse : array of float32
        Weights, or in pass ``weight`` the activations, whose zeros are skipped.
    dense : array of float32
        Activations, or the gradients of results.
    batch : int
        Images.
    mode : str
        ``sparse`` or ``dense``.
    rtl : bool
        Whether to run the RTL; otherwise both counts of cycles are the model's.
    options
        As of `sim.bench.run`.
    """
    instance("p", p, SparseArrayParameters)
    instance("layer", layer, Layer)
    names = TENSORS[choice("which", which, PASSES)]
    sparse, dense = array(names[0], sparse, "float32"), array(names[1], dense, "float32")
    layer.check(batch, {names[0]: sparse, names[1]: dense})
    choice("mode", mode, ("sparse", "dense"))
    shape = layer.shapes(batch)[names[2]]
    result = np.zeros(shape if len(shape) == 4 else (*shape, 1, 1), np.float32)
    cycles = expected = 0
    for c in correlations(layer, which, batch):
        s = np.asarray(c.sparse(sparse), np.float32)
        _, tiling = best_tiling(p, c, max(float(np.mean(s != 0)), 0.01), mode=mode)
        job, operands = tiling.job(mode), _operands(tiling, s, c.dense(dense), mode)
        passes = tiling.dense() if mode == "dense" else tiling.count(tiling.bits(s != 0))
        expected += array_cycles(p, job, passes)
        if rtl:
            sums, run = simulate(p, job, operands, **options)
            cycles += run.cycles
        else:
            sums, cycles = model(p, job, **operands), expected
        c.store(result, tiling.collect(sums))
    return Pass(result=result.reshape(shape), cycles=cycles, expected=expected)


def _operands(tiling: Tiling, s: Floats, x: Floats, mode: str) -> dict[str, Any]:
    """Return the operands of all passes; every tile of a group of rows has the same weights."""
    parts = tiling.gather(s)
    tiles = tiling.passes // (parts.shape[0] * parts.shape[1])
    weights = np.repeat(parts[:, None], tiles, 1).reshape(-1, *parts.shape[2:])
    mask = weights != 0 if mode == "sparse" else np.ones(weights.shape, bool)
    return {"mask": mask, "values": weights[mask], "x": tiling.patches(x), **tiling.tables()}
