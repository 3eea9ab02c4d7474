"""The encoder and decoder of compressed sparse blocks in RTL against the model, on every bit."""

from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.units import UNITS
from sim.bench import Stalls, run
from sim.compare import assert_equal
from sim.registers import readable
from sim.sparse import csb_decoder, csb_encoder
from sim.sparse.csb_decoder import Load, expected
from sim.sparse.csb_encoder import random_dense
from sim.streams import pack
from sw.formats.binary32 import flush
from sw.sparse.csb import Compressed, check
from sw.sparse.csb import encode as model
from sw.sparse.csb_parameters import CsbDecoderParameters, CsbEncoderParameters

from .stimuli import STALLS, assert_agrees

ENCODERS: dict[str, dict[str, Any]] = {
    "3x3": {},
    "3x3 kept": {"lanes": 1, "keep": True, "pointer_bits": 8},
    "a block a beat": {"rows": 2, "columns": 3, "lanes": 6, "pointer_bits": 4},
    "one element": {"rows": 1, "columns": 1, "lanes": 1, "pointer_bits": 1},
}
DECODERS: dict[str, dict[str, Any]] = {
    "walk": {"blocks": 20, "values": 90},
    "dense": {"form": "dense"},
    "a block a beat": {"form": "dense", "lanes": 9, "blocks": 1, "values": 9},
    "one value": {"rows": 1, "columns": 1, "lanes": 1, "blocks": 1, "values": 1, "pointer_bits": 1},
    "5x5 serial": {"rows": 5, "columns": 5, "lanes": 1, "blocks": 7, "form": "dense"},
}


def encoder(name: str) -> CsbEncoderParameters:
    return CsbEncoderParameters(**ENCODERS[name])


def decoder(name: str) -> CsbDecoderParameters:
    return CsbDecoderParameters(**DECODERS[name])


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder(name):
    assert_agrees(csb_encoder.regress, encoder(name), blocks=300, stalled=60)


@pytest.mark.parametrize("name", DECODERS)
def test_decoder(name):
    assert_agrees(csb_decoder.regress, decoder(name), blocks=600, stalled=100)


def test_identity():
    # 10,000 blocks of any density, through both circuits in loads of 60, there and back turned.
    e, d = encoder("3x3"), decoder("dense")
    rng = np.random.default_rng(7)
    # As many values as a load has room for, some blocks full.
    dense = flush(random_dense(e, rng, 10_000))
    dense = np.where(dense == 0, np.float32(0), dense)
    dense = np.where(rng.random((10_000, 1, 1)) < 0.05, np.float32(1.5), dense)
    packets = [(part, None) for part in np.array_split(dense, 400)]
    given, _ = csb_encoder.simulate(e, packets, stalls=Stalls(back_pressure=0.1))
    density = [c.masks.mean() for c in given]
    assert min(density) < 0.4 < max(density)
    turn = rng.random(10_000) < 0.5
    loads = [
        Load(blocks=c, numbers=np.arange(len(c.pointers)), rotate=part)
        for c, part in zip(given, np.array_split(turn, 400), strict=True)
    ]
    found = csb_decoder.decode(d, loads, stalls=Stalls(idle=0.1))
    wanted = np.where(turn[:, None, None], dense[:, ::-1, ::-1], dense)
    assert_equal(found["value"], wanted)
    assert not found["corrupt"].any()


@pytest.mark.parametrize("density", [0.0, 1.0])
def test_empty_and_full_blocks(density):
    dense = np.full((20, 3, 3), density, np.float32)
    given, result = csb_encoder.simulate(encoder("3x3"), [(dense, None), (dense[:1], None)])
    for c, count in zip(given, (20, 1), strict=True):
        assert_equal(c.masks, np.full((count, 9), density > 0))
        assert c.pointers.tolist() == [int(9 * density) * n for n in range(count)]
    assert result.registers["values"] == 21 * 9 * density
    p = decoder("dense")
    loads = [Load(blocks=given[0], numbers=np.arange(20), rotate=np.arange(20) % 2 == 1)]
    found = csb_decoder.decode(p, loads, stalls=STALLS)
    assert_equal(found["value"], dense)


def sound(p: CsbDecoderParameters, count: int) -> Compressed:
    """Return blocks that a decoder has room for."""
    dense = random_dense(p, np.random.default_rng(3), count)
    places = np.cumsum(flush(dense) != 0).reshape(dense.shape)
    return model(p, dense, places <= p.values)


def fuzzed(p: CsbDecoderParameters, rng: np.random.Generator, count: int) -> list[Load]:
    """Return loads of which every mask, pointer and number of values is random, some sound."""
    loads = []
    for _ in range(count):
        blocks = int(rng.integers(1, 2 * p.blocks))
        masks = rng.random((blocks, p.elements)) < rng.random()
        ends = masks.sum(1).cumsum()
        pointers = np.where(
            rng.random(blocks) < rng.choice([0.0, 0.1, 1.0]),
            rng.integers(0, 1 << p.pointer_bits, blocks),
            ends - masks.sum(1),
        )
        length = int(rng.choice([ends[-1], rng.integers(0, 2 * p.values)]))
        c = Compressed(
            masks=masks,
            pointers=pointers % (1 << p.pointer_bits),
            values=rng.random(length).astype(np.float32) + 1,
        )
        asked = int(rng.integers(1, 12))
        numbers = rng.choice([blocks, 1 << 16], (asked, 1)).ravel()
        loads.append(
            Load(blocks=c, numbers=rng.integers(0, numbers), rotate=rng.random(asked) < 0.5)
        )
    return loads


@pytest.mark.parametrize("name", ["walk", "dense"])
def test_fuzzed_loads(name):
    p = decoder(name)
    loads = fuzzed(p, np.random.default_rng(9), 150)
    for stalls in (Stalls(), STALLS):
        found, result = csb_decoder.simulate(p, loads, stalls=stalls)
        wanted = expected(p, loads)
        for field, values in wanted.items():
            assert_equal(found[field], values)
        assert wanted["corrupt"].any() and not wanted["corrupt"].all()
        assert result.registers["status.corrupt"] == result.registers["status.overlong"] == 1


def test_corruption_is_flagged():
    p = decoder("walk")
    c = sound(p, 12)
    assert len(c.values) > 20
    everything = {"numbers": np.arange(12), "rotate": np.zeros(12, np.bool_)}

    def flags(blocks: Compressed, **fields: Any) -> list[int]:
        load = Load(blocks=blocks, **everything | fields)
        registers = csb_decoder.simulate(p, [load])[1].registers
        names = ("corrupt_blocks", "status.corrupt", "status.overlong")
        return [registers[name] for name in names]

    assert flags(c) == [0, 0, 0]
    masks, pointers = c.masks.copy(), c.pointers.copy()
    masks[5, 2] ^= True
    pointers[5] ^= 1 << 19
    mask = Compressed(masks=masks, pointers=c.pointers, values=c.values)
    assert flags(mask) == [1, 1, 0]
    assert flags(Compressed(masks=c.masks, pointers=pointers, values=c.values)) == [2, 1, 0]
    # A corrupt block that is not asked for is not told.
    assert flags(mask, numbers=np.full(12, 4)) == [0, 0, 0]
    short = Compressed(masks=c.masks, pointers=c.pointers, values=c.values[:-1])
    assert flags(short) == [check(p, short).sum(), 1, 0]
    more = np.append(c.values, np.ones(90, np.float32))
    assert flags(Compressed(masks=c.masks, pointers=c.pointers, values=more))[1:] == [1, 1]
    assert flags(c, numbers=np.full(12, 12)) == [12, 1, 0]


@pytest.mark.parametrize("name", ["walk", "dense"])
def test_first_beat_after_the_latency(name):
    p = decoder(name)
    one = model(p, np.zeros((1, 3, 3), np.float32))
    load = Load(blocks=one, numbers=np.zeros(1, np.int64), rotate=np.zeros(1, np.bool_))
    stamps = csb_decoder.simulate(p, [load])[1].stamps
    latency = UNITS["csb_decoder"].top(p).latency
    assert stamps["m_axis"][0] - stamps["s_axis_request"][0] == latency


def test_reset_starts_anew():
    for cycles in (3, 50, 201):
        options: dict[str, Any] = {"reset_after": cycles, "stalls": STALLS, "seed": 5}
        assert csb_encoder.regress(encoder("3x3"), **options).message == ""
        assert csb_decoder.regress(decoder("walk"), **options).message == ""
        assert csb_decoder.regress(decoder("dense"), **options).message == ""


def test_netlist():
    p = encoder("one element")
    gates = netlist(generate("csb_encoder", p), "gates")
    assert csb_encoder.regress(p, seed=6, stalls=STALLS, netlist=gates).message == ""


def test_cocotb():
    options: dict[str, Any] = {"engine": "cocotb", "simulator": "icarus", "stalls": STALLS}
    assert csb_encoder.regress(encoder("3x3"), blocks=20, **options).message == ""
    assert csb_decoder.regress(decoder("walk"), blocks=30, **options).message == ""


def test_flags_of_the_encoder():
    # Blocks of six, with pointers of 4 bits.
    p = encoder("a block a beat")
    design = generate("csb_encoder", p)

    def told(value: float, blocks: int) -> set[str]:
        words = np.full((blocks, p.elements), value, np.float32).view(np.uint32)
        result = run(
            design,
            inputs={"s_axis": pack(design.manifest["streams"]["s_axis"], {"value": words})},
            outputs={"m_axis_value": blocks * p.elements, "m_axis_block": blocks},
            reads=readable(design.manifest),
        )
        names = ("nan", "overflow", "framing")
        return {name for name in names if result.registers[f"status.{name}"]}

    assert told(1.0, 2) == set()
    assert told(np.inf, 2) == {"nan"}
    assert told(1.0, 3) == {"overflow"}


def test_tlast_inside_a_block():
    p = encoder("3x3")
    design = generate("csb_encoder", p)
    streams = design.manifest["streams"]
    words = np.ones((6, 3), np.float32).view(np.uint32)
    result = run(
        design,
        inputs={"s_axis": pack(streams["s_axis"], {"value": words})},
        last={"s_axis": np.array([0, 1, 0, 0, 0, 1])},
        outputs={"m_axis_value": 18, "m_axis_block": 2},
        reads=readable(design.manifest),
    )
    assert result.last["m_axis_block"].tolist() == [0, 1]
    assert result.registers["status.framing"] == 1


def test_clear():
    # A flag of what came first, and counters.
    def registers(bench: Any, *arguments: Any) -> list[dict[str, int]]:
        return [
            bench(*arguments, stalls=STALLS, later=later)[1].registers
            for later in ([], [(100, "control.clear", 1)])
        ]

    dense = np.ones((100, 1, 1), np.float32)
    dense[0] = np.nan
    p = encoder("one element")
    plain, found = registers(
        csb_encoder.simulate, p, [(dense[n : n + 1], None) for n in range(100)]
    )
    assert (plain["status.nan"], found["status.nan"]) == (1, 0)
    for name in ("blocks", "values", "input_stalls", "output_stalls"):
        assert 0 < found[name] < plain[name]

    blocks = model(p, dense[1:2])
    loads = [
        Load(blocks=blocks, numbers=np.array([n == 0, 0]), rotate=np.zeros(2, np.bool_))
        for n in range(100)
    ]
    plain, found = registers(csb_decoder.simulate, decoder("one value"), loads)
    assert (plain["status.corrupt"], found["status.corrupt"]) == (1, 0)
    assert (plain["corrupt_blocks"], found["corrupt_blocks"]) == (1, 0)
    for name in ("blocks", "input_stalls", "output_stalls"):
        assert 0 < found[name] < plain[name]
