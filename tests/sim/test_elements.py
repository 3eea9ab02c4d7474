"""Codes of elements on the wire, and the random blocks of the regressions."""

import numpy as np
import pytest

from sim.bench import assert_equal
from sim.formats.elements import decode, encode, random_blocks, to_source
from sw.formats import BLOCK_FORMATS, FLOAT_FORMATS, BfpFormat, binary32


@pytest.mark.parametrize("symmetric", [False, True])
def test_codes_of_all_elements(symmetric):
    form = BfpFormat(mantissa_bits=4, symmetric=symmetric)
    q = np.arange(form.most_negative, form.largest + 1, dtype=np.int32)
    code = encode(q, form)
    assert len(set(code.tolist())) == len(q)
    assert (0 <= code).all() and (code < 16).all()
    assert code[0] == (15 if symmetric else 8)
    assert_equal(decode(code, form), q)


def test_minus_zero_is_refused():
    with pytest.raises(AssertionError, match="1 elements are -0"):
        decode([3, 128], BLOCK_FORMATS["hbfp8"])


@pytest.mark.parametrize("source", FLOAT_FORMATS)
def test_sources_hold_what_is_cut_to_them(source):
    x = to_source(random_blocks(np.random.default_rng(1), 500, 16), source)
    bits = binary32.to_bits(x, FLOAT_FORMATS[source])
    assert int(bits.max()) >> FLOAT_FORMATS[source].width == 0


def test_random_blocks_have_every_kind():
    x = random_blocks(np.random.default_rng(1), 2000, 16)
    assert np.isnan(x).any() and np.isinf(x).any()
    assert (x == 0).all(1).any()
    tiny = np.finfo(np.float32).tiny
    assert ((np.abs(x) < tiny) & (x != 0)).any()
    assert (np.abs(x[np.isfinite(x)]) > 1e38).any()
    assert (np.isfinite(x).all(1) & (x != 0).any(1)).mean() > 0.8
