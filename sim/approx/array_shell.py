"""Bench of the array of approximate multipliers with memories for its operands."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.approx.array import fractions
from sw.approx.array_shell import ApproxArrayShellParameters
from sw.approx.table import Table

from ..bench import Result
from ..regression import Regression
from ..report import Report
from ..shells import check, multiply
from ..tiles import START, over_depths
from .amsim_multiplier import LOADED, random_table
from .array import Given, padded_model, random_values

__all__ = ["matmul", "regress", "simulate"]


def matmul(
    parameters: ApproxArrayShellParameters,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    table: Table | None = None,
    **options: Any,
) -> npt.NDArray[np.float32]:
    """Return what the circuit makes of two matrices; ``options`` are those of `sim.bench.run`."""
    fractions(parameters, table)
    return simulate(parameters, a, b, table, **options)[0]


def simulate(
    parameters: ApproxArrayShellParameters,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    table: Table | None = None,
    *,
    commands: Sequence[tuple[str, int]] = START,
    inputs: Mapping[str, np.ndarray] | None = None,
    **options: Any,
) -> tuple[npt.NDArray[np.float32], Result]:
    """Return the product as `matmul` does, and the run: cycles, counters, flags.

    ``commands`` and ``inputs`` are as of `sim.approx.array.simulate`.
    """
    given = Given.of("approx_array_shell", parameters, a, b, table)
    return multiply(
        given.design,
        parameters,
        given.operands,
        size=given.size,
        depth="depth",
        commands=(*given.load, *commands),
        inputs={**given.table, **(inputs or {})},
        **options,
    )


def regress(parameters: ApproxArrayShellParameters, **options: Any) -> Report:
    """Compare with the model on ragged products, of about ``10 * blocks`` operands in all.

    Each has several tiles, of a place, or as many as the memories hold, or in between.
    """
    p, case = parameters, Regression.of(options)
    most = min(p.most_blocks, p.most_blocks_b, 64)
    depths = sorted({1, int(case.rng.integers(1, most + 1)), most})
    one = functools.partial(_regress, p, case.rng, 10 * case.blocks // len(depths))
    return over_depths(depths, one, case.options)


def _regress(
    p: ApproxArrayShellParameters,
    rng: np.random.Generator,
    operands: int,
    deep: int,
    **options: Any,
) -> Report:
    """Compare with the model on a product of ``deep`` places."""
    across = int(rng.integers(1, min(p.most_blocks_b // deep, 4) + 1))
    n = across * p.columns - int(rng.integers(0, p.columns))
    m = min(max(p.tile_rows + 1, operands // deep - n), 16 * p.tile_rows)
    a, b = random_values(rng, (m, deep)), random_values(rng, (deep, n))
    table = random_table(p.bits, rng) if p.has_table else None
    product, result = simulate(p, a, b, table, **options)
    modelled, status = padded_model(p, a, b, table)
    return check(
        generate("approx_array_shell", p).manifest,
        p,
        result,
        product,
        modelled,
        size=(m, n, deep),
        expected={**status, "depth": deep, **({"table": LOADED} if p.has_table else {})},
        # Operands come in while a table is loaded.
        stalls=None if p.has_table else options["stalls"],
        inputs={"a": a},
    )
