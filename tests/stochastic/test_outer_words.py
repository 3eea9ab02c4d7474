"""What the outer product's model and parameters refuse, and in which words."""

from typing import cast

import numpy as np
import pytest

from sim.stochastic.outer_product import simulate
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS
from sw.stochastic import fast
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.outer_product import outer_product
from sw.stochastic.weights import Weights, subtract, to_blocks

P = OuterProductParameters(rows=2, columns=3)
FREE = P.replace(rate="free")
X, D = np.zeros((4, 3), np.float32), np.zeros((4, 2), np.float32)
MANY = cast(int, np.zeros((20, 20)))
NONE = np.zeros((0, 2, 3), np.int32)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: outer_product(P, X[:, :2], D), "x must have the shape (pairs, 3), not (4, 2)"),
        (
            lambda: outer_product(P, X, D.astype(float)),
            "d must be an array of float32, not float64",
        ),
        (lambda: outer_product(P, X, D[1:]), "x and d must be as many vectors, not 4 and 3"),
        (
            lambda: outer_product(P, X, D, last=np.zeros(3, bool)),
            "last must have the shape (4,), not (3,)",
        ),
        (
            lambda: outer_product(P, X, D, last=np.zeros(4, np.uint8)),
            "last must be an array of bool, not uint8",
        ),
        (
            lambda: outer_product(P.replace(scale="batch", batch=3), X, D),
            "x must be whole batches of 3 vectors, not 4",
        ),
        (
            lambda: outer_product(P.replace(source="bfloat16"), X + np.float32(1.001), D),
            "x must hold values of bfloat16, not 1.001",
        ),
        (
            lambda: outer_product(P, X, D, shift=64),  # the register would make it 0
            "shift must be an integer from 0 to 31, not 64",
        ),
        (lambda: outer_product(P, X, D, shift=-3), "shift must be an integer from 0 to 31, not -3"),
        (
            lambda: outer_product(P, X, D, shift=cast(int, 1.5)),
            "shift must be an integer from 0 to 31, not 1.5",
        ),
        (lambda: fast.outer_product(P, X, D, shift=32), "shift must be an integer from 0 to 31, n"),
        (
            lambda: outer_product(P, X, D, rate=2),
            "rate must be 1 where the parameter rate is shift",
        ),
        (lambda: fast.outer_product(P, X, D, rate=2), "rate must be 1 where the parameter rate is"),
        (lambda: outer_product(FREE, X, D, shift=1), "shift must be 0 where the parameter rate is"),
        (lambda: outer_product(FREE, X, D, shift=MANY), "shift must be 0 where the parameter rate"),
        (
            lambda: outer_product(P, X, D, rate=MANY),
            "rate must be 1 where the parameter rate is sh",
        ),
        (lambda: outer_product(FREE, X, D, rate=1e39), "rate must be a number from -3.4028234663"),
        (lambda: outer_product(FREE, X, D, rate=np.nan), "rate must be a number from -3.402823466"),
        (lambda: simulate(P, X, D, shift=32), "shift must be an integer from 0 to 31, not 32"),
        (
            lambda: outer_product(P, X, D, first=-1),
            "first must be an integer from 0 to 28147497671",
        ),
        (
            lambda: subtract(
                P.replace(weights=BLOCK_FORMATS["msfp16"], columns=16, results=16), X, X
            ),
            "weights must be those of msfp16, not ndarray",
        ),
        (
            lambda: subtract(P, Weights(mantissa=NONE, exponent=NONE), X),
            "weights must be those of none, not Weights",
        ),
        (
            lambda: to_blocks(P.replace(weights="binary32"), X),
            "weights must be of a format of blocks, not binary32",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError) as error:
        call()
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"length": 48}, "length must be one of 1, 2, 4, 8, 16, 32, 64, 128, 256, not 48"),
        ({"length": 512}, "length must be one of 1, 2, 4, 8, 16, 32, 64, 128, 256, not 512"),
        ({"length": True}, "length must be one of 1, 2, 4, 8, 16, 32, 64, 128, 256, not True"),
        ({"parallel": 3}, "parallel must divide the length of 64, not 3"),
        ({"parallel": 0}, "parallel must be an integer from 1 to 256, not 0"),
        ({"share": "none"}, "share must be one of shared, rotated, independent, not 'none'"),
        ({"width": 7}, "width must be an integer from 8 to 32, not 7"),
        ({"width": 12, "bits": 13}, "bits must be an integer from 2 to 12, not 13"),
        ({"bits": 25, "width": 32}, "bits must be an integer from 2 to 24, not 25"),
        ({"form": "x"}, "form must be one of fibonacci, galois, not 'x'"),
        ({"rounding": "up"}, "rounding must be one of truncate, nearest_even, not 'up'"),
        ({"source": "fp8"}, "source must be one of binary32, bfloat16, binary16, not 'fp8'"),
        ({"seed": 0}, "seed must be an integer from 1 to 16777215, not 0"),
        ({"lanes": 3}, "lanes must divide rows, 16, not 3"),
        ({"lanes": 4, "columns": 6}, "lanes must divide columns, 6, not 4"),
        ({"rows": 0}, "rows must be an integer from 1 to 128, not 0"),
        ({"columns": 129}, "columns must be an integer from 1 to 128, not 129"),
        ({"scale": "row"}, "scale must be one of vector, batch, not 'row'"),
        ({"batch": 0}, "batch must be an integer from 1 to 65536, not 0"),
        ({"scale": "batch", "batch": 4097}, "shares a power of two must be an integer from 1 to"),
        ({"guard": 17}, "guard must be an integer from 0 to 16, not 17"),
        ({"results": 17}, "results must be an integer from 1 to 16, not 17"),
        ({"results": 3}, "results must divide columns, 16, not 3"),
        ({"rate": "any"}, "rate must be one of shift, free, not 'any'"),
        ({"target": "asic"}, "target must be one of generic, ecp5, xilinx, not 'asic'"),
        ({"weights": "int8"}, "weights must be none, binary32 or a format: unknown format 'int8'"),
        (
            {"weights": None},
            "weights must be none, binary32 or a format: format must be a preset's",
        ),
        ({"weights": "mxfp4"}, "weights must be in block floating point, not in mxfp4"),
        ({"weights": "mxint8"}, "a length that divides results, 1, not of 32"),
        ({"weights": "hbfp8_8x8", "results": 8}, "that divides results, 8, not of 8x8"),
        (
            {"width": 8, "bits": 8, "share": "independent", "rows": 128, "columns": 128},
            "width must be at least 10 for 512 shift registers that start in different states",
        ),
    ],
)
def test_parameter_errors(fields, message):
    with pytest.raises(UserError) as error:
        OuterProductParameters(**fields)
    assert message in str(error.value) and "\n" not in str(error.value)
