"""Bench of the unit that finds the largest magnitude of a tensor."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.formats.tensor_amax import TensorAmaxParameters
from sw.formats.tensor_amax import tensor_amax as model

from ..bench import Result
from ..regression import Regression
from ..report import Report, insist
from ..streams import unpack
from .elements import random_blocks, run_blocks, source_beats, to_source

__all__ = ["random_tensors", "regress", "simulate", "tensor_amax"]

Floats = npt.NDArray[np.float32]


def tensor_amax(
    parameters: TensorAmaxParameters, tensors: Sequence[npt.ArrayLike], **options: Any
) -> Floats:
    """Return the largest finite magnitude of each tensor, as the model of one.

    What the last beat of a tensor lacks is zeros. ``options`` as of `sim.bench.run`.
    """
    return simulate(parameters, tensors, **options)[0]


def simulate(
    parameters: TensorAmaxParameters, tensors: Sequence[npt.ArrayLike], **options: Any
) -> tuple[Floats, Result]:
    """Return what `tensor_amax` returns, and the run."""
    p = parameters
    design = generate("tensor_amax", p)
    streams = design.manifest["streams"]
    rows = [np.asarray(x, np.float32).ravel() for x in tensors]
    rows = [np.pad(x, (0, -len(x) % p.lanes or p.lanes * (not len(x)))) for x in rows]
    last = np.zeros(sum(map(len, rows)) // p.lanes, np.bool_)
    last[np.cumsum([len(x) for x in rows]) // p.lanes - 1] = True
    beats = source_beats(streams["s_axis"], np.concatenate(rows), p.source, p.lanes)
    result = run_blocks(design, beats, last, len(rows), **options)
    insist(result.last["m_axis"] == 1, "a result has no tlast", result)
    words = unpack(streams["m_axis"], result.outputs["m_axis"])["amax"]
    return words.ravel().astype(np.uint32).view(np.float32), result


def random_tensors(rng: np.random.Generator, p: TensorAmaxParameters, count: int) -> list[Floats]:
    """Return tensors of whole beats: `random_blocks` of 1 to 40 beats, one in five of a single."""
    beats = np.where(rng.random(count) < 0.2, 1, rng.integers(1, 41, count))
    return [to_source(random_blocks(rng, 1, n * p.lanes), p.source)[0] for n in beats]


def regress(parameters: TensorAmaxParameters, **options: Any) -> Report:
    """Compare with the model on ``blocks`` tensors; those of odd seeds are finite."""
    p, case = parameters, Regression.of(options, blocks=200)
    tensors = random_tensors(case.rng, p, case.blocks)
    if case.seed % 2:
        tensors = [np.where(np.isfinite(x), x, np.float32(0)) for x in tensors]
    found, result = simulate(p, tensors, **case.options)
    elements = sum(map(len, tensors))
    return case.compare(
        generate("tensor_amax", p).manifest,
        result,
        {"amax": found},
        {
            "amax": np.array([model(p, x) for x in tensors]),
            "elements": elements,
            "tensors": len(tensors),
            "status.nan": int(not all(np.isfinite(x).all() for x in tensors)),
            "status.framing": 0,
        },
        counters=("input_stalls",),
        waits_for_sink=("output_stalls",),
        cycles=p.timing.job(elements // p.lanes, 1),
        inputs={"tensors": np.concatenate(tensors)},
    )
