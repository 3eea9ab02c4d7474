"""Uploads of tables: a second one, refused ones, those of a wrong length; planted faults."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat

from hw.approx.amsim_multiplier import AmsimUnit
from hw.approx.table import ProductTable
from hw.approx.upload import Upload
from hw.flow.emit import generate
from sim.approx.amsim_multiplier import entries, operands, products, random_table, regress
from sim.bench import Result, Stalls, run
from sim.compare import MismatchError, assert_equal
from sim.job import BenchError
from sim.registers import readable
from sw.approx.amsim_multiplier import AmsimParameters, look_up
from tests.faults import Fault, faulty

SMALL = AmsimParameters(bits=2, lanes=3)
SIZE = 16
FIRST, SECOND = (random_table(2, np.random.default_rng(seed)) for seed in (1, 2))
BEATS = 60
A, B = np.random.default_rng(3).integers(0x3F00, 0x4100, (2, 3 * BEATS))
ICARUS: dict[str, Any] = {"engine": "cocotb", "simulator": "icarus"}
WORK = 3 * SIZE
"""A cycle of streaming in which products are under way, if no side stalls."""


def upload(*parts: tuple[np.ndarray, int], load: int | None = None, beats: int = BEATS, **options):
    """Load in the beginning and perhaps in cycle ``load``; stream parts of tables and pairs.

    Each part has the place of its beat with ``last``.
    """
    design = generate("amsim_multiplier", SMALL)
    pairs = operands(SMALL, A, B)[:beats]
    last = np.concatenate([np.arange(len(part)) == end for part, end in parts])
    result = run(
        design,
        inputs={
            "s_axis": pairs,
            "s_axis_table": entries(SMALL, np.concatenate([part for part, _ in parts])),
        },
        last={"s_axis_table": last},
        outputs={"m_axis": len(pairs)},
        later=[] if load is None else [(load, "load", 1)],
        reads=readable(design.manifest),
        **{"writes": [("load", 1)], "watchdog": 500} | options,
    )
    return products(SMALL, result), result


def expect(found: tuple[np.ndarray, Result], table, *, refused=0, framing=0, state=0b10) -> None:
    """Insist on the products of a table and on what the registers say."""
    values, result = found
    assert_equal(values, look_up(SMALL, table, A, B)[: len(values)])
    names = ("status.refused", "status.framing", "table")
    registers = np.array([result.registers[name] for name in names])
    assert_equal(registers, np.array([refused, framing, state]))


WHOLE = (FIRST.entries, SIZE - 1)
OTHER = (SECOND.entries, SIZE - 1)
EARLY = (FIRST.entries[:5], 4)
ENDLESS = (FIRST.entries, SIZE)


def plain(**options):
    expect(upload(WHOLE, **options), FIRST)


def work(**options):
    expect(upload(WHOLE, load=WORK, **options), FIRST, refused=1)


def early(**options):
    expect(upload(EARLY, OTHER, load=WORK, **options), SECOND, framing=1)


def endless(**options):
    expect(upload(ENDLESS, OTHER, load=WORK, **options), SECOND, framing=1)


def during_upload(**options):
    options |= {"writes": [("load", 1), ("load", 1)]}
    expect(upload(WHOLE, **options), FIRST, refused=1)


@pytest.mark.parametrize("case", [plain, work, early, endless, during_upload])
def test_uploads(case):
    case()
    case(reset_after=WORK + 20, settle=5)


@pytest.mark.parametrize(
    ("part", "framing", "state"),
    [((FIRST.entries[:5], 5), 0, 0b01), (EARLY, 1, 0), (ENDLESS, 1, 0), (WHOLE, 0, 0b10)],
    ids=["part", "early", "endless", "whole"],
)
def test_the_state_without_products(part, framing, state):
    _, result = upload(part, beats=0)
    assert (result.registers["table"], result.registers["status.framing"]) == (state, framing)
    if state != 0b10:
        with pytest.raises(BenchError, match="s_axis took 0 of 60 beats .*tready 0"):
            upload(part)


def test_nothing_is_taken_without_a_load():
    with pytest.raises(BenchError, match="s_axis took 0 of 60 .*; s_axis_table took 0 of 16 "):
        upload(WHOLE, writes=[])


def test_a_refused_load_takes_no_entry():
    for stalls in (Stalls(), Stalls(back_pressure=0.8)):
        with pytest.raises(BenchError, match="cycles: s_axis_table took 16 of 32 beats .*tready 0"):
            upload(WHOLE, OTHER, load=WORK, stalls=stalls)


def test_a_second_table_is_obeyed_from_its_end_on():
    one, two = (look_up(SMALL, table, A, B) for table in (FIRST, SECOND))
    obeyed = []
    # Few operands come, so that often none is under way.
    for load in range(200, 500, 10):
        try:
            found, result = upload(WHOLE, OTHER, load=load, stalls=Stalls(idle=0.9))
        except BenchError as error:
            assert "s_axis_table took 16 of 32" in str(error)
            continue
        change = 3 * (np.flatnonzero(found != one)[0] // 3)
        obeyed.append(change)
        assert_equal(found, np.where(np.arange(len(found)) < change, one, two))
        assert result.registers["status.refused"] == result.registers["status.framing"] == 0
    assert len(set(obeyed)) > 5


def test_a_load_between_a_pair_and_its_products_is_refused():
    # The pair is taken in the cycle in which it may be; its products wait in the queue.
    obeyed, wait = [], {"stalls": Stalls(back_pressure=0.99), "seed": 3}
    for load in range(SIZE - 4, SIZE + 20):
        try:
            _, result = upload(WHOLE, load=load, beats=1, **wait)
        except BenchError as error:
            assert "s_axis took 0 of 1" in str(error)
            obeyed.append(load)
            continue
        assert result.registers["status.refused"] == 1
        assert result.stamps["m_axis"][0] > 100
    # In the cycle from the last entry to the pair.
    assert len(obeyed) == 1


def test_entries_with_padding_bits():
    beats = entries(SMALL, FIRST.entries)
    beats[3] |= 0x80
    design = generate("amsim_multiplier", SMALL)
    result = run(
        design,
        inputs={"s_axis": operands(SMALL, A, B), "s_axis_table": beats},
        outputs={"m_axis": BEATS},
        writes=[("load", 1)],
        reads=readable(design.manifest),
    )
    expect((products(SMALL, result), result), FIRST, framing=1)


UNKNOWN = "non-0/1 values"
"""What cocotb says of a product of entries that were not written."""

DIFFER = "values differ"

FAULTS = {
    "the second lane's fractions are exchanged": (
        plain,
        Fault(ProductTable, lambda s: s.entries.read_ports[1].addr.eq(Cat(s.x[1], s.y[1])), DIFFER),
    ),
    "the carry of an entry is lost": (
        plain,
        Fault(ProductTable, lambda s: s.entries.write_ports[0].data.eq(s.entry[:2]), DIFFER),
    ),
    "the third lane's table is never written": (
        plain,
        Fault(AmsimUnit, lambda s: s.table_1.write.eq(0), UNKNOWN),
    ),
    "operands do not wait for the table": (
        plain,
        Fault(
            AmsimUnit,
            lambda s: [s.i.ready.eq(s.pipeline.en), s.pipeline.accept.eq(s.i.valid)],
            UNKNOWN,
        ),
    ),
    "no entry is written": (plain, Fault(Upload, lambda s: s.write.eq(0), UNKNOWN)),
    "a load is obeyed while products are under way": (
        work,
        Fault(Upload, lambda s: s.starts.eq(s.load & ~s.loading), "s_axis took"),
    ),
    "a load is never refused": (work, Fault(Upload, lambda s: s.refused.eq(0), DIFFER)),
    "a load is obeyed while a table is": (
        during_upload,
        Fault(Upload, lambda s: s.starts.eq(s.load & s.idle), DIFFER),
    ),
    "an early end counts as a whole table": (
        early,
        Fault(Upload, lambda s: s.whole.eq(s.accepted & s.i_table.payload.last), UNKNOWN),
    ),
    "the next table is not begun at its beginning": (
        early,
        Fault(Upload, lambda s: s.place.eq(s.place + s.accepted), "s_axis_table took 16 of 21"),
    ),
    "a table counts as whole without an end": (
        endless,
        Fault(Upload, lambda s: s.whole.eq(s.accepted & s.final), "s_axis_table took 16 of 32"),
    ),
    "a table without an end is not told": (
        endless,
        Fault(Upload, lambda s: s.framing.eq(0), DIFFER),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    case, fault = FAULTS[name]
    mutant = faulty("amsim_multiplier", SMALL, fault)
    with pytest.raises((BenchError, MismatchError, RuntimeError), match=fault.sign):
        case(netlist=mutant, **ICARUS)


def test_the_faults_are_planted_in_a_design_that_passes():
    for case in (plain, work, early, endless, during_upload):
        case(**ICARUS)
    assert regress(SMALL, blocks=30, **ICARUS).message == ""
