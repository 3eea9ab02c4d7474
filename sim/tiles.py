"""Benches of matrix-multiply arrays: running a job, and comparing its results and registers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sw.errors import UserError

from .bench import Design, Result, run
from .matrix_beats import coordinate, in_place, packet_of
from .registers import counting, readable
from .report import Report, compare, insist, merge
from .streams import Stalls, pack

__all__ = [
    "START",
    "check",
    "check_size",
    "expected_status",
    "multiply",
    "operand",
    "over_depths",
    "product_of",
]

START = (("control.start", 1),)


def multiply(
    design: Design,
    rows: np.ndarray,
    columns: np.ndarray,
    *,
    size: tuple[int, int],
    tile: tuple[int, int],
    commands: Sequence[tuple[str, int]],
    inputs: Mapping[str, np.ndarray] | None = None,
    **options: Any,
) -> tuple[npt.NDArray[np.float32], Result]:
    """Return a product, and the run: cycles, counters, flags.

    Parameters
    ----------
    design : Design
        A `TileArray`.
    rows, columns : array of uint8
        Beats (tiles, beats of a tile, bytes) of the operands, a tile's rows or columns each.
    size, tile : tuple of int
        Rows and columns of the product, and of a tile.
    commands : sequence of (str, int)
        Register writes that follow those of the job's tiles.
    inputs : dict or None
        Beats of other streams.
    """
    across, down = len(columns), len(rows)
    result = run(
        design,
        inputs={
            "s_axis_a": _all(np.broadcast_to(rows[:, None], (down, across, *rows.shape[1:]))),
            "s_axis_b": _all(np.broadcast_to(columns[None], (down, across, *columns.shape[1:]))),
            **(inputs or {}),
        },
        outputs={"m_axis": down * across * tile[0]},
        writes=[("tile_rows", down), ("tile_columns", across), *commands],
        reads=readable(design.manifest),
        **options,
    )
    rows = result.outputs["m_axis"]
    return product_of(result, rows, size=size, tiles=(down, across), tile=tile), result


def product_of(
    result: Result,
    rows: np.ndarray,
    *,
    size: tuple[int, int],
    tiles: tuple[int, int],
    tile: tuple[int, int],
) -> npt.NDArray[np.float32]:
    """Return the product whose tiles' rows left as ``rows``, bytes of binary32; check ``tlast``.

    ``size`` and ``tile`` are as in `multiply`, ``tiles`` those down and across.
    """
    last = result.last["m_axis"]
    alone = last[-1] and not last[:-1].any()
    insist(alone, "tlast is not on the last result alone", result)
    words = np.ascontiguousarray(rows).view("<f4").reshape(*tiles, *tile)
    product = words.swapaxes(1, 2).reshape(tiles[0] * tile[0], tiles[1] * tile[1])
    return np.ascontiguousarray(product[: size[0], : size[1]])


def operand(
    manifest: Mapping[str, Any], name: str, matrices: Mapping[str, np.ndarray], places: int
) -> npt.NDArray[np.uint8]:
    """Return the beats (tiles, beats of a tile, bytes) of an operand of a product, of its stream.

    ``name`` is that of ``matrices`` of the manifest; ``matrices`` are by the name of the field
    that carries them: lines, each of its elements along the reduction of ``places``.
    """
    order = manifest["matrices"]["operands"][name]
    stream = packet_of(manifest["streams"], order)
    tiles = -(-len(next(iter(matrices.values()))) // order["lines"])
    beats = -(-places // order["places"]) * order["beats"]
    fields = {n: np.full((tiles * beats, 1), value) for n, value in order["constants"].items()}
    for field in stream["fields"]:
        if field["name"] in fields:
            continue
        part, matrix = order["parts"][field["name"]], matrices[field["name"]]
        grids = np.ix_(range(beats), range(field["count"]), range(part["parts"]))
        numbers: dict[str, Any] = dict(zip(("beat", "value", "part"), grids, strict=True))
        used = numbers["value"] % part["group"] < part["used"]
        line, place = (coordinate(part[each], numbers) for each in ("line", "place"))
        line, place, used = np.broadcast_arrays(np.where(used, line, 0), place, used)
        missing = tiles * order["lines"] - len(matrix), int(place.max()) + 1 - matrix.shape[1]
        padded = np.pad(matrix, ((0, missing[0]), (0, missing[1]))).astype(np.int64)
        elements = padded.reshape(tiles, order["lines"], -1)[:, line, place] * used
        values = in_place(part, elements, numbers["part"]).sum(-1)
        fields[field["name"]] = values.reshape(tiles * beats, -1)
    parts = stream.get("beats", 1)
    return pack(stream, fields).reshape(tiles, beats * parts, stream["bytes"] // parts)


def check_size(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Check that a product has something to go through a circuit, which refuses an empty job."""
    if 0 in (*a, *b):
        raise UserError(
            "a and b must have a row, a column and a place of the reduction at least to go through "
            f"a circuit, not the shapes {a} and {b}"
        )


def _all(tiles: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(tiles).reshape(-1, tiles.shape[-1])


def over_depths(
    depths: Iterable[int], one: Callable[..., Report], options: Mapping[str, Any]
) -> Report:
    """Return the report of products of several depths, each with waves of its own.

    ``one`` takes the depth and, as keywords, ``options``: those of `sim.bench.run`.
    """
    waves: str | Path | None = options.get("waves")
    reports = {}
    for deep in depths:
        path = Path(waves).with_stem(f"{Path(waves).stem}-depth-{deep}") if waves else None
        reports[f"product {deep} deep"] = one(deep, **{**options, "waves": path})
    return merge(reports)


def check(
    result: Result,
    product: npt.NDArray[np.float32],
    modelled: npt.NDArray[np.float32],
    *,
    tiles: tuple[int, int],
    cycles: int,
    expected: Mapping[str, Any],
    stalls: Stalls,
    inputs: dict[str, Any],
) -> Report:
    """Compare a product with its model, and the registers with what they must be.

    ``tiles`` are those down and across, ``cycles`` those without stalls, ``expected`` further
    registers; ``inputs`` as in `sim.report.compare`.
    """
    counted, known = _counters(result, cycles, stalls)
    known = {
        "product": modelled,
        **expected_status(modelled),
        "tile_rows": tiles[0],
        "tile_columns": tiles[1],
        **expected,
        **known,
    }
    return compare(result.registers | {"product": product} | counted, known, result, inputs)


def expected_status(results: npt.NDArray[np.float32]) -> dict[str, int]:
    """Return the fields of ``status`` behind a job of these results."""
    return {
        "status.busy": 0,
        "status.done": 1,
        "status.nan": int(np.isnan(results).any()),
        "status.overflow": int(np.isinf(results).any()),
        "status.framing": 0,
        "status.refused": 0,
    }


def _counters(result: Result, cycles: int, stalls: Stalls) -> tuple[dict[str, int], dict[str, Any]]:
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
    known: dict[str, Any] = {
        **counting(result, "cycles", "operand_stalls", "result_stalls", *counted),
        "cycles below beats + stalls": 0,
    }
    if not stalls.idle:
        # Operands fail to come before the first beat only.
        first, final = result.stamps["s_axis_a"][0], result.stamps["m_axis"][1]
        known["busy cycles after the first beat"] = final - first + 1
    if not stalls.back_pressure:
        known["result_stalls"] = 0
        known["cycles - operand_stalls"] = cycles
    return counted, known
