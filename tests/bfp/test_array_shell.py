"""The array with memories for its operands: bytes, order, cycles, refusals."""

from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.units import UNITS
from sim.bench import Session, Stalls
from sim.bfp.array import random_operands
from sim.bfp.array_shell import beats, regress, simulate
from sim.compare import assert_equal
from sw.bfp.array import matmul as model
from sw.bfp.array_shell import ArrayShellParameters
from sw.errors import UserError
from sw.formats.blocks import Blocks

from ..faults import STALLS
from ..shells import Changed, check_any_order, check_sizes

UNIT = UNITS["array_shell"]
SMALL: Any = UNIT.small
ONE: Any = UNIT.second
WIDE: Any = SMALL.replace(columns=3)
"""A row of results takes longer than its products: the array waits for its results."""


def operands(p: ArrayShellParameters, m: int, n: int, deep: int) -> tuple[Blocks, Blocks]:
    return random_operands(p, np.random.default_rng(5), m, n, deep)


def by_hand(p: ArrayShellParameters, codes: np.ndarray, exponents: np.ndarray, side: int) -> bytes:
    """Return the bytes of an operand: a line a row of ``codes``, ``side`` of them a panel."""
    given = b""
    lines = np.zeros((-(-len(codes) // side) * side, 4 * exponents.shape[1]), int)
    lines[: len(codes), : codes.shape[1]] = codes
    scales = np.zeros((len(lines), exponents.shape[1]), int)
    scales[: len(codes)] = exponents
    for panel in range(0, len(lines), side):
        for first in range(0, lines.shape[1], 2):
            word = place = 0
            for line in range(panel, panel + side):
                for lane in (first, first + 1):
                    word |= int(lines[line, lane]) << place
                    place += p.format.element_bits
            for line in range(panel, panel + side):
                word |= int(scales[line, first // 4]) << place
                place += p.format.exponent_bits
            given += word.to_bytes(-(-place // p.port_bits) * p.port_bits // 8, "little")
    return given


@pytest.mark.parametrize("p", [SMALL, ONE, SMALL.replace(columns=3, port_bits=64)])
def test_bytes_are_panel_after_panel_and_word_after_word(p):
    a, b = operands(p, 2 * p.rows - 1, 3 * p.columns, 2)
    rows = by_hand(p, a.code, a.codes(0), p.rows)
    columns = by_hand(p, b.code.T, b.codes(1).T, p.columns)
    known = {"s_axis_a": rows, "s_axis_b": columns} if p.inputs == 2 else {"s_axis": columns + rows}
    assert {name: each.tobytes() for name, each in beats(p, a, b).items()} == known


def test_the_manifest_tells_what_comes_in_parts():
    streams = generate("array_shell", ONE).manifest["streams"]
    told = {
        n: [(k, v["bits"], v["beats"]) for k, v in s["carries"].items()] for n, s in streams.items()
    }
    assert told == {"s_axis": [("b", 36, 2), ("a", 36, 2)], "m_axis": [("result", 64, 2)]}
    fields = streams["s_axis"]["carries"]["a"]["fields"]
    places = [(f["name"], f["offset"], f["bits"], f["count"]) for f in fields]
    assert places == [("mantissa", 0, 4, 4), ("exponent", 16, 10, 2)]
    assert {s["bytes"] for s in streams.values()} == {4}


@pytest.mark.parametrize("stalls", [Stalls(), STALLS])
@pytest.mark.parametrize("p", [SMALL, ONE, WIDE])
def test_random_products_and_their_cycles(p, stalls):
    assert regress(p, blocks=250, seed=1, stalls=stalls).message == ""


@pytest.mark.parametrize("p", [SMALL, ONE])
def test_jobs_of_other_sizes_follow_without_a_reset(p):
    with Session() as session:
        for m, n, deep in ((3, 1, 1), (7, 3, 2), (2, 2, 4), (9, 1, 3), (1, 4, 2)):
            a, b = operands(p, m, n, deep)
            product, result = simulate(p, a, b, engine="batch", session=session)
            assert_equal(product, model(p, a, b))
            assert result.registers["status.framing"] == 0
            assert result.cycles == p.cycles(m, n, a.shape[1])


def test_cycles_of_one_tile_and_of_two_counted_by_hand():
    latency = SMALL.array.timing.latency
    # Six words of rows of two beats each; the last one is at the array two cycles later; two rows.
    assert SMALL.cycles(2, 1, 12) == 12 + 2 + latency + 1
    # The second panel's twelve beats follow at once: no more than the memory of eight words holds.
    assert SMALL.cycles(4, 1, 12) == 24 + 2 + latency + 1
    # Of one stream, columns first, of two beats a word here; rows of results take two beats.
    assert ONE.cycles(2, 2, 12) == 24 + 2 + ONE.array.timing.latency + 3


def test_64_x_64_x_256_takes_at_most_1_3_times_the_cycles_of_the_array():
    for p in (ArrayShellParameters(), ArrayShellParameters(inputs=1)):
        assert (p.rows, p.columns, p.lanes, p.format.name, p.port_bits) == (4, 4, 8, "hbfp8", 128)
        assert p.cycles(64, 64, 256) <= 1.3 * p.array.cycles(64, 64, 256)
    a, b = operands(p, 64, 64, 256 // p.format.reduction)
    product, result = simulate(p, a, b)
    assert_equal(product, model(p, a, b))
    assert result.cycles == p.cycles(64, 64, 256) == 9816


def test_rows_of_tiles_that_repeat_are_not_stepped():
    p = SMALL.replace(words_a=32, words_b=32)
    # By steps alone: as many rows of tiles as repeat add their own cycles each.
    few, more, many = (p.run(2 * rows, 3, 8) for rows in (40, 41, 40_000))
    each = more.cycles - few.cycles
    assert many.cycles == few.cycles + each * (40_000 - 40)


def test_either_operand_may_come_first_wholly():
    a, b = operands(SMALL, 4, 2, 2)
    assert SMALL.takes_any_order(4, 2, 8)
    assert not SMALL.takes_any_order(6, 2, 8) and not ONE.takes_any_order(4, 2, 8)
    check_any_order(lambda engine: simulate(SMALL, a, b, engine=engine), model(SMALL, a, b))


# Sizes of a job, blocks and columns of tiles, of which the memories hold four blocks and eight.
FITS = [(4, 2, True), (1, 8, True), (2, 4, True), (5, 1, False), (4, 3, False), (1, 9, False)]
FITS += [(2, 5, False), (0x8000, 1, False), (1, 0x8000, False), (0x8001, 0x8001, False)]


def test_operands_beyond_the_memories_are_refused_at_once():
    check_sizes("array_shell", SMALL, "blocks", FITS)
    for blocks, across, fits in FITS:
        assert SMALL.fits(6, across, 4 * blocks) == fits
    assert [SMALL.most_columns(k) for k in (1, 4, 5, 12, 16, 17)] == [8, 8, 4, 2, 2, 0]
    with pytest.raises(UserError, match="2 x 1 x 20 must fit the memories of 8 and 16 words, or"):
        SMALL.cycles(2, 1, 20)
    with pytest.raises(UserError, match="words_b must hold a block of 8 words, not 4"):
        ArrayShellParameters(words_b=4)


# Of two panels of rows and one or two of columns, of one block: what is wrong, and whether it is.
FRAMES = [
    (SMALL, Changed("s_axis_a"), 0),
    (SMALL, Changed("s_axis_a", last=()), 1),
    (SMALL, Changed("s_axis_a", last=(3, -1)), 1),
    (SMALL, Changed("s_axis_b", last=()), 1),
    (SMALL, Changed("s_axis_b", last=(0, -1)), 1),
    # A word of rows has 36 bits, one of columns 18.
    (SMALL, Changed("s_axis_a", bit=(3, 3)), 0),
    (SMALL, Changed("s_axis_a", bit=(3, 4)), 1),
    (SMALL, Changed("s_axis_a", bit=(3, 31)), 1),
    (SMALL, Changed("s_axis_b", bit=(1, 18)), 1),
    # Columns end with the eighth beat.
    (ONE, Changed("s_axis"), 0),
    (ONE, Changed("s_axis", last=(7, -1)), 0),
    (ONE, Changed("s_axis", last=(7,)), 1),
    (ONE, Changed("s_axis", last=(6, -1)), 1),
    (ONE, Changed("s_axis", last=(8, -1)), 1),
]


@pytest.mark.parametrize(("p", "engine", "wrong"), FRAMES)
def test_what_is_framed_wrongly_is_told_and_counted_all_the_same(p, engine, wrong):
    a, b = operands(p, 4, 2 * p.columns, 1)
    product, result = simulate(p, a, b, engine=engine)
    assert result.registers["status.framing"] == wrong
    if engine.bit != (3, 3):
        assert_equal(product, model(p, a, b))


def test_the_gate_netlist_passes_the_same_regression():
    p = SMALL.replace(rows=1, words_a=4, words_b=4)
    gates = netlist(generate("array_shell", p), "gates")
    for stalls in (Stalls(), STALLS):
        assert regress(p, blocks=60, seed=6, stalls=stalls, netlist=gates).message == ""
