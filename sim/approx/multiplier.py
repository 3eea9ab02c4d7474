"""Bench of the approximate multipliers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.approx.parameters import ApproxParameters
from sw.approx.parameters import multiply as model
from sw.checks import array
from sw.formats import FloatFormat

from ..bench import Result, run
from ..registers import constants, counting, readable
from ..report import Report, compare, insist
from ..streams import Stalls, pack, unpack

__all__ = ["multiply", "random_pairs", "regress", "simulate"]

Patterns = npt.NDArray[np.uint32]


def multiply(
    parameters: ApproxParameters, a: npt.ArrayLike, b: npt.ArrayLike, **options: Any
) -> Patterns:
    """Return the products of patterns, (n,) each; ``options`` as of `sim.bench.run`."""
    return simulate(parameters, a, b, **options)[0]


def simulate(
    parameters: ApproxParameters, a: npt.ArrayLike, b: npt.ArrayLike, **options: Any
) -> tuple[Patterns, Result]:
    """Return what `multiply` returns, and the run.

    What the last beat lacks is zeros. Every third beat ends a packet.
    """
    p = parameters
    design = generate("approx_multiplier", p)
    streams = design.manifest["streams"]
    most = (1 << p.format.width) - 1
    a, b = (
        array(name, x, "integer", shape=("pairs",), low=0, high=most).astype(np.uint32)
        for name, x in (("a", a), ("b", b))
    )
    fields = {
        name: np.pad(x, (0, -len(x) % p.lanes)).reshape(-1, p.lanes)
        for name, x in (("a", a), ("b", b))
    }
    ends = np.arange(len(fields["a"])) % 3 == 2
    result = run(
        design,
        inputs={"s_axis": pack(streams["s_axis"], fields)},
        last={"s_axis": ends},
        outputs={"m_axis": len(ends)},
        reads=readable(design.manifest),
        **options,
    )
    insist(result.last["m_axis"] == ends, "tlast does not follow its beat", result)
    products = unpack(streams["m_axis"], result.outputs["m_axis"])["product"]
    return products.ravel()[: len(a)].astype(np.uint32), result


def random_pairs(
    rng: np.random.Generator, count: int, format: FloatFormat
) -> tuple[Patterns, Patterns]:
    """Return pairs of patterns, half of them with a product near either end of the range or 1."""
    a, b = rng.integers(0, 1 << format.width, (2, count), np.uint32)
    point, ones = format.fraction_bits, format.exponent_ones
    middle = rng.choice([0, format.bias, ones - 1], count) + rng.integers(-2, 3, count)
    field = np.clip(middle + format.bias - (a >> point & ones).astype(int), 0, ones)
    near = b & ~np.uint32(ones << point) | field.astype(np.uint32) << np.uint32(point)
    return a, np.where(rng.random(count) < 0.5, near, b)


def regress(
    parameters: ApproxParameters,
    *,
    seed: int = 1,
    blocks: int = 1000,
    stalls: Stalls | None = None,
    **options: Any,
) -> Report:
    """Compare with the model on ``blocks`` beats of random pairs."""
    p = parameters
    a, b = random_pairs(np.random.default_rng(seed), blocks * p.lanes, p.format)
    products, result = simulate(p, a, b, seed=seed, stalls=stalls, **options)
    modelled = model(p, a, b)
    point, ones = p.format.fraction_bits, p.format.exponent_ones
    exponents = [x >> point & ones for x in (a, b, modelled)]
    special = exponents[2] == ones
    nan = special & (modelled & ((1 << point) - 1) != 0)
    underflow = (exponents[0] != 0) & (exponents[1] != 0) & (exponents[2] == 0)
    expected: dict[str, Any] = {
        **counting(result, "input_stalls", "output_stalls"),
        "products": modelled,
        "count": modelled.size,
        "status.nan": int(nan.any()),
        "status.overflow": int((special & ~nan).any()),
        "status.underflow": int(underflow.any()),
        "status.framing": 0,
        **constants(generate("approx_multiplier", p).manifest),
    }
    if stalls is None or not stalls.back_pressure:
        expected["output_stalls"] = 0
    actual = result.registers | {"products": products, "count": result.registers["products"]}
    return compare(actual, expected, result, {"a": a, "b": b})
