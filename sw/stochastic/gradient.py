"""Gradients of weights by the stochastic outer product, tile after tile."""

import functools
from collections.abc import Callable

import numpy as np

from ..arrays import Flags, Floats
from ..checks import array, instance, shown
from ..errors import UserError
from ..formats import binary32
from .outer_parameters import OuterProductParameters
from .outer_product import outer_product

__all__ = ["Block", "Engine", "weight_gradient"]

Engine = Callable[[Floats, Floats, Flags], Floats]
"""Computes the results of batches, (batches, rows, columns).

Its arguments are ``x``, (pairs, columns), ``d``, (pairs, rows), and ``last``, (pairs,), which marks
pairs that end a batch, as those of `sw.stochastic.outer_product.outer_product`. The generators run
on from call to call.
"""


class Block:
    """Engine that computes with a block's model; ``pairs`` counts those that it has computed.

    Parameters
    ----------
    parameters : OuterProductParameters
        Of the block.
    compute : callable
        `sw.stochastic.outer_product.outer_product` or that of `sw.stochastic.fast`.
    """

    def __init__(
        self, parameters: OuterProductParameters, compute: Callable[..., Floats] = outer_product
    ) -> None:
        self.parameters = instance("parameters", parameters, OuterProductParameters)
        self.compute = compute
        self.pairs = 0

    def __call__(self, x: Floats, d: Floats, last: Flags) -> Floats:
        """Return the results of batches."""
        results = self.compute(self.parameters, x, d, last=last, first=self.pairs)
        self.pairs += len(x)
        return results


def weight_gradient(
    parameters: OuterProductParameters, d: Floats, x: Floats, engine: Engine
) -> Floats:
    """Return an estimate of ``d @ x.T``, (m, n).

    The result is cut into tiles of the block's rows and columns, which the engine computes in a
    single call, those of the first rows first, from left to right. Each tile has all pairs, in
    batches of ``parameters.batch``; its last pair is marked, and its last batch may be shorter.
    Where vectors of a batch share a power of two it is filled up with zeros, and no pair is marked.
    Rows and columns beyond the edges are zeros. The results of a tile's batches are added up in
    binary32, in their order.

    Parameters
    ----------
    parameters : OuterProductParameters
        Of the block.
    d, x : array of float32, (m, pairs) and (n, pairs)
        Gradients of outputs, and inputs.
    engine : callable
        See `Engine`.
    """
    p = instance("parameters", parameters, OuterProductParameters)
    if not callable(engine):
        raise UserError(f"engine must be a function as of Engine, not {shown(engine)}")
    d = array("d", d, "float32", shape=("m", "pairs"))
    x = array("x", x, "float32", shape=("n", d.shape[1]))
    if not d.shape[1]:
        raise UserError("d and x must have a pair or more, not 0")
    pairs = d.shape[1]
    if p.scale == "batch":
        pairs = -(-pairs // p.batch) * p.batch
    down, across = _tiles(d, p.rows, pairs), _tiles(x, p.columns, pairs)
    shape = (len(down), len(across), pairs)
    d_tiles = np.broadcast_to(down[:, None], (*shape, p.rows)).reshape(-1, p.rows)
    x_tiles = np.broadcast_to(across[None], (*shape, p.columns)).reshape(-1, p.columns)
    last = np.zeros(shape, bool)
    last[..., -1] = p.scale == "vector"
    results = engine(x_tiles, d_tiles, last.reshape(-1))
    batches = -(-pairs // p.batch)
    results = results.reshape(*shape[:2], batches, p.rows, p.columns)
    total = functools.reduce(binary32.add, np.moveaxis(results, 2, 0))
    total = total.swapaxes(1, 2).reshape(len(down) * p.rows, len(across) * p.columns)
    return np.ascontiguousarray(total[: len(d), : len(x)])


def _tiles(matrix: Floats, side: int, pairs: int) -> Floats:
    """Return the vectors of ``side`` rows after another, (tiles, pairs, side)."""
    count = -(-len(matrix) // side)
    whole = np.zeros((count * side, pairs), np.float32)
    whole[: len(matrix), : matrix.shape[1]] = matrix
    return whole.reshape(count, side, pairs).swapaxes(1, 2)
