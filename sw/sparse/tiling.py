"""How a correlation is cut into the waves of the sparse array."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from .array_parameters import LEAST_SPACING, Job, SparseArrayParameters
from .correlation import Correlation
from .cycles import COLLECT_LATENCY, Waves, count_waves

__all__ = ["Tiling", "best_tiling"]

Integers = npt.NDArray[np.int64]

ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tiling:
    """A correlation in waves: a chunk of the reduction for a tile of results.

    The waves of a tile are its chunks; tiles go through the column groups and planes of a group of
    rows, then through the groups of rows.

    Parameters
    ----------
    parameters : SparseArrayParameters
        Of the array.
    correlation : Correlation
        What is computed.
    rows : int
        Rows of a piece.
    chunk : tuple of int
        Channels of a block, and taps, down and across, of a wave.
    tile : tuple of int
        Groups of columns and outputs, down and across, of a wave.
    """

    parameters: SparseArrayParameters
    correlation: Correlation
    rows: int
    chunk: tuple[int, int, int]
    tile: tuple[int, int, int]

    @property
    def wave_rows(self) -> int:
        """Rows of a wave."""
        return self.parameters.slots * self.rows

    @property
    def row_groups(self) -> int:
        """Groups of the rows of a wave."""
        return -(-self.correlation.rows // self.wave_rows)

    @property
    def blocks(self) -> int:
        """Blocks of a group of rows."""
        c = self.correlation
        return min(c.blocks, -(-self.wave_rows * c.blocks // c.rows))

    @property
    def planes(self) -> tuple[int, int]:
        """Extent of a channel in a patch."""
        c = self.correlation
        _, down, across = self.tile
        return (
            (down - 1) * c.down.step + self.chunk[1],
            (across - 1) * c.across.step + self.chunk[2],
        )

    @property
    def chunks(self) -> tuple[int, int, int]:
        """Chunks in each direction of the reduction."""
        return _ceil(_reduction(self.correlation), self.chunk)

    @property
    def tiles(self) -> tuple[int, int, int]:
        """Tiles of a group of rows in each direction."""
        return _ceil(_results(self.parameters, self.correlation, self.wave_rows), self.tile)

    @property
    def waves(self) -> int:
        """All waves."""
        return self.row_groups * math.prod(self.tiles) * math.prod(self.chunks)

    def job(self, mode: str = "sparse", *, balanced: bool = True) -> Job:
        """Return what the array is told."""
        return Job(
            rows=self.rows,
            depth=math.prod(self.chunk),
            positions=math.prod(self.tile),
            patch=self.tile[0] * self.blocks * self.chunk[0] * math.prod(self.planes),
            waves=math.prod(self.chunks),
            mode=mode,
            balanced=balanced,
        )

    @property
    def places(self) -> Integers:
        """Dense places in each beat of a row's mask, (chunks, beats)."""
        p = self.parameters
        inside = np.ones((1, 1), bool)
        for whole, part, count in zip(
            _reduction(self.correlation), self.chunk, self.chunks, strict=True
        ):
            axis = np.arange(count * part).reshape(count, part) < whole
            inside = (inside[:, None, :, None] & axis[:, None]).reshape(
                len(inside) * count, inside.shape[1] * part
            )
        fill = -inside.shape[1] % p.mask_bits
        return np.pad(inside, ((0, 0), (0, fill))).reshape(len(inside), -1, p.mask_bits).sum(-1)

    def estimate(self, density: float, mode: str) -> float:
        """Return about how many cycles it takes; infinity if the array cannot."""
        grid = [np.array([size]) for size in (*self.chunk, *self.tile)]
        return float(_estimate(self, grid, density, mode)[0])

    def dense(self) -> Waves:
        """Return the waves of an operand without zeros, for mode ``dense``."""
        p, job = self.parameters, self.job("dense")
        whole, rest = divmod(job.depth, p.mask_bits)
        beats = whole * (p.mask_bits // p.fetch) + -(-rest // p.fetch)
        return Waves(
            fetched=np.full(self.waves, beats * self.wave_rows),
            most=np.full(self.waves, p.pieces * job.rows * job.depth),
        )

    def count(self, bits: npt.ArrayLike, *, balanced: bool = True) -> Waves:
        """Return the waves of masks.

        Parameters
        ----------
        bits : array of int, (row groups, chunks, slots, rows, beats)
            Bits set in each beat; every tile of a group of rows takes the same.
        balanced : bool
            As of `Job`.
        """
        p = self.parameters
        bits = np.asarray(bits)
        shape = self.row_groups, math.prod(self.chunks), p.slots, self.rows
        if bits.shape[:-1] != shape:
            raise UserError(f"bits must be of shape {shape} and beats, not {bits.shape}")
        once = count_waves(p, self.job(balanced=balanced), bits.reshape(-1, *bits.shape[2:]))
        most = once.most.max(initial=0)
        if most > p.entries:
            raise UserError(f"entries must be at least the {most} non-zeros of a line")

        def repeat(part: Integers) -> Integers:
            groups = part.reshape(self.row_groups, 1, -1)
            return np.tile(groups, (1, math.prod(self.tiles), 1)).ravel()

        return Waves(fetched=repeat(once.fetched), most=repeat(once.most))

    def bits(self, mask: npt.ArrayLike) -> Integers:
        """Return the bits set in each beat, as `count` takes them.

        ``mask`` is that of the whole sparse operand, (rows, channels, down, across).
        """
        places = self.gather(np.asarray(mask, bool))
        fill = -places.shape[-1] % self.parameters.mask_bits
        padded = np.pad(places, [(0, 0)] * 4 + [(0, fill)])
        return padded.reshape(*places.shape[:-1], -1, self.parameters.mask_bits).sum(-1)

    def gather(self, operand: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return a sparse operand by waves, (row groups, chunks, slots, rows, depth).

        ``operand`` is (rows, channels of a block, down, across).
        """
        p = self.parameters
        (a, b, d), (k, u, v) = self.chunks, self.chunk
        sizes = self.row_groups * self.wave_rows, a * k, b * u, d * v
        fill = [(0, s - n) for s, n in zip(sizes, operand.shape, strict=True)]
        parts = np.pad(operand, fill).reshape(-1, p.slots, self.rows, a, k, b, u, d, v)
        parts = parts.transpose(0, 3, 5, 7, 1, 2, 4, 6, 8)
        return parts.reshape(self.row_groups, a * b * d, p.slots, self.rows, k * u * v)

    def tables(self) -> dict[str, Integers]:
        """Return ``offsets``, ``bases`` and ``shifts``, as `sw.sparse.array.apply` takes them."""
        c = self.correlation
        height, width = self.planes
        k, u, v = (np.arange(n) for n in self.chunk)
        channel = len(k) * height * width
        offsets = (k[:, None, None] * height + u[:, None]) * width + v
        g, i, j = (np.arange(n) for n in self.tile)
        group = g[:, None, None] * self.blocks * channel
        bases = group + i[:, None] * c.down.step * width + j * c.across.step
        block = np.arange(self.wave_rows) * c.blocks // c.rows
        return {
            "offsets": offsets.ravel(),
            "bases": bases.ravel(),
            "shifts": np.minimum(block, self.blocks - 1) * channel,
        }


def best_tiling(
    p: SparseArrayParameters, c: Correlation, density: float, *, mode: str = "sparse"
) -> Tiling:
    """Return the tiling that takes the least time, by an estimate, of those that fit.

    Parameters
    ----------
    p : SparseArrayParameters
        Of the array.
    c : Correlation
        What is computed.
    density : float
        Share of the sparse operand that is not zero.
    mode : str
        ``sparse`` or ``dense``.
    """
    taps, outputs = ([len(getattr(a, n)) for a in (c.down, c.across)] for n in ("taps", "outputs"))
    whole = [[n] for n in (taps if c.which != "weight" else outputs)]
    cut = [_parts(n) for n in (outputs if c.which != "weight" else taps)]
    kernels, planes = (whole, cut) if c.which != "weight" else (cut, whole)
    best: tuple[float, Tiling] | None = None
    for rows in ROWS:
        probe = Tiling(parameters=p, correlation=c, rows=rows, chunk=(1, 1, 1), tile=(1, 1, 1))
        channels, groups = _reduction(c)[0], _results(p, c, probe.wave_rows)[0]
        sizes = [_parts(channels), *kernels, _parts(groups), *planes]
        grid = [axis.ravel() for axis in np.meshgrid(*sizes, indexing="ij")]
        cost = _estimate(probe, grid, density, mode)
        least = int(cost.argmin())
        if np.isfinite(cost[least]) and (best is None or cost[least] < best[0]):
            k, u, v, g, i, j = (int(axis[least]) for axis in grid)
            best = cost[least], dataclasses.replace(probe, chunk=(k, u, v), tile=(g, i, j))
    if best is None:
        raise UserError(f"the array has not enough patch, sums or entries for {c}")
    return best[1]


def _estimate(
    probe: Tiling, grid: list[Integers], density: float, mode: str
) -> npt.NDArray[np.float64]:
    """Return about how many cycles tilings take; infinity for those that do not fit."""
    p, c = probe.parameters, probe.correlation
    k, u, v, g, i, j = grid
    pairs = [*zip(_reduction(c), (k, u, v), strict=True)]
    pairs += zip(_results(p, c, probe.wave_rows), (g, i, j), strict=True)
    counts = [-(-whole // part) for whole, part in pairs]
    depth, positions = k * u * v, g * i * j
    patch = g * probe.blocks * k
    patch = patch * ((i - 1) * c.down.step + u) * ((j - 1) * c.across.step + v)
    inside = math.prod(_reduction(c)) / (counts[0] * counts[1] * counts[2])
    values = inside * density if mode == "sparse" else depth
    entries = p.pieces * probe.rows * np.maximum(values, 1)
    # The slowest of 16 lines with halves has about so many more than all on average.
    slowest = entries + 0.4 * np.sqrt(entries) if mode == "sparse" else entries
    fetched = values / p.fetch
    if mode == "sparse":
        beats = -(-depth // p.mask_bits)
        # A beat without bits takes a cycle too, one with an odd number half a cycle more.
        none = (1 - values / (beats * p.mask_bits)) ** p.mask_bits
        fetched += beats * (none + (1 - none) * (p.fetch - 1) / 4)
    given = probe.wave_rows * positions
    cycles = np.maximum.reduce(
        [
            slowest * np.maximum(positions, LEAST_SPACING),
            probe.wave_rows * fetched + 4,
            patch + 1,
            given + COLLECT_LATENCY + 2,
            np.full(len(k), p.balancer.period if mode == "sparse" else 0),
        ]
    )
    fits = (depth <= p.depth) & (positions <= p.positions) & (patch <= p.patch)
    fits &= p.pieces * probe.rows * positions <= p.sums
    # Where a group of rows has blocks of its own, it has whole ones.
    shared = probe.wave_rows * c.blocks % c.rows and probe.row_groups > 1
    fits &= c.blocks == 1 or not shared
    # Some rows have more than the mean; none has more than all.
    fits &= np.minimum(1.5 * entries + 6 * np.sqrt(entries), p.pieces * probe.rows * depth) <= (
        p.entries
    )
    # Of equal ones the first is taken: those with the fewest waves stand first.
    return np.where(fits, probe.row_groups * np.prod(counts, 0) * (cycles + 1), np.inf)


def _reduction(c: Correlation) -> tuple[int, int, int]:
    """Return channels of a block and taps."""
    return c.channels // c.blocks, len(c.down.taps), len(c.across.taps)


def _results(p: SparseArrayParameters, c: Correlation, rows: int) -> tuple[int, int, int]:
    """Return groups of columns, those that so many rows need, and outputs."""
    columns = min(c.columns, rows) if c.paired else c.columns
    return -(-columns // p.columns), len(c.down.outputs), len(c.across.outputs)


def _parts(whole: int) -> list[int]:
    """Return sizes of equal parts, the last perhaps less."""
    counts = {*range(1, min(whole, 16) + 1)} | {1 << n for n in range(whole.bit_length())}
    return sorted({-(-whole // count) for count in counts})


def _ceil(whole: tuple[int, int, int], part: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return how many parts there are in each direction."""
    a, b, c = (-(-w // n) for w, n in zip(whole, part, strict=True))
    return a, b, c
