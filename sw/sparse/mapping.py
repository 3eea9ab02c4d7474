"""The best tiling of a correlation, of those that the sparse array can do."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from ..arrays import Integers
from ..checks import choice, instance, number
from ..errors import CapacityError
from .array_parameters import SparseArrayParameters
from .correlation import Correlation
from .stages import COLLECT_LATENCY, LEAST_SPACING
from .tiling import Tiling

__all__ = ["MOST_MARGIN", "best_tiling"]

MOST_MARGIN = 1e9
"""That PE rows can hold all that is in a pass."""

ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)


def best_tiling(
    p: SparseArrayParameters,
    c: Correlation,
    density: float,
    *,
    mode: str = "sparse",
    margin: float = 1.5,
) -> tuple[float, Tiling]:
    """Return the tiling that takes the least time, of those that fit, and an estimate of that.

    Parameters
    ----------
    p, c : SparseArrayParameters, Correlation
        The array, and what it computes.
    density : float
        Share of the sparse operand that is not zero.
    mode : str
        ``sparse`` or ``dense``.
    margin : float
        How many times the mean a PE row must be able to hold of a pass, at most all; to 1e9.
    """
    instance("p", p, SparseArrayParameters)
    instance("c", c, Correlation)
    number("density", density, 0, 1)
    choice("mode", mode, ("sparse", "dense"))
    number("margin", margin, 1, MOST_MARGIN)
    taps, outputs = ([len(getattr(a, n)) for a in (c.down, c.across)] for n in ("taps", "outputs"))
    whole = [[n] for n in (taps if c.which != "weight" else outputs)]
    cut = [_parts(n) for n in (outputs if c.which != "weight" else taps)]
    kernels, planes = (whole, cut) if c.which != "weight" else (cut, whole)
    best: tuple[float, Tiling] | None = None
    for rows in ROWS:
        probe = Tiling(parameters=p, correlation=c, rows=rows, chunk=(1, 1, 1), tile=(1, 1, 1))
        sizes = [_parts(probe.reduction[0]), *kernels, _parts(probe.results[0]), *planes]
        grid = [axis.ravel() for axis in np.meshgrid(*sizes, indexing="ij")]
        cost = _estimate(probe, grid, density, mode, margin)
        least = int(cost.argmin())
        if np.isfinite(cost[least]) and (best is None or cost[least] < best[0]):
            k, u, v, g, i, j = (int(axis[least]) for axis in grid)
            best = float(cost[least]), dataclasses.replace(probe, chunk=(k, u, v), tile=(g, i, j))
    if best is None:
        raise CapacityError(
            f"patch, sums, nonzeros, depth or pixels must be larger for number {c.which} of "
            f"{c.name}, not {p.patch}, {p.sums}, {p.nonzeros}, {p.depth} and {p.pixels}"
        )
    return best


def _estimate(
    probe: Tiling, grid: list[Integers], density: float, mode: str, margin: float
) -> npt.NDArray[np.float64]:
    """Return an estimate of the cycles of tilings; infinity for those that do not fit."""
    p, c = probe.parameters, probe.correlation
    k, u, v, g, i, j = grid
    pairs = [*zip(probe.reduction, (k, u, v), strict=True)]
    pairs += zip(probe.results, (g, i, j), strict=True)
    counts = [-(-whole // part) for whole, part in pairs]
    depth, pixels = k * u * v, g * i * j
    patch = g * probe.blocks * k
    patch = patch * ((i - 1) * c.down.step + u) * ((j - 1) * c.across.step + v)
    inside = math.prod(probe.reduction) / (counts[0] * counts[1] * counts[2])
    values = inside * density if mode == "sparse" else depth
    # The balancer spreads sub-tiles over the PE rows, of which the last may be empty.
    subtiles = -(-min(c.rows, probe.pass_rows) // probe.rows)
    subtiles = -(-subtiles // p.pe_rows) if mode == "sparse" else p.subtiles
    nonzeros = subtiles * probe.rows * np.maximum(values, 1)
    # The slowest of 16 PE rows with halves has about so many more than all on average.
    slowest = nonzeros + 0.4 * np.sqrt(nonzeros) if mode == "sparse" else nonzeros
    fetched = values / p.issue_width
    if mode == "sparse":
        beats = -(-depth // p.mask_bits)
        # A beat without bits takes a cycle too, one with an odd number half a cycle more.
        none = (1 - values / (beats * p.mask_bits)) ** p.mask_bits
        fetched += beats * (none + (1 - none) * (p.issue_width - 1) / 4)
    given = probe.pass_rows * pixels
    cycles = np.maximum.reduce(
        [
            slowest * np.maximum(pixels, LEAST_SPACING),
            probe.pass_rows * fetched + 4,
            patch + 1,
            given + COLLECT_LATENCY + 2,
            np.full(len(k), p.balancer.period if mode == "sparse" else 0),
        ]
    )
    fits = (depth <= p.depth) & (pixels <= p.pixels) & (patch <= p.patch)
    fits &= p.subtiles * probe.rows * pixels <= p.sums
    # Where a group of rows has blocks of its own, it has whole ones.
    shared = probe.pass_rows * c.blocks % c.rows and probe.row_groups > 1
    fits &= c.blocks == 1 or not shared
    most = np.minimum(margin * nonzeros + 6 * np.sqrt(nonzeros), p.subtiles * probe.rows * depth)
    fits &= most <= p.nonzeros
    # Of equal ones the first is chosen: those with the fewest passes are first.
    return np.where(fits, probe.row_groups * np.prod(counts, 0) * (cycles + 1), np.inf)


def _parts(whole: int) -> list[int]:
    """Return sizes of equal parts, the last perhaps less."""
    counts = {*range(1, min(whole, 16) + 1)} | {1 << n for n in range(whole.bit_length())}
    return sorted({-(-whole // count) for count in counts})
