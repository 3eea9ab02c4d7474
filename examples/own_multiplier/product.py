"""All products of significands by an `approx_array` in RTL that has the multiplier as table."""

import numpy as np

from sim.approx.array import matmul
from sw.approx.array import TABLE, ApproxArrayParameters
from sw.approx.table import make

from .multiplier import multiply

__all__ = ["compare"]

BITS = 5


def compare() -> str:
    """Return in how many products of a column and a row the array has another than the function."""
    p = ApproxArrayParameters(multiplier=TABLE, bits=BITS, rows=2, columns=2)
    table = make("examples.own_multiplier.multiplier:multiply", BITS)
    significands = range(1 << BITS, 2 << BITS)
    x = np.array(significands, np.float32) / (1 << BITS)
    found = matmul(p, x[:, None], x[None, :], table)

    expected = np.empty_like(found)
    for i, a in enumerate(significands):
        for j, b in enumerate(significands):
            product = multiply(a, b, BITS)
            # Of a product from 2 on, the last of as many fraction bits weighs twice as much.
            last = BITS + (product >> 2 * BITS + 1)
            expected[i, j] = (product >> last << last) / 2 ** (2 * BITS)
    return f"{found.size} products in the RTL: {(found != expected).sum()} differ"


if __name__ == "__main__":
    print(compare())
