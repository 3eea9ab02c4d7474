"""Bench of the transposer of square blocks."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.bfp.transposer import TransposerParameters
from sw.bfp.transposer import transpose as model

from ..bench import Result
from ..directed import Directed
from ..formats.elements import blocks_of, run_blocks
from ..regression import Regression
from ..report import Report
from ..streams import every_third, pack

__all__ = ["DIRECTED", "regress", "simulate", "transpose"]

DIRECTED = Directed(outputs=12, packets={"s_axis": 2})

Codes = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int32]


def transpose(
    parameters: TransposerParameters, *tiles: npt.ArrayLike, **options: Any
) -> tuple[Codes, Integers]:
    """Return codes of elements and scales of tiles, given as to the model in three arrays.

    ``options`` are those of `sim.bench.run`.
    """
    return simulate(parameters, *tiles, **options)[0]


def simulate(
    parameters: TransposerParameters,
    code: npt.ArrayLike,
    exponent: npt.ArrayLike,
    flags: npt.ArrayLike,
    **options: Any,
) -> tuple[tuple[Codes, Integers], Result]:
    """Return what `transpose` returns, and the run.

    Every third tile ends a packet.
    """
    p = parameters
    design = generate("bfp_transposer", p)
    code = np.asarray(code)
    last = every_third(len(code), p.side)
    fields = {
        "mantissa": code.reshape(-1, p.side),
        "exponent": np.repeat(np.asarray(exponent), p.side),
        "transpose": np.repeat(np.asarray(flags), p.side),
    }
    streams = design.manifest["streams"]
    result = run_blocks(design, pack(streams["s_axis"], fields), last, **options)
    given, exponents = blocks_of(streams["m_axis"], result, last)
    return (given.reshape(code.shape), exponents), result


def regress(parameters: TransposerParameters, **options: Any) -> Report:
    """Compare with the model on random tiles, of which a random share is to be transposed."""
    p, case = parameters, Regression.of(options)
    rng, blocks = case.rng, case.blocks
    shape = (blocks, p.side, p.side)
    code = rng.integers(0, 1 << p.format.element_bits, shape)
    exponent = rng.integers(0, p.format.nan_code + 1, blocks)
    flags = rng.random(blocks) < rng.choice([0.1, 0.5, 0.9])
    (given, codes), result = simulate(p, code, exponent, flags, **case.options)
    turned, same = model(p, code, exponent, flags)
    manifest = generate("bfp_transposer", p).manifest
    expected = {
        "code": turned,
        "exponent": same,
        "tiles": blocks,
        "transposed": int(flags.sum()),
        "status.framing": 0,
    }
    return case.compare(
        manifest,
        result,
        {"code": given, "exponent": codes},
        expected,
        counters=("input_stalls",),
        waits_for_sink=("output_stalls",),
        cycles=p.cycles(blocks),
        inputs={"code": code},
    )
