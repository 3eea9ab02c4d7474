"""Bench of the stochastic converter."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.formats.converter import convert as to_blocks
from sw.stochastic.converter import StochasticConverterParameters, Streams
from sw.stochastic.converter import convert as model

from ..bench import Result
from ..directed import Directed
from ..formats.elements import random_blocks, run_blocks, source_beats, to_source
from ..regression import Regression
from ..report import Report, insist
from ..streams import every_third, unpack

__all__ = ["DIRECTED", "convert", "regress", "simulate"]

DIRECTED = Directed(outputs=12, packets={"s_axis": 2})


def convert(parameters: StochasticConverterParameters, x: npt.ArrayLike, **options: Any) -> Streams:
    """Return the streams of vectors, as the model does; ``options`` as of `sim.bench.run`."""
    return simulate(parameters, x, **options)[0]


def simulate(
    parameters: StochasticConverterParameters, x: npt.ArrayLike, **options: Any
) -> tuple[Streams, Result]:
    """Return what `convert` returns, and the run.

    Every third vector ends a packet.
    """
    p = parameters
    design = generate("stochastic_converter", p)
    x = np.asarray(x)
    i_last, o_last = (every_third(len(x), n) for n in (p.converter.beats, p.stream_cycles))
    streams = design.manifest["streams"]
    beats = source_beats(streams["s_axis"], x, p.source, p.lanes)
    result = run_blocks(design, beats, i_last, o_last.size, **options)
    insist(result.last["m_axis"] == o_last.ravel(), "tlast does not follow its vector", result)
    fields = unpack(streams["m_axis"], result.outputs["m_axis"])
    bit = fields["bit"].reshape(*o_last.shape, p.elements, p.parallel).swapaxes(2, 3)
    constant = {
        name: fields[name].reshape(*o_last.shape, fields[name].shape[1])
        for name in ("negative", "exponent")
    }
    for name, beats in constant.items():
        insist(beats == beats[:, :1], f"the beats of a vector differ in {name}", result)
    found = Streams(
        bits=bit.reshape(len(x), p.length, p.elements).astype(bool),
        negative=constant["negative"][:, 0].astype(bool),
        code=constant["exponent"][:, 0, 0].astype(np.int32),
    )
    return found, result


def regress(parameters: StochasticConverterParameters, **options: Any) -> Report:
    """Compare with the model on ``blocks`` random vectors and, without stalls, count the cycles."""
    p, case = parameters, Regression.of(options, blocks=100)
    x = to_source(random_blocks(case.rng, case.blocks, p.elements), p.source)
    found, result = simulate(p, x, **case.options)
    wanted = model(p, x)
    zero_set = to_blocks(p.converter, x)[2]
    first = p.converter.beats - 1 + p.timing.latency
    expected = {
        **vars(wanted),
        "vectors": len(x),
        "zero_set": int(zero_set.sum()),
        "status.nan": int((wanted.code == p.converter.format.nan_code).any()),
        "status.framing": 0,
    }
    return case.compare(
        generate("stochastic_converter", p).manifest,
        result,
        vars(found),
        expected,
        counters=("input_stalls",),
        waits_for_sink=("output_stalls",),
        cycles=first + (len(x) - 1) * p.period + p.stream_cycles,
        inputs={"x": x},
    )
