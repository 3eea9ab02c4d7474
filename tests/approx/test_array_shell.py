"""The array of approximate multipliers with memories: bytes, order, cycles, tables, refusals."""

from typing import Any

import numpy as np
import pytest

from hw.engine.shell import Shell
from hw.engine.tile_feed import TileFeed
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.units import UNITS
from sim.approx.amsim_multiplier import random_table
from sim.approx.array import Given
from sim.approx.array_shell import matmul, regress, simulate
from sim.bench import Session, Stalls
from sim.compare import assert_equal
from sim.shells import stream_beats
from sim.tiles import START
from sw.approx.array_shell import ApproxArrayShellParameters
from sw.approx.array_shell import matmul as model
from sw.errors import UserError

from ..faults import STALLS, Fault, assert_caught
from ..shells import Changed, check_any_order, check_sizes

UNIT = UNITS["approx_array_shell"]
SMALL: Any = UNIT.small
ONE: Any = UNIT.second
PLAIN: Any = SMALL.replace(multiplier="mitchell")
"""Whose cycles no table prolongs."""

Floats = np.ndarray


def operands(m: int, n: int, k: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(m)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n)))
    return a, b


def test_bytes_are_words_of_every_fifth_row_and_of_columns():
    # Three rows of values in two beats of four bytes, five words a step; a column in half a beat.
    a = np.arange(1, 33, dtype=np.float32).reshape(16, 2)
    b = np.array([[-1, 0.5], [2, -4]], np.float32)
    given = Given.of("approx_array_shell", PLAIN, a, b, None)
    beats = stream_beats(given.design.manifest, given.operands)
    assert {name: x.shape for name, x in beats.items()} == {
        "s_axis_a": (2 * 2 * 5 * 2, 4),
        "s_axis_b": (2 * 2, 4),
    }
    codes = {x: np.float32(x).view(np.uint32) >> 16 for x in (*range(33), -1, 0.5, 2, -4)}
    words = beats["s_axis_a"].view("<u2").reshape(-1, 4)
    # Rows 1, 6 and 11 at the first step and the second; row 15 alone in the second panel.
    assert words[1].tolist() == [codes[3], codes[13], codes[23], 0]
    assert words[6].tolist() == [codes[4], codes[14], codes[24], 0]
    assert words[10].tolist() == [codes[31], 0, 0, 0]
    assert beats["s_axis_b"].view("<u2").ravel().tolist() == [
        x for value in (-1, 2, 0.5, -4) for x in (codes[value], 0)
    ]
    one = Given.of("approx_array_shell", ONE, a, b, None)
    assert [*stream_beats(one.design.manifest, one.operands)] == ["s_axis"]


SHAPES = [
    SMALL,
    ONE,
    # A row of results takes longer than its products; a word of b longer than a step.
    PLAIN.replace(rows=1, columns=12, words_a=16, words_b=32),
    PLAIN.replace(rows=2, interleave=20, words_a=128, port_bits=64, format="binary32"),
]


@pytest.mark.parametrize("stalls", [Stalls(), STALLS])
@pytest.mark.parametrize("p", SHAPES)
def test_random_products_and_their_cycles(p, stalls):
    for seed in (1, 2):
        assert regress(p, blocks=150, seed=seed, stalls=stalls).message == ""


@pytest.mark.parametrize("cycles", [1, 30, 333])
def test_reset_in_mid_stream_leaves_nothing_behind(cycles):
    for stalls in (Stalls(), STALLS):
        report = regress(SMALL, blocks=150, seed=cycles, reset_after=cycles, stalls=stalls)
        assert report.message == ""


def test_jobs_of_other_sizes_follow_without_a_reset():
    with Session() as session:
        for m, n, k in ((16, 1, 1), (33, 3, 2), (2, 2, 6), (46, 1, 3), (1, 4, 4)):
            a, b = operands(m, n, k)
            product, result = simulate(PLAIN, a, b, engine="batch", session=session)
            assert_equal(product, model(PLAIN, a, b))
            assert result.registers["status.framing"] == 0
            assert result.cycles == PLAIN.cycles(m, n, k)


def test_cycles_of_one_tile_and_of_two_counted_by_hand():
    latency = PLAIN.array.timing.latency
    # Six steps of five words of two beats; the last is at the array two cycles later, and is of
    # the fifth row; rows that follow it are ten.
    assert PLAIN.cycles(15, 1, 6) == 60 + 2 + latency + 10
    # The second panel's sixty beats follow at once: a word is given up as it is read.
    assert PLAIN.cycles(30, 1, 6) == 120 + 2 + latency + 10
    # Four panels of columns of which each step takes five cycles, and one beat.
    assert PLAIN.cycles(15, 4, 4) == 40 + 3 * 20 + 2 + latency + 10
    # Of one stream: twelve beats of two panels of columns first; rows of results take two beats,
    # and the first of fifteen comes four words before the last word.
    assert ONE.cycles(15, 2, 6) == 6 + 60 + 2 + ONE.array.timing.latency + 30 - 5
    with pytest.raises(UserError, match="a product must have 0 modes, not 1"):
        PLAIN.cycles(15, 1, 6, 0)


def test_64_x_64_x_256_takes_hardly_more_than_the_array():
    p = ApproxArrayShellParameters()
    assert (p.rows, p.columns, p.interleave, p.multiplier, p.port_bits) == (4, 4, 5, "mbm", 128)
    # 81,946 of the array, where nothing is sent once only.
    assert (p.cycles(64, 64, 256), p.array.cycles(64, 64, 256)) == (81_948, 81_946)


def test_operands_may_come_in_any_order_and_before_a_table():
    a, b = operands(30, 2, 3)
    assert PLAIN.takes_any_order(30, 2, 3) and not PLAIN.takes_any_order(30, 2, 4)
    check_any_order(lambda engine: simulate(PLAIN, a, b, engine=engine), model(PLAIN, a, b))
    table = random_table(SMALL.bits, np.random.default_rng(1))
    expected = model(SMALL, a, b, table)
    check_any_order(lambda engine: simulate(SMALL, a, b, table, engine=engine), expected)
    assert_equal(matmul(SMALL, a, b, table), expected)


# Steps and columns of tiles, of which the memories hold six (of five words each) and sixteen.
FITS = [(6, 2, True), (1, 16, True), (5, 3, True), (7, 1, False), (6, 3, False), (1, 17, False)]
FITS += [(0x10001, 1, False), (0x80000001, 1, False), (1, 0x8001, False)]


def test_operands_beyond_the_memories_are_refused_at_once():
    check_sizes("approx_array_shell", PLAIN, "depth", FITS)
    for depth, across, fits in FITS:
        assert PLAIN.fits(6, across, depth) == fits
    assert [PLAIN.most_columns(k) for k in (1, 4, 6, 7)] == [16, 4, 2, 0]
    with pytest.raises(UserError, match="2 x 1 x 7 must fit the memories, or be cut"):
        simulate(PLAIN, *operands(2, 1, 7))
    with pytest.raises(UserError, match="words_a must hold a block of 5 words, not 4"):
        ApproxArrayShellParameters(words_a=4)


FRAMES = [
    (Changed("s_axis_a"), 0),
    (Changed("s_axis_a", last=()), 1),
    (Changed("s_axis_a", last=(4, -1)), 1),
    (Changed("s_axis_b", last=(0, -1)), 1),
    # A word of rows has 48 bits of two beats, one of columns 16 of one.
    (Changed("s_axis_a", bit=(1, 16)), 1),
    (Changed("s_axis_b", bit=(1, 31)), 1),
    (Changed("s_axis_table", last=()), 1),
]


@pytest.mark.parametrize(("engine", "wrong"), FRAMES)
def test_what_is_framed_wrongly_is_told(engine, wrong):
    a, b = operands(30, 2, 1)
    table = random_table(SMALL.bits, np.random.default_rng(2))
    if engine.stream == "s_axis_table":
        # It is not loaded; another one is.
        twice = np.concatenate([table.entries] * 2).astype(np.uint8)[:, None]
        engine.last = (-1,)
        product, result = simulate(
            SMALL,
            a,
            b,
            commands=(("load", 1), *START),
            later=[(60, "load", 1)],
            inputs={"s_axis_table": twice},
            engine=engine,
        )
    else:
        product, result = simulate(SMALL, a, b, table, engine=engine)
    assert_equal(product, model(SMALL, a, b, table))
    assert result.registers["status.framing"] == wrong


def test_a_start_without_a_table_is_refused():
    a, b = operands(15, 1, 2)
    table = random_table(SMALL.bits, np.random.default_rng(3))
    product, result = simulate(SMALL, a, b, table, commands=(("load", 1), *START))
    assert_equal(product, model(SMALL, a, b, table))
    assert result.registers["status.refused"] == 1
    check_sizes("approx_array_shell", SMALL, "depth", [(7, 1, False)])


def test_the_gate_netlist_passes_the_same_regression():
    p = SMALL.replace(rows=1, bits=1, words_a=8, words_b=2)
    gates = netlist(generate("approx_array_shell", p), "gates")
    for stalls in (Stalls(), STALLS):
        assert regress(p, blocks=30, seed=6, stalls=stalls, netlist=gates).message == ""


STUCK = "no handshake"
FAULTS = {
    "a word of b with each of a": (
        PLAIN,
        Fault(TileFeed, lambda s: s.read_b.eq(s.read), "unknown bits"),
    ),
    "a word of b with the second of a": (
        PLAIN,
        Fault(TileFeed, lambda s: s.read_b.eq(s.read & (s.word == 1)), "unknown bits"),
    ),
    "words of a that wait for b each": (
        PLAIN,
        Fault(TileFeed, lambda s: [(~s.b.there, s.read.eq(0))], f"product: |cycles|{STUCK}"),
    ),
    "a load that does not reach the array": (
        SMALL,
        Fault(Shell, lambda s: s.array.load.eq(0), f"refused|{STUCK}"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    p, fault = FAULTS[name]
    assert_caught(regress, "approx_array_shell", p, fault, blocks=100, seed=8)
