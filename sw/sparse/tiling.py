"""How a correlation is cut into the passes of the sparse array."""

import dataclasses
import itertools
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..arrays import Floats, Integers
from ..checks import array, choice, flag, instance, shown, whole
from ..core.products import MOST
from ..errors import CapacityError, UserError
from .array_parameters import MODES, Job, SparseArrayParameters
from .correlation import Correlation, check_extents, count_parts
from .cycles import Passes, count_passes

__all__ = ["Tiling"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tiling:
    """A correlation in passes: a chunk of the reduction for a tile of results.

    The passes of a tile are its chunks; tiles go through the column groups and planes of a group of
    rows, then through the groups of rows.

    Parameters
    ----------
    parameters : SparseArrayParameters
        Of the array.
    correlation : Correlation
        What is computed.
    rows : int
        Rows of a subtile.
    chunk : tuple of int
        Channels of a block, and taps, down and across, of a pass.
    tile : tuple of int
        Groups of columns and outputs, down and across, of a pass.
    """

    parameters: SparseArrayParameters
    correlation: Correlation
    rows: int
    chunk: tuple[int, int, int]
    tile: tuple[int, int, int]

    def __post_init__(self) -> None:
        """Check every field."""
        instance("parameters", self.parameters, SparseArrayParameters)
        instance("correlation", self.correlation, Correlation)
        whole("rows", self.rows, 1, MOST)
        for name in ("chunk", "tile"):
            check_extents(name, getattr(self, name))

    @property
    def pass_rows(self) -> int:
        """Rows of a pass."""
        return self.parameters.pass_subtiles * self.rows

    @property
    def row_groups(self) -> int:
        """Groups of the rows of a pass."""
        return -(-self.correlation.rows // self.pass_rows)

    @property
    def blocks(self) -> int:
        """Blocks of a group of rows."""
        c = self.correlation
        return min(c.blocks, -(-self.pass_rows * c.blocks // c.rows))

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
    def reduction(self) -> tuple[int, int, int]:
        """Channels of a block and taps, down and across."""
        c = self.correlation
        return c.channels // c.blocks, len(c.down.taps), len(c.across.taps)

    @property
    def results(self) -> tuple[int, int, int]:
        """Groups of the columns that a group of rows needs, and outputs, down and across."""
        c = self.correlation
        columns = min(c.columns, self.pass_rows) if c.paired else c.columns
        groups = -(-columns // self.parameters.columns)
        return groups, len(c.down.outputs), len(c.across.outputs)

    @property
    def chunks(self) -> tuple[int, int, int]:
        """Chunks in each direction of the reduction."""
        return count_parts(self.reduction, self.chunk)

    @property
    def tiles(self) -> tuple[int, int, int]:
        """Tiles of a group of rows in each direction."""
        return count_parts(self.results, self.tile)

    @property
    def passes(self) -> int:
        """All passes."""
        return self.row_groups * math.prod(self.tiles) * math.prod(self.chunks)

    def job(self, mode: str = "sparse", *, balanced: bool = True) -> Job:
        """Return the job descriptor."""
        choice("mode", mode, MODES)
        flag("balanced", balanced)
        return Job(
            rows=self.rows,
            depth=math.prod(self.chunk),
            pixels=math.prod(self.tile),
            patch=self.tile[0] * self.blocks * self.chunk[0] * math.prod(self.planes),
            passes=math.prod(self.chunks),
            mode=mode,
            balanced=balanced,
        )

    @property
    def places(self) -> Integers:
        """Dense places in each beat of a row's mask, (chunks, beats)."""
        p = self.parameters
        inside = np.ones((1, 1), bool)
        for extent, part, count in zip(self.reduction, self.chunk, self.chunks, strict=True):
            axis = np.arange(count * part).reshape(count, part) < extent
            inside = (inside[:, None, :, None] & axis[:, None]).reshape(
                len(inside) * count, inside.shape[1] * part
            )
        fill = -inside.shape[1] % p.mask_bits
        return np.pad(inside, ((0, 0), (0, fill))).reshape(len(inside), -1, p.mask_bits).sum(-1)

    def dense(self) -> Passes:
        """Return the passes of an operand without zeros, for mode ``dense``."""
        p, job = self.parameters, self.job("dense")
        whole, rest = divmod(job.depth, p.mask_bits)
        beats = whole * (p.mask_bits // p.issue_width) + -(-rest // p.issue_width)
        return Passes(
            fetched=np.full(self.passes, beats * self.pass_rows),
            most=np.full(self.passes, p.subtiles * job.rows * job.depth),
        )

    def count(self, bits: npt.ArrayLike, *, balanced: bool = True) -> Passes:
        """Return the passes of masks.

        Parameters
        ----------
        bits : array of int, (row groups, chunks, pass_subtiles, rows, beats)
            Bits set in each beat; every tile of a group of rows takes the same.
        balanced : bool
            As of `Job`.
        """
        p = self.parameters
        job = self.job(balanced=balanced)
        shape = self.row_groups, math.prod(self.chunks), p.pass_subtiles, self.rows, job.beats(p)
        bits = array("bits", bits, "integer", shape=shape)
        once = count_passes(p, job, bits.reshape(-1, *bits.shape[2:]))
        most = once.most.max(initial=0)
        if most > p.nonzeros:
            raise CapacityError(f"nonzeros must be at least the {most} non-zeros of a PE row")

        def repeat(part: Integers) -> Integers:
            groups = part.reshape(self.row_groups, 1, -1)
            return np.tile(groups, (1, math.prod(self.tiles), 1)).ravel()

        return Passes(fetched=repeat(once.fetched), most=repeat(once.most))

    def bits(self, mask: npt.ArrayLike) -> Integers:
        """Return the bits set in each beat, as `count` takes them.

        ``mask`` is that of the whole sparse operand, (rows, channels, down, across).
        """
        places = self.gather(array("mask", mask, "bool"))
        fill = -places.shape[-1] % self.parameters.mask_bits
        padded = np.pad(places, [(0, 0)] * 4 + [(0, fill)])
        return padded.reshape(*places.shape[:-1], -1, self.parameters.mask_bits).sum(-1)

    def gather(self, operand: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return a sparse operand by passes, (row groups, chunks, pass_subtiles, rows, depth).

        ``operand`` is (rows, channels of a block, down, across).
        """
        p = self.parameters
        shape = (self.correlation.rows, *self.reduction)
        if not isinstance(operand, np.ndarray) or operand.shape != shape:
            found = getattr(operand, "shape", shown(operand))
            raise UserError(f"operand must be an array of the shape {shape}, not {found}")
        (a, b, d), (k, u, v) = self.chunks, self.chunk
        sizes = self.row_groups * self.pass_rows, a * k, b * u, d * v
        fill = [(0, s - n) for s, n in zip(sizes, operand.shape, strict=True)]
        parts = np.pad(operand, fill).reshape(-1, p.pass_subtiles, self.rows, a, k, b, u, d, v)
        parts = parts.transpose(0, 3, 5, 7, 1, 2, 4, 6, 8)
        return parts.reshape(self.row_groups, a * b * d, p.pass_subtiles, self.rows, k * u * v)

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
        block = np.arange(self.pass_rows) * c.blocks // c.rows
        return {
            "offsets": offsets.ravel(),
            "bases": bases.ravel(),
            "shifts": np.minimum(block, self.blocks - 1) * channel,
        }

    def patches(self, x: Floats) -> Floats:
        """Return a dense operand by passes, (passes, patch, columns).

        ``x`` is (columns, channels, down, across), as of `Correlation.dense`.
        """
        p, c = self.parameters, self.correlation
        shape = (c.columns, c.channels, c.down.span, c.across.span)
        x = array("x", x, "float32", shape=shape)
        (k, u, v), (groups, i, j) = self.chunk, self.tile
        width = groups * p.columns
        sides = self.planes
        ends = [
            (t - 1) * n * a.step + (m - 1) * s + side
            for t, n, a, m, s, side in zip(
                self.tiles[1:],
                (i, j),
                (c.down, c.across),
                self.chunks[1:],
                (u, v),
                sides,
                strict=True,
            )
        ]
        x = x.reshape(c.columns, c.blocks, -1, *x.shape[2:])
        sizes = [c.columns + self.tiles[0] * width, c.blocks + self.blocks, self.chunks[0] * k]
        sizes += [max(end, n) for end, n in zip(ends, x.shape[3:], strict=True)]
        x = np.pad(x, [(0, s - n) for s, n in zip(sizes, x.shape, strict=True)])
        found = []
        for first_column, block, (group, down, across) in self._places():
            column = first_column + group * width
            for channel, top, left in itertools.product(*map(range, self.chunks)):
                y = down * i * c.down.step + top * u
                z = across * j * c.across.step + left * v
                part = x[
                    column : column + width,
                    block : block + self.blocks,
                    channel * k : (channel + 1) * k,
                    y : y + sides[0],
                    z : z + sides[1],
                ]
                part = part.reshape(groups, p.columns, -1).swapaxes(1, 2)
                found.append(part.reshape(-1, p.columns))
        return np.stack(found)

    def collect(self, sums: Floats) -> Floats:
        """Return the results, (rows, columns, down, across), from the sums of all tiles.

        ``sums`` are those of `sw.sparse.array.apply`. A column that was not needed is zero.
        """
        p, c = self.parameters, self.correlation
        number = self.row_groups * math.prod(self.tiles)
        shape = (number, p.pass_subtiles, self.rows, math.prod(self.tile), p.columns)
        sums = array("sums", sums, "float32", shape=shape)
        groups, i, j = self.tile
        width = groups * p.columns
        _, downs, acrosses = self.tiles
        rows = self.row_groups * self.pass_rows
        columns = c.columns + self.tiles[0] * width
        out = np.zeros((rows, columns, downs * i, acrosses * j), np.float32)
        tiles = math.prod(self.tiles)
        for number, (column, _, (group, down, across)) in enumerate(self._places()):
            row = number // tiles * self.pass_rows
            column += group * width
            part = sums[number].reshape(self.pass_rows, groups, i, j, -1).transpose(0, 1, 4, 2, 3)
            out[
                row : row + self.pass_rows,
                column : column + width,
                down * i : (down + 1) * i,
                across * j : (across + 1) * j,
            ] = part.reshape(self.pass_rows, width, i, j)
        return out[: c.rows, : c.columns, : len(c.down.outputs), : len(c.across.outputs)]

    def _places(self) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """Give the first column and block of each tile's group of rows, and the tile's place."""
        c = self.correlation
        for group in range(self.row_groups):
            first = group * self.pass_rows
            for place in np.ndindex(*self.tiles):
                yield first if c.paired else 0, first * c.blocks // c.rows, place
