"""The array whose precision is switched, with memories: bytes, modes, cycles, refusals."""

from typing import Any

import numpy as np
import pytest

from hw.bfp.multimode.sequencer import MultimodeSequencer
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.units import UNITS
from sim.bench import Session, Stalls
from sim.bfp.multimode_array import operand_beats, random_operand
from sim.bfp.multimode_array_shell import matmul, regress, simulate
from sim.compare import assert_equal
from sim.shells import stream_beats
from sw.bfp.multimode_array_shell import MultimodeArrayShellParameters
from sw.bfp.multimode_array_shell import matmul as model
from sw.errors import UserError
from sw.formats.blocks import Blocks

from ..faults import STALLS, Fault, assert_caught, faulty
from ..shells import Changed, check_any_order, check_sizes

NAME = "multimode_array_shell"
UNIT = UNITS[NAME]
SMALL: Any = UNIT.small
ONE: Any = UNIT.second


def operand(mode: int, lines: int, k: int) -> Blocks:
    return random_operand(SMALL, np.random.default_rng(lines), SMALL.formats[mode], lines, k)


def test_bytes_are_words_of_elements_codes_and_a_mode():
    # 16 bits of magnitudes, 4 of signs, four codes of 8 bits, a mode of 2: two beats of four bytes.
    manifest = generate(NAME, SMALL).manifest
    a, b = operand(1, 3, 2), operand(2, 1, 2)
    panels = {"a": operand_beats(SMALL, manifest, "a", a)}
    panels["b"] = operand_beats(SMALL, manifest, "b", b)
    beats = stream_beats(manifest, panels)
    words = {name: [int.from_bytes(x, "little") for x in each] for name, each in beats.items()}
    # Two panels of two rows of 8 bits, the last one of one; a panel of one column of 16 bits.
    assert [len(each) for each in words.values()] == [8, 4]
    for place in range(2):
        code, scale = int(a.code[2, place]), int(a.codes(0)[2, 0])
        word = words["s_axis_a"][4 + 2 * place] | words["s_axis_a"][5 + 2 * place] << 32
        assert word == code & 255 | (code >> 8) << 16 | scale << 20 | 1 << 52
        code, scale = int(b.code[0, place]), int(b.codes(0)[0, 0])
        word = words["s_axis_b"][2 * place] | words["s_axis_b"][1 + 2 * place] << 32
        assert word == code & 65535 | (code >> 16) << 16 | scale << 20 | 2 << 52


SHAPES = [
    SMALL,
    ONE,
    # Short blocks, of which the last words wait for the adders.
    MultimodeArrayShellParameters.make(
        preset="mxfp8_e4m3", rows=1, columns=1, lanes=2, words_a=64, words_b=128
    ),
]


@pytest.mark.parametrize("stalls", [Stalls(), STALLS])
@pytest.mark.parametrize("p", SHAPES)
def test_random_products_and_their_cycles(p, stalls):
    for seed in (1, 2, 3):
        assert regress(p, blocks=250, seed=seed, stalls=stalls).message == ""


@pytest.mark.parametrize("cycles", [1, 30, 333])
def test_reset_in_mid_stream_leaves_nothing_behind(cycles):
    for stalls in (Stalls(), STALLS):
        report = regress(SMALL, blocks=250, seed=cycles, reset_after=cycles, stalls=stalls)
        assert report.message == ""


def test_matrices_of_all_formats_in_a_job_and_jobs_one_after_the_other():
    with Session() as session:
        for k in (12, 3):
            a = [operand(mode, lines, k) for mode, lines in ((2, 1), (0, 5), (1, 3))]
            b = [operand(mode, lines, k).transposed for mode, lines in ((1, 2), (2, 2), (0, 6))]
            products, result = simulate(SMALL, a, b, engine="batch", session=session)
            for x, row in zip(a, products, strict=True):
                for y, product in zip(b, row, strict=True):
                    assert_equal(product, model(SMALL, x, y))
            # Panels of one, four and two rows; of two, one and four columns.
            sizes = {"tile_rows": 1 + 2 + 2, "tile_columns": 1 + 2 + 2, "beats": k}
            assert {name: result.registers[name] for name in sizes} == sizes
            assert result.registers["status.framing"] == 0


def test_cycles_counted_by_hand():
    latency = SMALL.mode_timing(0, 0).latency
    # Sixty words of two beats, the last at the array two cycles later; sixteen results.
    assert SMALL.cycles(4, 4, 60, 0, 0) == 120 + 2 + latency + 15
    # In the second panel's time the array has taken the first; one result.
    assert SMALL.cycles(2, 1, 60, 2, 2) == 240 + 2 + latency
    # A word a panel: four rows of two beats, and the last panel's tile behind fifteen others whose
    # results, four of each, wait for eight moves from one to the next.
    assert SMALL.cycles(8, 8, 1, 1, 1) == 2 + 15 * 8 + 2 + latency + 3
    for modes in ((0,), (0, 0, 0)):
        with pytest.raises(UserError, match="a product must have 2 modes, not"):
            SMALL.cycles(4, 4, 60, *modes)
    with pytest.raises(UserError, match="mode b must be an integer from 0 to 2, not 3"):
        SMALL.fits(4, 4, 60, 0, 3)


def test_64_x_64_x_256_takes_at_most_1_2_times_the_cycles_of_the_array():
    p = MultimodeArrayShellParameters()
    assert (p.rows, p.columns, p.lanes, p.family, p.port_bits) == (2, 4, 1, "flexblock", 128)
    # 64 / 8 x 64 / 16 tiles of 256 words, and the last one's results.
    array = p.job_cycles(32, 256, 0, 0)
    assert array == p.array.job_cycles(32, 256, 0, 0)
    assert array == 32 * 256 + p.timing.latency - 2 + 31
    assert p.cycles(64, 64, 256, 0, 0) <= 1.2 * array


def test_operands_may_come_in_any_order():
    a, b = operand(0, 8, 3), operand(2, 2, 3).transposed
    assert SMALL.takes_any_order(8, 2, 3, 0, 2) and not SMALL.takes_any_order(8, 2, 33, 0, 2)
    expected = model(SMALL, a, b)

    def product(engine: Any) -> tuple[np.ndarray, Any]:
        found, result = simulate(SMALL, [a], [b], engine=engine)
        return found[0][0], result

    check_any_order(product, expected)
    assert_equal(matmul(ONE, a, b), expected)


# Words and columns of tiles, of which the memories hold 64 and 128.
FITS = [(64, 2, True), (1, 128, True), (42, 3, True), (65, 1, False), (43, 3, False)]
FITS += [(1, 129, False), (0x10001, 1, False), (0x80000001, 1, False), (1, 0x8001, False)]


def test_operands_beyond_the_memories_are_refused_at_once():
    check_sizes(NAME, SMALL, "beats", FITS)
    for words, across, fits in FITS:
        assert SMALL.holds(3, across, words) == fits
    assert [SMALL.most_columns(k, 1, 0) for k in (1, 43, 64, 65)] == [512, 8, 8, 0]
    assert SMALL.most_columns(64, 0, 2) == 2
    a = operand(0, 1, 65)
    with pytest.raises(UserError, match="1 x 1 panels of 65 places must fit the memories, or be"):
        simulate(SMALL, [a], [a.transposed])
    with pytest.raises(UserError, match="a and b must each be a matrix or more"):
        simulate(SMALL, [a], [])


FRAMES = [
    (Changed("s_axis_a"), 0),
    (Changed("s_axis_a", last=(1, -1)), 1),
    (Changed("s_axis_b", last=()), 1),
    # A word has 54 bits, of which the last two are its mode: 0 here.
    (Changed("s_axis_a", bit=(7, 22)), 1),
    (Changed("s_axis_b", bit=(3, 21)), 1),
    (Changed("s_axis_b", bit=(3, 20)), 1),
]


@pytest.mark.parametrize(("engine", "wrong"), FRAMES)
def test_what_is_framed_wrongly_is_told_and_counted_all_the_same(engine, wrong):
    a, b = operand(0, 8, 2), operand(0, 4, 2).transposed
    [[product]], result = simulate(SMALL, [a], [b], engine=engine)
    assert_equal(product, model(SMALL, a, b))
    assert result.registers["status.framing"] == wrong


def test_the_gate_netlist_passes_the_same_regression():
    p = SMALL.replace(words_a=4, words_b=4)
    gates = netlist(generate(NAME, p), "gates")
    for stalls in (Stalls(), STALLS):
        assert regress(p, blocks=40, seed=6, stalls=stalls, netlist=gates).message == ""


def test_a_job_that_ends_with_each_row_of_tiles_is_caught():
    fault = Fault(
        MultimodeSequencer,
        lambda s: s.tags.job_last.eq(s.tile_columns_last & s.beats_last),
        "tlast",
    )
    assert_caught(regress, NAME, SMALL, fault, blocks=100, seed=8)


def test_a_mode_that_changes_untold_is_caught():
    a, b = operand(0, 8, 2), operand(0, 4, 2).transposed
    fault = Fault(MultimodeSequencer, lambda s: s.protocol_error.eq(0))
    verilog = faulty(NAME, SMALL, fault)
    changed = Changed("s_axis_b", bit=(3, 20))
    _, result = simulate(SMALL, [a], [b], engine=changed, netlist=verilog)
    assert result.registers["status.framing"] == 0
