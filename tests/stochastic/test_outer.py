"""The stochastic outer product in RTL against its model, on every bit."""

from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from sim.bench import Result, Stalls, run
from sim.compare import assert_equal
from sim.formats.elements import to_source
from sim.registers import readable
from sim.stochastic.outer_product import outer_product, regress, simulate
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.outer_product import outer_product as model
from sw.stochastic.weights import to_blocks
from tests import stimuli

STALLS = Stalls(idle=0.3, back_pressure=0.5)

DESIGNS: dict[str, dict[str, Any]] = {
    "an element": {"rows": 1, "columns": 1, "length": 1, "source": "binary16", "guard": 0},
    # Words of whole states; rows that are added up two at a time.
    "short": {
        "rows": 8,
        "columns": 4,
        "length": 2,
        "parallel": 2,
        "share": "rotated",
        "width": 8,
        "lanes": 4,
        "results": 2,
        "source": "bfloat16",
        "rounding": "truncate",
    },
    "serial": {"rows": 5, "columns": 3, "length": 16, "seed": 77},
    "own registers": {
        "rows": 2,
        "columns": 4,
        "length": 256,
        "parallel": 4,
        "share": "independent",
        "width": 13,
        "bits": 12,
        "lanes": 2,
        "form": "galois",
        "weights": "binary32",
        "rate": "free",
        "guard": 16,
        "batch": 3,
    },
    "blocks": {
        "rows": 4,
        "columns": 4,
        "length": 16,
        "lanes": 4,
        "results": 4,
        "weights": {"preset": "hbfp8", "block": 2},
        "source": "binary16",
    },
    "one scale a batch": {
        "rows": 3,
        "columns": 2,
        "length": 16,
        "parallel": 4,
        "scale": "batch",
        "batch": 6,
        "results": 2,
        "weights": {"preset": "mxint8", "block": 2},
    },
    "large": {"rows": 32, "columns": 32, "results": 2},
}


def parameters(name: str) -> OuterProductParameters:
    return OuterProductParameters(**DESIGNS[name])


@pytest.mark.parametrize("name", DESIGNS)
def test_random_pairs(name):
    p = parameters(name)
    assert regress(p, seed=1, blocks=300 if p.rows < 32 else 100).message == ""
    for stalls in (STALLS, Stalls(idle=0.8), Stalls(back_pressure=0.9)):
        assert regress(p, seed=2, blocks=60, stalls=stalls).message == ""


@pytest.mark.parametrize("name", ["short", "serial", "large"])
def test_vectors_of_every_kind(name):
    # Zeros, powers of two, subnormals, NaN, infinities, numbers near either end.
    p = parameters(name)
    x = to_source(stimuli.blocks(60, p.columns, 3), p.source)
    d = to_source(stimuli.blocks(60, p.rows, 4), p.source)
    last = np.ones(60, bool)
    wanted = model(p, x, d, last=last)
    found: Any = outer_product(p, x, d, last=last, stalls=STALLS)
    assert_equal(found, wanted, context={"inputs": {"x": x, "d": d}})
    assert np.isnan(wanted).any() and not np.isnan(wanted).all()
    assert (wanted == 0).any()


@pytest.mark.parametrize("name", ["short", "serial"])
def test_batches_of_1_to_64_pairs_with_differing_scales(name):
    p = parameters(name)
    rng = np.random.default_rng(5)
    sizes = np.concatenate([np.arange(1, 65), rng.integers(1, 8, 40)])
    pairs = int(sizes.sum())
    last = np.zeros(pairs, bool)
    last[np.cumsum(sizes) - 1] = True
    scale = np.exp2(rng.integers(-12, 12, (pairs, 1)) * (rng.random((pairs, 1)) < 0.5))
    x = to_source(rng.standard_normal((pairs, p.columns)) * scale, p.source)
    d = to_source(rng.standard_normal((pairs, p.rows)) * scale[::-1], p.source)
    wanted = model(p, x, d, last=last, shift=3)
    assert len(wanted) == len(sizes)
    found: Any = outer_product(p, x, d, last=last, shift=3, stalls=STALLS)
    assert_equal(found, wanted, context={"batches": sizes.tolist()})


def ones(p: OuterProductParameters, pairs: int, **options: Any) -> Result:
    """Run pairs of vectors of ones."""
    x, d = (np.ones((pairs, n), np.float32) for n in (p.columns, p.rows))
    weights = None
    if p.weights != "none":
        weights = np.zeros((-(-pairs // p.batch), p.rows, p.columns), np.float32)
        weights = weights if p.weight_format is None else to_blocks(p, weights)
    return simulate(p, x, d, weights=weights, **options)[1]


@pytest.mark.parametrize("name", DESIGNS)
def test_a_pair_each_period(name):
    p = parameters(name)
    few, many = ones(p, 12), ones(p, 36)
    assert many.cycles - few.cycles == 24 * p.period
    assert many.registers["result_stalls"] == 0


def test_periods():
    """A pair every 64 / k cycles with k parallel bits, if its elements are as fast."""
    for parallel, lanes in ((1, 1), (2, 2), (4, 4), (8, 8), (16, 16)):
        p = OuterProductParameters(rows=32, columns=32, parallel=parallel, lanes=lanes)
        assert p.period == 64 // parallel
    assert parameters("large").period == 64
    assert OuterProductParameters(length=1).period == 18
    assert OuterProductParameters(length=1, lanes=16).period == 4


@pytest.mark.parametrize("name", DESIGNS)
def test_latency(name):
    p = parameters(name)
    result = ones(p, p.batch if p.scale == "batch" else 1)
    last = max(result.stamps[stream][1] for stream in ("s_axis_x", "s_axis_d"))
    assert result.stamps["m_axis"][0] - last == generate("outer_product", p).manifest["latency"]


def test_results_that_are_not_taken_stop_pairs_but_change_nothing():
    p = parameters("short")
    rng = np.random.default_rng(6)
    x, d = (to_source(rng.standard_normal((40, n)), p.source) for n in (p.columns, p.rows))
    last = np.ones(40, bool)
    found: Any
    found, result = simulate(p, x, d, last=last, stalls=Stalls(back_pressure=0.95))
    assert_equal(found, model(p, x, d, last=last), context={"inputs": {"x": x, "d": d}})
    assert result.registers["result_stalls"] > 0
    # Two batches that no third one waits for.
    result = simulate(p, x[:2], d[:2], last=last[:2], stalls=Stalls(back_pressure=0.95))[1]
    assert result.registers["result_stalls"] == 0


@pytest.mark.parametrize("name", ["short", "serial", "own registers"])
def test_reset_starts_anew(name):
    p = parameters(name)
    for cycles in (3, 50, 203, 500):
        assert regress(p, seed=5, blocks=80, reset_after=cycles, stalls=STALLS).message == ""


def zeros(
    p: OuterProductParameters, pairs: int, x_last: list[int], d_last: list[int], batches: int
) -> Result:
    """Run pairs of zeros with tlast in these beats of x and d."""
    design = generate("outer_product", p)
    streams = design.manifest["streams"]
    last = {"s_axis_x": x_last, "s_axis_d": d_last}
    results = batches * p.rows * p.columns // p.results
    beats = {
        "s_axis_x": pairs * p.columns // p.lanes,
        "s_axis_d": pairs * p.rows // p.lanes,
        "s_axis_w": results,
    }
    beats = {name: count for name, count in beats.items() if name in streams}
    return run(
        design,
        inputs={n: np.zeros((count, streams[n]["bytes"]), np.uint8) for n, count in beats.items()},
        last={name: np.isin(np.arange(beats[name]), ends) for name, ends in last.items()},
        outputs={"m_axis": results},
        reads=readable(design.manifest),
    )


@pytest.mark.parametrize(
    ("x_last", "d_last", "results", "framing"),
    [
        ([1, 3], [3, 7], 2, 0),
        ([3], [7], 1, 0),
        ([1, 3], [7], 2, 1),
        ([3], [3, 7], 2, 1),
        ([3], [2, 7], 1, 1),
    ],
)
def test_tlast(x_last, d_last, results, framing):
    # A vector of x is a beat, one of d two.
    found = zeros(parameters("short"), 4, x_last, d_last, results)
    assert found.registers["status.framing"] == framing
    assert found.registers["status.nan"] == found.registers["status.overflow"] == 0
    assert found.registers["pairs"] == 4


@pytest.mark.parametrize(("pairs", "framing"), [((5, 11), 0), ((11,), 0), ((1, 11), 1)])
def test_tlast_does_not_end_a_batch_that_shares_a_scale(pairs, framing):
    p = parameters("one scale a batch")
    x_last, d_last = ([n * (pair + 1) - 1 for pair in pairs] for n in (p.columns, p.rows))
    found = zeros(p, 12, x_last, d_last, 2)
    assert found.registers["status.framing"] == framing
    assert found.registers["pairs"] == 12


def test_flags_of_nan_and_overflow():
    p = parameters("short")
    sizes = (p.columns, p.rows)
    for value, flags in ((3.0, (0, 0)), (2.0**127, (0, 1)), (np.inf, (1, 0)), (np.nan, (1, 0))):
        for factors in ((value, 4.0), (4.0, value)):
            pair = [np.full((1, n), f, np.float32) for n, f in zip(sizes, factors, strict=True)]
            _, result = simulate(p, *pair)
            names = ("status.nan", "status.overflow")
            assert tuple(result.registers[name] for name in names) == flags
