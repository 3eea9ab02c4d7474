"""What multipliers switch on random operands."""

import numpy as np

from hw.approx.product import ApproxMultiplier
from sw.approx.product import Datapath, multiply_bits
from sw.formats import FloatFormat, binary32

from ..compare import assert_equal
from ..switching import measure

__all__ = ["switched"]

CYCLES = 16_384


def switched(name: str, format: FloatFormat) -> float:
    """Return the weighted toggles a cycle of a multiplier with all fraction bits of a format.

    As `sim.switching.measure` counts them, a product a cycle, on normal random operands of a fixed
    seed; the netlist's products are compared with the model's.
    """
    bits = format.fraction_bits
    circuit = ApproxMultiplier(multiplier=name, bits=bits, format=format, target="generic")
    values = np.random.default_rng(1).standard_normal((2, CYCLES), np.float32)
    a, b = (binary32.to_bits(binary32.rounded(x, format), format) for x in values)
    found = measure(circuit, {"en": 1, "a": a, "b": b})
    products = multiply_bits(Datapath(name=name, bits=bits), a, b, format)
    late = np.asarray(found.outputs["o"][circuit.latency :], np.uint32)
    assert_equal(late, products[: len(late)], context={"inputs": {"a": a, "b": b}})
    return found.weighted
