"""Scales of training recipes: one that never saturates, and one with headroom."""

import dataclasses

import numpy as np
import pytest

from sw.errors import UserError
from sw.formats import MX_FORMATS, read_format, tensor_scale
from sw.formats.element import ELEMENTS
from sw.formats.quantize import dequantize, quantize
from sw.formats.scale import FloatScale, MxScale
from sw.words import Words

BELOW = MxScale(rule="below")


@pytest.mark.parametrize(
    ("element", "fraction"),
    # The largest numbers are 1.5 * 2^2, 1.75 * 2^8, 1.75 * 2^15, 1.875 * 2^2, 1.75 * 2^4, 127/64.
    [("e2m1", 0.5), ("e4m3", 0.75), ("e5m2", 0.75), ("e2m3", 0.875), ("e3m2", 0.75), ("int8", 63)],
)
def test_the_fraction_of_the_largest_number(element, fraction):
    expected = fraction / 64 if element == "int8" else fraction
    assert BELOW.carry_from(ELEMENTS[element]) == int(expected * 2**23)


def test_below_of_three_quarters_is_floor_of_the_whole():
    """In E2M1, of every fraction: where Tseng et al. scale A by floor, and round 3A/4."""
    whole = (np.arange(1 << 23, dtype=np.uint32) | np.uint32(127 << 23)).view(np.float32)
    part = (whole * np.float32(0.75)).view(np.uint32).astype(np.int64)
    carry = part & 0x7FFFFF >= BELOW.carry_from(ELEMENTS["e2m1"])
    assert ((part >> 23) - 127 + carry == 0).all()


def test_below_never_saturates():
    format = read_format("mxfp4:scale.rule=below:rounding=stochastic")
    x = np.random.default_rng(1).standard_normal((64, 32)).astype(np.float32)
    scales = np.float32(2.0) ** (quantize(x, format, random=Words(key=1)).exponent - 127)
    assert (np.abs(x).max(1, keepdims=True) < 6 * scales).all()
    assert (np.abs(x).max(1, keepdims=True) >= 3 * scales).all()


def test_headroom():
    """Of an amax of 8, S_enc is 336; elements are 16/17 of what they are without."""
    plain, more = (
        dataclasses.replace(MX_FORMATS["nvfp4"], scale=FloatScale(headroom=headroom))
        for headroom in (1, 17 / 16)
    )
    x = np.array([[6.9, -7, 8, 0.1] * 4], np.float32)
    one, other = (quantize(x, format) for format in (plain, more))
    # The same scale 448 (7E); 6.9 / (448 / 336 * 17 / 16) = 4.87 is nearer to 4 than to 6.
    assert one.exponent.tolist() == other.exponent.tolist() == [[0x7E]]
    assert one.code[0, :4].tolist() == [7, 15, 7, 0]
    assert other.code[0, :4].tolist() == [6, 14, 7, 0]
    assert dequantize(one)[0, 2] == np.float32(6 * 448) * (np.float32(1) / np.float32(336))
    decode = np.float32(1) / np.float32(336) * np.float32(1.0625)
    assert dequantize(other)[0, 2] == np.float32(6 * 448) * decode
    assert tensor_scale.decode_factor(more, np.float32(336)) == decode
    # 8 * 4 / 2688^2 times 289 / 256.
    amax = (np.float32(8), np.float32(4))
    expected = np.float32(32) / np.float32(2688 * 2688)
    assert tensor_scale.product_scale((plain, plain), amax) == expected
    assert tensor_scale.product_scale((more, more), amax) == expected * np.float32(289 / 256)
    assert plain != more


@pytest.mark.parametrize("headroom", [0.9, 2.5, "2", True, float("nan")])
def test_headroom_is_refused(headroom):
    with pytest.raises(UserError, match="headroom must be a number from 1 to 2, not "):
        FloatScale(headroom=headroom)
    with pytest.raises(UserError, match="headroom must be 1 with four_over_six, not 1.5"):
        FloatScale(headroom=1.5, four_over_six=True)
