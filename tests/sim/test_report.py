"""Reports of regressions: everything that a run gives is compared with something."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.bench import Result
from sim.registers import constants, counting
from sim.report import compare, merge

RESULT = Result(
    outputs={"m_axis": np.zeros((3, 4), np.uint8)},
    last={},
    registers={},
    cycles=5,
    stamps={},
    simulated=90,
    seconds=0.1,
    seed=7,
    waves=None,
)


def test_all_is_compared():
    actual = {"x": np.arange(4), "beats": 3, "stalls": 90}
    expected = {"x": np.arange(4), "beats": 3, **counting(RESULT, "stalls")}
    report = compare(actual, expected, RESULT, {})
    assert (report.values, report.mismatches, report.message, report.beats) == (6, 0, "", 3)
    assert compare({}, {}, RESULT, {}).message == "nothing was compared"


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        ({"beats": 3, "stalls": 4, "strays": 0, "odd": 1}, "nothing is expected of odd, strays"),
        ({"beats": 3, "stalls": 91}, "stalls: got 91, expected 0 to 90 (seed 7)"),
        ({"beats": 4, "stalls": 91}, "beats: 1 of 1 values differ, first at 0: got 0000"),
    ],
)
def test_what_is_not_as_expected_is_told(actual, message):
    report = compare(actual, {"beats": 3, **counting(RESULT, "stalls")}, RESULT, {})
    assert report.message.startswith(message)
    with pytest.raises(KeyError):
        compare({"beats": 3}, {"beats": 3, "stalls": 0}, RESULT, {})


def test_registers_that_nothing_changes():
    rows = [("unit", "ro", 9, True), ("load", "wo", 0, False), ("seed", "rw", 5, False)]
    status = {"name": "status", "access": "w1c", "reset": 0, "constant": False}
    fields = [{"name": name} for name in ("done", "exhausted", "access")]
    manifest: dict[str, Any] = {
        "registers": [
            {"name": name, "access": access, "reset": reset, "constant": constant}
            for name, access, reset, constant in rows
        ]
    }
    manifest["registers"].append(status | {"fields": fields})
    flags = ("status.access", "status.exhausted", "interrupt_enable")
    assert constants(manifest) == {"unit": 9, "load": 0} | dict.fromkeys(flags, 0)


def test_the_report_of_several_runs_tells_the_first_fault():
    good = compare({"x": np.arange(3)}, {"x": np.arange(3)}, RESULT, {})
    good = dataclasses.replace(good, waves=Path("good"))
    bad = dataclasses.replace(good, mismatches=2, waves=Path("bad"), message="differ")
    assert merge({"one": good}) == good
    report = merge({"one": good, "two": bad, "three": bad})
    assert (report.values, report.mismatches, report.simulated) == (9, 4, 270)
    assert (report.message, report.waves) == ("two: differ", Path("bad"))
