"""Bench of the weight regenerator."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.formats import binary32
from sw.sparse.weight_regenerator import MOST_SHIFT, SHIFT_BITS, RegeneratorParameters
from sw.sparse.weight_regenerator import regenerate as model

from ..bench import Result, run
from ..directed import Directed
from ..registers import readable
from ..regression import Regression
from ..report import Report, insist
from ..streams import pack, unpack

__all__ = ["DIRECTED", "regenerate", "regress", "simulate"]

DIRECTED = Directed(outputs=12, writes=(("scale", 1),), unset=("nan",))

Floats = npt.NDArray[np.float32]


def regenerate(
    parameters: RegeneratorParameters,
    index: npt.ArrayLike,
    *,
    seed: int,
    shift: npt.ArrayLike,
    decay: float = 1.0,
    **options: Any,
) -> Floats:
    """Return weights as the model does, in requests, ``options`` as of `sim.bench.run`.

    ``index`` is of any shape and ends in rows of ``lanes`` successive numbers; there is one shift.
    """
    p = parameters
    first = np.asarray(index).reshape(-1, p.lanes)[:, 0]
    shifts = np.resize(shift, p.layers)
    layer = np.zeros(len(first), np.int64)
    found = simulate(p, first, layer, shifts, seed, decay, **options)[0]
    return found.reshape(np.shape(index))


def simulate(
    parameters: RegeneratorParameters,
    first: npt.ArrayLike,
    layer: npt.ArrayLike,
    shifts: npt.ArrayLike,
    weight_seed: int,
    decay: float,
    **options: Any,
) -> tuple[Floats, Result]:
    """Return the weights of requests, (requests, lanes), and the run.

    Requests have a ``first`` number and a ``layer``; ``shifts`` are those of the layers. Every
    third request ends a packet.
    """
    p = parameters
    design = generate("weight_regenerator", p)
    streams = design.manifest["streams"]
    fields = {"index": np.asarray(first)} | ({"layer": np.asarray(layer)} if p.layers > 1 else {})
    last = np.arange(len(fields["index"])) % 3 == 2
    scales = [
        ("scale", 1 | int(shift) << 1 | n << SHIFT_BITS + 1)
        for n, shift in enumerate(np.asarray(shifts))
    ]
    result = run(
        design,
        inputs={"s_axis": pack(streams["s_axis"], fields)},
        last={"s_axis": last},
        outputs={"m_axis": len(last)},
        writes=[("seed", weight_seed), ("decay", pattern(decay)), *scales],
        reads=readable(design.manifest),
        **options,
    )
    insist(result.last["m_axis"] == last, "tlast does not follow its request", result)
    words = unpack(streams["m_axis"], result.outputs["m_axis"])["weight"].reshape(-1, p.lanes)
    return binary32.from_bits(words), result


def pattern(decay: float) -> int:
    """Return the bits of a decay."""
    with np.errstate(over="ignore"):
        return int(np.abs(np.float32(decay)).view(np.uint32))


def regress(
    parameters: RegeneratorParameters, *, decay: float | None = None, **options: Any
) -> Report:
    """Compare with the model on ``blocks`` requests and, without stalls, count the cycles.

    Without a decay it is one between 0.5 and 1.
    """
    p, case = parameters, Regression.of(options)
    rng, blocks = case.rng, case.blocks
    first = rng.integers(0, 1 << 32, blocks)
    # Rows of successive requests, one of them beyond the last number.
    first[: blocks // 2] = (np.arange(blocks // 2) - blocks // 4) * p.lanes % (1 << 32)
    layer = rng.integers(0, p.layers, blocks)
    shifts = rng.integers(0, MOST_SHIFT + 1, p.layers)
    weight_seed = int(rng.integers(0, 1 << 32))
    decay = float(rng.uniform(0.5, 1)) if decay is None else decay
    found, result = simulate(p, first, layer, shifts, weight_seed, decay, **case.options)
    index = first[:, None] + np.arange(p.lanes)
    wanted = model(p, index, seed=weight_seed, shift=shifts[layer][:, None], decay=decay)
    expected = {
        "weight": wanted,
        "weights": wanted.size,
        "seed": weight_seed,
        "decay": pattern(decay),
        "status.nan": int(not np.isfinite(wanted).all()),
        "status.framing": 0,
        "status.busy": 0,
    }
    return case.compare(
        generate("weight_regenerator", p).manifest,
        result,
        {"weight": found},
        expected,
        cycles=blocks + p.timing.latency,
        inputs={"first": first, "layer": layer},
    )
