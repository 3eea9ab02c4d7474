"""The multi-mode array on formats of OCP MX: codes on the wires, FP8 at the rate of 8 bits."""

import itertools
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Mux

from hw.bfp.multimode.codes import DecodeWords
from hw.bfp.multimode.moved import MovedProducts
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from sim.bench import Stalls
from sim.bfp.multimode_array import matmul, regress
from sim.compare import assert_equal
from sw.bfp.multimode_array import FAMILIES, MultimodeParameters
from sw.bfp.multimode_array import matmul as model
from sw.errors import UserError
from sw.formats import read_format
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize

from ..faults import Fault, assert_caught
from .rates import measured_rates

ONE = 127
"""The code of E8M0 for 1."""

FP8 = MultimodeParameters(family="mxfp8_e4m3", rows=1, columns=1)
BOTH = Stalls(idle=0.3, back_pressure=0.5)

# Values by code, OCP MX 1.0.
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6] + [-0.0, -0.5, -1, -1.5, -2, -3, -4, -6])
E2M3_ENDS = {0x01: 0.125, 0x08: 1.0, 0x1F: 7.5, 0x3F: -7.5}
E4M3_ENDS = {0x01: 2.0**-9, 0x08: 2.0**-6, 0x38: 1.0, 0x7E: 448.0, 0xFE: -448.0}


def floats(exponent_bits: int, fraction_bits: int, bias: int) -> np.ndarray:
    """Values of all codes of a small float without infinities."""
    values = []
    for sign, field, fraction in itertools.product(
        (1, -1), range(1 << exponent_bits), range(1 << fraction_bits)
    ):
        part = fraction / (1 << fraction_bits)
        magnitude = 2.0 ** (field - bias) * (1 + part) if field else 2.0 ** (1 - bias) * part
        values.append(sign * magnitude)
    return np.array(values)


def e4m3() -> np.ndarray:
    """Values of E4M3, that of NaN as the 0 that it counts as in a finite block."""
    values = floats(4, 3, 7)
    assert {code: values[code] for code in E4M3_ENDS} == E4M3_ENDS
    values[[0x7F, 0xFF]] = 0
    return values


def e2m3() -> np.ndarray:
    """Values of E2M3."""
    values = floats(2, 3, 1)
    assert {code: values[code] for code in E2M3_ENDS} == E2M3_ENDS
    return values


def int8() -> np.ndarray:
    """Values of MXINT8, two's complement in 64ths, that of its most negative code too."""
    return np.arange(256, dtype=np.uint8).view(np.int8) / 64.0


VALUES = {"mxfp4": E2M1, "mxfp6_e2m3": e2m3(), "mxint8": int8(), "mxfp8_e4m3": e4m3()}


def vector(p: MultimodeParameters, mode: int, codes: Any) -> Blocks:
    """Codes as blocks of one element each, whose scale is 1."""
    code = np.asarray(codes)[:, None]
    form = p.formats[mode]
    return Blocks(code=code, exponent=np.full(code.shape, ONE), format=form, axis=1)


def in_all_places(codes: int) -> np.ndarray:
    """Codes of 4 bits in each of the four places of a word, those of more bits once."""
    every = np.arange(codes)
    return np.concatenate([np.roll(every, shift) for shift in range(4)]) if codes == 16 else every


@pytest.mark.parametrize(
    ("family", "mode_a", "mode_b"),
    [
        ("mxfp8_e4m3", 0, 0),
        ("mxfp8_e4m3", 0, 1),
        ("mxfp8_e4m3", 1, 0),
        ("mxfp8_e4m3", 1, 1),
        ("mxfp6_e2m3", 0, 1),
        ("mxfp6_e2m3", 1, 1),
        ("mxint8", 1, 1),
    ],
)
def test_every_product_of_two_codes(family, mode_a, mode_b):
    p = MultimodeParameters(family=family, rows=1, columns=1)
    x, y = (VALUES[p.formats[mode].name] for mode in (mode_a, mode_b))
    codes_a, codes_b = (in_all_places(len(values)) for values in (x, y))
    a, b = vector(p, mode_a, codes_a), vector(p, mode_b, codes_b)
    expected = np.outer(x[codes_a], y[codes_b]) + 0.0
    assert_equal(matmul(p, a, b.transposed), expected.astype(np.float32))


@pytest.mark.parametrize(
    ("last", "expected"), [(0x01, 65536.0078125), (0x00, 65536.0), (0x81, 65536.0)]
)
def test_a_block_of_fp8_is_rounded_once(last, expected):
    # 256 * 256 + 2**-4 * 2**-4 lies halfway; 2**-9 * 2**-9 decides: 35 bits below the largest.
    code = np.array([[0x78, 0x18, 0x01]])
    one = np.full((1, 1), ONE)
    form = FP8.formats[1]
    a = Blocks(code=code, exponent=one, format=form, axis=1)
    code = np.array([[0x78], [0x18], [last]])
    b = Blocks(code=code, exponent=one, format=form, axis=0)
    assert_equal(matmul(FP8, a, b), np.array([[expected]], np.float32))


@pytest.mark.parametrize("sign", [0x00, 0x80])
def test_the_largest_sums_of_fp8(sign):
    # 32 * 448 * 448, in a block alone and behind another.
    code = np.full((2, 64), 0x7E)
    one = np.full((2, 2), ONE)
    form = FP8.formats[1]
    a = Blocks(code=code, exponent=one, format=form, axis=1)
    b = Blocks(code=code.T | sign, exponent=one, format=form, axis=0)
    value = -2 * 6422528.0 if sign else 2 * 6422528.0
    assert_equal(matmul(FP8, a, b), np.full((2, 2), value, np.float32))


STALLS = [Stalls(idle=0.8), Stalls(back_pressure=0.8), BOTH]


@pytest.mark.parametrize("stalls", STALLS, ids=lambda s: f"{s.idle}-{s.back_pressure}")
@pytest.mark.parametrize("fields", [{"rows": 2, "columns": 2}, {"rows": 1, "lanes": 2}], ids=str)
def test_stalls_change_nothing(fields, stalls):
    p = MultimodeParameters(**{"family": "mxfp8_e4m3", "columns": 1} | fields)
    for seed in (1, 2):
        assert regress(p, blocks=200, seed=seed, stalls=stalls).message == ""


@pytest.mark.parametrize("cycles", [1, 333])
def test_reset_in_mid_stream_leaves_nothing_behind(cycles):
    report = regress(FP8, blocks=300, seed=cycles, reset_after=cycles, stalls=BOTH)
    assert report.message == ""


def test_the_gate_netlist_passes_the_same_regression():
    gates = netlist(generate("bfp_multimode_array", FP8), "gates")
    assert regress(FP8, blocks=300, seed=3, stalls=BOTH, netlist=gates).message == ""


def test_products_in_carry_cells():
    p = MultimodeParameters(family="mxfp8_e4m3", rows=1, columns=1, target="xilinx")
    assert regress(p, blocks=300, seed=4).message == ""


def test_multiply_adds_per_cycle_are_16_to_4_to_1():
    p = MultimodeParameters(family="mxfp8_e4m3", rows=2, columns=2)
    rates = measured_rates(p, 32, 32, 320)
    assert rates == pytest.approx([64, 16, 4], rel=0.02)


FAULTS = {
    "only the places of an operand count": Fault(
        MovedProducts, lambda s: s.places_0_0.eq(Mux(s.en, s.late_a0_0_0, s.places_0_0))
    ),
    "the places of another element": Fault(
        MovedProducts,
        lambda s: s.places_0_2.eq(Mux(s.en, s.late_a0_0_0 + s.late_b0_0_0, s.places_0_2)),
    ),
    "a subnormal significand has a hidden one": Fault(
        DecodeWords, lambda s: s.significand_0_1_0.eq(8 | s.i[:3])
    ),
    "the lowest field is a place more": Fault(
        DecodeWords, lambda s: s.value_0_1_0[4:].eq(s.i[3:7])
    ),
    "NaN is a number": Fault(DecodeWords, lambda s: s.value_0_1_0[:4].eq(s.significand_0_1_0)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    assert_caught(regress, "bfp_multimode_array", FP8, FAULTS[name], blocks=300, seed=6)


@pytest.mark.parametrize("name", ["mxfp8_e5m2", "nvfp4"])
def test_formats_in_no_family_are_refused(name):
    with pytest.raises(UserError, match=f"^family must be one of .*mxfp8_e4m3, not '{name}'$"):
        MultimodeParameters(family=name)


def test_formats_are_told_by_their_codes_not_by_their_rounding():
    p = MultimodeParameters(family="mxfp8_e4m3")
    assert p.mode(read_format("mxfp8_e4m3:scale.rule=rceil")) == 1
    assert p.mode(read_format("mxfp4:rounding=stochastic")) == 0
    for name in ("nvfp4:block=32", "mxfp8_e5m2", "mxfp8_e4m3:block=16", "fb16_linear:block=32"):
        with pytest.raises(UserError, match="^format must be one of mxfp4, mxfp8_e4m3, bfp16_32"):
            p.mode(read_format(name))


def test_tiles_quantized_once_serve_all_passes():
    p = MultimodeParameters(family="mxfp8_e4m3", rows=1, columns=1)
    rng = np.random.default_rng(7)
    narrow, wide = (read_format(f"{name}:block=32x32") for name in ("mxfp4", "mxfp8_e4m3"))
    x, w, g = (rng.standard_normal(s).astype(np.float32) for s in ((23, 40), (18, 40), (23, 18)))
    x, w, g = quantize(x, narrow), quantize(w, narrow), quantize(g, wide)
    for a, b in ((x, w.transposed), (g, w), (g.transposed, x)):
        assert_equal(matmul(p, a, b), model(p, a, b))


def test_blocks_of_mx_are_32_in_every_mode():
    for family in ("mxint8", "mxfp6_e2m3", "mxfp6_e3m2", "mxfp8_e4m3"):
        assert [f.block for f in FAMILIES[family]] == [(32,)] * 3
        assert [f.element_bits for f in FAMILIES[family]][::2] == [4, 16]
