"""The multipliers by a loaded table in RTL and as a netlist against their model, on every bit."""

import re
import time
from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.units import UNITS
from sim.approx.amsim_multiplier import look_up, random_table, regress, simulate
from sim.bench import Stalls
from sim.compare import assert_equal
from sw.approx.amsim_multiplier import AmsimParameters
from sw.approx.amsim_multiplier import look_up as model
from sw.approx.table import Table, make
from sw.formats import FLOAT_FORMATS, FloatFormat
from tests.stimuli import edge_bits

STALLS = Stalls(idle=0.3, back_pressure=0.5)
ICARUS: dict[str, Any] = {"engine": "cocotb", "simulator": "icarus", "stalls": STALLS}
BFLOAT16_7 = AmsimParameters.make(preset="bfloat16_7")
BINARY32_7 = AmsimParameters.make(preset="binary32_7")


def _parameters(bits: int, format: str, lanes: int) -> AmsimParameters:
    return AmsimParameters(bits=bits, format=FLOAT_FORMATS[format], lanes=lanes)


EACH = {
    1: _parameters(1, "binary16", 1),
    2: _parameters(2, "bfloat16", 2),
    3: _parameters(3, "binary16", 3),
    4: _parameters(4, "binary32", 1),
    5: _parameters(5, "bfloat16", 2),
    6: _parameters(6, "binary16", 3),
    7: BINARY32_7,
}


def check(p: AmsimParameters, table: Table, a: np.ndarray, b: np.ndarray, **options) -> None:
    inputs = {"inputs": {"a": a, "b": b}}
    assert_equal(look_up(p, table, a, b, **options), model(p, table, a, b), context=inputs)


def every_fraction(f: FloatFormat, bits: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of all fractions, with what is random behind and before them."""
    rng = np.random.default_rng(seed)
    fractions = np.arange(1 << bits) << f.fraction_bits - bits
    pairs = np.repeat(fractions, len(fractions)), np.tile(fractions, len(fractions))
    others = (1 << f.fraction_bits - bits) - 1 | 1 << f.width - 1
    exponent = rng.integers(f.bias // 2 + 2, f.bias + f.bias // 2, (2, len(pairs[0])))
    rest = rng.integers(0, 1 << f.width, (2, len(pairs[0]))) & others
    a, b = (x | r | e << f.fraction_bits for x, r, e in zip(pairs, rest, exponent, strict=True))
    return a, b


def every_entry(bits: int) -> Table:
    """Return a table in which each value that an entry can have stands, in random order."""
    entries = np.random.default_rng(bits).permutation(np.arange(4**bits) % (2 << bits))
    return Table(name="every entry", bits=bits, entries=entries.astype(np.uint16))


@pytest.mark.parametrize("bits", EACH)
def test_all_pairs_of_fractions(bits):
    p = EACH[bits]
    a, b = every_fraction(p.format, bits, seed=bits)
    for table in (make("mbm", bits), make("mitchell", bits), every_entry(bits)):
        check(p, table, a, b)
    check(p, every_entry(bits), a, b, stalls=STALLS)


@pytest.mark.parametrize("p", [BFLOAT16_7, BINARY32_7, EACH[6]], ids=lambda p: p.format.name)
def test_all_pairs_of_edges(p):
    edges = edge_bits(p.format)
    a, b = np.repeat(edges, len(edges)), np.tile(edges, len(edges))
    for table in (make("mbm", p.bits), every_entry(p.bits)):
        check(p, table, a, b)


def test_a_million_pairs_of_binary32():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 1 << 32, (2, 1_000_000), np.uint32)
    # Half of them have a product that is a number.
    b = np.where(np.arange(len(b)) % 2, a ^ 0x7F00_0000 ^ b & 0x81FF_FFFF, b)
    check(BINARY32_7, make("mbm", 7), a, b)


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_stalls_and_resets_change_nothing(bits):
    p = EACH[bits]
    for seed in range(4):
        for idle, back_pressure in ((0.3, 0.5), (0.8, 0.0), (0.0, 0.8)):
            stalls = Stalls(idle=idle, back_pressure=back_pressure)
            assert regress(p, blocks=300, seed=seed, stalls=stalls).message == ""
    # In the middle of an upload, just behind its end, among the products.
    for cycles in (1, 4**bits // 2, 4**bits, 4**bits + 1, 4**bits + 3, 4**bits + 100):
        for stalls in (Stalls(), STALLS):
            report = regress(p, blocks=300, seed=cycles, stalls=stalls, reset_after=cycles)
            assert report.message == ""


@pytest.mark.parametrize("bits", [3, 7])
def test_latency_throughput_and_counters(bits):
    p, entries = EACH[bits], 4**bits
    latency = UNITS["amsim_multiplier"].top(p).latency
    assert latency == 4
    a, b = every_fraction(p.format, bits, seed=1)
    _, result = simulate(p, make("mbm", bits), a, b)
    beats = -(-len(a) // p.lanes)
    first, last = result.stamps["s_axis_table"]
    assert last - first == entries - 1
    assert result.stamps["s_axis"] == (last + 2, last + 1 + beats)
    assert result.stamps["m_axis"] == (last + 2 + latency, last + 1 + beats + latency)
    counters = [result.registers[n] for n in ("products", "table_stalls", "output_stalls")]
    assert counters == [beats * p.lanes, entries + 1, 0]


def test_the_gate_netlist_passes_the_same_regression():
    p = EACH[2]
    gates = netlist(generate("amsim_multiplier", p), "gates")
    assert " entries " not in gates
    for seed in (1, 2):
        assert regress(p, blocks=60, seed=seed, netlist=gates, **ICARUS).message == ""


def test_the_netlist_of_a_large_table_keeps_its_memory():
    p = AmsimParameters.make(preset="bfloat16_5")
    gates = netlist(generate("amsim_multiplier", p), "gates")
    assert re.findall(r"reg \[5:0\] \S*entries *\[1023:0\];", gates)
    assert regress(p, blocks=100, seed=3, netlist=gates, **ICARUS).message == ""


def test_cocotb_where_what_was_never_written_is_unknown():
    for seed in (1, 2):
        assert regress(EACH[2], blocks=30, seed=seed, **ICARUS).message == ""


def test_nine_bits():
    p = _parameters(9, "binary16", 2)
    a, b = np.random.default_rng(2).integers(0, 1 << 16, (2, 100_000))
    check(p, random_table(9, np.random.default_rng(3)), a, b)


@pytest.mark.parametrize("bits", [8, 9, 10, 11])
def test_large_tables_are_generated_quickly(bits):
    start = time.process_time()
    text = generate("amsim_multiplier", _parameters(bits, "binary32", 4)).verilog
    assert time.process_time() - start < 20
    assert len(text) < 60_000 and "entries_index" not in text
    assert re.findall(r"reg (.*) entries (.*);", text) == [(f"[{bits}:0]", f"[{4**bits - 1}:0]")]
