"""The multi-mode array against its model: nine pairs of formats, switched from tile to tile."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Mux
from amaranth.lib import data

from hw.bfp.multimode.column import MultimodeColumn
from hw.bfp.multimode.composer import Composer
from hw.bfp.multimode.readout import Readout, Tags
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from sim.bench import Stalls
from sim.bfp.multimode_array import regress, simulate
from sim.compare import assert_equal
from sw.bfp.array import gemm
from sw.bfp.multimode_array import FAMILIES, MODES, MultimodeParameters, matmul
from sw.errors import UserError
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize

from ..faults import Fault, assert_caught
from .rates import measured_rates

SMALL: dict[str, Any] = {"rows": 2, "columns": 2}
GRID = [Stalls(idle=i, back_pressure=b) for i in (0.0, 0.3, 0.8) for b in (0.0, 0.3, 0.8)]
BOTH = Stalls(idle=0.3, back_pressure=0.5)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_pair_of_formats_of_every_family(family):
    p = MultimodeParameters.make(preset=family, columns=2)
    for seed in range(3):
        assert regress(p, blocks=2000, seed=seed).message == ""
    assert regress(p, blocks=500, seed=4, stalls=BOTH).message == ""


@pytest.mark.parametrize("stalls", GRID, ids=lambda s: f"{s.idle}-{s.back_pressure}")
def test_stalls_change_nothing(stalls):
    p = MultimodeParameters(**SMALL)
    for seed in range(5, 8):
        assert regress(p, blocks=200, seed=seed, stalls=stalls).message == ""


SHAPES = [
    {"rows": 1, "columns": 1, "lanes": 1},
    {"rows": 4, "columns": 1, "lanes": 3},
    {"rows": 1, "columns": 3, "lanes": 6},
    {"rows": 3, "columns": 2, "lanes": 2, "family": "hbfp"},
]


@pytest.mark.parametrize("fields", SHAPES, ids=lambda f: "-".join(map(str, f.values())))
def test_other_shapes(fields):
    p = MultimodeParameters(**fields)
    assert regress(p, blocks=1000, seed=9).message == ""
    assert regress(p, blocks=300, seed=10, stalls=BOTH).message == ""


@pytest.mark.parametrize("cycles", [1, 30, 333, 2000])
def test_reset_in_mid_stream_leaves_nothing_behind(cycles):
    p = MultimodeParameters(**SMALL)
    for stalls in (Stalls(), BOTH):
        report = regress(p, blocks=300, seed=cycles, reset_after=cycles, stalls=stalls)
        assert report.message == ""


def test_the_gate_netlist_passes_the_same_regression():
    p = MultimodeParameters(rows=1, columns=1, lanes=1)
    gates = netlist(generate("bfp_multimode_array", p), "gates")
    for stalls in (Stalls(), BOTH):
        report = regress(p, blocks=300, seed=11, stalls=stalls, netlist=gates)
        assert report.message == ""


def test_multiply_adds_per_cycle_are_16_to_4_to_1():
    # FlexBlock: MACs of a core by mode. 864 places are whole blocks of every format.
    p = MultimodeParameters(rows=2, columns=8)
    rates = measured_rates(p, 128, 128, 864)
    assert rates[0] / rates[2] == pytest.approx(16, rel=0.01)
    assert rates[1] / rates[2] == pytest.approx(4, rel=0.01)
    for rate, digits in zip(rates, MODES, strict=True):
        assert rate >= 0.99 * p.rows * p.columns * p.lanes * 16 / digits**2


def test_a_reduction_of_more_than_65536_beats():
    # The weights' gradients of a network's first layers are as long.
    p = MultimodeParameters(**SMALL)
    rng = np.random.default_rng(16)
    form = p.formats[0]
    x, y = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, 70_000), (70_000, 2)))
    a, b = quantize(x, form, axis=1), quantize(y, form, axis=0)
    [product], result = simulate(p, [(a, b)])
    assert_equal(product, matmul(p, a, b))
    assert result.cycles == p.cycles([(70_000, 0, 0)])


def test_20_tiles_of_24_beats_of_16_bits_give_40_results():
    # 640 by Verilator 5.048 of the readout with two shifts in a row (its issue 7955).
    p = MultimodeParameters()
    rng = np.random.default_rng(17)
    form, (rows, columns) = p.formats[2], p.tile(2, 2)
    x = rng.standard_normal((20 * rows, 24 * p.lanes)).astype(np.float32)
    y = rng.standard_normal((24 * p.lanes, columns)).astype(np.float32)
    a, b = quantize(x, form, axis=1), quantize(y, form, axis=0)
    [product], result = simulate(p, [(a, b)])
    assert result.outputs["m_axis"].shape == (40, 16)
    assert_equal(product, matmul(p, a, b))


def test_jobs_of_equal_tiles_in_closed_form():
    p = MultimodeParameters(rows=4, columns=2, family="hbfp")
    for tiles, k, mode_a, mode_b in ((1, 5, 0, 0), (3, 700, 0, 1), (7, 64, 2, 0), (4, 129, 2, 2)):
        every = p.cycles([(k, mode_a, mode_b)] * tiles)
        assert p.job_cycles(tiles, k, mode_a, mode_b) == every


def test_tiles_quantized_once_serve_all_passes_in_every_pair_of_formats():
    p = MultimodeParameters.make(preset="boosters_16x16", columns=1)
    rng = np.random.default_rng(15)

    def tiles(*shape: int) -> list[Blocks]:
        """A tensor in each format."""
        x = rng.standard_normal(shape).astype(np.float32)
        words = rng.integers(0, 1 << p.formats[0].random_bits, shape)
        return [quantize(x, form, random=words) for form in p.formats]

    x, w, g = tiles(23, 37), tiles(18, 37), tiles(23, 18)
    passes = {
        "forward": [(a, b.transposed) for a in x for b in w],
        "input gradient": [(a, b) for a in g for b in w],
        "weight gradient": [(a.transposed, b) for a in g for b in x],
    }
    for name, products in passes.items():
        actual, _ = simulate(p, products)
        for (a, b), product in zip(products, actual, strict=True):
            context = {"pass": name, "formats": (a.format.name, b.format.name)}
            assert_equal(product, matmul(p, a, b), context=context)


def test_formats_of_a_family_have_one_payload():
    # FlexBlock: 864 bits of mantissas in a group of any mode.
    p = MultimodeParameters()
    assert [f.reduction * 4 * d for f, d in zip(p.formats, MODES, strict=True)] == [864] * 3


def another_mask(s: Any) -> Any:
    """A product of digits is of a result where the one before is."""
    total = s.totals.word_select(9, len(s.total_9)) & s.mask[8].replicate(len(s.total_9))
    return s.total_9.eq(Mux(s.en, total, s.total_9))


def half_a_row(s: Any) -> Any:
    """A row ends after half of its results."""
    tags = data.View(Tags(), s.own("tags"))
    return s.pair_last.eq(7 >> (tags.mode_a + tags.mode_b))


FAULTS = {
    "a product of another result": Fault(Composer, another_mask, "product_0: "),
    "half the results": Fault(Readout, half_a_row, "m_axis gave"),
    "the sum of a block never starts anew": Fault(
        MultimodeColumn, lambda s: s.pe_0.first.eq(0), "product_0: "
    ),
    "a sum that always starts anew": Fault(
        MultimodeColumn, lambda s: s.adder.a.eq(0), "product_0: "
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    p = MultimodeParameters(rows=1, columns=1)
    assert_caught(regress, "bfp_multimode_array", p, FAULTS[name], blocks=300, seed=13)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"family": "fp8"}, "family must be one of flexblock, .*, not 'fp8'"),
        ({"rows": 7, "lanes": 2}, "rows must be at most 6 with 2 lanes in flexblock"),
        ({"lanes": 4}, "lanes must divide the block of 54 of fb24, not 4"),
        ({"columns": 0}, "columns must be an integer from 1 to 64, not 0"),
    ],
)
def test_errors(fields, message):
    with pytest.raises(UserError, match=message):
        MultimodeParameters(**fields)


def test_formats_of_no_mode_are_refused():
    p = MultimodeParameters()
    x = quantize(np.ones((2, 2), np.float32), FAMILIES["flexblock_inside"][0], axis=1)
    with pytest.raises(UserError, match="format must be one of fb12, fb16, fb24, not fb12_sign"):
        matmul(p, x, x)


def test_unlike_blocks_are_added_in_order_of_the_shorter():
    rng = np.random.default_rng(14)
    fa, _, fb = FAMILIES["flexblock"]
    x, y = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, 500), (500, 2)))
    a, b = quantize(x, fa, axis=1), quantize(y, fb, axis=0)
    total = np.zeros((3, 2), np.float32)
    for start in range(0, 500, fb.reduction):
        part = slice(start, start + fb.reduction)
        scale_a = np.exp2(a.codes(0)[:, start // fa.reduction] - 126.0 - fa.magnitude_bits)
        scale_b = np.exp2(b.codes(1)[start // fb.reduction] - 126.0 - fb.magnitude_bits)
        exact = a.mantissa[:, part].astype(np.int64) @ b.mantissa[part].astype(np.int64)
        total = total + (exact * np.outer(scale_a, scale_b)).astype(np.float32)
    assert_equal(gemm(a, b), total)
