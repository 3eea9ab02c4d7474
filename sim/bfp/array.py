"""Bench of the BFP matrix-multiply array."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.bfp.array import ArrayParameters, check_operands
from sw.bfp.array import matmul as model
from sw.formats import MxFormat, binary32
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize
from sw.formats.tensor_scale import product_scale

from ..bench import Result
from ..directed import Directed
from ..formats.elements import random_blocks, with_all_codes
from ..registers import constants
from ..regression import Regression
from ..report import Report
from ..tiles import START, check, check_size, multiply, operand, over_depths

__all__ = [
    "DIRECTED",
    "alpha_of",
    "depths_of",
    "matmul",
    "operand_beats",
    "random_operands",
    "regress",
    "simulate",
]

DIRECTED = Directed(
    outputs=4,
    writes=(("tile_rows", 2), ("tile_columns", 1), ("blocks", 3), ("control.start", 1)),
    # Two tiles of three blocks.
    packets={"s_axis_a": 6, "s_axis_b": 6},
)


def matmul(
    parameters: ArrayParameters, a: Blocks, b: Blocks, **options: Any
) -> npt.NDArray[np.float32]:
    """Return what the circuit makes of two matrices; ``options`` are those of `sim.bench.run`."""
    return simulate(parameters, a, b, **options)[0]


def simulate(
    parameters: ArrayParameters,
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
    design = generate("bfp_array", p)
    operands = operand_beats(design.manifest, a, b)
    return multiply(
        design,
        operands["a"],
        operands["b"],
        size=(a.shape[0], b.shape[1]),
        tile=(p.rows, p.columns),
        commands=(("blocks", p.blocks(a.shape[1])), *alpha_of(p, a, b).items(), *commands),
        **options,
    )


def operand_beats(manifest: Mapping[str, Any], a: Blocks, b: Blocks) -> dict[str, np.ndarray]:
    """Return the beats of each operand of a product, see `sim.tiles.operand`."""
    lines = {
        "a": {"mantissa": a.code, "exponent": a.codes(0)},
        "b": {"mantissa": b.code.T, "exponent": b.codes(1).T},
    }
    return {name: operand(manifest, name, of, a.shape[1]) for name, of in lines.items()}


def alpha_of(p: ArrayParameters, a: Blocks, b: Blocks) -> dict[str, int]:
    """Return the register of the scales of tensors, if there is one, and its value."""
    if not isinstance(p.format, MxFormat) or not p.format.has_tensor_scale:
        return {}
    scale = product_scale((p.format, p.format), (a.amax, b.amax))
    return {"alpha": int(binary32.to_bits(scale))}


def regress(parameters: ArrayParameters, **options: Any) -> Report:
    """Compare with the model on ragged products, of about ``blocks`` operand blocks in all.

    Each has several tiles, as deep as a partial sum more or less makes a difference; a run of few
    blocks takes some of the depths only. Each has waves of its own.
    """
    case = Regression.of(options)
    depths = depths_of(parameters, case.rng)[: max(1, case.blocks // 25)]
    one = functools.partial(_regress, parameters, case.rng, case.blocks // len(depths))
    return over_depths(depths, one, case.options)


def depths_of(p: ArrayParameters, rng: np.random.Generator) -> list[int]:
    """Return in random order the blocks along the reduction that a regression tries."""
    count = p.accumulators
    depths = {1, 2, count - 1, count, count + 1, int(rng.integers(count + 2, 2 * count + 4))}
    # The final addition's levels have left operands from these depths on.
    depths |= {(1 << level) + 1 for level in range(p.stages.levels)}
    depths.discard(0)
    return rng.permutation(sorted(depths)).tolist()


def _regress(
    p: ArrayParameters,
    rng: np.random.Generator,
    blocks: int,
    deep: int,
    **options: Any,
) -> Report:
    """Compare with the model on a product of ``deep`` blocks along the reduction."""
    n = 2 * p.columns - (p.columns > 1)
    m = max(p.rows + 1, blocks // deep - n)
    a, b = random_operands(p, rng, m, n, deep)
    product, result = simulate(p, a, b, **options)
    return check(
        result,
        product,
        model(p, a, b),
        tiles=(-(-m // p.rows), -(-n // p.columns)),
        cycles=p.cycles(m, n, a.shape[1]),
        expected={
            "blocks": deep,
            "beats": p.tiles(m, n) * deep * p.beats,
            **alpha_of(p, a, b),
            **constants(generate("bfp_array", p).manifest),
        },
        stalls=options["stalls"],
        inputs={"a": a.code},
    )


def random_operands(
    p: ArrayParameters, rng: np.random.Generator, m: int, n: int, deep: int
) -> tuple[Blocks, Blocks]:
    """Return operands of ``m`` x ``n`` results, of ``deep`` blocks, the last of them cut."""
    step = p.format.reduction
    k = deep * step - int(rng.integers(0, step))
    x, y = (_matrix(rng, lines, deep, step)[:, :k] for lines in (m, n))
    words = [rng.integers(0, 1 << p.format.random_bits, shape) for shape in ((m, k), (k, n))]
    a = quantize(x, p.format, axis=1, random=words[0])
    b = quantize(np.ascontiguousarray(y.T), p.format, axis=0, random=words[1])
    a, b = (with_all_codes(rng, blocks) for blocks in (a, b))
    return a, b


def _matrix(rng: np.random.Generator, lines: int, deep: int, step: int) -> np.ndarray:
    return random_blocks(rng, lines * deep, step, extreme=0.1).reshape(lines, deep * step)
