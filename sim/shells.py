"""Benches of arrays with memories for their operands: running a job, and what is counted of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sw.core.shell import ShellParameters
from sw.core.shell_cycles import ShellRun
from sw.errors import UserError

from .bench import Design, Result, run
from .registers import constants, counting, readable
from .report import Report, compare, insist
from .streams import Stalls
from .tiles import expected_status, product_of

__all__ = ["check", "counters", "multiply", "run_job", "stream_beats"]

Beats = npt.NDArray[np.uint8]


def stream_beats(manifest: Mapping[str, Any], operands: Mapping[str, Beats]) -> dict[str, Beats]:
    """Return the beats (beats, bytes) of each stream of operands.

    ``operands`` are the beats of ``a`` and ``b``, each panel's as `sim.tiles.operand` gives them.
    """
    return {
        stream: np.concatenate(
            [operands[each].reshape(-1, entry["bytes"]) for each in entry["carries"]]
        )
        for stream, entry in manifest["streams"].items()
        if entry["direction"] == "in" and "carries" in entry
    }


def run_job(
    design: Design,
    p: ShellParameters,
    operands: Mapping[str, Beats],
    *,
    sizes: Mapping[str, int],
    rows: int,
    commands: Sequence[tuple[str, int]],
    inputs: Mapping[str, np.ndarray] | None = None,
    **options: Any,
) -> tuple[Beats, Result]:
    """Return the rows of results of a job, bytes of binary32, and the run.

    Parameters
    ----------
    design : Design
        A `Shell`.
    p : ShellParameters
        Its.
    operands : dict of array
        As of `stream_beats`.
    sizes : dict of int
        Registers of the job's size.
    rows : int
        Rows of results of the job.
    commands : sequence of (str, int)
        Register writes that follow those of the sizes.
    inputs : dict or None
        Beats of other streams.
    """
    columns = p.array.columns
    result = run(
        design,
        inputs={**stream_beats(design.manifest, operands), **(inputs or {})},
        outputs={"m_axis": rows * p.result_beats},
        writes=[*sizes.items(), *commands],
        reads=readable(design.manifest),
        **options,
    )
    given = result.outputs["m_axis"].reshape(rows, -1)
    insist(not given[:, 4 * columns :].any(), "the padding of results is not zero", result)
    last = result.last["m_axis"]
    insist(last[-1] and not last[:-1].any(), "tlast is not on the last result alone", result)
    return np.ascontiguousarray(given[:, : 4 * columns]), result


def multiply(
    design: Design,
    p: ShellParameters,
    operands: Mapping[str, Beats],
    *,
    size: tuple[int, int, int],
    depth: str,
    **options: Any,
) -> tuple[npt.NDArray[np.float32], Result]:
    """Return a product of an array whose result beats are rows of a tile, and the run.

    ``size`` is m, n and k, ``depth`` the register of a panel's blocks; the rest is as of `run_job`.
    """
    m, n, k = size
    if not p.fits(m, n, k):
        raise UserError(f"a product of {m} x {n} x {k} must fit the memories, or be cut")
    down, across, blocks = p.sizes(m, n, k)
    tile = p.tile_size(())
    rows, result = run_job(
        design,
        p,
        operands,
        sizes={"tile_rows": down, "tile_columns": across, depth: blocks},
        rows=down * across * tile[0],
        **options,
    )
    return product_of(result, rows, size=(m, n), tiles=(down, across), tile=tile), result


def check(
    manifest: Mapping[str, Any],
    p: ShellParameters,
    result: Result,
    product: npt.NDArray[np.float32],
    modelled: npt.NDArray[np.float32],
    *,
    size: tuple[int, int, int],
    expected: Mapping[str, Any],
    stalls: Stalls | None,
    inputs: dict[str, Any],
) -> Report:
    """Compare a product of `multiply` with its model, and the registers with what they must be.

    ``expected`` are further registers, ``stalls`` those of the run, or None where something else
    makes it wait; ``inputs`` are as in `sim.report.compare`.
    """
    down, across, blocks = p.sizes(*size)
    found, known = counters(
        result,
        p.run(*size) if stalls == Stalls() else None,
        accepted="beats",
        waits=("operand_stalls", "result_stalls"),
    )
    known |= {
        **expected_status(modelled),
        **constants(manifest),
        "product": modelled,
        "tile_rows": down,
        "tile_columns": across,
        "beats": down * across * blocks * p.block_words[0],
        **expected,
    }
    return compare(result.registers | {"product": product} | found, known, result, inputs)


def counters(
    result: Result, exact: ShellRun | None, *, accepted: str, waits: tuple[str, ...]
) -> tuple[dict[str, int], dict[str, Any]]:
    """Return what is counted of a run beside its registers, and what it and these must be.

    Parameters
    ----------
    result : Result
        The run.
    exact : ShellRun or None
        Its cycles, None where they are not known.
    accepted : str
        The register that counts words taken.
    waits : tuple of str
        Registers that count cycles that waited.
    """
    counter = result.registers
    waited = sum(counter[name] for name in waits)
    below = f"cycles below {accepted} + stalls"
    found = {
        "cycles of the run": result.cycles,
        below: int(counter["cycles"] < counter[accepted] + waited),
        "cycles - operand_stalls": counter["cycles"] - counter["operand_stalls"],
    }
    known: dict[str, Any] = {
        **counting(result, "cycles", *waits, *found),
        below: 0,
        "status.too_large": 0,
    }
    if exact and result.cycles:
        known |= {
            "cycles of the run": exact.cycles,
            "cycles - operand_stalls": exact.cycles - exact.operand_stalls,
            "result_stalls": exact.result_stalls,
        }
    return found, known
