"""The binary32 adder and the rounding of integers in RTL, behind streams, on millions of values."""

from typing import Any

import numpy as np
import pytest

from hw.flow.yosys import netlist
from sim.bench import Stalls
from sim.compare import MismatchError, assert_equal
from sw.formats import binary32
from tests.floats import EXPONENT_BITS, design, run_patterns
from tests.stimuli import pairs


def _run(fields: dict[str, np.ndarray], width: int) -> np.ndarray:
    return run_patterns(design("round", width=width), fields).view(np.float32)


def _add(x: np.ndarray, y: np.ndarray, **options: Any) -> np.ndarray:
    fields = {"a": x.view(np.uint32), "b": y.view(np.uint32)}
    return run_patterns(design("add"), fields, **options).view(np.float32)


def test_adder_on_five_million_pairs():
    # Every pair of special classes, random, near, halfway and cancelling pairs, and NumPy's float32
    # addition itself where nothing is flushed.
    x, y = pairs(5_000_000, seed=1)
    total = _add(x, y)
    assert_equal(total, binary32.add(x, y), context={"inputs": {"x": x, "y": y}})
    with np.errstate(all="ignore"):
        exact = binary32.flush(x) + binary32.flush(y)
    plain = np.isnan(exact) | (np.abs(exact) >= np.finfo(np.float32).tiny) | (exact == 0)
    assert_equal(np.isnan(total), np.isnan(exact))
    kept = plain & ~np.isnan(exact)
    assert kept.mean() > 0.7
    assert_equal(total[kept], exact[kept])


def test_adder_under_stalls():
    x, y = pairs(20_000, seed=2)
    for stalls in (Stalls(idle=0.3, back_pressure=0.5), Stalls(back_pressure=0.8)):
        assert_equal(_add(x, y, stalls=stalls), binary32.add(x, y))


def test_adder_netlist():
    x, y = pairs(50_000, seed=3)
    assert_equal(_add(x, y, netlist=netlist(design("add"), "gates")), binary32.add(x, y))


def _integers(width: int, count: int, seed: int) -> dict[str, np.ndarray]:
    """Integers of every length, halfway cases among them, over all exponents."""
    rng = np.random.default_rng(seed)
    length = rng.integers(0, width, count)
    q = rng.integers(0, 1 << 62, count) & ((np.int64(1) << length) - 1)
    half = np.int64(1) << np.maximum(length - 25, 0)
    q = np.where(rng.random(count) < 0.3, q & ~(half - 1) | half, q)
    q = np.where(rng.random(count) < 0.5, -q, q)
    q = np.where(rng.random(count) < 0.01, -(np.int64(1) << (width - 1)), q)
    q = np.clip(q, -(1 << (width - 1)), (1 << (width - 1)) - 1)
    exponent = np.where(rng.random(count) < 0.5, rng.integers(-180, 140, count), 0)
    exponent = np.where(rng.random(count) < 0.1, rng.integers(-1024, 1024, count), exponent)
    return {"mantissa": q, "exponent": exponent, "nan": rng.random(count) < 0.01}


@pytest.mark.parametrize("width", [2, 13, 25, 39, 50])
def test_rounding_of_integers(width):
    fields = _integers(width, 300_000, seed=width)
    expected = binary32.from_integer(fields["mantissa"], fields["exponent"], fields["nan"])
    wire = {
        "mantissa": fields["mantissa"] & ((1 << width) - 1),
        "exponent": fields["exponent"] & ((1 << EXPONENT_BITS) - 1),
        "nan": fields["nan"].astype(np.int64),
    }
    assert_equal(_run(wire, width), expected, context={"inputs": fields})


def test_a_planted_fault_is_caught():
    # Halfway cases away from even.
    x, y = pairs(20_000, seed=4)
    wrong = binary32.add(x, y)
    wrong.view(np.uint32)[1234] ^= 1
    with pytest.raises(MismatchError, match="1 of"):
        assert_equal(_add(x, y), wrong)
