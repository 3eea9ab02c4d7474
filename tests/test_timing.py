"""Timing of the engines: latencies in cycles, the parameters' and the circuits'."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hw.base.field import Field
from hw.engine.core import Core
from hw.units import UNITS
from sw.parameters import TARGETS
from sw.sparse.array_parameters import Job, SparseArrayParameters
from sw.sparse.cycles import array_cycles, passes_of
from sw.timing import Timing

# By target, first with multipliers in logic, then in DSP blocks where there is a choice.
LATENCIES = {
    "bfp_array": {
        "fb12": "18 19 18 19 18 19",
        "fb12_sign_inside": "18 19 18 19 17 19",
        "fb12_linear": "23 24 23 24 23 24",
        "fb16": "19 18 19 18 18 18",
        "fb16_sign_inside": "19 18 19 18 18 18",
        "fb16_linear": "29 28 29 28 28 28",
        "fb24": "20 18 20 18 19 18",
        "fb24_sign_inside": "20 18 20 18 19 18",
        "fb24_linear": "34 32 34 32 33 32",
        "hbfp4": "18 19 18 19 17 19",
        "hbfp4_8x8": "32 33 32 33 31 33",
        "hbfp6": "19 19 19 19 18 19",
        "hbfp6_8x8": "33 33 33 33 32 33",
        "hbfp8": "19 18 19 18 18 18",
        "hbfp8_8x8": "33 32 33 32 32 32",
        "hbfp12": "19 18 19 18 19 18",
        "hbfp12_8x8": "33 32 33 32 33 32",
        "msfp12": "28 29 28 29 27 29",
        "msfp16": "29 28 29 28 28 28",
        "mxint8": "24 23 24 23 23 23",
    },
    "approx_array": {
        "mbm": "11 11 11",
        "mitchell": "11 11 11",
        "realm8": "11 11 11",
        "table": "12 12 12",
        "exact_nearest": "16 13 13",
    },
    "bfp_multimode_array": {
        "flexblock": "20 20 19",
        "flexblock_inside": "20 20 19",
        "hbfp": "20 20 19",
        "boosters": "20 20 19",
        "boosters_16x16": "20 20 19",
        "mxint8": "20 20 19",
        "mxfp6_e3m2": "21 21 20",
        "mxfp8_e4m3": "21 21 20",
    },
}


@pytest.mark.parametrize("name", LATENCIES)
def test_latencies_of_presets(name):
    make: Any = UNITS[name].parameters.make
    # Presets of formats that came later are not told here.
    assert set(LATENCIES[name]) <= set(UNITS[name].parameters.PRESETS)
    options = ({"multiplier": "logic"}, {"multiplier": "dsp"}) if name == "bfp_array" else ({},)
    for preset, known in LATENCIES[name].items():
        some = [
            make(preset=preset, target=target, **option) for target in TARGETS for option in options
        ]
        assert [p.timing.latency for p in some] == [int(text) for text in known.split()]


@pytest.mark.parametrize("name", UNITS)
def test_circuits_read_the_timing_of_their_parameters(name):
    parameters: Any = UNITS[name].parameters()
    top, timing = UNITS[name].top(parameters), parameters.timing
    assert top.core.timing == timing
    assert top.latency == (timing.latency if timing.fixed else None)
    # It has none of its own.
    assert type(top.core).latency is Core.latency and "latency" not in vars(top.core)


def test_a_unit_without_timing_is_refused():
    class Untimed(Core):
        JOBS = True
        FLAGS = {"framing": "padding bits that were not zero"}
        registers = ()

        def __init__(self, *, parameters: Any) -> None:
            self.parameters = parameters
            super().__init__(streams={}, job=(Field(name="size", bits=8, description="a size"),))

    with pytest.raises(TypeError, match="SimpleNamespace must have a timing"):
        Untimed(parameters=SimpleNamespace(timing=None))
    timed = Untimed(parameters=SimpleNamespace(timing=Timing(latency=3)))
    assert timed.latency == 3
    assert [(r.name, r.access, r.locked) for r in timed.registers] == [("size", "rw", "busy")]


def test_cycles_of_a_job():
    timing = Timing(latency=18, interval=8, drain=7)
    # One tile; two that are longer than the array's rows, and two that are shorter.
    assert timing.job(1, 5) == 5 + 18 + 7
    assert timing.job(2, 20) == 20 + 20 + 18 + 7
    assert timing.job(2, 5) == 8 + 5 + 18 + 7


def test_the_least_of_a_pass_of_the_sparse_array():
    for p in (SparseArrayParameters(), SparseArrayParameters(subtiles=4, pe_rows=2, target="ecp5")):
        job = Job(rows=1, depth=1, pixels=1, patch=100)
        passes = passes_of(p, job, np.zeros((1, p.pass_subtiles, 1, 1), bool))
        assert not p.timing.fixed
        assert array_cycles(p, job, passes) == p.timing.job(1, job.patch)
