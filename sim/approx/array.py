"""Bench of the matrix-multiply array of approximate multipliers."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.approx.array import ApproxArrayParameters, cut, fractions
from sw.approx.array import matmul as model
from sw.approx.product import matrices
from sw.approx.table import Table

from ..bench import Result
from ..registers import constants
from ..regression import Regression
from ..report import Report
from ..streams import pack
from ..tiles import START, check, check_size, multiply, operand, over_depths
from .amsim_multiplier import LOADED, random_table

__all__ = [
    "matmul",
    "operand_beats",
    "padded_model",
    "random_values",
    "regress",
    "simulate",
    "table_load",
]


def matmul(
    parameters: ApproxArrayParameters,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    table: Table | None = None,
    **options: Any,
) -> npt.NDArray[np.float32]:
    """Return what the circuit makes of two matrices; ``options`` are those of `sim.bench.run`."""
    fractions(parameters, table)
    return simulate(parameters, a, b, table, **options)[0]


def simulate(
    parameters: ApproxArrayParameters,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    table: Table | None = None,
    *,
    commands: Sequence[tuple[str, int]] = START,
    inputs: Mapping[str, np.ndarray] | None = None,
    **options: Any,
) -> tuple[npt.NDArray[np.float32], Result]:
    """Return the product as `matmul` does, and the run: cycles, counters, flags.

    ``commands`` are the register writes that follow those of the product's size, ``inputs`` beats
    of a stream instead of the table's; without either the circuit starts with none.
    """
    p = parameters
    design = generate("approx_array", p)
    a, b = matrices(a, b)
    check_size(a.shape, b.shape)
    load, beats = table_load(design.manifest, p, table)
    operands = operand_beats(design.manifest, p, a, b)
    return multiply(
        design,
        operands["a"],
        operands["b"],
        size=(a.shape[0], b.shape[1]),
        tile=(p.tile_rows, p.columns),
        commands=(*load, ("depth", a.shape[1]), *commands),
        inputs={**beats, **(inputs or {})},
        **options,
    )


def operand_beats(
    manifest: Mapping[str, Any],
    p: ApproxArrayParameters,
    a: npt.NDArray[np.float32],
    b: npt.NDArray[np.float32],
) -> dict[str, np.ndarray]:
    """Return the beats of each operand of a product, see `sim.tiles.operand`."""
    lines = {"a": cut(a, p.format), "b": cut(b, p.format).T}
    return {name: operand(manifest, name, {"value": x}, a.shape[1]) for name, x in lines.items()}


def table_load(
    manifest: Mapping[str, Any], p: ApproxArrayParameters, table: Table | None
) -> tuple[tuple[tuple[str, int], ...], dict[str, np.ndarray]]:
    """Return the command that loads a table, if there is one, and the beats of its stream."""
    if table is None:
        return (), {}
    fractions(p, table)
    stream = manifest["streams"]["s_axis_table"]
    return (("load", 1),), {"s_axis_table": pack(stream, {"entry": table.entries})}


def regress(parameters: ApproxArrayParameters, **options: Any) -> Report:
    """Compare with the model on ragged products, of about ``10 * blocks`` operands in all.

    Each has several tiles, of few places or of many.
    """
    case = Regression.of(options)
    rng = case.rng
    depths = [1, 2, parameters.rows + 1, int(rng.integers(parameters.rows + 2, 40))]
    one = functools.partial(_regress, parameters, rng, 10 * case.blocks // len(depths))
    return over_depths(depths, one, case.options)


def _regress(
    p: ApproxArrayParameters,
    rng: np.random.Generator,
    operands: int,
    deep: int,
    **options: Any,
) -> Report:
    """Compare with the model on a product of ``deep`` places."""
    n = 2 * p.columns - (p.columns > 1)
    m = min(max(p.tile_rows + 1, operands // deep - n), 16 * p.tile_rows)
    a, b = random_values(rng, (m, deep)), random_values(rng, (deep, n))
    table = random_table(p.bits, rng) if p.has_table else None
    product, result = simulate(p, a, b, table, **options)
    modelled, status = padded_model(p, a, b, table)
    manifest = generate("approx_array", p).manifest
    return check(
        result,
        product,
        modelled,
        tiles=(-(-m // p.tile_rows), -(-n // p.columns)),
        cycles=p.cycles(m, n, deep),
        expected={
            **status,
            "depth": deep,
            "beats": p.tiles(m, n) * deep * p.interleave,
            **({"table": LOADED} if p.has_table else {}),
            **constants(manifest),
        },
        stalls=options["stalls"],
        inputs={"a": a},
    )


def padded_model(
    p: ApproxArrayParameters,
    a: npt.NDArray[np.float32],
    b: npt.NDArray[np.float32],
    table: Table | None,
) -> tuple[npt.NDArray[np.float32], dict[str, int]]:
    """Return the product, and the flags of it and of what fills its last tiles up.

    That is of zeros, which times an infinity are NaN.
    """
    m, n = a.shape[0], b.shape[1]
    missing = -m % p.tile_rows, -n % p.columns
    whole = model(
        p, np.pad(a, ((0, missing[0]), (0, 0))), np.pad(b, ((0, 0), (0, missing[1]))), table
    )
    flags = {"nan": np.isnan(whole).any(), "overflow": np.isinf(whole).any()}
    status = {f"status.{name}": int(value) for name, value in flags.items()}
    return np.ascontiguousarray(whole[:m, :n]), status


def random_values(rng: np.random.Generator, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return values of which sums cancel, overflow and underflow, some of them special."""
    kind = rng.random(shape)
    exponent = rng.integers(121, 134, shape)
    exponent = np.where(kind < 0.2, rng.integers(1, 255, shape), exponent)
    exponent = np.where(kind < 0.06, rng.choice([1, 63, 64, 190, 191, 254], shape), exponent)
    exponent = np.where(kind < 0.03, 0, exponent)
    exponent = np.where(kind < 0.002, 255, exponent)
    fraction = rng.integers(0, 1 << 23, shape) & -(1 << rng.integers(0, 24, shape))
    fraction = np.where(kind < 0.001, 0, fraction)
    sign = rng.integers(0, 2, shape)
    return (sign << 31 | exponent << 23 | fraction).astype(np.uint32).view(np.float32)
