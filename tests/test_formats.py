"""Block formats: presets beside what is published, their parts, and what is refused."""

import dataclasses

import numpy as np
import pytest

from sw.errors import UserError
from sw.formats import (
    BFLOAT16,
    BINARY16,
    BINARY32,
    BLOCK_FORMATS,
    BOX_FORMATS,
    FLOAT_FORMATS,
    BfpFormat,
    FloatFormat,
    read_format,
)
from sw.formats.element import IntegerElement
from sw.formats.scale import PowerOfTwoScale
from sw.formats.shape import BlockShape

FACTS = {
    # name: bits of magnitude, element and exponent, rule, block, rounding, lowest E
    # FlexBlock, BFPsim conf_net: sign + 4, 8 or 16 magnitude bits, or the sign among them
    "fb12": (4, 5, 8, "floor", (216,), "truncate", -126),
    "fb16": (8, 9, 8, "floor", (108,), "truncate", -126),
    "fb24": (16, 17, 8, "floor", (54,), "truncate", -126),
    # the same groups on matrices and 1 x 1 kernels, and as boxes of tensors
    "fb12_linear": (4, 5, 8, "floor", (24,), "truncate", -126),
    "fb16_linear": (8, 9, 8, "floor", (12,), "truncate", -126),
    "fb24_linear": (16, 17, 8, "floor", (6,), "truncate", -126),
    "fb12_box": (4, 5, 8, "floor", (1, 24, 3, 3), "truncate", -126),
    "fb16_box": (8, 9, 8, "floor", (1, 12, 3, 3), "truncate", -126),
    "fb24_box": (16, 17, 8, "floor", (1, 6, 3, 3), "truncate", -126),
    "fb12_sign_inside": (3, 4, 8, "floor", (216,), "truncate", -126),
    "fb16_sign_inside": (7, 8, 8, "floor", (108,), "truncate", -126),
    "fb24_sign_inside": (15, 16, 8, "floor", (54,), "truncate", -126),
    # HBFP, emulator: mant_bits 3, 5, 7 and 11 without the sign, ceil(log2(1e-8)) = -26
    "hbfp4": (3, 4, 10, "ceil", (64,), "stochastic", -26),
    "hbfp6": (5, 6, 10, "ceil", (64,), "stochastic", -26),
    "hbfp8": (7, 8, 10, "ceil", (64,), "stochastic", -26),
    "hbfp12": (11, 12, 10, "ceil", (64,), "stochastic", -26),
    "hbfp4_8x8": (3, 4, 10, "ceil", (8, 8), "stochastic", -26),
    "hbfp6_8x8": (5, 6, 10, "ceil", (8, 8), "stochastic", -26),
    "hbfp8_8x8": (7, 8, 10, "ceil", (8, 8), "stochastic", -26),
    "hbfp12_8x8": (11, 12, 10, "ceil", (8, 8), "stochastic", -26),
    # MSFP, NeurIPS 2020: sign + 3 or 7 magnitude bits, boxes of 16
    "msfp12": (3, 4, 8, "floor", (16,), "nearest_even", -126),
    "msfp16": (7, 8, 8, "floor", (16,), "nearest_even", -126),
    # OCP MX 1.0: INT8 elements, blocks of 32, E8M0 scale
    "mxint8": (7, 8, 8, "floor", (32,), "nearest_even", -126),
}


def facts(format: BfpFormat) -> tuple:
    return (
        format.magnitude_bits,
        format.element_bits,
        format.exponent_bits,
        format.exponent_rule,
        format.block,
        format.rounding,
        format.lowest_code + 1 - format.exponent_bias,
    )


def test_presets():
    presets = BLOCK_FORMATS | BOX_FORMATS
    assert {name: facts(format) for name, format in presets.items()} == FACTS
    assert all(name == format.name and format.symmetric for name, format in presets.items())
    assert [n for n, format in presets.items() if format.in_twos_complement] == ["mxint8"]
    assert [n for n, format in presets.items() if format.is_box] == list(BOX_FORMATS)


@pytest.mark.parametrize("change", [{"sign_inside": False}, {"exponent_floor": -25}, {"block": 65}])
def test_planted_fault(change):
    assert facts(dataclasses.replace(BLOCK_FORMATS["hbfp4"], **change)) != FACTS["hbfp4"]


def test_a_format_is_its_parts():
    """Each field is one part's or the format's own, and parts decide equality."""
    own = {"name", "block", "rounding", "random_bits"}
    parts = [{f.name for f in dataclasses.fields(p)} for p in (IntegerElement, PowerOfTwoScale)]
    assert own | parts[0] | parts[1] == {f.name for f in dataclasses.fields(BfpFormat)}
    assert not parts[0] & parts[1]
    hbfp, mx = BLOCK_FORMATS["hbfp8"], BLOCK_FORMATS["mxint8"]
    assert hbfp.element == BLOCK_FORMATS["msfp16"].element != mx.element
    assert hbfp.scale == BLOCK_FORMATS["hbfp4"].scale != mx.scale
    assert len({hbfp.scale, mx.scale, BLOCK_FORMATS["fb12"].scale}) == 2
    assert hbfp.element != hbfp.scale
    assert list(dataclasses.asdict(hbfp)) == [f.name for f in dataclasses.fields(BfpFormat)]


@pytest.mark.parametrize(
    "rule, codes", [("floor", [127, 127, 128, 4]), ("ceil", [126, 127, 127, 4])]
)
def test_codes_of_scales(rule, codes):
    """Of blocks whose largest magnitudes are 1, 1.5, 2 and 2**-126, with the lowest E of -122."""
    scale = PowerOfTwoScale(exponent_bits=8, exponent_rule=rule, exponent_floor=-122)
    found = scale.encode(np.array([0, 0, 1, -126]), np.array([True, False, True, True]))
    assert found.tolist() == codes
    assert (scale.lowest_code, scale.exponent(127), scale.nan_code) == (4, 1, 255)


def test_blocks():
    flat, square, box = (BlockShape.read(text) for text in ("16", "8x8", "1x24x3x3"))
    assert [shape.elements for shape in (flat, square, box)] == [16, 64, 216]
    assert [shape.is_square for shape in (flat, square, box)] == [False, True, False]
    assert [shape.is_box for shape in (flat, square, box)] == [False, False, True]
    assert box.text == "1x24x3x3" and BlockShape.read(box.sides) == box


def test_float_formats():
    rows = {n: (f.width, f.bias, f.exponent_ones) for n, f in FLOAT_FORMATS.items()}
    assert rows == {
        "binary32": (32, 127, 255),
        "bfloat16": (16, 127, 255),
        "binary16": (16, 15, 31),
    }
    assert [BINARY32.name, BFLOAT16.name, BINARY16.name] == list(FLOAT_FORMATS)


def test_derived():
    format = BfpFormat(mantissa_bits=4, exponent_bits=5, block=(8, 8), symmetric=False)
    assert (format.largest, format.most_negative) == (7, -8)
    assert (format.block_elements, format.reduction) == (64, 8)
    assert (format.exponent_bias, format.lowest_code) == (15, 0)
    assert (format.highest_code, format.nan_code) == (30, 31)
    assert dataclasses.replace(format, symmetric=True).most_negative == -7
    assert dataclasses.replace(format, exponent_floor=1).lowest_code == 15
    assert dataclasses.replace(format, exponent_floor=16).lowest_code == format.highest_code


@pytest.mark.parametrize(
    "block, expected",
    [
        (16, (16,)),
        ("16", (16,)),
        ("8x8", (8, 8)),
        ([16], (16,)),
        ((4, 4), (4, 4)),
        (1, (1,)),
        ((8, 4), (8, 4)),
        ("1x24x3x3", (1, 24, 3, 3)),
    ],
)
def test_block_is_read(block, expected):
    assert BfpFormat(block=block).block == expected


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"mantissa_bits": 1}, "mantissa_bits must be an integer from 2 to 24, not 1"),
        ({"mantissa_bits": 25}, "mantissa_bits must be an integer from 2 to 24, not 25"),
        ({"mantissa_bits": 4.0}, "mantissa_bits must be an integer from 2 to 24, not 4.0"),
        ({"mantissa_bits": True}, "mantissa_bits must be an integer from 2 to 24, not True"),
        ({"sign_inside": 1}, "sign_inside must be true or false, not 1"),
        ({"exponent_bits": 3}, "exponent_bits must be an integer from 4 to 10, not 3"),
        ({"exponent_rule": "up"}, "exponent_rule must be one of floor, ceil, not 'up'"),
        ({"exponent_floor": -127}, "exponent_floor must be an integer from -126 to 128, not -127"),
        ({"exponent_floor": 129}, "exponent_floor must be an integer from -126 to 128, not 129"),
        ({"block": (8, 0)}, r"block must .* a square\), not \(8, 0\)"),
        ({"block": (256, 257)}, r"block must .* not \(256, 257\)"),
        (
            {"symmetric": False, "twos_complement": False},
            "symmetric must be true where twos_complement is false, not False",
        ),
        ({"block": (1,) * 9}, r"block must .* not \(1, 1, 1, 1, 1, 1, 1, 1, 1\)"),
        ({"block": ()}, r"block must .* not \(\)"),
        (
            {"block": 0},
            (
                r"block must be a length \(16\), a square \(8x8\) or a box \(1x24x3x3\) of at "
                r"most 65536 elements \(1024x1024 a square\), not 0"
            ),
        ),
        ({"block": 65537}, r"block must .* not 65537"),
        ({"block": "1025x1025"}, r"block must .* not '1025x"),
        ({"block": "8x"}, r"block must .* not '8x'"),
        ({"block": "ten"}, r"block must .* not 'ten'"),
        ({"block": [8, 8, 8.0]}, r"block must .* not \[8,"),
        ({"block": True}, r"block must .* not True"),
        ({"block": None}, r"block must .* not None"),
        (
            {"rounding": "up"},
            "rounding must be one of truncate, nearest_even, nearest_away, stochastic, not 'up'",
        ),
        ({"random_bits": 0}, "random_bits must be an integer from 1 to 24, not 0"),
        ({"symmetric": "yes"}, "symmetric must be true or false, not 'yes'"),
        ({"name": 4}, "name must be a line of text, not 4"),
        ({"name": "a\nb"}, r"name must be a line of text, not 'a\\nb'"),
        ({"name": ""}, "name must be a line of text, not ''"),
    ],
)
def test_errors(fields, message):
    with pytest.raises(UserError, match=f"^{message}"):
        BfpFormat(**fields)


def test_read():
    assert read_format("mxint8") is BLOCK_FORMATS["mxint8"]
    assert read_format(BLOCK_FORMATS["mxint8"]) is BLOCK_FORMATS["mxint8"]
    changed = read_format({"preset": "hbfp4", "block": 32})
    assert changed == dataclasses.replace(BLOCK_FORMATS["hbfp4"], name="hbfp4*", block=(32,))
    assert read_format({"mantissa_bits": 5}) == BfpFormat(mantissa_bits=5)


@pytest.mark.parametrize(
    "value, message",
    [
        ("hbfp5", r"unknown format 'hbfp5', did you mean hbfp\d+\? \(known: fb12, "),
        ("qqq", r"unknown format 'qqq' \(known: fb12, "),
        (5, "format must be a preset's name or a table, not 5"),
        ({"blok": 4}, r"unknown field 'format.blok', did you mean format.block\? \(known: "),
        ({"preset": "nope"}, "unknown format 'nope'"),
        ({"preset": ["hbfp4"]}, "format must be a preset's name or a table"),
        ({"preset": "hbfp4", "block": 0}, "block must be a length"),
    ],
)
def test_read_errors(value, message):
    with pytest.raises(UserError, match=f"^{message}"):
        read_format(value)


@pytest.mark.parametrize(
    "table, message",
    [
        ({"exponent_bits": 9, "fraction_bits": 3}, "exponent_bits must be an integer from 2 to 8"),
        (
            {"exponent_bits": 4, "fraction_bits": 24},
            "fraction_bits must be an integer from 2 to 23",
        ),
        ({"fraction_bits": 3}, "format.exponent_bits must be given"),
        ({"exponent_bits": 4}, "format.fraction_bits must be given"),
        ({"exponent": 4}, "unknown field 'format.exponent', did you mean format.exponent_bits?"),
        ("binary8", "unknown format 'binary8'"),
        (3, "format must be a preset's name or a table, not 3"),
    ],
)
def test_wrong_floating_point_formats(table, message):
    with pytest.raises(UserError) as caught:
        FloatFormat.read(table)
    assert str(caught.value).startswith(message)


def test_a_free_floating_point_format():
    form = FloatFormat.read({"exponent_bits": 5, "fraction_bits": 2})
    assert (form.name, form.width, form.bias, form.exponent_ones) == ("custom", 8, 15, 31)
    assert FloatFormat.read(form) is form


def test_formats_are_equal_by_their_numbers():
    hbfp4 = BLOCK_FORMATS["hbfp4"]
    mine = dataclasses.replace(hbfp4, name="mine")
    counted = dataclasses.replace(hbfp4, mantissa_bits=3, sign_inside=False)
    lowest = BfpFormat(exponent_floor=-126, random_bits=3)
    assert mine == counted == hbfp4 and len({mine, counted, hbfp4}) == 1
    assert lowest == BfpFormat() != BfpFormat(exponent_floor=-125)
    assert BfpFormat(twos_complement=False) == BfpFormat() != BfpFormat(twos_complement=True)
    assert BfpFormat(rounding="stochastic") != BfpFormat(rounding="stochastic", random_bits=3)
    assert hbfp4 != "hbfp4"


@pytest.mark.parametrize(
    "change",
    [
        {"mantissa_bits": 9},
        {"exponent_bits": 9},
        {"exponent_rule": "ceil"},
        {"exponent_floor": 1},
        {"block": (17,)},
        {"block": (16, 16)},
        {"rounding": "truncate"},
        {"symmetric": False},
        {"twos_complement": True},
    ],
)
def test_every_other_field_decides(change):
    assert dataclasses.replace(BfpFormat(), **change) != BfpFormat()


def test_the_largest_blocks():
    for block, elements in (((65536,), 1 << 16), ((1024, 1024), 1 << 20), ((32768, 2), 1 << 16)):
        assert BfpFormat(block=block).block_elements == elements
