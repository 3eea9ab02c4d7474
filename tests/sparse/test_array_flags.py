"""What the sparse array flags: operands and jobs that are wrong, and what it then does."""

import numpy as np
import pytest

from hw.sparse.registers import JobCheck
from sim.job import BenchError
from sim.sparse.array import random_operands, simulate
from sw.sparse.array import apply
from sw.sparse.array_parameters import Job, SparseArrayParameters
from tests.faults import Fault, faulty

from .test_array import SIZES, SMALL


def _job_and_operands(mode="sparse"):
    rng = np.random.default_rng(7)
    job = Job(rows=2, depth=12, pixels=3, patch=20, mode=mode)
    return job, random_operands(SMALL, job, rng, 4)


def test_pointers_that_do_not_fit_are_flagged_and_do_no_harm():
    job, operands = _job_and_operands()
    ends = operands["mask"].sum((2, 3)).cumsum().reshape(4, -1)
    pointers = np.concatenate([np.r_[0, ends[:-1, -1]][:, None], ends], 1)
    wanted = apply(SMALL, job, **operands)
    rng = np.random.default_rng(3)
    for _ in range(20):
        wrong = pointers.copy()
        wrong[rng.integers(4), rng.integers(1, SMALL.pass_subtiles)] ^= 1 << rng.integers(20)
        sums, result = simulate(SMALL, job, operands, pointers=wrong)
        np.testing.assert_array_equal(sums.view(np.uint32), wanted.view(np.uint32))
        assert result.registers["status.pointer"] == 1


@pytest.mark.parametrize("change", ["a bit too few", "a bit too many"])
def test_masks_that_do_not_fit_their_values_are_flagged(change):
    job, operands = _job_and_operands()
    ends = operands["mask"].sum((2, 3)).cumsum().reshape(4, -1)
    pointers = np.concatenate([np.r_[0, ends[:-1, -1]][:, None], ends], 1)
    bits = np.argwhere(operands["mask"] == (change == "a bit too few"))
    operands["mask"][tuple(bits[0])] ^= True
    if change == "a bit too many":
        # The last value is a beat of its own; without it the last pass would wait for ever.
        operands["values"] = np.append(operands["values"], np.float32(1))
    _, result = simulate(SMALL, job, operands, pointers=pointers)
    assert result.registers["status.pointer"] == 1


def test_a_mask_beyond_the_depth_is_flagged_and_ignored():
    job, operands = _job_and_operands()
    wanted = apply(SMALL, job, **operands)
    sums, result = simulate(SMALL, job, operands, beyond=1)
    np.testing.assert_array_equal(sums.view(np.uint32), wanted.view(np.uint32))
    assert result.registers["status.mask"] == 1


def test_a_group_with_another_number_of_bits_is_flagged():
    job, operands = _job_and_operands("structured")
    wrong = Job(**{**vars(job), "keep": job.keep + 1})
    _, result = simulate(SMALL, wrong, operands)
    assert result.registers["status.mask"] == 1


def test_more_non_zeros_than_a_line_holds_are_flagged_and_lost():
    p = SparseArrayParameters(pe_rows=2, columns=1, **{**SIZES, "nonzeros": 16})
    rng = np.random.default_rng(9)
    job = Job(rows=2, depth=16, pixels=3, patch=20, balanced=False)
    operands = random_operands(p, job, rng, 3)
    operands["mask"][:] = True
    operands["values"] = np.ones(operands["mask"].size, np.float32)
    # The sums that are never written are unknown to an engine that knows unknown bits.
    sums, result = simulate(p, job, operands, seed=2, engine="batch")
    assert result.registers["status.capacity"] == 1
    # A PE row's first 16 are those of the first row of its first subtile; the sums of the other
    # rows are never written.
    full = apply(p, job, **operands)
    first = np.stack([sums[number, subtile, 0] for number in range(3) for subtile in (0, 2)])
    wanted = np.stack([full[number, subtile, 0] for number in range(3) for subtile in (0, 2)])
    np.testing.assert_array_equal(first.view(np.uint32), wanted.view(np.uint32))


@pytest.mark.parametrize("stream", ["pointer", "mask", "value", "x"])
def test_an_early_end_is_flagged(stream):
    job, operands = _job_and_operands()
    _, result = simulate(SMALL, job, operands, early=stream)
    assert result.registers["status.framing"] == 1


# Depth, register, value. Structured with 0 or 5 bits in a group of 4, or with 14 places; mode 3.
WRONG = [(12, name, 0) for name in ("rows", "depth", "pixels", "patch", "passes")]
WRONG += [(12, "rows", 6), (12, "depth", 33), (12, "pixels", 17), (12, "pixels", 9)]
WRONG += [(12, "patch", 33), (12, "mode", 3), (12, "mode", 2), (12, "mode", 2 | 5 << 3)]
WRONG += [(14, "mode", 2 | 2 << 3)]


def _refuse(depth, name, value, **options):
    job = Job(rows=2, depth=depth, pixels=3, patch=20)
    operands = random_operands(SMALL, job, np.random.default_rng(7), 2)
    right = {**vars(job), "mode": job.balanced << 2 | job.keep << 3}[name]
    mended = {"after": [(name, value)], "later": [(300, name, right)]}
    found, result = simulate(SMALL, job, operands, **mended, **options)
    wanted = apply(SMALL, job, **operands)
    np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))
    assert result.registers["status.refused"] == 1
    assert min(first for first, _ in result.stamps.values()) > 300


@pytest.mark.parametrize(("depth", "name", "value"), WRONG)
def test_a_job_that_can_not_be_done_is_refused_and_waits(depth, name, value):
    _refuse(depth, name, value)


def test_a_job_that_is_not_refused_is_caught():
    fault = Fault(JobCheck, lambda s: s.sizes_fit.eq(1), "write of rows was answered")
    netlist = faulty("sparse_array", SMALL, fault)
    with pytest.raises(BenchError, match=fault.sign):
        _refuse(12, "rows", 6, netlist=netlist, watchdog=2000)
