"""Parameters and model of the array of approximate multipliers."""

import numpy as np
import pytest

from sw.approx.array import ApproxArrayParameters, cut, matmul
from sw.approx.product import Datapath, gemm
from sw.approx.table import make
from sw.errors import UserError
from sw.formats import BFLOAT16, BINARY32
from sw.timing import Timing


@pytest.mark.parametrize("preset", ApproxArrayParameters.PRESETS)
def test_presets(preset):
    p = ApproxArrayParameters.make(preset=preset)
    assert p.multiplier == preset
    assert ApproxArrayParameters.make(**p.as_dict()) == p


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rows": 0}, "rows must be an integer from 1 to 64, not 0"),
        ({"columns": 65}, "columns must be an integer from 1 to 64, not 65"),
        ({"interleave": 4}, "interleave must be an integer from 5 to 64, not 4"),
        ({"multiplier": "mbn"}, "unknown multiplier 'mbn', did you mean mbm?"),
        ({"bits": 8}, "bits must be an integer from 1 to 7, not 8"),
        (
            {"multiplier": "table", "bits": 12, "format": "binary32"},
            "bits must be an integer from 1 to 11, not 12",
        ),
        ({"multiplier": "realm8", "bits": 2}, "bits of realm8 must be an integer from 3 to 23"),
        ({"format": "binary16"}, "format must have 8 exponent bits, as sums have, not 5"),
        ({"target": "ice40"}, "target must be one of generic, ecp5, xilinx, not 'ice40'"),
    ],
)
def test_wrong_fields(fields, message):
    with pytest.raises(UserError) as error:
        ApproxArrayParameters(**fields)
    assert str(error.value).startswith(message)


def test_operands_are_cut():
    bits = np.array([0x3F80FFFF, 0xC0490FDB, 0x7FC00000, 0x7F800001, 0x00000001], np.uint32)
    x = bits.view(np.float32)
    assert cut(x, BFLOAT16).tolist() == [0x3F80, 0xC049, 0x7FC0, 0x7F80, 0]
    assert cut(x, BINARY32).tolist() == bits.tolist()


def test_the_model_is_the_product_of_matrices():
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal(s).astype(np.float32) for s in ((3, 5), (5, 2)))
    expected = gemm(Datapath(name="mbm", bits=7), a, b)
    for p, table in (
        (ApproxArrayParameters(), None),
        (ApproxArrayParameters(format=BINARY32), None),
        (ApproxArrayParameters(multiplier="table"), make("mbm", 7)),
    ):
        assert matmul(p, a, b, table).tobytes() == expected.tobytes()


def test_tables_are_given_where_they_are_needed():
    one = np.ones((1, 1), np.float32)
    p = ApproxArrayParameters(multiplier="table", bits=3)
    with pytest.raises(UserError, match="table must be given where the multiplier is a table"):
        matmul(p, one, one)
    with pytest.raises(UserError, match="bits of the table must be an integer from 3 to 3, not 2"):
        matmul(p, one, one, make("mbm", 2))
    with pytest.raises(UserError, match="table must be None where the multiplier is mbm"):
        matmul(ApproxArrayParameters(), one, one, make("mbm", 7))


def test_tiles_and_cycles():
    p = ApproxArrayParameters(rows=2, columns=3, interleave=5)
    assert (p.tile_rows, p.tiles(10, 3), p.tiles(11, 4)) == (10, 1, 4)
    # A tile of a single place still gives ten rows.
    assert p.timing == Timing(latency=11, interval=10, drain=5)
    assert p.cycles(10, 6, 1) == 10 + 10 + 11
    assert p.cycles(10, 6, 4) == 20 + 25 + 11
