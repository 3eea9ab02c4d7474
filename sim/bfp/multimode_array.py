"""Bench of the array whose precision is switched at run time."""

from collections.abc import Mapping, Sequence
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

__all__ = [
    "matmul",
    "modes_of",
    "operand_beats",
    "product_of_tiles",
    "random_operand",
    "regress",
    "simulate",
]

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
    operands = []
    for a, b in products:
        common_block(a, b)
        check_size(a.shape, b.shape)
        sides = (("a", a), ("b", b.transposed))
        operands.append([operand_beats(p, design.manifest, *side) for side in sides])
    order = _order(order, [len(rows) * len(columns) for rows, columns in operands])
    beats: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    done = [0] * len(products)
    for i in order:
        rows, columns = operands[i]
        row, column = divmod(done[i], len(columns))
        beats[0].append(rows[row])
        beats[1].append(columns[column])
        done[i] += 1
    modes = [modes_of(p, a, b) for a, b in products]
    counts = [p.rows * p.sums(*pair) for pair in modes]
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
    shapes = [(a.shape[0], b.shape[1]) for a, b in products]
    whole = [product_of_tiles(p, *each) for each in zip(modes, shapes, tiles, strict=True)]
    return whole, result


def _order(order: Sequence[int] | None, sizes: list[int]) -> Sequence[int]:
    """Return the product of each tile in turn, ``sizes`` tiles of each."""
    every = np.repeat(np.arange(len(sizes)), sizes).tolist()
    if order is None:
        return every
    if sorted(order) != every:
        raise UserError(f"order must name each product as often as it has tiles, {sizes}")
    return order


def product_of_tiles(
    p: MultimodeParameters,
    modes: tuple[int, int],
    shape: tuple[int, int],
    tiles: Sequence[np.ndarray],
) -> Floats:
    """Return a product of its tiles' result beats, tiles by rows."""
    m, n = shape
    height, width = p.tile(*modes)
    rows, columns = -(-m // height), -(-n // width)
    down, across = (DIGITS // MODES[mode] for mode in modes)
    grid = np.stack(tiles).reshape(rows, columns, p.rows, down, across, p.columns)
    whole = grid.transpose(0, 2, 3, 1, 5, 4).reshape(rows * height, columns * width)
    return np.ascontiguousarray(whole[:m, :n])


def operand_beats(
    p: MultimodeParameters, manifest: Mapping[str, Any], name: str, lines: Blocks
) -> np.ndarray:
    """Return the beats of operand ``a`` or ``b``, of its rows or columns as ``lines``.

    See `sim.tiles.operand`.
    """
    bits = DIGIT_BITS * MODES[p.mode(lines.format)]
    fields = {"word": lines.code, "exponent": lines.codes(0)}
    return operand(manifest, f"{name}_{bits}", fields, lines.shape[1])


def modes_of(p: MultimodeParameters, a: Blocks, b: Blocks) -> tuple[int, int]:
    """Return the modes of the operands of a product."""
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
        a, b = (random_operand(p, rng, form, lines, k) for form, lines in ((fa, m), (fb, n)))
        products.append((a, b.transposed))
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
    tiles = [(k, *modes_of(p, *products[i])) for i in order]
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


def random_operand(
    p: MultimodeParameters, rng: np.random.Generator, form: BlockFormat, lines: int, k: int
) -> Blocks:
    """Return random lines of an operand in a format of the array."""
    step = form.reduction
    deep = -(-k // step)
    x = random_blocks(rng, lines * deep, step, extreme=0.1).reshape(lines, -1)[:, :k]
    words = rng.integers(0, 1 << form.random_bits, x.shape)
    blocks = quantize(x, form, axis=1, random=words)
    return with_all_codes(rng, blocks) if p.coded else blocks
