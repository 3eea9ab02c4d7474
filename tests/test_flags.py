"""What ``nan`` and ``overflow`` say of one special result among finite ones, at every place."""

import numpy as np
import pytest

from sim.approx import array as approx_array
from sim.bfp import array as bfp_array
from sim.bfp import dot as bfp_dot
from sim.bfp import multimode_array as multimode
from sim.sparse import array as sparse_array
from sim.sparse import csb_encoder
from sw.approx.array import ApproxArrayParameters
from sw.bfp.array import ArrayParameters
from sw.bfp.dot import DotParameters
from sw.bfp.multimode_array import MultimodeParameters
from sw.formats.quantize import quantize
from sw.sparse.array_parameters import Job
from sw.sparse.csb_parameters import CsbEncoderParameters
from tests.sparse.test_array import SMALL as SPARSE

from .small import DOT, FORMAT

BLOCKS = ArrayParameters(format=FORMAT, lanes=2, rows=2, columns=2)
APPROX = ApproxArrayParameters.make(preset="mitchell", rows=2, columns=2)
MULTIMODE = MultimodeParameters(rows=2, columns=2)
LARGE = 2.0**120
# Of one operand, the other being 1 but for a large one: what the status says.
CASES = [(3.0, 1.0, set()), (-LARGE, LARGE, {"overflow"}), (np.nan, 1.0, {"nan"})]


def _blocks(x, form, axis=1):
    return quantize(x, form, axis=axis, random=np.zeros(x.shape, np.int64))


def _said(result) -> set[str]:
    return {name for name in ("nan", "overflow") if result.registers[f"status.{name}"]}


@pytest.mark.parametrize(("value", "factor", "flags"), CASES)
def test_dot(value, factor, flags):
    size = DOT.format.reduction
    for place in range(3):
        a, b = np.ones((2, 3, size), np.float32)
        a[place, 1], b[place] = value, factor
        operands = [_blocks(x, DOT.format) for x in (a, b)]
        assert _said(bfp_dot.simulate(DOT, *operands)[1]) == flags
        p = DotParameters(format=DOT.format, lanes=size, operands="binary32")
        assert _said(bfp_dot.simulate(p, a, b)[1]) == flags


@pytest.mark.parametrize(("value", "factor", "flags"), CASES)
def test_array_of_blocks(value, factor, flags):
    for row in range(3):
        for column in range(3):
            a, b = np.ones((3, 8), np.float32), np.ones((8, 3), np.float32)
            a[row, 5], b[:, column] = value, factor
            operands = _blocks(a, FORMAT), _blocks(b, FORMAT, axis=0)
            assert _said(bfp_array.simulate(BLOCKS, *operands)[1]) == flags


@pytest.mark.parametrize(("value", "factor", "flags"), CASES)
def test_approximate_array(value, factor, flags):
    # Whole tiles: zeros that fill one up would make a NaN of an infinity.
    rows, columns = APPROX.tile_rows, APPROX.columns
    for row in range(rows):
        for column in range(columns):
            a, b = np.ones((rows, 2), np.float32), np.ones((2, columns), np.float32)
            a[row, 1], b[:, column] = value, factor
            assert _said(approx_array.simulate(APPROX, a, b)[1]) == flags


@pytest.mark.parametrize(("value", "factor", "flags"), CASES)
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_multimode_array(mode, value, factor, flags):
    form, (rows, columns) = MULTIMODE.formats[mode], MULTIMODE.tile(mode, mode)
    for row in range(rows):
        column = row % columns
        a, b = np.ones((rows, 3), np.float32), np.ones((3, columns), np.float32)
        a[row, 1], b[:, column] = value, factor
        operands = _blocks(a, form), _blocks(b, form, axis=0)
        assert _said(multimode.simulate(MULTIMODE, [operands])[1]) == flags


@pytest.mark.parametrize(("value", "factor", "flags"), CASES)
def test_sparse_array(value, factor, flags):
    job = Job(rows=2, depth=12, pixels=3, patch=20)
    operands = sparse_array.random_operands(SPARSE, job, np.random.default_rng(7), 1)
    operands["x"] = np.full_like(operands["x"], factor)
    for place in (0, 1, -1):
        operands["values"] = np.ones_like(operands["values"])
        operands["values"][place] = value
        assert _said(sparse_array.simulate(SPARSE, job, operands)[1]) == flags


@pytest.mark.parametrize("value", [np.nan, np.inf, 3.0])
def test_encoder_of_values_that_are_kept_and_not(value):
    p = CsbEncoderParameters(lanes=1, keep=True, pointer_bits=8)
    for place in (0, 4, 8):
        dense = np.ones((2, 3, 3), np.float32)
        dense[1].flat[place] = value
        keep = np.ones(dense.shape, bool)
        for kept in (True, False):
            keep[1].flat[place] = kept
            _, result = csb_encoder.simulate(p, [(dense, keep)])
            assert result.registers["status.nan"] == (kept and not np.isfinite(value))
