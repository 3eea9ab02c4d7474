"""Bench of the matrix-multiply array of approximate multipliers."""

import dataclasses
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

from ..bench import Design, Result
from ..registers import constants
from ..regression import Regression
from ..report import Report
from ..streams import pack
from ..tiles import START, check, check_size, multiply, operand, over_depths
from .amsim_multiplier import LOADED, random_table

__all__ = [
    "Given",
    "matmul",
    "padded_model",
    "random_values",
    "regress",
    "simulate",
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
    given = Given.of("approx_array", p, a, b, table)
    (m, n, k), operands = given.size, given.operands
    return multiply(
        given.design,
        operands["a"],
        operands["b"],
        size=(m, n),
        tile=(p.tile_rows, p.columns),
        commands=(*given.load, ("depth", k), *commands),
        inputs={**given.table, **(inputs or {})},
        **options,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Given:
    """What a circuit is given for a product.

    Parameters
    ----------
    design : Design
        The circuit.
    size : (int, int, int)
        m, n and k.
    operands : dict of array
        Beats of ``a`` and ``b``, see `sim.tiles.operand`.
    load : tuple of (str, int)
        The register write that loads a table, if there is one.
    table : dict of array
        Its stream's beats.
    """

    design: Design
    size: tuple[int, int, int]
    operands: dict[str, np.ndarray]
    load: tuple[tuple[str, int], ...]
    table: dict[str, np.ndarray]

    @classmethod
    def of(
        cls,
        unit: str,
        p: ApproxArrayParameters,
        a: npt.ArrayLike,
        b: npt.ArrayLike,
        table: Table | None,
    ) -> "Given":
        """Return what a unit is given for the product of two matrices."""
        design = generate(unit, p)
        a, b = matrices(a, b)
        check_size(a.shape, b.shape)
        lines, k = {"a": cut(a, p.format), "b": cut(b, p.format).T}, a.shape[1]
        beats = {}
        if table is not None:
            fractions(p, table)
            stream = design.manifest["streams"]["s_axis_table"]
            beats = {"s_axis_table": pack(stream, {"entry": table.entries})}
        return cls(
            design=design,
            size=(a.shape[0], b.shape[1], k),
            operands={
                name: operand(design.manifest, name, {"value": x}, k) for name, x in lines.items()
            },
            load=(("load", 1),) if beats else (),
            table=beats,
        )


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
