"""Bench of the approximate multipliers."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.approx.multiplier import ApproxParameters
from sw.approx.multiplier import multiply as model
from sw.checks import array
from sw.formats import FloatFormat

from ..bench import Result, run
from ..directed import Directed
from ..registers import readable
from ..regression import Regression
from ..report import Report, insist
from ..streams import pack, unpack

__all__ = ["DIRECTED", "Products", "multiply", "pair_beats", "random_pairs", "regress", "simulate"]

DIRECTED = Directed(outputs=12, one_enable=True)

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
    beats = pair_beats(streams["s_axis"], a, b, p.lanes)
    ends = np.arange(len(beats)) % 3 == 2
    result = run(
        design,
        inputs={"s_axis": beats},
        last={"s_axis": ends},
        outputs={"m_axis": len(ends)},
        reads=readable(design.manifest),
        **options,
    )
    insist(result.last["m_axis"] == ends, "tlast does not follow its beat", result)
    products = unpack(streams["m_axis"], result.outputs["m_axis"])["product"]
    return products.ravel()[: len(a)].astype(np.uint32), result


def pair_beats(
    stream: Mapping[str, Any], a: Patterns, b: Patterns, lanes: int
) -> npt.NDArray[np.uint8]:
    """Return beats of pairs of patterns, the last filled up with zeros."""
    fields = {"a": a, "b": b}
    return pack(
        stream,
        {n: np.pad(x, (0, -len(x) % lanes)).reshape(-1, lanes) for n, x in fields.items()},
    )


@dataclasses.dataclass(frozen=True)
class Products:
    """Patterns of a format, (n,): operands, and their products by a circuit and by its model."""

    format: FloatFormat
    a: Patterns
    b: Patterns
    found: Patterns
    modelled: Patterns

    def flags(self) -> dict[str, int]:
        """Return the flags of the status register that follow from them."""
        format, products = self.format, self.modelled
        point, ones = format.fraction_bits, format.exponent_ones
        special, fraction = products >> point & ones == ones, products & ((1 << point) - 1) != 0
        zero = products & ((1 << format.width - 1) - 1) == 0
        normal = (self.a >> point & ones != 0) & (self.b >> point & ones != 0)
        return {
            "status.nan": int((special & fraction).any()),
            "status.overflow": int((special & ~fraction).any()),
            "status.underflow": int((zero & normal).any()),
        }

    def compare(
        self,
        case: Regression,
        manifest: Mapping[str, Any],
        result: Result,
        *,
        counters: tuple[str, ...],
        **expected: int,
    ) -> Report:
        """Return the report of a multiplier; ``counters`` and the rest as of `Regression`."""
        expected = {**self.flags(), "status.framing": 0, **expected}
        return case.compare(
            manifest,
            result,
            {"products": self.found, "count": result.registers["products"]},
            {"products": self.modelled, "count": self.modelled.size, **expected},
            counters=counters,
            waits_for_sink=("output_stalls",),
            inputs={"a": self.a, "b": self.b},
        )


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


def regress(parameters: ApproxParameters, **options: Any) -> Report:
    """Compare with the model on ``blocks`` beats of random pairs."""
    p, case = parameters, Regression.of(options)
    a, b = random_pairs(case.rng, case.blocks * p.lanes, p.format)
    products, result = simulate(p, a, b, **case.options)
    modelled = model(p, a, b)
    found = Products(p.format, a, b, products, modelled)
    manifest = generate("approx_multiplier", p).manifest
    return found.compare(case, manifest, result, counters=("input_stalls",))
