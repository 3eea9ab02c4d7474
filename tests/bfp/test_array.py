"""The array in RTL and as a netlist against its model, on every bit and every cycle."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Mux

from hw.bfp.column import DotColumn, GroupAccumulator
from hw.bfp.pe import DotPE
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from sim.bench import Stalls
from sim.bfp.array import matmul, regress, simulate
from sim.compare import MismatchError, assert_equal
from sw.bfp.array import ArrayParameters
from sw.bfp.array import matmul as model
from sw.formats import BLOCK_FORMATS, BfpFormat, BlockFormat
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize

from ..faults import Fault, assert_caught

SMALL: dict[str, Any] = {"rows": 2, "columns": 2}
GRID = [Stalls(idle=i, back_pressure=b) for i in (0.0, 0.3, 0.8) for b in (0.0, 0.3, 0.8)]


def _operands(p: ArrayParameters, m: int, n: int, k: int, seed: int) -> tuple[Blocks, Blocks]:
    rng = np.random.default_rng(seed)
    scale = np.exp2(rng.integers(-8, 8, (m, 1)))
    x = (rng.standard_normal((m, k)) * scale).astype(np.float32)
    y = rng.standard_normal((k, n)).astype(np.float32)
    words = [rng.integers(0, 1 << p.format.random_bits, z.shape) for z in (x, y)]
    a = quantize(x, p.format, axis=1, random=words[0])
    return a, quantize(y, p.format, axis=0, random=words[1])


def _every_pair(format: BlockFormat) -> np.ndarray:
    """All vectors of two elements of a format, one a row."""
    codes = np.arange(format.most_negative, format.largest + 1, dtype=np.int32)
    return np.stack(np.meshgrid(codes, codes), -1).reshape(-1, 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"mantissa_bits": 3, "sign_inside": False},
        {"mantissa_bits": 3, "sign_inside": True},
        {"mantissa_bits": 3, "sign_inside": True, "symmetric": False},
    ],
    ids=["sign_outside", "sign_inside", "twos_complement"],
)
def test_every_two_lane_dot_product_of_three_bit_mantissas(fields):
    form = BfpFormat(block=(2,), **fields)
    p = ArrayParameters(format=form, lanes=2, **SMALL)
    vectors = _every_pair(form)
    rng = np.random.default_rng(3)
    codes = [rng.integers(100, 150, (len(vectors), 1), np.int32) for _ in range(2)]
    a = Blocks.of(vectors, codes[0], format=form, axis=1)
    b = Blocks.of(vectors.T.copy(), codes[1].T.copy(), format=form, axis=0)
    assert_equal(matmul(p, a, b), model(p, a, b), context={"inputs": {"a": vectors}})


@pytest.mark.parametrize("preset", BLOCK_FORMATS)
def test_ten_thousand_random_blocks_of_every_preset(preset):
    # Blocks of zeros, subnormals, NaN and infinity, largest and smallest exponents among them.
    # Two lanes, since the simulator compiles each; full lanes are tested in the dot product.
    p = ArrayParameters.make(preset=preset, lanes=2, **SMALL)
    report = regress(p, blocks=10_000, seed=5)
    assert report.message == ""


@pytest.mark.parametrize("stalls", GRID, ids=lambda s: f"{s.idle}-{s.back_pressure}")
def test_stalls_change_nothing(stalls):
    p = ArrayParameters.make(preset="msfp12", **SMALL)
    for seed in range(3):
        assert regress(p, blocks=300, seed=seed, stalls=stalls).message == ""


@pytest.mark.parametrize("cycles", [1, 17, 100, 333])
def test_reset_in_mid_stream_leaves_nothing_behind(cycles):
    p = ArrayParameters.make(preset="hbfp4", **SMALL)
    for stalls in (Stalls(), Stalls(idle=0.3, back_pressure=0.3)):
        report = regress(p, blocks=400, seed=cycles, reset_after=cycles, stalls=stalls)
        assert report.message == ""


SHAPES = [
    ({"preset": "hbfp4", "rows": 1, "columns": 1}, (1, 1, 300)),
    ({"preset": "hbfp4", "rows": 3, "columns": 2}, (7, 3, 130)),
    ({"preset": "mxint8", "rows": 7, "columns": 1, "lanes": 2}, (15, 2, 100)),
    ({"preset": "mxint8", "rows": 6, "columns": 1, "lanes": 32}, (13, 2, 200)),
    ({"preset": "msfp16", "rows": 5, "columns": 2}, (5, 9, 16)),
    ({"preset": "fb12", "rows": 12, "columns": 1}, (13, 2, 500)),
]


@pytest.mark.parametrize(("fields", "size"), SHAPES, ids=lambda v: "-".join(map(str, v)))
def test_ragged_products_take_the_documented_cycles(fields, size):
    p = ArrayParameters.make(**fields)
    a, b = _operands(p, *size, seed=2)
    product, result = simulate(p, a, b)
    assert_equal(product, model(p, a, b), context={"size": size})
    assert result.cycles == p.cycles(*size)
    assert result.registers["status.framing"] == 0


def test_95_percent_of_the_slots_of_an_8_by_8_array_do_useful_work():
    p = ArrayParameters.make(preset="hbfp4", rows=8, columns=8, lanes=4)
    size = (64, 64, 256)
    a, b = _operands(p, *size, seed=4)
    product, result = simulate(p, a, b)
    assert_equal(product, model(p, a, b), context={"size": size})
    assert result.cycles == p.cycles(*size)
    slots = result.cycles * p.rows * p.columns * p.lanes
    assert np.prod(size) / slots >= 0.95


@pytest.mark.parametrize("preset", ["hbfp4", "fb16"])
def test_the_gate_netlist_passes_the_same_regression(preset):
    p = ArrayParameters.make(preset=preset, lanes=2, **SMALL)
    gates = netlist(generate("bfp_array", p), "gates")
    for stalls in (Stalls(), Stalls(idle=0.3, back_pressure=0.5)):
        report = regress(p, blocks=1000, seed=6, stalls=stalls, netlist=gates)
        assert report.message == ""


@pytest.mark.parametrize(
    ("engine", "simulator"), [("cocotb", "icarus"), ("cocotb", "verilator"), ("batch", None)]
)
def test_every_engine_gives_the_same(engine, simulator):
    p = ArrayParameters.make(preset="mxint8", rows=2, columns=1)
    options: dict[str, Any] = {"engine": engine, "simulator": simulator}
    for stalls in (Stalls(), Stalls(idle=0.3, back_pressure=0.5)):
        report = regress(p, blocks=40, seed=7, stalls=stalls, **options)
        assert report.message == ""


FAULTS = {
    "a sum never starts anew": Fault(
        DotColumn, lambda s: s.group_0.first.eq(0), "product: .*first at"
    ),
    "the sum of a block never starts anew": Fault(
        DotPE,
        lambda s: s.total.eq(Mux(s.add, s.total + s.products.sum, s.total)),
        "product: .*first at",
    ),
    "the exponent of another block": Fault(
        GroupAccumulator, lambda s: s.value.exponent_a.eq(s.exponent_b), "product: .*first at"
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    p = ArrayParameters.make(preset="hbfp4", **SMALL)
    found = assert_caught(regress, "bfp_array", p, FAULTS[name], blocks=300, seed=8)
    assert "seed: 8" in found


def test_a_mismatch_names_the_first_value_the_seed_and_the_inputs():
    expected = np.array([[1.0, 2.0]], np.float32)
    with pytest.raises(MismatchError, match=r"first at \(0, 1\).*expected 40000000(.|\n)*seed: 9"):
        assert_equal(np.array([[1.0, 3.0]], np.float32), expected, context={"seed": 9})


def test_flags_tell_of_nan_and_overflow():
    p = ArrayParameters.make(preset="hbfp8", **SMALL)
    x = np.full((2, 64), 3e38, np.float32)
    x[1] = 1
    a = quantize(x, p.format, axis=1, random=np.zeros(x.shape, int))
    b = quantize(x.T.copy(), p.format, axis=0, random=np.zeros(x.T.shape, int))
    product, result = simulate(p, a, b)
    assert np.isinf(product[0, 0])
    assert (result.registers["status.nan"], result.registers["status.overflow"]) == (0, 1)
    x[0, 0] = np.nan
    a = quantize(x, p.format, axis=1, random=np.zeros(x.shape, int))
    b = quantize(np.ones((64, 2), np.float32), p.format, axis=0, random=np.zeros((64, 2), int))
    product, result = simulate(p, a, b)
    assert np.isnan(product[0]).all()
    assert np.isfinite(product[1]).all()
    assert (result.registers["status.nan"], result.registers["status.overflow"]) == (1, 0)
