"""The transposer of square blocks in RTL and as a netlist against its model."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Mux

from hw.bfp.transposer import Transposer
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.units import UNITS
from sim.bench import Stalls, run
from sim.bfp.transposer import regress, simulate, transpose
from sim.compare import assert_equal
from sim.registers import readable
from sim.streams import pack, unpack
from sw.bfp.transposer import TransposerParameters, assemble, tiles
from sw.bfp.transposer import transpose as model
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS
from sw.formats.quantize import quantize

from ..faults import Fault, Names, assert_caught

FORMAT = BLOCK_FORMATS["hbfp4_8x8"]
GRID = [Stalls(idle=i, back_pressure=b) for i in (0.0, 0.3, 0.8) for b in (0.0, 0.3, 0.8)]
BOTH = Stalls(idle=0.3, back_pressure=0.5)


def _parameters(side: int, **fields: Any) -> TransposerParameters:
    form = dataclasses.replace(FORMAT, block=(side, side), **fields)
    return TransposerParameters(format=form)


SMALL = _parameters(2)


def _random(p: TransposerParameters, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes of tiles and of their scales."""
    rng = np.random.default_rng(seed)
    shape = (count, p.side, p.side)
    code = rng.integers(0, 1 << p.format.element_bits, shape)
    return code, rng.integers(0, p.format.nan_code + 1, count)


@pytest.mark.parametrize("stalls", [None, BOTH], ids=str)
def test_every_tile_of_2_x_2_elements_of_3_bits(stalls):
    p = _parameters(2, mantissa_bits=3, symmetric=False)
    every = np.array(list(itertools.product(range(8), repeat=4))).reshape(-1, 2, 2)
    code = np.repeat(every, 2, axis=0)
    exponent = np.arange(len(code)) % 1024
    flags = np.tile([False, True], len(every))
    order = np.random.default_rng(1).permutation(len(flags))
    values = code[order], exponent[order], flags[order]
    given, codes = transpose(p, *values, stalls=stalls)
    plain = np.where(values[2][:, None, None], values[0].transpose(0, 2, 1), values[0])
    assert_equal(given, plain.astype(np.uint32))
    assert_equal(codes, values[1].astype(np.int32))


@pytest.mark.parametrize("stalls", [None, BOTH], ids=str)
def test_every_mixture_of_six_tiles(stalls):
    p = _parameters(3)
    flags = np.array(list(itertools.product([False, True], repeat=6))).ravel()
    code, exponent = _random(p, len(flags), 2)
    given, codes = transpose(p, code, exponent, flags, stalls=stalls)
    turned, same = model(p, code, exponent, flags)
    assert_equal(given, turned)
    assert_equal(codes, same)


@pytest.mark.parametrize("preset", TransposerParameters.PRESETS)
def test_every_preset(preset):
    p = TransposerParameters.make(preset=preset)
    for seed in (3, 4):
        assert regress(p, blocks=1000, seed=seed).message == ""
    assert regress(p, blocks=300, seed=5, stalls=BOTH).message == ""


@pytest.mark.parametrize("side", [1, 5, 16])
def test_other_sides(side):
    p = _parameters(side)
    assert regress(p, blocks=300, seed=6).message == ""
    assert regress(p, blocks=300, seed=7, stalls=BOTH).message == ""


@pytest.mark.parametrize("stalls", GRID, ids=lambda s: f"{s.idle}-{s.back_pressure}")
def test_stalls_change_nothing(stalls):
    for seed in (8, 9):
        assert regress(SMALL, blocks=600, seed=seed, stalls=stalls).message == ""
        assert regress(_parameters(5), blocks=200, seed=seed, stalls=stalls).message == ""


@pytest.mark.parametrize("cycles", [1, 30, 333])
def test_reset_in_mid_stream_leaves_nothing_behind(cycles):
    for stalls in (Stalls(), BOTH):
        report = regress(_parameters(5), blocks=200, seed=cycles, reset_after=cycles, stalls=stalls)
        assert report.message == ""


def test_the_gate_netlist_passes_the_same_regression():
    gates = netlist(generate("bfp_transposer", SMALL), "gates")
    for stalls in (Stalls(), BOTH):
        report = regress(SMALL, blocks=600, seed=10, stalls=stalls, netlist=gates)
        assert report.message == ""


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_cocotb(simulator):
    options: dict[str, Any] = {"engine": "cocotb", "simulator": simulator}
    assert regress(SMALL, blocks=30, seed=11, stalls=BOTH, **options).message == ""


@pytest.mark.parametrize("side", [1, 2, 8])
def test_a_row_a_cycle_and_the_documented_latency(side):
    p = _parameters(side)
    latency = UNITS["bfp_transposer"].top(p).latency
    assert latency == 1
    for flags in (np.zeros(50, bool), np.ones(50, bool), np.arange(50) % 3 == 0):
        _, result = simulate(p, *_random(p, 50, 12), flags)
        assert result.cycles == p.cycles(50) == 50 * side + side - 1 + latency
        first, last = result.stamps["s_axis"]
        # Neither side ever waits.
        assert last - first == 50 * side - 1
        assert result.stamps["m_axis"] == (first + side - 1 + latency, last + side - 1 + latency)


def _beats(p: TransposerParameters, code: np.ndarray, turns: Any) -> np.ndarray:
    """Beats of tiles of exponent 5; ``turns`` holds the bit of each beat."""
    stream = generate("bfp_transposer", p).manifest["streams"]["s_axis"]
    fields = {
        "mantissa": code.reshape(-1, p.side),
        "exponent": np.full(code.size // p.side, 5),
        "transpose": np.asarray(turns),
    }
    return pack(stream, fields)


@pytest.mark.parametrize("rows", [1, 4, 7])
def test_a_tile_leaves_without_the_rest_of_the_next_one(rows):
    p = TransposerParameters.make(preset="hbfp4_8x8")
    design = generate("bfp_transposer", p)
    code, _ = _random(p, 3, 13)
    for stalls in (Stalls(), Stalls(idle=0.8), BOTH):
        result = run(
            design,
            inputs={"s_axis": _beats(p, code, np.ones(24, bool))[: 16 + rows]},
            outputs={"m_axis": 16},
            stalls=stalls,
        )
        fields = unpack(design.manifest["streams"]["m_axis"], result.outputs["m_axis"])
        assert_equal(fields["mantissa"], code[:2].swapaxes(1, 2).reshape(16, 8))


def test_framing():
    design = generate("bfp_transposer", SMALL)
    code, _ = _random(SMALL, 3, 14)

    def framing(turns: list[int], ends: list[int], padding: int = 0) -> int:
        beats = _beats(SMALL, code, turns)
        beats[3, -1] |= padding
        result = run(
            design,
            inputs={"s_axis": beats},
            outputs={"m_axis": 6},
            last={"s_axis": np.array(ends)},
            reads=readable(design.manifest),
        )
        return result.registers["status.framing"]

    assert framing([0, 0, 1, 1, 0, 0], [0, 1, 0, 0, 0, 1]) == 0
    assert framing([0, 0, 1, 1, 0, 0], [0, 1, 1, 0, 0, 1]) == 1
    assert framing([0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 1]) == 1
    assert framing([0, 0, 1, 1, 0, 0], [0, 1, 0, 0, 0, 1], padding=128) == 1


def _held(s: Names, name: str, when: Any, value: Any) -> Any:
    """Have a register take a value under a condition."""
    signal = getattr(s, name)
    return signal.eq(Mux(when, value, signal))


FAULTS = {
    "the direction of the tile alone": (
        lambda s: _held(s, "leftward", s.complete, s.i.payload.data.transpose),
        "code: ",
    ),
    "an element from below": (
        lambda s: _held(s, "element_1_1", s.moves_1, s.element_2_1),
        "code: ",
    ),
    "an element that moves with another": (
        lambda s: _held(s, "element_1_0", s.moves_1, Mux(s.leftward, s.element_1_1, s.element_2_0)),
        "m_axis changed",
    ),
    "a stage that does not wait": (lambda s: s.moves_1.eq(1), "m_axis changed"),
    "an output that does not wait": (lambda s: s.moves_0.eq(1), "m_axis changed"),
    "a beat of a tile": (lambda s: s.leaving.eq(s.complete), "m_axis"),
    "last too early": (lambda s: s.o.payload.last.eq(s.last), "tlast does not follow"),
    "the exponent too early": (
        lambda s: _held(s, "exponent", s.i_fire, s.i.payload.data.exponent),
        "m_axis changed",
    ),
    "a change between tiles": (
        lambda s: s.flags.framing.eq(s.i_fire & (s.i.payload.data.transpose ^ s.held_transpose)),
        "status.framing",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    assign, sign = FAULTS[name]
    fault = Fault(Transposer, assign, sign, BOTH)
    assert_caught(regress, "bfp_transposer", _parameters(3), fault, blocks=600, seed=15)


def _blocks(*shape: int, name: str = "hbfp4_8x8") -> Any:
    rng = np.random.default_rng(16)
    x = rng.standard_normal(shape).astype(np.float32)
    return quantize(x, BLOCK_FORMATS[name], random=rng.integers(0, 256, shape))


def test_the_model_turns_a_matrix_tile_by_tile():
    p = TransposerParameters.make(preset="hbfp4_8x8")
    blocks = _blocks(21, 40)
    code, exponent = tiles(blocks)
    assert code.shape == (15, 8, 8)
    same = assemble(code, exponent, p.format, blocks.shape)
    assert_equal(same.code, blocks.code)
    assert_equal(same.exponent, blocks.exponent)
    code, exponent = tiles(blocks, by_columns=True)
    turned = assemble(*model(p, code, exponent, np.ones(15, bool)), p.format, (40, 21))
    assert_equal(turned.code, blocks.transposed.code)
    assert_equal(turned.exponent, blocks.transposed.exponent)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: TransposerParameters.make(overrides=["format=hbfp4"]),
            "format must have square blocks of up to 64 x 64, not 64 as hbfp4",
        ),
        (lambda: _parameters(65), "format must have .*, not 65 x 65 as hbfp4_8x8"),
        (
            lambda: model(SMALL, np.zeros((3, 2, 3), int), np.zeros(3, int), np.zeros(3, bool)),
            r"code must have the shape \(3, 2, 2\), not \(3, 2, 3\)",
        ),
        (
            lambda: model(SMALL, np.zeros((3, 2, 2), int), np.zeros(3, int), np.zeros(3)),
            "flags must be an array of bool, not float64",
        ),
        (
            lambda: tiles(_blocks(4, 64, name="hbfp4")),
            "blocks must be square ones of a matrix, not hbfp4",
        ),
        (
            lambda: assemble(np.zeros((2, 8, 8), int), np.zeros(2, int), FORMAT, (8, 8)),
            r"code of a matrix of 8 x 8 must have the shape \(1, 8, 8\), not \(2, 8, 8\)",
        ),
        (
            lambda: assemble(np.zeros((1, 8, 8)), np.zeros(1), FORMAT, (1, 8, 8)),
            r"shape must be the two extents of a matrix, not \(1, 8, 8\)",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError, match=message):
        call()
