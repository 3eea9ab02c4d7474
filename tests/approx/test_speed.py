"""The program in C that speed is compared with has the bits of the model."""

import numpy as np

from sim.approx.speed import scalar, speed
from sim.compare import assert_equal
from sw.approx import fast
from sw.approx.table import make
from tests.stimuli import edge_bits


def test_the_program_in_c_has_the_bits_of_the_model():
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((40, 30), (30, 20)))
    for x in (a, b):
        special = rng.random(x.shape) < 0.05
        x[special] = rng.choice(edge_bits(), special.sum()).view(np.float32)
    for bits in (3, 7):
        table = make("mbm", bits)
        for entries in (None, table.entries.ctypes.data):
            result = np.empty((40, 20), np.float32)
            scalar()(*(x.ctypes.data for x in (a, b, result)), 40, 30, 20, bits, entries)
            assert_equal(result.view(np.uint32), fast.gemm(table, a, b).view(np.uint32))


def test_every_ratio_is_measured():
    figures = speed(64)
    assert min(figures.values()) > 0
    assert figures["table_over_native"] == figures["table_ms"] / figures["native_ms"]
