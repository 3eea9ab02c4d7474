"""Bench of the array whose precision is switched at run time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.bfp.array import common_block
from sw.bfp.multimode_array import DIGIT_BITS, DIGITS, MODES, MultimodeParameters
from sw.bfp.multimode_array import matmul as model
from sw.errors import UserError
from sw.formats import BlockFormat
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize

from ..bench import Result, run
from ..formats.elements import random_blocks, with_all_codes
from ..registers import readable
from ..regression import Regression
from ..report import Report
from ..streams import Stalls
from ..tiles import START, check_size, expected_status, operand

__all__ = ["matmul", "regress", "simulate"]

Floats = npt.NDArray[np.float32]


def matmul(parameters: MultimodeParameters, a: Blocks, b: Blocks, **options: Any) -> Floats:
    """Return what the circuit makes of two matrices; ``options`` are those of `sim.bench.run`."""
    return simulate(parameters, [(a, b)], **options)[0][0]


def simulate(
    parameters: MultimodeParameters,
    products: Sequence[tuple[Blocks, Blocks]],
    *,
    order: Sequence[int] | None = None,
    **options: Any,
) -> tuple[list[Floats], Result]:
    """Return matrix products of one reduction, computed in one job, and the run.

    ``order`` gives the product of each tile in turn, so that those of several may alternate; None
    takes product after product.
    """
    p = parameters
    if not products:
        raise UserError("products must be one or more")
    design = generate("bfp_multimode_array", p)
    operands = [_operands(p, design.manifest, a, b) for a, b in products]
    order = _order(order, [len(rows) * len(columns) for rows, columns in operands])
    beats: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    done = [0] * len(products)
    for i in order:
        rows, columns = operands[i]
        row, column = divmod(done[i], len(columns))
        beats[0].append(rows[row])
        beats[1].append(columns[column])
        done[i] += 1
    counts = [p.rows * p.sums(*_modes(p, product)) for product in products]
    result = run(
        design,
        inputs={"s_axis_a": np.concatenate(beats[0]), "s_axis_b": np.concatenate(beats[1])},
        outputs={"m_axis": sum(counts[i] for i in order)},
        writes=[("tiles", len(order)), ("beats", len(beats[0][0])), *START],
        reads=readable(design.manifest),
        **options,
    )
    words = result.outputs["m_axis"].view("<f4")
    tiles: list[list[np.ndarray]] = [[] for _ in products]
    at = 0
    for i in order:
        tiles[i].append(words[at : at + counts[i]])
        at += counts[i]
    return [_product(p, *each) for each in zip(products, operands, tiles, strict=True)], result


def _order(order: Sequence[int] | None, sizes: list[int]) -> Sequence[int]:
    """Return the product of each tile in turn, ``sizes`` tiles of each."""
    every = np.repeat(np.arange(len(sizes)), sizes).tolist()
    if order is None:
        return every
    if sorted(order) != every:
        raise UserError(f"order must name each product as often as it has tiles, {sizes}")
    return order


def _product(
    p: MultimodeParameters,
    product: tuple[Blocks, Blocks],
    operands: tuple[np.ndarray, np.ndarray],
    tiles: list[np.ndarray],
) -> Floats:
    """Return a product of its tiles' result beats."""
    (a, b), (rows, columns), modes = product, operands, _modes(p, product)
    down, across = (DIGITS // MODES[mode] for mode in modes)
    grid = np.stack(tiles).reshape(len(rows), len(columns), p.rows, down, across, p.columns)
    whole = grid.transpose(0, 2, 3, 1, 5, 4)
    whole = whole.reshape(len(rows) * p.rows * down, len(columns) * p.columns * across)
    return np.ascontiguousarray(whole[: a.shape[0], : b.shape[1]])


def _operands(
    p: MultimodeParameters, manifest: dict[str, Any], a: Blocks, b: Blocks
) -> tuple[np.ndarray, np.ndarray]:
    """Return the beats of both operands of a product."""
    common_block(a, b)
    check_size(a.shape, b.shape)
    rows, columns = (
        operand(
            manifest,
            f"{name}_{DIGIT_BITS * MODES[p.mode(x.format)]}",
            {"word": x.code, "exponent": x.codes(0)},
            x.shape[1],
        )
        for name, x in (("a", a), ("b", b.transposed))
    )
    return rows, columns


def _modes(p: MultimodeParameters, operands: tuple[Blocks, Blocks]) -> tuple[int, int]:
    a, b = operands
    return p.mode(a.format), p.mode(b.format)


def regress(parameters: MultimodeParameters, **options: Any) -> Report:
    """Compare with the model on products in all nine pairs of formats, whose tiles alternate.

    About ``blocks`` blocks of each operand, of ragged size, and reductions down to 1.
    """
    p, case = parameters, Regression.of(options)
    rng = case.rng
    deep = int(rng.integers(1, 4))
    longest = p.formats[0].reduction
    k = max(1, deep * longest - int(rng.integers(0, longest)))
    products, order = [], []
    for i, (fa, fb) in enumerate((fa, fb) for fa in p.formats for fb in p.formats):
        rows, columns = p.tile(p.mode(fa), p.mode(fb))
        m = max(1, case.blocks // (9 * -(-k // fa.reduction)))
        n = columns + int(rng.integers(1, columns + 1))
        a = _random(rng, fa, m, k)
        b = _random(rng, fb, n, k)
        a = quantize(a, fa, axis=1, random=rng.integers(0, 1 << fa.random_bits, a.shape))
        b = quantize(b.T.copy(), fb, axis=0, random=rng.integers(0, 1 << fb.random_bits, (k, n)))
        if p.coded:
            a, b = (with_all_codes(rng, blocks) for blocks in (a, b))
        products.append((a, b))
        order += [i] * (-(-m // rows) * -(-n // columns))
    rng.shuffle(order)
    actual, result = simulate(p, products, order=order, **case.options)
    wanted = [model(p, a, b) for a, b in products]
    every = np.concatenate([product.ravel() for product in wanted])
    expected: dict[str, Any] = {f"product_{i}": product for i, product in enumerate(wanted)}
    expected |= {
        **expected_status(every),
        "accepted": len(order) * p.beats(k),
        "tiles": len(order),
        "beats": p.beats(k),
    }
    tiles = [(k, *_modes(p, products[i])) for i in order]
    counter = result.registers
    found: dict[str, Any] = {f"product_{i}": product for i, product in enumerate(actual)}
    found |= {"run": result.cycles, "busy": counter["cycles"] - counter["operand_stalls"]}
    return case.compare(
        generate("bfp_multimode_array", p).manifest,
        result,
        found,
        expected | _timing(p, tiles, result, case.stalls),
        counters=("cycles", "operand_stalls", "adder_stalls", "run", "busy"),
        waits_for_sink=("result_stalls",),
    )


def _timing(
    p: MultimodeParameters, tiles: list[tuple[int, int, int]], result: Result, stalls: Stalls
) -> dict[str, int]:
    """Return what is known of the counters and of the cycles of a run."""
    if stalls.idle or stalls.back_pressure:
        return {}
    cycles, last = p.cycles(tiles), p.mode_timing(*tiles[-1][1:])
    waits = cycles - last.latency - last.drain - result.registers["accepted"]
    # Operands fail to come before the first beat only.
    return {"run": cycles, "busy": cycles, "adder_stalls": waits}


def _random(rng: np.random.Generator, form: BlockFormat, lines: int, k: int) -> Floats:
    step = form.reduction
    deep = -(-k // step)
    return random_blocks(rng, lines * deep, step, extreme=0.1).reshape(lines, -1)[:, :k]
