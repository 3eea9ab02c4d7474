"""Bench of the BFP matrix-multiply array."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.bfp.array import ArrayParameters
from sw.bfp.array import matmul as model
from sw.bfp.quantize import Blocks, quantize

from ..bench import Result, run
from ..report import Report, compare, insist, merge
from ..streams import Stalls, pack
from .elements import encode, random_blocks
from .registers import constants, readable

__all__ = ["matmul", "regress", "simulate"]

START = (("control.start", 1),)


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
            *commands,
        ],
        reads=readable(design.manifest),
        **options,
    )
    last = result.last["m_axis"]
    alone = last[-1] and not last[:-1].any()
    insist(alone, "tlast is not on the last result alone", result)
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
    parameters: ArrayParameters,
    *,
    seed: int = 1,
    blocks: int = 1000,
    waves: str | Path | None = None,
    **options: Any,
) -> Report:
    """Compare with the model on ragged products, of about ``blocks`` operand blocks in all.

    Each has several tiles, as deep as a partial sum more or less makes a difference; a run of few
    blocks takes some of the depths only. Each has waves of its own.
    """
    rng = np.random.default_rng(seed)
    depths = _depths(parameters, rng)[: max(1, blocks // 25)]
    reports = {}
    for deep in depths:
        if waves is not None:
            options["waves"] = Path(waves).with_stem(f"{Path(waves).stem}-depth-{deep}")
        report = _regress(parameters, rng, deep, blocks // len(depths), seed=seed, **options)
        reports[f"product {deep} blocks deep"] = report
    return merge(reports)


def _depths(p: ArrayParameters, rng: np.random.Generator) -> list[int]:
    """Return in random order the blocks along the reduction that a regression tries."""
    depths = {1, 2, p.ways - 1, p.ways, p.ways + 1, int(rng.integers(p.ways + 2, 2 * p.ways + 4))}
    # The final addition's levels have left operands from these depths on.
    depths |= {(1 << level) + 1 for level in range(p.ways.bit_length() - 1)}
    depths.discard(0)
    return rng.permutation(sorted(depths)).tolist()


def _regress(
    p: ArrayParameters,
    rng: np.random.Generator,
    deep: int,
    blocks: int,
    *,
    stalls: Stalls | None = None,
    **options: Any,
) -> Report:
    """Compare with the model on a product of ``deep`` blocks along the reduction."""
    n = 2 * p.columns - (p.columns > 1)
    m = max(p.rows + 1, blocks // deep - n)
    step = p.format.reduction
    k = deep * step - int(rng.integers(0, step))
    x, y = (_matrix(rng, lines, deep, step)[:, :k] for lines in (m, n))
    words = [rng.integers(0, 1 << p.format.random_bits, shape) for shape in ((m, k), (k, n))]
    a = quantize(x, p.format, axis=1, random=words[0])
    b = quantize(np.ascontiguousarray(y.T), p.format, axis=0, random=words[1])
    product, result = simulate(p, a, b, stalls=stalls, **options)
    modelled = model(p, a, b)
    expected = {
        "product": modelled,
        "status.busy": 0,
        "status.done": 1,
        "status.nan": int(np.isnan(modelled).any()),
        "status.overflow": int(np.isinf(modelled).any()),
        "status.framing": 0,
        "status.refused": 0,
        "tile_rows": -(-m // p.rows),
        "tile_columns": -(-n // p.columns),
        "blocks": deep,
        "beats": p.tiles(m, n) * deep * p.beats,
        **constants(generate("bfp_array", p).manifest),
    }
    counted, known = _counters(p, (m, n, k), result, stalls or Stalls())
    actual = result.registers | {"product": product} | counted
    return compare(actual, expected | known, result, {"a": a.mantissa})


def _counters(
    p: ArrayParameters, size: tuple[int, int, int], result: Result, stalls: Stalls
) -> tuple[dict[str, int], dict[str, int]]:
    """Return what follows from the counters, and what it must be."""
    counter = result.registers
    waited = counter["operand_stalls"] + counter["result_stalls"]
    moving = counter["cycles"] - counter["operand_stalls"]
    counted = {
        # A busy cycle takes a beat, or waits for one thing, or works off what was taken.
        "cycles below beats + stalls": int(counter["cycles"] < counter["beats"] + waited),
        "busy cycles after the first beat": moving,
        "cycles - operand_stalls": moving,
    }
    known = {"cycles below beats + stalls": 0}
    if not stalls.idle:
        # Operands fail to come before the first beat only.
        known["busy cycles after the first beat"] = result.cycles
    if not stalls.back_pressure:
        known["result_stalls"] = 0
        latency = generate("bfp_array", p).manifest["latency"]
        known["cycles - operand_stalls"] = p.cycles(*size, latency=latency)
    return counted, known


def _matrix(rng: np.random.Generator, lines: int, deep: int, step: int) -> np.ndarray:
    return random_blocks(rng, lines * deep, step, extreme=0.1).reshape(lines, deep * step)
