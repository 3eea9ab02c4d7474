"""The vector engine against its model: every operation, cycles, failures, and planted faults."""

import dataclasses
import random
from typing import Any
from unittest import mock

import pytest
from amaranth.hdl import Module

from hw.accelerator.beats import WordCutter
from hw.accelerator.function import FunctionUnit
from hw.accelerator.lane import Lane
from hw.accelerator.ports import CAUSES
from hw.accelerator.reduce import ReduceLane, Reducer
from hw.accelerator.vector import VectorEngine
from hw.accelerator.vector_path import VectorPath
from hw.accelerator.writer import Writer
from sw.accelerator.instructions import FUNCTIONS, LANE_OPS, REDUCTIONS
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.timing import ADDING, lane_latency, vector_cycles

from ..faults import Fault, planted
from .test_walker import Window
from .vector_bench import Failure, play, some_runs
from .vector_model import Run

WIDE = AcceleratorParameters(banks=4, bank_words=64)
NARROW = AcceleratorParameters(rows=2, columns=2, lanes=4, banks=4, bank_words=64)


CUT = {lanes: NARROW.replace(vector_lanes=lanes) for lanes in (1, 2)}
"""Machines with fewer lanes than a word has values."""


@pytest.mark.parametrize(
    "p",
    [WIDE, NARROW, WIDE.replace(vector_lanes=2), CUT[1]],
    ids=["8", "4", "8 in 4 beats", "4 in 4 beats"],
)
def test_every_operation(p):
    ops = [*LANE_OPS, *(LANE_OPS[:-1] if p == NARROW else ())]
    random.Random(p.values).shuffle(ops)
    play(p, some_runs(p, p.values, ops), seed=p.values)


def _window(bank: int, address: int = 0, stride: int = 4, **more: Any) -> Window:
    """Return a window of 50 words of 4 values."""
    base = {"address": address, "bank": bank, **more}
    return {"base": base, "counter5": {"count": 50, "stride": stride}}


def _map(
    op: str, inner: int, outer: int = 1, windows: dict[int, Window] | None = None, **more: int
) -> Run:
    """Return a map of words of banks 1 and 2 to bank 0."""
    fields = {"lane": LANE_OPS.index(op), "inner": inner, "outer": outer, "signal": 1, **more}
    return Run("map", fields, {n: _window(n) for n in range(3)} | (windows or {}))


@pytest.mark.parametrize("reduce", [0, 2])
def test_the_greater_of_values_of_either_sign(reduce):
    """Of 200 pairs, among them of two negative ones; and of 50 words each lane's greatest."""
    play(NARROW, [_map("max", 50, reduce=reduce), _map("max", 2, 25, reduce=reduce)], seed=1)


TAILS = {
    # Of a sum, a sum folded, a maximum, a maximum folded: lanes of 4, 2 and 1 beats.
    4: (32, 32 + 7 * 2, 2, 2 + 2 * 2),
    2: (7 + 14 + 10 + 8 + 2, 7 + 14 + 10 + 8 + 2 + 8 + 7, 4, 4 + 3 + 2),
    1: (7 + 22 + 14 + 10 + 4, 7 + 22 + 14 + 10 + 4 + 8 + 7, 6, 6 + 3 + 2),
}
"""Cycles behind a group's last beat up to that of its result, by lanes of 4 values."""


def _cycles(p: AcceleratorParameters, run: Run) -> int:
    """Return the cycles from a run's tokens to its signal."""
    fields, beats = run.fields, 4 // min(4, p.vector_lanes)
    if run.name == "scalar":
        return 7
    op, inner, outer = LANE_OPS[fields["lane"]], fields["inner"], fields["outer"]
    latency = lane_latency(p, op)
    reduce = REDUCTIONS[fields.get("reduce", 0)]
    if reduce != "none":
        tail = TAILS[4 // beats][2 * (reduce == "max") + fields.get("fold", 0)]
        # A lane's adder is busy for two cycles.
        interval = 2 if op in ADDING and reduce == "sum" else 1
        return 6 + outer * ((beats * inner - 1) * interval + 1 + latency + tail + 1)
    if op == "function":
        return 7 + latency + FunctionUnit.latency + 2 + p.values * inner * outer
    return (3 if op == "fill" else 7) + latency + beats * inner * outer


@pytest.mark.parametrize("p", [NARROW, *CUT.values()], ids=["4", "1", "2"])
def test_cycles(p):
    runs = [
        _map("copy", 40),
        _map("copy", 1),
        _map("mul", 30),
        _map("add", 1, 12),
        _map("axpy", 2, 9),
        _map("fill", 1, 20),
        _map("function", 5, function=FUNCTIONS.index("exp")),
        _map("copy", 10, 1, reduce=2),
        _map("copy", 2, 2, reduce=2, fold=1),
        _map("mul", 3, 2, reduce=1),
        _map("copy", 2, 2, reduce=1, fold=1),
        _map("axpy", 11, 1, reduce=1),
        _map("add", 3, 1, reduce=2),
        Run("scalar", {"signal": 1}),
    ]
    taken = play(p, runs, late=0)
    assert taken == [_cycles(p, run) for run in runs]
    unset = dict.fromkeys(("reduce", "fold"), 0)
    assert taken[:-1] == [vector_cycles(p, {**unset, **run.fields}) for run in runs[:-1]]


def test_failures():
    illegal, address = CAUSES["illegal"], CAUSES["address"]
    room = NARROW.bank_values
    play(
        NARROW,
        [
            _map("add", 3),
            Failure(dataclasses.replace(_map("copy", 1), wrong=1 << 46), illegal),
            # The windows are as after reset.
            _map("shift", 4, windows={1: _window(1)}, scalar=3),
            Failure(
                dataclasses.replace(_map("copy", 1), wrong=LANE_OPS.index("function") << 40),
                illegal,
            ),
            Failure(dataclasses.replace(_map("copy", 1), wrong=1 << 52), illegal),
            Failure(_map("copy", 9, windows={1: _window(1, address=2)}), address),
            Failure(_map("copy", 9, windows={1: _window(4)}), address),
            Failure(_map("mul", 9, windows={2: _window(2, address=room)}), address),
            Failure(_map("copy", 9, windows={0: _window(0, address=(1 << 32) - 4)}), address),
            Failure(
                _map("add", 9, windows={0: _window(0, address=room - 8)}),
                address,
                done=_map("add", 2, windows={0: _window(0, address=room - 8)}),
            ),
            Failure(Run("scalar", {"signal": 1}, {1: _window(1, address=room)}), address),
            _map("copy", 3),
        ],
    )


FAULTS = {
    "a subtraction that adds": (Lane, lambda s: s.is_sub.eq(0), _map("sub", 9)),
    "y too early": (VectorPath, lambda s: s.y_beat.eq(s.y.payload >> 32), _map("axpy", 9)),
    "relu before all": (Lane, lambda s: s.o.eq(s.result), _map("copy", 9, relu=1)),
    "a partial sum not begun again": (
        Reducer,
        lambda s: (s.done, s.used.eq(-1)),
        _map("copy", 3, 2, reduce=1),
    ),
    "a maximum with the group before": (
        Reducer,
        lambda s: (s.done, s.used.eq(-1)),
        _map("copy", 3, 4, reduce=2),
    ),
    "lanes with themselves": (
        ReduceLane,
        lambda s: s.b.eq(s.a),
        _map("copy", 3, reduce=1, fold=1),
    ),
    "a signal too early": (VectorEngine, lambda s: s.front.end.eq(s.path.end), _map("copy", 9)),
    "all lanes of a single element": (
        Writer,
        lambda s: s.port.lanes.eq(-1),
        _map("copy", 9, windows={0: _window(0, single=1)}),
    ),
}
CUT_FAULTS = {
    "beats of a word in any order": (WordCutter, lambda s: s.beat.eq(1), _map("copy", 9)),
    "every beat to the first lanes": (Writer, lambda s: s.which.eq(1), _map("copy", 9)),
    "a beat of a single element to its lane too": (
        Writer,
        lambda s: s.port.lanes.eq(1),
        _map("add", 9, windows={0: _window(0, single=1)}),
    ),
    "partial sums of beats in one": (Reducer, lambda s: s.turn.eq(0), _map("copy", 9, reduce=1)),
    "beats of a maximum in one": (Reducer, lambda s: s.turn.eq(0), _map("copy", 3, reduce=2)),
    "results in one place": (Reducer, lambda s: s.result.eq(0), _map("copy", 9, reduce=1)),
    "a sum in the way of another": (
        VectorPath,
        lambda s: s.fired_0.eq(0),
        _map("add", 9, reduce=1),
    ),
    "beats not folded": (ReduceLane, lambda s: s.b.eq(s.a), _map("copy", 3, reduce=1, fold=1)),
}


@pytest.mark.parametrize("name", [*FAULTS, *CUT_FAULTS])
def test_a_planted_fault_is_caught(name):
    component, assign, run = (FAULTS | CUT_FAULTS)[name]
    fault = Fault(component, lambda s: [made] if isinstance(made := assign(s), tuple) else made)
    # No run has a function, whose unit is much of what would be simulated.
    no_function = mock.patch.object(FunctionUnit, "elaborate", lambda self, platform: Module())
    with no_function, planted(fault), pytest.raises(AssertionError):
        play(CUT[2] if name in CUT_FAULTS else NARROW, [run])
