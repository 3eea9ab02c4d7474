"""Rates of the multi-mode array, format by format."""

import numpy as np

from sim.bfp.multimode_array import simulate
from sim.compare import assert_equal
from sw.bfp.multimode_array import MultimodeParameters, matmul
from sw.formats.quantize import quantize

__all__ = ["measured_rates"]


def measured_rates(p: MultimodeParameters, m: int, n: int, k: int) -> list[float]:
    """Return the multiply-adds a cycle of a product that equals the model's, in each format."""
    rng = np.random.default_rng(12)
    x, y = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n)))
    rates = []
    for form in p.formats:
        a, b = quantize(x, form, axis=1), quantize(y, form, axis=0)
        [product], result = simulate(p, [(a, b)])
        assert_equal(product, matmul(p, a, b), context={"format": form.name})
        rates.append(m * n * k / result.cycles)
    return rates
