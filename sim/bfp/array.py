"""Bench of the BFP matrix-multiply array."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.bfp.array import ArrayParameters
from sw.bfp.array import matmul as model
from sw.bfp.quantize import Blocks, quantize

from ..bench import Result, run
from ..report import Report, compare
from ..streams import pack
from .elements import encode, random_blocks

__all__ = ["matmul", "regress", "simulate"]

STATUS = ("busy", "done", "nan", "overflow", "framing", "refused")


def matmul(
    parameters: ArrayParameters, a: Blocks, b: Blocks, **options: Any
) -> npt.NDArray[np.float32]:
    """Return what the circuit makes of two matrices; ``options`` are those of `sim.bench.run`."""
    return simulate(parameters, a, b, **options)[0]


def simulate(
    parameters: ArrayParameters, a: Blocks, b: Blocks, **options: Any
) -> tuple[npt.NDArray[np.float32], Result]:
    """Return the product as `matmul` does, and the run: cycles, counters, flags."""
    p = parameters
    design = generate("bfp_array", p)
    (m, k), n = a.shape, b.shape[1]
    tile_rows, tile_columns = -(-m // p.rows), -(-n // p.columns)
    blocks = p.blocks(k)
    streams = design.manifest["streams"]
    rows = _operand(p, streams["s_axis_a"], a.mantissa, a.codes(0), p.rows)
    columns = _operand(p, streams["s_axis_b"], b.mantissa.T, b.codes(1).T, p.columns)
    shape = (tile_rows, tile_columns, *rows.shape[1:2])
    result = run(
        design,
        inputs={
            "s_axis_a": _all(np.broadcast_to(rows[:, None], (*shape, rows.shape[2]))),
            "s_axis_b": _all(np.broadcast_to(columns[None], (*shape, columns.shape[2]))),
        },
        outputs={"m_axis": tile_rows * tile_columns * p.rows},
        writes=[
            ("tile_rows", tile_rows),
            ("tile_columns", tile_columns),
            ("blocks", blocks),
            ("control.start", 1),
        ],
        reads=[*(f"status.{bit}" for bit in STATUS), "beats"],
        **options,
    )
    last = result.last["m_axis"]
    assert last[-1] and not last[:-1].any(), "tlast is not on the last result alone"
    words = result.outputs["m_axis"].view("<f4").reshape(tile_rows, tile_columns, p.rows, p.columns)
    product = words.swapaxes(1, 2).reshape(tile_rows * p.rows, tile_columns * p.columns)
    return np.ascontiguousarray(product[:m, :n]), result


def _operand(
    p: ArrayParameters, stream: dict[str, Any], mantissa: np.ndarray, codes: np.ndarray, side: int
) -> np.ndarray:
    """Return beats (tiles, beats of a tile, bytes) of the lines of an operand, ``side`` a tile."""
    lines, k = mantissa.shape
    tiles, blocks = -(-lines // side), codes.shape[1]
    missing = tiles * side - lines
    beats = blocks * p.beats
    mantissa = np.pad(mantissa, ((0, missing), (0, blocks * p.format.reduction - k)))
    codes = np.pad(codes, ((0, missing), (0, 0))).repeat(p.beats, 1)
    elements = encode(mantissa, p.format).reshape(tiles, side, beats, p.lanes).swapaxes(1, 2)
    codes = codes.reshape(tiles, side, beats).swapaxes(1, 2)
    fields = {
        "mantissa": elements.reshape(tiles * beats, side * p.lanes),
        "exponent": codes.reshape(tiles * beats, side),
    }
    return pack(stream, fields).reshape(tiles, beats, stream["bytes"])


def _all(tiles: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(tiles).reshape(-1, tiles.shape[-1])


def regress(
    parameters: ArrayParameters, *, seed: int = 1, blocks: int = 1000, **options: Any
) -> Report:
    """Compare with the model on a product of ragged size with about ``blocks`` operand blocks."""
    p = parameters
    rng = np.random.default_rng(seed)
    deep = int(rng.integers(1, 2 * p.ways + 2))
    n = 2 * p.columns - (p.columns > 1)
    m = max(1, blocks // deep - n)
    step = p.format.reduction
    k = deep * step - int(rng.integers(0, step))
    x, y = (_matrix(rng, lines, deep, step)[:, :k] for lines in (m, n))
    words = [rng.integers(0, 1 << p.format.random_bits, shape) for shape in ((m, k), (k, n))]
    a = quantize(x, p.format, axis=1, random=words[0])
    b = quantize(np.ascontiguousarray(y.T), p.format, axis=0, random=words[1])
    product, result = simulate(p, a, b, seed=seed, **options)
    actual = result.registers | {"product": product}
    modelled = model(p, a, b)
    expected = {
        "product": modelled,
        "status.busy": 0,
        "status.done": 1,
        "status.nan": int(np.isnan(modelled).any()),
        "status.overflow": int(np.isinf(modelled).any()),
        "status.framing": 0,
        "status.refused": 0,
        "beats": len(product) and p.tiles(m, n) * p.blocks(k) * p.beats,
    }
    return compare(actual, expected, result, {"a": a.mantissa})


def _matrix(rng: np.random.Generator, lines: int, deep: int, step: int) -> np.ndarray:
    return random_blocks(rng, lines * deep, step, extreme=0.1).reshape(lines, deep * step)
