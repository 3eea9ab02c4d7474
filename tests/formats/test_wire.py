"""Blocks as bytes."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from sw.errors import UserError
from sw.formats import BLOCK_FORMATS, MX_FORMATS, BfpFormat
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize
from sw.formats.wire import pack, unpack

MXFP4, NVFP4 = MX_FORMATS["mxfp4"], MX_FORMATS["nvfp4"]


def blocks(code: Any, scales: Any, format: Any, axis: int | None = -1) -> Blocks:
    return Blocks(
        code=np.array(code, np.uint32),
        exponent=np.array(scales, np.int32),
        format=format,
        axis=axis,
        amax=np.float32(0),
    )


def check(made: Blocks, elements: list, scales: list) -> None:
    """Compare with bytes, and what these are unpacked to with what was packed."""
    found = pack(made)
    assert [part.tolist() for part in found] == [elements, scales]
    axis = -1 if made.axis is None else made.axis
    again = unpack(*found, made.format, made.shape, axis=axis, amax=made.amax)
    assert np.array_equal(again.code, made.code)
    assert np.array_equal(again.exponent, made.exponent)
    assert (again.axis, again.format) == (made.axis, made.format)


def test_fp4():
    """torchao and TransformerEngine: two a byte, the even index in the low nibble."""
    check(blocks([0x1, 0x2, 0xF, 0x8, 0x7, 0x0], [127], MXFP4), [0x21, 0x8F, 0x07], [127])


def test_nvfp4_line():
    """The codes f f e e d c b a 0 2 3 4 5 6 6 7 under the scale 7E."""
    x = np.arange(-8, 8, dtype=np.float32) / 2
    made = quantize(x, NVFP4)
    elements, scales = pack(made)
    assert elements.tobytes().hex() == "ffeecdab20436576"
    assert scales.tobytes().hex() == "7e"
    again = unpack(elements, scales, NVFP4, (16,), amax=made.amax)
    assert np.array_equal(again.code, made.code) and again.amax == 4


@pytest.mark.parametrize("name", ["mxfp8_e4m3", "mxfp8_e5m2", "mxint8"])
def test_a_byte_each(name):
    format = (MX_FORMATS | BLOCK_FORMATS)[name]
    check(blocks([[0, 1, 0x7B], [0x80, 0xFF, 5]], [[0], [255]], format),
          [[0, 1, 0x7B], [0x80, 0xFF, 5]], [[0], [255]])  # fmt: skip


@pytest.mark.parametrize("name", ["mxfp6_e2m3", "mxfp6_e3m2"])
def test_fp6(name):
    """Four in three bytes from bit 0 up: 0x3F, 0x01, 0x20, 0x15 is 0x56007F."""
    made = blocks([0x3F, 0x01, 0x20, 0x15, 0x2A], [3], MX_FORMATS[name])
    check(made, [0x7F, 0x00, 0x56, 0x2A], [3])


def test_odd_lengths_and_axes():
    """Every line begins at a byte; the blocked axis is the last of the bytes."""
    format = dataclasses.replace(MXFP4, block=(2,))
    code = [[1, 2, 3], [4, 5, 6]]
    check(blocks(code, [[1, 2], [3, 4]], format), [[0x21, 0x03], [0x54, 0x06]], [[1, 2], [3, 4]])
    made = blocks(code, [[1, 2, 3]], format, axis=0)
    check(made, [[0x41], [0x52], [0x63]], [[1], [2], [3]])


def test_squares():
    format = dataclasses.replace(NVFP4, block=(2, 2))
    code = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    made = blocks(code, [[10, 20], [30, 40]], format, axis=None)
    check(made, [[0x21, 0x03], [0x54, 0x06], [0x87, 0x09]], [[10, 20], [30, 40]])


def test_any_width():
    """Elements of 5 bits: 1, 2 and 31 are 0x7C41."""
    format = BfpFormat(mantissa_bits=5, twos_complement=True)
    check(blocks([1, 2, 31], [9], format), [0x41, 0x7C], [9])
    check(blocks(np.zeros((0,)), np.zeros((0,)), MXFP4), [], [])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"elements": np.zeros(3, np.uint8)}, r"elements must have the shape \(2,\), not \(3,\)"),
        ({"elements": np.zeros(2)}, "elements must be an array of uint8, not float64"),
        (
            {"elements": np.array([0, 0x40], np.uint8)},
            "elements must have zeros in the bits behind",
        ),
        ({"scales": np.zeros(2, np.uint8)}, r"scales must have the shape \(1,\), not \(2,\)"),
        ({"amax": 1}, "amax in mxfp4, whose tensors have no scale, must be 0, not 1.0"),
        ({"scales": np.zeros(1)}, "scales must be an array of uint8, not float64"),
        ({"shape": [3]}, r"shape must be a tuple of extents, not \[3\]"),
        ({"shape": (-3,)}, "extent of shape must be an integer from 0 to"),
        ({"shape": ()}, "shape must have at least 1 axes for mxfp4, not 0"),
        ({"axis": 1}, "axis must be an integer from -1 to 0, not 1"),
        ({"format": BLOCK_FORMATS["hbfp4"]}, "format must have scales of 8 bits at most, not 10"),
        ({"format": "mxfp4"}, "format must be of BlockFormat, not 'mxfp4'"),
        ({"format": NVFP4, "amax": -1}, "amax must be at least 0"),
    ],
)
def test_errors(change, message):
    given: dict[str, Any] = {
        "elements": np.zeros(2, np.uint8),
        "scales": np.zeros(1, np.uint8),
        "format": MXFP4,
        "shape": (3,),
    }
    with pytest.raises(UserError, match=message):
        unpack(**(given | change))
    given["format"] = NVFP4
    with pytest.raises(UserError, match="amax must be given in nvfp4, whose tensors have a scale"):
        unpack(**given)
    wide = blocks([1, 2], [9], BfpFormat(mantissa_bits=5, exponent_bits=9))
    with pytest.raises(UserError, match="format must have scales of 8 bits at most, not 9 of"):
        pack(wide)
    with pytest.raises(UserError, match="blocks must be of Blocks"):
        pack(np.zeros(3))  # pyright: ignore[reportArgumentType]


def test_every_code():
    for name, format in MX_FORMATS.items():
        if len(format.block) == 1:
            code = np.random.default_rng(1).integers(0, 1 << format.element_bits, (5, 77))
            scales = np.random.default_rng(2).integers(0, 128, (5, -(-77 // format.reduction)))
            made = blocks(code, scales, format)
            again = unpack(*pack(made), format, (5, 77), amax=made.amax)
            assert np.array_equal(again.code, code), name
