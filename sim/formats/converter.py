"""Bench of the float to block converter."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.formats import FLOAT_FORMATS, MxFormat, binary32
from sw.formats.converter import ConverterParameters
from sw.formats.converter import convert as model
from sw.formats.stages import has_tensor_scale
from sw.formats.tensor_scale import amax_of
from sw.words import Words

from ..bench import Result
from ..directed import Directed
from ..regression import Regression
from ..report import Report
from ..streams import every_third
from ..words import start_words, started
from .edges import with_edges, with_scaled_edges
from .elements import blocks_of, random_blocks, run_blocks, source_beats, to_source

__all__ = ["DIRECTED", "convert", "regress", "simulate"]

DIRECTED = Directed(outputs=12, packets={"s_axis": 2})

Codes = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int32]


def convert(
    parameters: ConverterParameters,
    x: npt.ArrayLike,
    *,
    random: Words | None = None,
    amax: npt.ArrayLike | None = None,
    **options: Any,
) -> tuple[Codes, Integers, int]:
    """Return codes of elements and scales, and how many elements were set to zero by their block.

    As the model does, but for the last, which the circuit counts. ``random`` is a stream from its
    first word on, ``amax`` that of a tensor as the model takes it; ``options`` as of
    `sim.bench.run`.
    """
    return simulate(parameters, x, random=random, amax=amax, **options)[0]


def simulate(
    parameters: ConverterParameters,
    x: npt.ArrayLike,
    *,
    random: Words | None = None,
    amax: npt.ArrayLike | None = None,
    **options: Any,
) -> tuple[tuple[Codes, Integers, int], Result]:
    """Return what `convert` returns, and the run.

    Every third block ends a packet.
    """
    p = parameters
    design = generate("bfp_converter", p)
    x = np.asarray(x)
    last = every_third(len(x), p.beats)
    if random:
        options["writes"] = [*options.get("writes", ()), *start_words({"": random})]
    options["writes"] = [*options.get("writes", ()), *_amax_register(p, x, amax).items()]
    streams = design.manifest["streams"]
    beats = source_beats(streams["s_axis"], x, p.source, p.lanes)
    result = run_blocks(design, beats, last, **options)
    element, code = blocks_of(streams["m_axis"], result, last)
    return (element.reshape(x.shape), code, result.registers["zero_set"]), result


def _amax_register(
    parameters: ConverterParameters, x: npt.ArrayLike, amax: npt.ArrayLike | None
) -> dict[str, int]:
    """Return the register of a tensor's largest magnitude, if there is one, by its name."""
    if not has_tensor_scale(parameters.format):
        return {}
    values = binary32.flush(np.asarray(x, np.float32), FLOAT_FORMATS[parameters.source])
    largest = amax_of(values) if amax is None else np.asarray(amax, np.float32)
    return {"amax": int(largest.view(np.uint32))}


def regress(
    parameters: ConverterParameters,
    *,
    random: Words | None = None,
    amax: npt.ArrayLike | None = None,
    **options: Any,
) -> Report:
    """Compare with the model on random blocks.

    ``random`` and ``amax`` as of `convert`; where a tensor has a scale and there is no ``amax`` it
    is that of usual blocks.
    """
    p, case = parameters, Regression.of(options)
    x = to_source(random_blocks(case.rng, case.blocks, p.format.block_elements), p.source)
    if isinstance(p.format, MxFormat):
        x = with_edges(case.rng, x, p.format, p.source)
        if p.format.has_tensor_scale and amax is None:
            amax = np.float32(case.rng.uniform(2**12, 2**14))
            x = with_scaled_edges(case.rng, x, p.format, p.source, amax)
    given = {"random": random, "amax": amax}
    (element, exponent, zero_set), result = simulate(p, x, **given, **case.options)
    q, code, flags = model(p, x, **given)
    # A cycle takes a beat or waits for one.
    busy = len(x) * p.beats + result.registers["input_stalls"]
    found = {
        "element": element,
        "exponent": exponent,
        "zero_set": zero_set,
        "cycles below beats + input_stalls": int(result.countable < busy),
    }
    manifest = generate("bfp_converter", p).manifest
    expected = {
        "element": q,
        "exponent": code,
        "zero_set": int(flags.sum()),
        "elements": x.size,
        "cycles below beats + input_stalls": 0,
        "status.nan": int((code == p.format.nan_code).any()),
        "status.framing": 0,
        **started(manifest, {"": random} if random else {}),
        **_amax_register(p, x, amax),
        **({"status.busy": 0} if has_tensor_scale(p.format) else {}),
    }
    return case.compare(
        manifest,
        result,
        found,
        expected,
        counters=("input_stalls",),
        waits_for_sink=("output_stalls",),
        inputs={"x": x},
    )
