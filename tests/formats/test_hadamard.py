"""The Hadamard transform in RTL and as a netlist against its model, on every bit."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Const

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.formats.butterfly import BeatButterfly
from hw.formats.fixed_point import FixedToFloat, FloatToFixed
from hw.formats.hadamard import HadamardUnit
from sim.compare import assert_equal
from sim.formats.hadamard import hadamard, random_tiles, regress, simulate
from sw.formats.hadamard import HadamardParameters
from sw.formats.hadamard import hadamard as model

from ..faults import STALLS, Fault, assert_caught
from ..small import PARAMETERS
from .test_hadamard_model import CHECK, near_a_tie

SMALL: HadamardParameters = PARAMETERS["hadamard"]
SECOND = HadamardParameters(tile=2, lanes=2)
SINGLE = HadamardParameters(tile=4, lanes=1, source="binary16")
ROOT = HadamardParameters(tile=8, source="binary32", result="binary32")
TE = HadamardParameters()

EVERY = [
    TE,
    HadamardParameters(tile=32, lanes=8, source="binary16", result="binary32", signs=0),
    ROOT,
    SINGLE,
    SECOND,
    SMALL,
]


def named(p: HadamardParameters) -> str:
    return f"{p.tile}-{p.lanes}-{p.source}-{p.result}"


@pytest.mark.parametrize("p", EVERY, ids=named)
def test_results_and_cycles(p):
    assert regress(p, blocks=200, seed=8).message == ""
    assert regress(p, blocks=60, seed=8, signs=2, stalls=STALLS).message == ""


def test_check_values():
    x = np.array([x for x, _ in CHECK.values()], np.float32)
    assert hadamard(TE, x).tolist() == [list(map(float, y)) for _, y in CHECK.values()]


def test_sums_at_both_ends_of_the_range_and_beside_a_tie():
    p = ROOT
    rng = np.random.default_rng(3)
    largest, least = np.finfo(np.float32).max, np.finfo(np.float32).tiny
    sign = rng.choice([-1, 1], (40, 8)).astype(np.float32)
    x = np.concatenate([sign * largest, sign * least, sign * 2**124, near_a_tie(1)[None]])
    # A sum that ends in the lowest place of all, under the highest one, which cancels.
    x[:20, 2:4] = largest, least
    x = np.concatenate([x, near_a_tie(-1)[None]])
    assert_equal(hadamard(p, x), model(p, x))
    assert_equal(hadamard(p, x, signs=0), model(p, x, signs=0))


def test_a_reset_in_mid_tile():
    for cycles in (1, 30, 41):
        assert regress(SMALL, blocks=40, seed=5, reset_after=cycles, stalls=STALLS).message == ""
        assert regress(TE, blocks=20, seed=5, reset_after=cycles).message == ""


@pytest.mark.parametrize("cycle", [20, 21, 22, 23])
def test_signs_are_taken_at_the_beginning_of_a_tile(cycle):
    p = SINGLE
    x = random_tiles(np.random.default_rng(6), p, 40)
    found, result = simulate(p, x, later=[(cycle, "signs", 3)])
    old, new = model(p, x), model(p, x, signs=3)
    assert result.registers["signs"] == 3
    changed = [
        n
        for n in range(1, 40)
        if np.array_equal(found.view("u4"), np.concatenate([old[:n], new[n:]]).view("u4"))
    ]
    assert changed


def test_a_special_result_is_told_in_every_place():
    p = HadamardParameters(tile=4, signs=0)
    rows = model(p, np.eye(4, dtype=np.float32)) * 2

    def said(x: np.ndarray) -> set[str]:
        tiles = np.stack([rows[0], x, rows[1]])
        registers = simulate(p, tiles, engine="batch")[1].registers
        return {name for name in ("nan", "overflow") if registers[f"status.{name}"]}

    for n in range(4):
        assert said(rows[n] * np.float32(2.0**127)) == {"overflow"}
        assert said(rows[n] * np.float32(2.0**126)) == set()
        assert said(np.where(np.arange(4) == n, np.nan, rows[0])) == {"nan"}
        assert said(rows[n] * np.float32(np.inf)) == {"nan", "overflow"}


TWO = HadamardParameters(tile=2, lanes=1, source="binary16")


@pytest.mark.parametrize("p", [SMALL, TWO], ids=named)
def test_netlist(p):
    gates = netlist(generate("hadamard", p), "gates")
    assert regress(p, blocks=100, seed=6, stalls=STALLS, netlist=gates).message == ""


def no_carries(s: Any) -> Any:
    return s.high_2.eq(s.rest_1_0)


# On what a regression first shows it.
FAULTS = {
    "signs that stay": (SMALL, Fault(HadamardUnit, lambda s: s.tile_signs.eq(0), "results")),
    "no differences": (
        SMALL,
        Fault(BeatButterfly, lambda s: s.giving.eq(0), "m_axis gave"),
    ),
    "differences that follow the beats in": (
        SINGLE,
        Fault(
            BeatButterfly,
            lambda s: s.given.eq(s.place) if len(s.given) else (),
            "m_axis gave|results",
            STALLS,
        ),
    ),
    "tlast with a tile's sums": (
        SMALL,
        Fault(BeatButterfly, lambda s: s.o_last.eq(0), "tlast does not follow"),
    ),
    "infinities without signs": (
        SMALL,
        Fault(FloatToFixed, lambda s: s.o.minus.eq(s.o.plus), "results"),
    ),
    "digits without carries": (SECOND, Fault(FixedToFloat, no_carries, "results")),
    "nothing lost below the leading bits": (
        TE,
        Fault(FixedToFloat, lambda s: s.lost.eq(0), "results"),
    ),
    "nothing told of a NaN": (
        SMALL,
        Fault(HadamardUnit, lambda s: s.flags.nan.eq(Const(0)), "status.nan"),
    ),
    "stalls without a stall": (
        SMALL,
        Fault(HadamardUnit, lambda s: s.output_stalls_event.eq(1), "output_stalls"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    p, fault = FAULTS[name]
    assert_caught(regress, "hadamard", p, fault, blocks=200, seed=8)
