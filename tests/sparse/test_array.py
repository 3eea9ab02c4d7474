"""The sparse array against its model: sums, registers, cycles."""

from typing import Any

import numpy as np
import pytest

from sim.bench import Session, Stalls
from sim.sparse.array import check, random_job, random_operands, regress, simulate
from sw.errors import UserError
from sw.formats import binary32
from sw.sparse.array import apply
from sw.sparse.array_parameters import MODES, Job, SparseArrayParameters

SIZES: dict[str, Any] = {
    "mask_bits": 8,
    "depth": 32,
    "nonzeros": 64,
    "patch": 32,
    "sums": 32,
    "pixels": 16,
}
SMALL = SparseArrayParameters(pe_rows=2, columns=1, issue_width=2, **SIZES)
DESIGNS = {
    "two PE rows": SMALL,
    "one PE row": SparseArrayParameters(
        pe_rows=1, columns=2, subtiles=1, **{**SIZES, "mask_bits": 4, "patch": 16}
    ),
    "three PE rows of quarters": SparseArrayParameters(pe_rows=3, columns=1, subtiles=4, **SIZES),
    "32 PE rows": SparseArrayParameters(
        pe_rows=32, columns=1, **{**SIZES, "sums": 8, "nonzeros": 32, "pixels": 8}
    ),
}


@pytest.mark.parametrize("p", DESIGNS.values(), ids=DESIGNS.keys())
def test_rtl_is_the_model_in_sums_registers_and_cycles(p):
    for seed in range(3):
        report = regress(p, seed=seed + 1, blocks=60)
        assert report.mismatches == 0, report.message


@pytest.mark.parametrize("name", ["two PE rows", "three PE rows of quarters"])
def test_stalls_and_resets_change_nothing(name):
    p = DESIGNS[name]
    for seed in range(6):
        stalls = Stalls(idle=0.3 * (seed % 2), back_pressure=0.2 * (seed % 3))
        for reset_after in (None, 7, 50):
            report = regress(p, seed=seed + 1, blocks=12, stalls=stalls, reset_after=reset_after)
            assert report.mismatches == 0, report.message


def test_cocotb_agrees():
    p = SMALL
    rng = np.random.default_rng(3)
    job = Job(rows=2, depth=12, pixels=3, patch=20, passes=2)
    operands = random_operands(p, job, rng, 4)
    stalls = Stalls(idle=0.2, back_pressure=0.2)
    report = check(p, job, operands, stalls=stalls, engine="cocotb", simulator="verilator")
    assert report.mismatches == 0, report.message


@pytest.mark.parametrize("density", [0.0, 1.0])
def test_waves_that_are_empty_or_full(density):
    p, rng = SMALL, np.random.default_rng(5)
    job = Job(rows=2, depth=16, pixels=5, patch=32)
    operands = random_operands(p, job, rng, 3)
    operands["mask"][:] = rng.random(operands["mask"].shape) < density
    count = int(operands["mask"].sum())
    operands["values"] = rng.standard_normal(count).astype(np.float32)
    operands["x"] = rng.standard_normal(operands["x"].shape).astype(np.float32)
    report = check(p, job, operands)
    assert report.mismatches == 0, report.message
    sums, result = simulate(p, job, operands)
    # A row takes an entry even if it has no values: 2 subtiles of 2 rows, or of 2 rows of 16.
    assert result.registers["steps"] == 3 * (4 if density == 0 else 64) * 8
    if density == 0:
        assert not sums.any()


def _slow(p, job, mask, values, x, offsets, bases, shifts):
    """Return the sums as a sequence of scalar operations."""
    values = iter(values)
    sums = np.zeros(
        (len(mask) // job.passes, p.pass_subtiles, job.rows, job.pixels, p.columns), "f4"
    )
    for number, slot, row in np.ndindex(*mask.shape[:3]):
        part = np.zeros(sums.shape[3:], np.float32)
        for place in np.flatnonzero(mask[number, slot, row]):
            value = next(values)
            for position, column in np.ndindex(*part.shape):
                at = shifts[slot * job.rows + row] + offsets[place] + bases[position]
                product = binary32.multiply(value, x[number, at, column])
                part[position, column] = binary32.add(part[position, column], product)
        tile = number // job.passes, slot, row
        sums[tile] = binary32.add(sums[tile], part)
    return sums


def test_model_is_a_sequence_of_scalar_operations():
    rng = np.random.default_rng(1)
    for _ in range(4):
        job = random_job(SMALL, rng)
        operands = random_operands(SMALL, job, rng, job.passes)
        found, wanted = apply(SMALL, job, **operands), _slow(SMALL, job, **operands)
        np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))


def test_an_infinity_is_not_multiplied_by_what_is_left_out():
    p, job = SMALL, Job(depth=2, pixels=1, patch=2)
    mask = np.zeros((1, p.pass_subtiles, 1, 2), bool)
    mask[0, 0, 0, 0] = True
    operands = {
        "mask": mask,
        "values": np.array([3], np.float32),
        "x": np.array([[[2], [np.inf]]], np.float32),
        "offsets": [0, 1],
        "bases": [0],
        "shifts": np.zeros(p.pass_subtiles, int),
    }
    sums, result = simulate(p, job, operands)
    assert sums.ravel().tolist() == [6, 0, 0, 0]
    assert (result.registers["status.nan"], result.registers["status.overflow"]) == (0, 0)


WAITS = ("entry_waits", "patch_waits", "sum_waits")


@pytest.mark.parametrize(
    ("job", "share", "waits"),
    [
        (Job(rows=4, depth=32, pixels=1, patch=2), 0.01, "entry_waits"),
        (Job(rows=1, depth=1, pixels=1, patch=32), 1, "patch_waits"),
        (Job(rows=2, depth=2, pixels=8, patch=8), 0, "sum_waits"),
    ],
)
def test_what_is_waited_for_is_counted(job, share, waits):
    p, rng = SMALL.replace(pe_rows=3), np.random.default_rng(15)
    counted, idle = [], []
    for passes in (12, 24):
        operands = random_operands(p, job, rng, passes)
        operands["mask"][:] = rng.random(operands["mask"].shape) < share
        operands["values"] = np.ones(int(operands["mask"].sum()), np.float32)
        _, result = simulate(p, job, operands)
        counted.append([result.registers[name] for name in WAITS])
        idle.append(result.cycles - result.registers["steps"])
    # Before the first pass and behind the last one it is waited for entries.
    more = dict(zip(WAITS, np.diff(counted, axis=0)[0], strict=True))
    assert max(more, key=more.__getitem__) == waits
    assert abs(sum(more.values()) - (idle[1] - idle[0])) <= 12


def test_many_waves_are_added_up():
    p, rng = SMALL, np.random.default_rng(17)
    job = Job(rows=1, depth=8, pixels=3, patch=9, passes=9)
    report = check(p, job, random_operands(p, job, rng, 18))
    assert report.mismatches == 0, report.message


def test_clear_restarts_the_counters():
    job = Job(rows=2, depth=12, pixels=3, patch=20)
    operands = random_operands(SMALL, job, np.random.default_rng(7), 4)
    with Session() as session:
        simulate(SMALL, job, operands, session=session)
        _, kept = simulate(SMALL, job, operands, session=session)
        _, again = simulate(SMALL, job, operands, session=session, before=[("control.clear", 1)])
    assert (kept.registers["applied"], again.registers["applied"]) == (8, 4)


@pytest.mark.parametrize("mode", MODES[1:])
def test_modes_without_pointers(mode):
    p, rng = SMALL, np.random.default_rng(11)
    job = Job(rows=2, depth=16, pixels=7, patch=25, mode=mode, keep=2)
    operands = random_operands(p, job, rng, 4)
    report = check(p, job, operands)
    assert report.mismatches == 0, report.message
    # 2 of 4 takes half the steps of all.
    _, result = simulate(p, job, operands)
    assert result.registers["steps"] == 4 * 2 * 2 * (16 if mode == "dense" else 8) * 8


def test_balancing_makes_waves_as_long_as_the_model_says():
    p, rng = SMALL, np.random.default_rng(13)
    job = Job(rows=1, depth=32, pixels=8, patch=32)
    operands = random_operands(p, job, rng, 6)
    operands["mask"][:] = False
    operands["mask"][:, :2] = rng.random((6, 2, 1, 32)) < 0.9
    operands["values"] = np.ones(int(operands["mask"].sum()), np.float32)
    steps = {}
    for balanced in (True, False):
        one = Job(**{**vars(job), "balanced": balanced})
        _, result = simulate(p, one, operands)
        steps[balanced] = result.registers["steps"]
    assert steps[True] < 0.6 * steps[False]


def _parameters(fields):
    SparseArrayParameters(**fields)


def _job(fields):
    Job(**{"rows": 1, "depth": 8, "pixels": 3, "patch": 20, **fields}).check(SMALL)


def _operands(fields):
    operands = {
        "mask": np.ones((1, 4, 1, 2), bool),
        "values": np.ones(8, np.float32),
        "x": np.zeros((1, 2, 1), np.float32),
        "offsets": [0, 1],
        "bases": [0],
        "shifts": [0, 0, 0, 0],
    }
    apply(SMALL, Job(depth=2, pixels=1, patch=2), **{**operands, **fields})


# What is made of fields, and what is said of wrong ones.
WRONG = {
    _parameters: [
        ({"pe_rows": 65}, "pe_rows must be an integer from 1 to 64, not 65"),
        ({"subtiles": 3}, "subtiles must be one of 1, 2, 4, not 3"),
        ({"mask_bits": 12}, "mask_bits must be a power of two, not 12"),
        ({"issue_width": 3}, "issue_width must be an integer from 1 to 2, not 3"),
        ({"patch": 8192}, "patch must be an integer from 8 to 4096, not 8192"),
        ({"group": 16, "mask_bits": 8}, "group must be no more than mask_bits, 8, not 16"),
        ({"target": "asic"}, "target must be one of generic, ecp5, xilinx, not 'asic'"),
    ],
    _job: [
        ({"pixels": 17}, "pixels must be an integer from 1 to 16, not 17"),
        ({"rows": 6}, "rows must be an integer from 1 to 5, not 6"),
        ({"depth": 33}, "depth must be an integer from 1 to 32, not 33"),
        ({"patch": 0}, "patch must be an integer from 1 to 32, not 0"),
        ({"mode": "csr"}, "mode must be one of sparse, dense, structured, not 'csr'"),
        ({"balanced": 1}, "balanced must be true or false, not 1"),
        ({"mode": "structured", "depth": 14}, "depth must be a multiple of group, 4, not 14"),
    ],
    _operands: [
        (
            {"mask": np.ones((1, 2, 1, 2), bool)},
            "mask must have the shape (passes, 4, 1, 2), not (1, 2, 1, 2)",
        ),
        ({"values": np.array([1], np.float32)}, "values must have the shape (8,), not (1,)"),
        ({"values": np.ones(8)}, "values must be an array of float32, not float64"),
        ({"x": np.zeros((1, 3, 1), "f4")}, "x must have the shape (1, 2, 1), not (1, 3, 1)"),
        ({"offsets": [0, 2]}, "offsets must be from 0 to 1, not 2 at index 1"),
        ({"offsets": [0, -1]}, "offsets must be from 0 to 1, not -1 at index 1"),
        (
            {"bases": [1]},
            "shifts, offsets and bases must stay inside the patch of 2 rows, not reach 1 to 2",
        ),
        ({"bases": [0, 0]}, "bases must have the shape (1,), not (2,)"),
    ],
}


@pytest.mark.parametrize(
    ("make", "fields", "text"), [(make, *row) for make, rows in WRONG.items() for row in rows]
)
def test_what_is_wrong_is_told(make, fields, text):
    with pytest.raises(UserError) as error:
        make(fields)
    assert str(error.value) == text
