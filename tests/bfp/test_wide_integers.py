"""Integers of 70 bits and more, the sums of E5M2, as the circuit rounds them."""

from fractions import Fraction

import numpy as np
import pytest

from hw.float.from_integer import FromInteger
from tests.bfp import reference

from ..clocked import drive


@pytest.mark.parametrize("width", [70, 86])
def test_rounding(width):
    rng = np.random.default_rng(width)
    top = FromInteger(width=width, exponent_bits=10)
    values = [0, 1, -1, (1 << (width - 1)) - 1, -(1 << (width - 1))]
    for length in range(24, width - 1):
        # Halves of the last place of 24 bits, and one more and less.
        half = (int(rng.integers(1 << 23, 1 << 24)) << length - 23) + (1 << length - 24)
        values += [sign * (half + one) for sign in (1, -1) for one in (0, 1, -1)]
    values = [v for v in values if -(1 << (width - 1)) <= v < 1 << (width - 1)]
    found = []

    async def bench(ctx):
        ctx.set(top.en, 1)
        ctx.set(top.exponent, -40)
        for value in [*values, *[0] * top.latency]:
            ctx.set(top.mantissa, value)
            await ctx.tick()
            found.append(ctx.get(top.o))

    drive(top, bench)
    late = found[top.latency - 1 :][: len(values)]
    expected = [reference.to_binary32(Fraction(v) / 2**40) for v in values]
    assert late == np.array(expected, np.float32).view(np.uint32).tolist()
