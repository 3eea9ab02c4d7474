"""Bench of the array whose precision is switched, with memories for its operands."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.bfp.array import common_block
from sw.bfp.multimode_array_shell import MultimodeArrayShellParameters
from sw.bfp.multimode_array_shell import matmul as model
from sw.errors import UserError
from sw.formats.blocks import Blocks

from ..bench import Result
from ..registers import constants
from ..regression import Regression
from ..report import Report, compare, merge
from ..shells import counters, run_job
from ..streams import Stalls
from ..tiles import START, check_size, expected_status
from .multimode_array import modes_of, operand_beats, product_of_tiles, random_operand

__all__ = ["matmul", "regress", "simulate"]

Floats = npt.NDArray[np.float32]


def matmul(
    parameters: MultimodeArrayShellParameters, a: Blocks, b: Blocks, **options: Any
) -> Floats:
    """Return what the circuit makes of two matrices; ``options`` are those of `sim.bench.run`."""
    return simulate(parameters, [a], [b], **options)[0][0][0]


def simulate(
    parameters: MultimodeArrayShellParameters,
    a: Sequence[Blocks],
    b: Sequence[Blocks],
    *,
    commands: Sequence[tuple[str, int]] = START,
    **options: Any,
) -> tuple[list[list[Floats]], Result]:
    """Return the products of each of ``a`` with each of ``b``, all of one job, and the run.

    Each begins with a panel of its own. ``commands`` are the register writes that follow those of
    the job's size.
    """
    p = parameters
    if not a or not b:
        raise UserError("a and b must each be a matrix or more")
    for x, y in itertools.product(a, b):
        common_block(x, y)
        check_size(x.shape, y.shape)
    design = generate("multimode_array_shell", p)
    panels = [[operand_beats(p, design.manifest, "a", x) for x in a]]
    panels.append([operand_beats(p, design.manifest, "b", y.transposed) for y in b])
    down, across = (sum(map(len, each)) for each in panels)
    k = a[0].shape[1]
    if not p.holds(down, across, p.depth(k)):
        raise UserError(f"{down} x {across} panels of {k} places must fit the memories, or be cut")
    modes = {(i, j): modes_of(p, x, y) for i, x in enumerate(a) for j, y in enumerate(b)}
    # Of each tile in turn, the matrices that it is of.
    owners = [np.repeat(range(len(each)), [len(x) for x in each]).tolist() for each in panels]
    order = list(itertools.product(*owners))
    counts = [p.rows * p.sums(*modes[pair]) for pair in order]
    rows, result = run_job(
        design,
        p,
        {name: np.concatenate(each) for name, each in zip("ab", panels, strict=True)},
        sizes={"tile_rows": down, "tile_columns": across, "beats": p.depth(k)},
        rows=sum(counts),
        commands=commands,
        **options,
    )
    tiles: dict[tuple[int, int], list[np.ndarray]] = {pair: [] for pair in modes}
    for pair, tile in zip(order, np.split(rows.view("<f4"), np.cumsum(counts)[:-1]), strict=True):
        tiles[pair].append(tile)

    def product(i: int, j: int) -> Floats:
        shape = a[i].shape[0], b[j].shape[1]
        return product_of_tiles(p, modes[i, j], shape, tiles[i, j])

    return [[product(i, j) for j in range(len(b))] for i in range(len(a))], result


def regress(parameters: MultimodeArrayShellParameters, **options: Any) -> Report:
    """Compare with the model on products of random modes, of about ``blocks`` words of ``a`` a job.

    A job has matrices of as many formats as its panels suffice for, or one of each operand. Their
    reductions are short, and the most that the memories hold.
    """
    p, case = parameters, Regression.of(options)
    most = min(p.most_blocks, p.most_blocks_b, 64)
    reports = {}
    for deep in sorted({int(case.rng.integers(1, 4)), most}):
        for formats in (1, len(p.formats)):
            name = f"{formats} formats {deep} deep"
            reports[name] = _regress(p, case, deep, formats)
    return merge(reports)


def _regress(p: MultimodeArrayShellParameters, case: Regression, deep: int, formats: int) -> Report:
    """Compare with the model on a job of panels of ``deep`` words."""
    rng = case.rng
    k = max(1, deep * p.lanes - int(rng.integers(0, p.lanes)))
    across = min(p.most_blocks_b // deep, 4)
    a = _operands(p, rng, 0, k, formats, max(3, min(case.blocks // deep, 12)))
    b = _operands(p, rng, 1, k, formats, across)
    b = [each.transposed for each in b]
    product, result = simulate(p, a, b, **case.options)
    wanted = {f"product {i} {j}": model(p, x, y) for i, x in enumerate(a) for j, y in enumerate(b)}
    exact = None
    if case.stalls == Stalls() and len(a) == len(b) == 1:
        exact = p.run(a[0].shape[0], b[0].shape[1], k, *modes_of(p, a[0], b[0]))
    waits = ("operand_stalls", "adder_stalls", "result_stalls")
    found, known = counters(result, exact, accepted="accepted", waits=waits)
    tiles = [
        sum(-(-x.shape[side] // _lines(p, side, p.mode(x.format))) for x in each)
        for side, each in enumerate((a, b))
    ]
    known |= {
        **wanted,
        **expected_status(np.concatenate([each.ravel() for each in wanted.values()])),
        **constants(generate("multimode_array_shell", p).manifest),
        "tile_rows": tiles[0],
        "tile_columns": tiles[1],
        "beats": deep,
        "accepted": tiles[0] * tiles[1] * deep,
    }
    found |= {f"product {i} {j}": x for i, row in enumerate(product) for j, x in enumerate(row)}
    return compare(result.registers | found, known, result, {})


def _lines(p: MultimodeArrayShellParameters, side: int, mode: int) -> int:
    """Return the rows, or columns, of a panel."""
    return p.tile(mode, mode)[side]


def _operands(
    p: MultimodeArrayShellParameters,
    rng: np.random.Generator,
    side: int,
    k: int,
    formats: int,
    panels: int,
) -> list[Blocks]:
    """Return matrices of different formats, of about so many panels of rows or columns in all."""
    modes = rng.permutation(len(p.formats))[: min(formats, panels)].tolist()
    found = []
    for mode in modes:
        of_panel = _lines(p, side, mode)
        lines = panels // len(modes) * of_panel - int(rng.integers(0, of_panel))
        found.append(random_operand(p, rng, p.formats[mode], lines, k))
    return found
