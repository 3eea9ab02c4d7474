"""Nothing through a circuit: what the model gives, or a worded error."""

import numpy as np
import pytest

from sim.bfp import dot as bfp_dot
from sim.bfp import multimode_array as multimode
from sim.sparse import csb_decoder, csb_encoder
from sim.stochastic import converter
from sw.errors import UserError
from sw.formats.quantize import quantize
from tests.small import DOT, PARAMETERS


def test_no_rows_of_a_dot_product():
    x = np.zeros((0, 64), np.float32)
    none = quantize(x, DOT.format, random=x.astype(int))
    found, _ = bfp_dot.simulate(DOT, none, none)
    assert (found.shape, found.dtype) == ((0, 64 // DOT.format.reduction), np.float32)


def test_no_vectors_of_a_stochastic_converter():
    p = PARAMETERS["stochastic_converter"]
    found, _ = converter.simulate(p, np.zeros((0, p.elements), np.float32))
    assert found.bits.shape == (0, p.length, p.elements)
    assert found.negative.shape == (0, p.elements) and found.code.shape == (0,)


MULTIMODE = PARAMETERS["bfp_multimode_array"]
ONE = quantize(np.ones((1, 1), np.float32), MULTIMODE.formats[0], axis=1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: multimode.simulate(MULTIMODE, []), "products must be one or more"),
        (
            lambda: multimode.simulate(MULTIMODE, [(ONE, ONE.transposed)], order=[0, 0]),
            "order must name each product as often as it has tiles, [1]",
        ),
        (
            lambda: csb_encoder.encode(PARAMETERS["csb_encoder"], []),
            "packets must be one or more, each of a block or more",
        ),
        (
            lambda: csb_encoder.encode(
                PARAMETERS["csb_encoder"], [(np.ones((0, 3, 3), np.float32), None)]
            ),
            "packets must be one or more, each of a block or more",
        ),
        (lambda: csb_decoder.decode(PARAMETERS["csb_decoder"], []), "loads must be one or more"),
    ],
)
def test_refused(call, words):
    with pytest.raises(UserError) as error:
        call()
    assert str(error.value) == words
