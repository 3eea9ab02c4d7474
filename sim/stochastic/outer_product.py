"""Bench of the stochastic outer product."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.formats import binary32
from sw.stochastic import outer_product as model
from sw.stochastic.outer_parameters import SHIFT_BITS, OuterProductParameters
from sw.stochastic.weights import Weights, subtract, to_blocks

from ..bench import Result, run
from ..directed import Directed
from ..formats.elements import decode, encode, random_blocks, source_beats, to_source
from ..registers import readable
from ..regression import Regression
from ..report import Report, insist
from ..streams import pack, unpack

__all__ = ["DIRECTED", "outer_product", "random_weights", "regress", "simulate"]

DIRECTED = Directed(outputs=24)

Floats = npt.NDArray[np.float32]


def outer_product(
    parameters: OuterProductParameters, x: npt.ArrayLike, d: npt.ArrayLike, **options: Any
) -> Floats | Weights:
    """Return what the circuit makes of pairs of vectors; ``options`` are those of `simulate`."""
    return simulate(parameters, x, d, **options)[0]


def simulate(
    parameters: OuterProductParameters,
    x: npt.ArrayLike,
    d: npt.ArrayLike,
    weights: Floats | Weights | None = None,
    *,
    last: npt.ArrayLike | None = None,
    shift: int = 0,
    rate: float = 1.0,
    **options: Any,
) -> tuple[Floats | Weights, Result]:
    """Return results, or weights less these, and the run.

    Arguments are those of `sw.stochastic.outer_product.outer_product` and, where there are weights,
    these, (batches, rows, columns). ``options`` are those of `sim.bench.run`.
    """
    p = parameters
    design = generate("outer_product", p)
    x, d, stops = model.batches(p, x, d, last)
    marked = np.zeros(len(x), bool) if last is None else np.array(last, bool)
    marked[-1:] = True
    batches = len(stops)
    inputs = {"s_axis_x": _elements(p, x), "s_axis_d": _elements(p, d)}
    ends = {}
    for name, elements in (("s_axis_x", p.columns), ("s_axis_d", p.rows)):
        ends[name] = np.zeros((len(x), elements // p.lanes), bool)
        ends[name][:, -1] = marked
    if weights is not None:
        inputs["s_axis_w"] = _pack(p, weights)
    beats = batches * p.rows * p.columns // p.results
    result = run(
        design,
        inputs=inputs,
        last={name: each.ravel() for name, each in ends.items()},
        outputs={"m_axis": beats},
        writes=list(_scale(p, shift, rate).items()),
        reads=readable(design.manifest),
        **options,
    )
    final = np.arange(1, beats + 1) % (p.rows * p.columns // p.results) == 0
    insist(result.last["m_axis"] == final, "tlast does not follow a batch's results", result)
    return _unpack(p, result, (batches, p.rows, p.columns)), result


def _scale(p: OuterProductParameters, shift: int = 0, rate: float = 1.0) -> dict[str, int]:
    """Return the register that scales results, and its value."""
    free = int(p.check_scale(shift, rate).view(np.uint32))
    return {"rate": free} if p.rate == "free" else {"shift": shift}


def _elements(p: OuterProductParameters, x: Floats) -> npt.NDArray[np.uint8]:
    """Return the beats of vectors."""
    stream = generate("outer_product", p).manifest["streams"]["s_axis_x"]
    return source_beats(stream, x, p.source, p.lanes)


def _pack(p: OuterProductParameters, weights: Floats | Weights) -> npt.NDArray[np.uint8]:
    """Return the beats of weights."""
    stream = generate("outer_product", p).manifest["streams"]["s_axis_w"]
    if not isinstance(weights, Weights):
        words = binary32.to_bits(weights)
        return pack(stream, {"weight": words.reshape(-1, p.results)})
    assert p.weight_format is not None
    lanes = p.results // p.weight_format.block_elements
    codes = encode(weights.mantissa, p.weight_format)
    return pack(
        stream,
        {
            "mantissa": codes.reshape(-1, p.results),
            "exponent": weights.exponent.reshape(-1, lanes),
        },
    )


def _unpack(
    p: OuterProductParameters, result: Result, shape: tuple[int, int, int]
) -> Floats | Weights:
    """Return the results or weights of all batches."""
    stream = generate("outer_product", p).manifest["streams"]["m_axis"]
    fields = unpack(stream, result.outputs["m_axis"])
    if p.weight_format is None:
        [values] = fields.values()
        return values.astype(np.uint32).view(np.float32).reshape(shape)
    blocks = (*shape[:2], p.columns // p.weight_format.block_elements)
    return Weights(
        mantissa=decode(fields["mantissa"], p.weight_format, result).reshape(shape),
        exponent=fields["exponent"].astype(np.int32).reshape(blocks),
    )


def regress(parameters: OuterProductParameters, **options: Any) -> Report:
    """Compare with the model on ``blocks`` pairs of random vectors, in short and long batches."""
    p, case = parameters, Regression.of(options)
    rng, count = case.rng, case.blocks
    if p.scale == "batch":
        count = max(count // p.batch, 1) * p.batch
    x, d = (to_source(random_blocks(rng, count, n), p.source) for n in (p.columns, p.rows))
    last = None
    if p.scale == "vector":
        share = np.repeat(rng.choice([0, 0.02, 0.2, 1], -(-count // 16)), 16)[:count]
        last = rng.random(count) < share
    scale: dict[str, Any] = {"shift": int(rng.integers(0, 1 << SHIFT_BITS))}
    if p.rate == "free":
        scale = {"rate": float(rng.standard_normal())}
    expected = model.outer_product(p, x, d, last=last, **scale)
    weights = random_weights(p, rng, expected)
    if weights is not None:
        expected = subtract(p, weights, expected)
    found, result = simulate(p, x, d, last=last, **scale, weights=weights, **case.options)
    wanted: dict[str, Any] = {
        "pairs": count,
        **_scale(p, **scale),
        "status.nan": int(not (np.isfinite(x).all() and np.isfinite(d).all())),
        "status.overflow": int(np.isinf(expected).any()),
        "status.framing": 0,
        "status.busy": 0,
    }
    given: dict[str, Any] = {"results": found}
    modelled: dict[str, Any] = {"results": expected}
    if isinstance(found, Weights):
        blocked = to_blocks(p, expected)
        given = {"mantissa": found.mantissa, "exponent": found.exponent}
        modelled = {"mantissa": blocked.mantissa, "exponent": blocked.exponent}
    manifest = generate("outer_product", p).manifest
    counters = ("vector_stalls", "result_stalls")
    return case.compare(manifest, result, given, wanted | modelled, counters=counters)


def random_weights(
    p: OuterProductParameters, rng: np.random.Generator, results: Floats
) -> Floats | Weights | None:
    """Return weights near the results, so that differences cancel; None where there are none."""
    if p.weights == "none":
        return None
    near = results * rng.choice([1, 1, 0.5, -3, 1e-5], results.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.nan_to_num(near).astype(np.float32)
    return weights if p.weight_format is None else to_blocks(p, weights)
