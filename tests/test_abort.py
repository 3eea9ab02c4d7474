"""A job or a stream that is broken off by an abort leaves nothing behind, in every unit."""

from typing import Any

import pytest

from hw.units import UNITS
from sim.bench import Stalls
from sim.units import bench
from tests.aborted import Aborted
from tests.small import PARAMETERS, WITH_MEMORY

JOBS = [name for name, unit in UNITS.items() if unit.core.JOBS]


def _regress(unit: str, engine: Aborted, **options: Any) -> str:
    report = bench(unit).regress(PARAMETERS[unit], seed=3, blocks=60, engine=engine, **options)
    return report.message


def test_the_units_with_jobs():
    arrays = ["bfp_array", "array_shell", "bfp_multimode_array", "multimode_array_shell"]
    arrays += ["approx_array", "approx_array_shell"]
    assert [*arrays, "accelerator", "accelerator_chip"] == JOBS


@pytest.mark.parametrize("unit", UNITS)
def test_an_abort_in_mid_stream_leaves_nothing_behind(unit):
    waited = 0
    for share, blocked in ((0.13, False), (0.61, True), (1.0, True)):
        engine = Aborted(share, blocked)
        assert _regress(unit, engine) == ""
        assert blocked or not engine.waited or unit in WITH_MEMORY
        waited += engine.waited
    # Of all that came in something was offered, and stayed.
    assert waited


@pytest.mark.parametrize("unit", sorted(WITH_MEMORY))
def test_a_job_on_a_memory_is_ended_wherever_it_is(unit):
    for share in (0.05, 0.3, 0.55, 0.7, 0.85, 0.95):
        for stalls in (Stalls(), Stalls(idle=0.3, back_pressure=0.5)):
            assert _regress(unit, Aborted(share, blocked=False), stalls=stalls) == ""


@pytest.mark.parametrize("unit", [name for name in JOBS if name not in WITH_MEMORY])
def test_a_job_that_waits_for_operands_is_ended(unit):
    table = {"s_axis_table": 1.0}
    for a, b in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.37)):
        for stalls in (Stalls(), Stalls(idle=0.3, back_pressure=0.5)):
            shares = {"s_axis": a, "s_axis_a": a, "s_axis_b": b}
            engine = Aborted(shares | table, blocked=False)
            assert _regress(unit, engine, stalls=stalls) == ""


@pytest.mark.parametrize("unit", ["approx_array", "approx_array_shell"])
def test_a_job_that_waits_for_its_table_is_ended(unit):
    for entries in (0.0, 0.4):
        engine = Aborted({"s_axis_a": 1.0, "s_axis_b": 1.0, "s_axis_table": entries})
        assert _regress(unit, engine) == ""
