"""The array of approximate multipliers in RTL and as a netlist against its model, on every bit."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Mux

from hw.approx.accumulator import Accumulator
from hw.approx.column import ApproxColumn
from hw.approx.pe import MultiplierPE
from hw.engine.row_delay import RowDelay
from hw.engine.sequencer import Sequencer
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.stream.fifo import OutputFifo
from sim.approx.array import matmul, regress, simulate
from sim.bench import Stalls
from sim.compare import assert_equal
from sim.job import BenchError
from sw.approx.array import ApproxArrayParameters
from sw.approx.array import matmul as model
from sw.approx.table import Table
from sw.errors import UserError

from ..faults import STALLS, Fault, assert_caught

ARRAY = ApproxArrayParameters(rows=2, columns=2)
LOOKED_UP = ApproxArrayParameters(multiplier="table", bits=2, rows=3, columns=2)
GRID = [Stalls(idle=i, back_pressure=b) for i in (0.0, 0.3, 0.8) for b in (0.0, 0.3, 0.8)]
START = ("control.start", 1)


def _operands(size: tuple[int, int, int], seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    m, n, k = size
    a, b = (rng.standard_normal(s).astype(np.float32) for s in ((m, k), (k, n)))
    return a, b


def _table(p: ApproxArrayParameters, seed: int = 1) -> Table:
    entries = np.random.default_rng(seed).integers(0, 2 << p.bits, 4**p.bits)
    return Table(name="random", bits=p.bits, entries=entries)


def _set(result: Any) -> set[str]:
    """The bits of status that are set, but ``done``."""
    status = {name.partition(".")[2]: v for name, v in result.registers.items() if "status" in name}
    return {name for name, value in status.items() if value} - {"done"}


DESIGNS: list[tuple[dict[str, Any], list[tuple[int, int, int]]]] = [
    ({}, [(1, 1, 1), (10, 2, 2), (11, 3, 7), (23, 5, 40)]),
    ({"multiplier": "mitchell", "bits": 9, "format": "binary32", "rows": 1, "columns": 1}, []),
    ({"multiplier": "realm8", "rows": 3, "columns": 1, "interleave": 8}, [(49, 2, 3)]),
    (
        {
            "multiplier": "exact_nearest",
            "bits": 23,
            "format": "binary32",
            "rows": 1,
            "columns": 2,
            "interleave": 7,
        },
        [(8, 3, 30)],
    ),
]


@pytest.mark.parametrize(("fields", "sizes"), DESIGNS, ids=lambda v: str(v)[:40])
def test_products_and_their_cycles(fields, sizes):
    p = ARRAY.replace(**fields)
    for size in [(1, 1, 1), (p.tile_rows, p.columns, 2), *sizes]:
        a, b = _operands(size)
        product, result = simulate(p, a, b)
        assert_equal(product, model(p, a, b), context={"size": size})
        assert result.cycles == p.cycles(*size)
    for stalls in (Stalls(), Stalls(idle=0.3, back_pressure=0.5)):
        assert regress(p, blocks=300, seed=5, stalls=stalls).message == ""


@pytest.mark.parametrize("stalls", GRID, ids=lambda s: f"{s.idle}-{s.back_pressure}")
def test_stalls_change_nothing(stalls):
    for seed in range(3):
        assert regress(ARRAY, blocks=100, seed=seed, stalls=stalls).message == ""


@pytest.mark.parametrize("cycles", [1, 17, 60])
def test_reset_in_mid_job_leaves_nothing_behind(cycles):
    for stalls in (Stalls(), Stalls(idle=0.3, back_pressure=0.3)):
        report = regress(ARRAY, blocks=200, seed=cycles, reset_after=cycles, stalls=stalls)
        assert report.message == ""


def test_sums_that_overflow_cancel_and_vanish():
    huge, tiny, nan, infinite = (np.float32(x) for x in (2.0**99, 2.0**-63, np.nan, np.inf))
    rows = [
        [huge, huge, -huge, 1],  # beyond binary32, and back from there
        [1, -1, 0, 0],
        [-0.0, 0, -0.0, 0],  # a sum that begins with -0
        [tiny, 0, -1.5 * tiny, 0],  # below the normal numbers
        [nan, 1, 1, 1],
        [infinite, 0, 1, 1],
        [infinite, -infinite, 1, 1],
        [infinite, 1, 1, 0],
    ]
    a = np.array(rows, np.float32)
    b = np.array([[2.0**28, 1], [2.0**28, 1], [2.0**28, 2.0**-64], [1, 0]], np.float32)
    b[0, 1] = tiny
    product, result = simulate(ARRAY, a, b)
    assert_equal(product, model(ARRAY, a, b))
    assert np.isinf(product[0, 0]) and product[1, 0] == 0 and product.view(np.uint32)[2, 0] == 0
    assert np.isnan(product[[4, 6], 0]).all() and np.isinf(product[7, 0])
    assert _set(result) == {"nan", "overflow"}
    a, b = np.array([[tiny, -tiny]], np.float32), np.array([[1.25 * tiny], [tiny]], np.float32)
    product, result = simulate(ARRAY, a, b)
    assert_equal(product, model(ARRAY, a, b))
    assert product[0, 0] == 0 and _set(result) == set()


def test_95_percent_of_the_slots_of_a_4_by_4_array_do_useful_work():
    p = ApproxArrayParameters(rows=4, columns=4)
    size = (40, 8, 300)
    a, b = _operands(size)
    product, result = simulate(p, a, b)
    assert_equal(product, model(p, a, b))
    assert result.cycles == p.cycles(*size)
    assert result.registers["operand_stalls"] + result.cycles == result.registers["cycles"]
    assert np.prod(size) / (result.cycles * p.rows * p.columns) >= 0.95


def test_the_gate_netlist_passes_the_same_regression():
    p = ARRAY.replace(bits=3, columns=1)
    gates = netlist(generate("approx_array", p), "gates")
    for stalls in (Stalls(), Stalls(idle=0.3, back_pressure=0.5)):
        assert regress(p, blocks=200, seed=6, stalls=stalls, netlist=gates).message == ""


FAULTS = {
    "a sum never starts anew": Fault(
        Accumulator, lambda s: s.adder.a.eq(s.adder.o), "product: ", STALLS
    ),
    "the column's operand does not wait for all rows": Fault(
        MultiplierPE, lambda s: s.b_0.eq(Mux(s.en, s.b, s.b_0)), "product: ", STALLS
    ),
    "a PE's results are another's": Fault(
        ApproxColumn,
        lambda s: s.result.eq(
            Mux(s.en, (s.pe_0.o | s.pe_1.o) & s.select[0].replicate(32), s.result)
        ),
        "product: ",
        STALLS,
    ),
    "an operand comes a cycle too soon": Fault(
        RowDelay, lambda s: s.stage_1.eq(Mux(s.en, s.i, s.stage_1)), "product: ", STALLS
    ),
    "the next tile begins a cycle too soon": Fault(
        Sequencer, lambda s: s.may_begin.eq(s.age >= ARRAY.tile_rows - 1), "m_axis", STALLS
    ),
    "a beat of b with each of a": Fault(
        Sequencer, lambda s: s.ready_b.eq(s.wants & s.valid_a), "s_axis|product: ", STALLS
    ),
    "the array moves when its FIFO has no place for what is under way": Fault(
        OutputFifo, lambda s: s.credit.eq(s.level <= OutputFifo.DEPTH - 1), "m_axis", STALLS
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    assert_caught(regress, "approx_array", ARRAY, FAULTS[name], blocks=100, seed=8)


def test_tlast_inside_a_tile_is_a_framing_error():
    a, b = _operands((10, 2, 2))
    for name, beats in (("s_axis_a", 10), ("s_axis_b", 2)):
        for beat in range(beats):
            last = np.zeros(beats, np.uint8)
            last[beat] = 1
            _, result = simulate(ARRAY, a, b, last={name: last})
            assert _set(result) == ({"framing"} if beat < beats - 1 else set())


def test_a_refused_start_is_told_and_changes_nothing():
    a, b = _operands((11, 3, 4))
    for commands in ((START, START), (("depth", 0), START, ("depth", 4), START)):
        product, result = simulate(ARRAY, a, b, commands=commands)
        assert_equal(product, model(ARRAY, a, b))
        assert _set(result) == {"refused"}


def test_products_by_loaded_tables():
    for seed, stalls in enumerate(GRID[::4]):
        assert regress(LOOKED_UP, blocks=100, seed=seed, stalls=stalls).message == ""
    assert regress(LOOKED_UP, blocks=100, seed=4, reset_after=30).message == ""
    p = LOOKED_UP.replace(rows=2, interleave=6, bits=3, format="binary32")
    assert regress(p, blocks=100, seed=2).message == ""


def test_a_start_without_a_table_is_refused():
    a, b = _operands((15, 2, 3))
    table = _table(LOOKED_UP)
    load = ("load", 1)
    # The bench writes a load before these commands; a second one comes while the first is obeyed.
    for commands, flags in (((START,), set()), ((load, START), {"refused"})):
        product, result = simulate(LOOKED_UP, a, b, table, commands=commands)
        assert_equal(product, model(LOOKED_UP, a, b, table))
        assert _set(result) == flags
    # A load while the job uses the table.
    later = [(4**LOOKED_UP.bits + 12, "load", 1)]
    product, result = simulate(LOOKED_UP, a, b, table, later=later)
    assert_equal(product, model(LOOKED_UP, a, b, table))
    assert _set(result) == {"refused"}
    with pytest.raises(BenchError, match="s_axis"):
        simulate(LOOKED_UP, a, b, commands=(START,), watchdog=200)
    with pytest.raises(UserError, match="^table must be given where the multiplier is a table"):
        matmul(LOOKED_UP, a, b)


def test_a_table_cut_short_is_a_framing_error_and_may_come_again():
    a, b = _operands((15, 2, 3))
    table = _table(LOOKED_UP)
    entries = np.concatenate((table.entries[:3], table.entries)).astype(np.uint8)[:, None]
    last = np.zeros(len(entries), np.uint8)
    last[[2, -1]] = 1
    product, result = simulate(
        LOOKED_UP,
        a,
        b,
        commands=(("load", 1), START),
        later=[(20, "load", 1)],
        inputs={"s_axis_table": entries},
        last={"s_axis_table": last},
    )
    assert_equal(product, model(LOOKED_UP, a, b, table))
    assert _set(result) == {"framing"}


def test_matmul_is_the_product_alone():
    a, b = _operands((2, 2, 2))
    assert_equal(matmul(ARRAY, a, b), model(ARRAY, a, b))
