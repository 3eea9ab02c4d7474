"""Bench of the BFP matrix-multiply array with memories for its operands."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.bfp.array import check_operands
from sw.bfp.array_shell import ArrayShellParameters
from sw.bfp.array_shell import matmul as model
from sw.formats.blocks import Blocks

from ..bench import Result
from ..directed import Directed
from ..regression import Regression
from ..report import Report
from ..shells import check, multiply, stream_beats
from ..tiles import START, check_size, over_depths
from .array import alpha_of, depths_of, operand_beats, random_operands

__all__ = ["DIRECTED", "beats", "matmul", "regress", "simulate"]

DIRECTED = Directed(
    outputs=4,
    writes=(("tile_rows", 2), ("tile_columns", 1), ("blocks", 3), ("control.start", 1)),
    # Two panels, and one, of three blocks of two words, of two beats each and of one.
    beats={"s_axis_a": 24, "s_axis_b": 6},
    packets={"s_axis_a": 24, "s_axis_b": 6},
    unset=("too_large",),
)


def matmul(
    parameters: ArrayShellParameters, a: Blocks, b: Blocks, **options: Any
) -> npt.NDArray[np.float32]:
    """Return what the circuit makes of two matrices; ``options`` are those of `sim.bench.run`."""
    return simulate(parameters, a, b, **options)[0]


def beats(
    parameters: ArrayShellParameters, a: Blocks, b: Blocks, *, name: str = "array_shell"
) -> dict[str, np.ndarray]:
    """Return the beats of each stream in of a product, uint8 of shape (beats, bytes).

    ``name`` is that of the unit.
    """
    manifest = generate(name, parameters).manifest
    return stream_beats(manifest, operand_beats(manifest, a, b))


def simulate(
    parameters: ArrayShellParameters,
    a: Blocks,
    b: Blocks,
    *,
    commands: Sequence[tuple[str, int]] = START,
    **options: Any,
) -> tuple[npt.NDArray[np.float32], Result]:
    """Return the product as `matmul` does, and the run: cycles, counters, flags.

    ``commands`` are the register writes that follow those of the product's size.
    """
    p = parameters
    check_operands(p, a, b)
    check_size(a.shape, b.shape)
    design = generate("array_shell", p)
    return multiply(
        design,
        p,
        operand_beats(design.manifest, a, b),
        size=(a.shape[0], b.shape[1], a.shape[1]),
        depth="blocks",
        commands=(*alpha_of(p, a, b).items(), *commands),
        **options,
    )


def regress(parameters: ArrayShellParameters, **options: Any) -> Report:
    """Compare with the model on ragged products, of about ``blocks`` operand blocks in all.

    Their depths are those of the array's regression, as far as the memories hold them, and the
    most that they hold; so many panels that they wrap around, and that ``b`` fills its memory.
    """
    p, case = parameters, Regression.of(options)
    most = min(p.most_blocks, p.most_blocks_b)
    depths = [deep for deep in depths_of(p, case.rng) if deep <= most]
    if most * p.beats <= 64:
        depths.append(most)
    depths = depths[: max(1, case.blocks // 25)]
    one = functools.partial(_regress, p, case.rng, case.blocks // len(depths))
    return over_depths(depths, one, case.options)


def _regress(
    p: ArrayShellParameters, rng: np.random.Generator, blocks: int, deep: int, **options: Any
) -> Report:
    """Compare with the model on a product of ``deep`` blocks along the reduction."""
    most = p.most_blocks_b // deep
    across = int(rng.integers(1, min(most, 4) + 1))
    n = across * p.columns - int(rng.integers(0, p.columns))
    m = max(1, blocks // deep - n)
    a, b = random_operands(p, rng, m, n, deep)
    product, result = simulate(p, a, b, **options)
    return check(
        generate("array_shell", p).manifest,
        p,
        result,
        product,
        model(p, a, b),
        size=(m, n, a.shape[1]),
        expected={"blocks": deep, **alpha_of(p, a, b)},
        stalls=options["stalls"],
        inputs={"a": a.code},
    )
