"""Bench of the Hadamard transform."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.formats import FLOAT_FORMATS, binary32
from sw.formats.hadamard import HadamardParameters
from sw.formats.hadamard import hadamard as model

from ..bench import Result
from ..directed import Directed
from ..regression import Regression
from ..report import Report, insist
from ..streams import every_third, unpack
from .elements import random_blocks, run_blocks, source_beats, to_source

__all__ = ["DIRECTED", "hadamard", "random_tiles", "regress", "simulate"]

DIRECTED = Directed(outputs=12, packets={"s_axis": 2}, one_enable=True)

Floats = npt.NDArray[np.float32]


def hadamard(
    parameters: HadamardParameters, x: npt.ArrayLike, *, signs: int | None = None, **options: Any
) -> Floats:
    """Return the transforms of tiles, (n, tile), as the model; ``options`` as of `sim.bench.run`.

    ``signs`` is written to the register of that name.
    """
    return simulate(parameters, x, signs=signs, **options)[0]


def simulate(
    parameters: HadamardParameters, x: npt.ArrayLike, *, signs: int | None = None, **options: Any
) -> tuple[Floats, Result]:
    """Return what `hadamard` returns, and the run.

    Every third tile ends a packet.
    """
    p = parameters
    design = generate("hadamard", p)
    x = np.asarray(x)
    last = every_third(len(x), p.beats)
    if signs is not None:
        options["writes"] = [*options.get("writes", ()), ("signs", signs)]
    streams = design.manifest["streams"]
    beats = source_beats(streams["s_axis"], x, p.source, p.lanes)
    result = run_blocks(design, beats, last, **options)
    insist(result.last["m_axis"] == last.ravel(), "tlast does not follow its tile", result)
    words = unpack(streams["m_axis"], result.outputs["m_axis"])["value"]
    return binary32.from_bits(words, FLOAT_FORMATS[p.result]).reshape(x.shape), result


def random_tiles(rng: np.random.Generator, p: HadamardParameters, count: int) -> Floats:
    """Return tiles: `random_blocks`, some of whose elements cancel but for small ones."""
    x = random_blocks(rng, count, p.tile)
    some = rng.random(count) < 0.3
    x[some, 1::2] = -x[some, ::2]
    odd = (rng.random(x.shape) < 0.1) & some[:, None]
    with np.errstate(invalid="ignore"):
        small = x * np.exp2(rng.integers(-120, 1, x.shape)).astype(np.float32)
    return to_source(np.where(odd, small, x), p.source)


def regress(parameters: HadamardParameters, *, signs: int | None = None, **options: Any) -> Report:
    """Compare with the model on ``blocks`` tiles; ``signs`` as of `hadamard`."""
    p, case = parameters, Regression.of(options)
    x = random_tiles(case.rng, p, case.blocks)
    found, result = simulate(p, x, signs=signs, **case.options)
    expected = model(p, x, signs=signs)
    return case.compare(
        generate("hadamard", p).manifest,
        result,
        {"results": found},
        {
            "results": expected,
            "elements": x.size,
            "signs": p.signs if signs is None else signs,
            "status.nan": int(np.isnan(expected).any()),
            "status.overflow": int(np.isinf(expected).any()),
            "status.framing": 0,
        },
        counters=("input_stalls",),
        waits_for_sink=("output_stalls",),
        cycles=p.timing.job(case.blocks, p.beats),
        inputs={"x": x},
    )
