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
from sw.errors import UserError
from sw.formats.blocks import Blocks

from ..bench import Result, run
from ..directed import Directed
from ..registers import constants, counting, readable
from ..regression import Regression
from ..report import Report, compare, insist
from ..streams import Stalls
from ..tiles import START, check_size, expected_status, operand, over_depths, product_of
from .array import alpha_of, depths_of, random_operands

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
    lines = {
        "a": {"mantissa": a.code, "exponent": a.codes(0)},
        "b": {"mantissa": b.code.T, "exponent": b.codes(1).T},
    }
    return {
        stream: np.concatenate(
            [
                operand(manifest, each, lines[each], a.shape[1]).reshape(-1, entry["bytes"])
                for each in entry["carries"]
            ]
        )
        for stream, entry in manifest["streams"].items()
        if entry["direction"] == "in"
    }


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
    m, k, n = *a.shape, b.shape[1]
    if not p.fits(m, n, k):
        raise UserError(f"a product of {m} x {n} x {k} must fit the memories, or be cut")
    design = generate("array_shell", p)
    down, across = -(-m // p.rows), -(-n // p.columns)
    rows = down * across * p.rows
    result = run(
        design,
        inputs=beats(p, a, b),
        outputs={"m_axis": rows * p.result_beats},
        writes=[
            ("tile_rows", down),
            ("tile_columns", across),
            ("blocks", p.blocks(k)),
            *alpha_of(p, a, b).items(),
            *commands,
        ],
        reads=readable(design.manifest),
        **options,
    )
    given = result.outputs["m_axis"].reshape(rows, -1)
    insist(not given[:, 4 * p.columns :].any(), "the padding of results is not zero", result)
    tile = p.rows, p.columns
    words = given[:, : 4 * p.columns]
    return product_of(result, words, size=(m, n), tiles=(down, across), tile=tile), result


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
    modelled = model(p, a, b)
    found, known = _counted(p, result, (m, n, a.shape[1]), options["stalls"])
    known |= {
        "product": modelled,
        **expected_status(modelled),
        "status.too_large": 0,
        "tile_rows": -(-m // p.rows),
        "tile_columns": across,
        "blocks": deep,
        "beats": p.tiles(m, n) * deep * p.beats,
        **alpha_of(p, a, b),
        **constants(generate("array_shell", p).manifest),
    }
    found |= result.registers | {"product": product}
    return compare(found, known, result, {"a": a.code})


def _counted(
    p: ArrayShellParameters, result: Result, size: tuple[int, int, int], stalls: Stalls
) -> tuple[dict[str, int], dict[str, Any]]:
    """Return what is counted of a run beside its registers, and what it and these must be."""
    counter = result.registers
    waited = counter["operand_stalls"] + counter["result_stalls"]
    found = {
        "cycles of the run": result.cycles,
        "cycles below beats + stalls": int(counter["cycles"] < counter["beats"] + waited),
        "cycles - operand_stalls": counter["cycles"] - counter["operand_stalls"],
    }
    names = ("cycles", "operand_stalls", "result_stalls", *found)
    known: dict[str, Any] = {**counting(result, *names), "cycles below beats + stalls": 0}
    if not stalls.idle and not stalls.back_pressure and result.cycles:
        exact = p.run(*size)
        known |= {
            "cycles of the run": exact.cycles,
            "cycles - operand_stalls": exact.cycles - exact.operand_stalls,
            "result_stalls": exact.result_stalls,
        }
    return found, known
