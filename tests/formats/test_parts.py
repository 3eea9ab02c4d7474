"""Elements and scales of small formats: all of them beside the reference, and what is refused."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from sw.errors import UserError
from sw.formats import MX_FORMATS, BfpFormat, MxFormat, binary32, fast, read_format
from sw.formats.blocks import Blocks, encode
from sw.formats.element import ELEMENTS, SPECIALS, FloatElement, IntegerElement, read_element
from sw.formats.quantize import dequantize, quantize, zero_set_counts
from sw.formats.scale import MX_RULES, FloatScale, MxScale, read_scale
from sw.formats.tensor_scale import amax_of, product_scale
from tests.formats import mx_arrays, mx_reference
from tests.formats.made import mx

FLOATS = [
    FloatElement(exponent_bits=e, fraction_bits=f, specials=specials)
    for e in range(1, 6)
    for f in range(1, min(5, 7 - e) + 1)
    for specials in SPECIALS
    if not (e == 1 and specials == "ieee")
]
INTEGERS = [
    IntegerElement(mantissa_bits=m, sign_inside=inside, symmetric=symmetric, twos_complement=twos)
    for m in (2, 8, 9)
    for inside in (True, False)
    for symmetric, twos in ((True, None), (True, True), (False, None))
]


@pytest.mark.parametrize("element", FLOATS + INTEGERS, ids=lambda e: str(e.meaning))
def test_element(element):
    """Every code's integer, and the codes of these."""
    codes = np.arange(1 << element.bits, dtype=np.uint32)
    values = [mx_reference.value(int(code), element) for code in codes]
    finite = np.isfinite(values)
    q = element.decode(codes)
    assert (q[finite] * 2.0**-element.places == np.array(values)[finite]).all()
    assert not q[~finite].any()
    assert element.largest == q.max() and element.most_negative == q.min()
    assert element.largest.bit_length() == element.magnitude_bits
    top = max(v for v in values if np.isfinite(v))
    assert 2.0**element.emax <= top < 2.0 ** (element.emax + 1)
    again = element.decode(element.encode(q))
    assert np.array_equal(again, q)
    if isinstance(element, FloatElement):
        assert np.array_equal(element.encode(q[finite & (q != 0)]), codes[finite & (q != 0)])
    strange = not np.isfinite(mx_reference.value(element.nan_code, element))
    assert strange == (getattr(element, "specials", "none") != "none")


@pytest.mark.parametrize("rule", MX_RULES)
def test_rule(rule):
    """Every exponent of the largest magnitude, about where the rule changes its mind."""
    scale, exponents = MxScale(rule=rule), np.arange(-126, 128)
    for element in FLOATS + INTEGERS:
        edges = {scale.carry_from(element, lowest=lowest) for lowest in (False, True)}
        near = {f + d for f in edges | {0, 1 << 22} for d in (-2, -1, 0, 1, 2)}
        fractions = np.array([f for f in near if 0 <= f < 1 << 23])
        exponent, fraction = (g.ravel() for g in np.meshgrid(exponents, fractions))
        bits = ((exponent + 127 << 23) + fraction).astype(np.uint32)
        expected = mx_arrays.mx_codes(bits.view(np.float32), element, rule)
        assert np.array_equal(scale.encode(element, exponent, fraction), expected)


def test_carry():
    """Fractions from which rceil takes the next power of two: those beyond 1.75, 1.5 and 1.875."""
    rceil = MxScale(rule="rceil")
    assert rceil.carry_from(ELEMENTS["e4m3"]) == 0x600001
    assert rceil.carry_from(ELEMENTS["e2m1"]) == 0x400001
    assert rceil.carry_from(ELEMENTS["e2m3"]) == 0x700001
    # bits(amax) + 2**(22 - m) passes 2**23: torchao's even of one fraction bit, of 3, of 23.
    even, wide = MxScale(rule="even"), IntegerElement(mantissa_bits=24, sign_inside=False)
    assert even.carry_from(ELEMENTS["e2m1"]) == 0x600000
    assert even.carry_from(ELEMENTS["e4m3"]) == 0x780000
    assert even.carry_from(wide) == 1 << 23


def test_largest_scales_saturate():
    """What would be 2**128 is 2**127, under which int8 reaches 127/64."""
    x = np.array([binary32.LARGEST, 2.0**127], np.float32)
    blocks = quantize(x, mx("int8", "ceil"))
    assert (blocks.code.tolist(), blocks.exponent.tolist()) == ([127, 64], [254])


def test_asymmetric():
    """-1.99 / 2**0 in eighths of two's complement: -8 is a code of the format, 8 is not."""
    format = mx({"mantissa_bits": 4, "symmetric": False})
    x = np.array([[1.99, -1.99, 0.1, 0]], np.float32)
    for blocks in (quantize(x, format), fast.quantize(x, format)):
        assert blocks.mantissa.tolist() == [[7, -8, 0, 0]]
    assert zero_set_counts(x, format) == (2, 4)


def test_specials_dequantized():
    """Infinities and NaN of elements, under a scale that is a number, and under that of NaN."""
    code = np.array([0x7C, 0xFC, 0x7D, 0xFF, 0x80, 0x3C], np.uint32)
    blocks = Blocks(
        code=code, exponent=np.array([127], np.int32), format=MX_FORMATS["mxfp8_e5m2"], axis=0
    )
    got = dequantize(blocks)
    assert got[:2].tolist() == [np.inf, -np.inf] and np.isnan(got[2:4]).all()
    assert got[4:].tolist() == [0, 1] and np.signbit(got[4])
    nan = dataclasses.replace(blocks, exponent=np.array([255], np.int32))
    assert np.array_equal(dequantize(nan).view(np.uint32), np.full(6, 0x7FC00000))
    assert encode([0, 57344 << 16], blocks.format).tolist() == [0, 0x7B]


def test_zero_set_of_a_tensor():
    """What rounds to zero depends on the tensor's scale; compiled and plain agree."""
    x = np.array([[4, 0.1, 0.4, 0]], np.float32)
    for name in ("nvfp4", "mxfp4", "mxfp8_e4m3"):
        assert fast.zero_set(x, MX_FORMATS[name]) == zero_set_counts(x, MX_FORMATS[name])[0]
    assert zero_set_counts(x, MX_FORMATS["nvfp4"]) == (2, 4)
    assert zero_set_counts(x * np.float32(1e-9), MX_FORMATS["nvfp4"]) == (2, 4)


@pytest.mark.parametrize("name", ["nvfp4", "nvfp4_16x16", "mxfp4"])
@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (1, 1), (17, 1)])
def test_small_shapes(name, shape):
    x = np.ones(shape, np.float32)
    plain, compiled = quantize(x, MX_FORMATS[name]), fast.quantize(x, MX_FORMATS[name])
    assert np.array_equal(plain.code, compiled.code)
    assert np.array_equal(plain.exponent, compiled.exponent)


def test_amax():
    """It is that of finite numbers; one that is too small counts as the least."""
    x = np.array([3, np.inf, -5, np.nan, 1e-40], np.float32)
    assert amax_of(x) == 5 and amax_of(x[4:]) == 0 and amax_of(x[:0]) == 0
    blocks = quantize(np.array([2.0**-120], np.float32), MX_FORMATS["nvfp4"])
    assert blocks.amax == 2688 * 2.0**-116
    nvfp4 = MX_FORMATS["nvfp4"]
    # The largest one beside an infinity, in a block that is NaN.
    x = np.ones((2, 32), np.float32)
    x[0, :2] = 8, np.inf
    for blocks in (quantize(x, nvfp4), fast.quantize(x, nvfp4)):
        assert blocks.amax == 8 and blocks.exponent[:, 0].tolist() == [127, 0x66]
    assert product_scale((nvfp4, nvfp4), (np.float32(6), np.float32(4))) == np.float32(24 / 7225344)


@pytest.mark.parametrize(
    "read, value, message",
    [
        (read_element, "e2m2", "unknown element 'e2m2', did you mean e5m2"),
        (read_element, 3, "element must be a preset's name or a table, not 3"),
        (read_element, None, "element must be a preset's name or a table, not None"),
        (read_element, {}, "element.exponent_bits must be given"),
        (read_element, {"exponent_bits": 2}, "element.fraction_bits must be given"),
        (
            read_element,
            {"mantissa_bits": 1},
            "mantissa_bits must be an integer from 2 to 24, not 1",
        ),
        (read_element, {"preset": "e9m9"}, "unknown element 'e9m9'"),
        (read_element, {"preset": ["e2m1"]}, "element must be a preset's name or a table, not"),
        (
            read_element,
            {"preset": "e2m1", "mantissa_bits": 4},
            "unknown field 'element.mantissa_bi",
        ),
        (read_element, {"preset": "e2m1", 3: 4}, "unknown field 'element.3'"),
        (read_element, {"preset": "e2m1", "exponent_bits": 6}, "exponent_bits must be an integer"),
        (read_element, {"preset": "e2m1", "fraction_bits": 0}, "fraction_bits must be an integer"),
        (
            read_element,
            {"preset": "e5m2", "fraction_bits": 3},
            "exponent_bits and fraction_bits must",
        ),
        (
            read_element,
            {"preset": "e5m2", "exponent_bits": 1},
            "specials must be none or nan with an",
        ),
        (
            read_element,
            {"preset": "e2m1", "specials": "inf"},
            "specials must be one of none, nan, ie",
        ),
        (
            read_element,
            {"preset": "e2m1", "specials": ["nan"]},
            "specials must be one of none, nan",
        ),
        (
            read_element,
            {"preset": "int8", "symmetric": 1},
            "symmetric must be true or false, not 1",
        ),
        (read_scale, "e8m1", "unknown scale 'e8m1', did you mean e8m0"),
        (read_scale, 127, "scale must be a preset's name or a table, not 127"),
        (
            read_scale,
            {"rule": "round"},
            "rule must be one of floor, ceil, even, rceil, below, not 'round'",
        ),
        (read_scale, {"four_over_six": 6}, "four_over_six must be true or false, not 6"),
        (
            read_scale,
            {"preset": "e8m0", "four_over_six": True},
            "unknown field 'scale.four_over_six'",
        ),
        (read_scale, {"preset": "ue4m3", "rule": "even"}, "unknown field 'scale.rule'"),
        (read_scale, {"bits": 8}, "unknown field 'scale.bits'"),
        (read_format, {"element": "e4m9"}, "unknown element 'e4m9'"),
        (read_format, {"scale": "e4m9"}, "unknown scale 'e4m9'"),
        (
            read_format,
            {"element": "e4m3", "mantissa_bits": 4},
            "unknown field 'format.mantissa_bits'",
        ),
        (read_format, "mxfp4:scale.four_over_six=true", "unknown field 'scale.four_over_six'"),
        (
            read_format,
            "mxfp4:element.exponent_bits=9",
            "exponent_bits must be an integer from 1 to 5",
        ),
        (
            read_format,
            "mxfp4:scale.rule=even:scale=e8m0",
            "scale.rule is given twice: scale overrides it",
        ),
        (read_format, "mxfp4:scale=3", "scale must be a preset's name or a table, not 3"),
        (
            read_format,
            {"element": "e3m2", "scale": {"four_over_six": True}},
            "scale.four_over_six must be false where element is not e2m1, not True",
        ),
    ],
)
def test_refused(read, value, message):
    with pytest.raises(UserError) as caught:
        read(value)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value, element, scale",
    [
        ("mxfp4:scale.rule=even", ELEMENTS["e2m1"], MxScale(rule="even")),
        ("nvfp4:scale.four_over_six=true", ELEMENTS["e2m1"], FloatScale(four_over_six=True)),
        ("mxfp4:element=int8:scale=ue4m3", ELEMENTS["int8"], FloatScale()),
        ({"scale": {"rule": "rceil"}}, ELEMENTS["e4m3"], MxScale(rule="rceil")),
        (
            "mxfp4:element.specials=nan",
            FloatElement(exponent_bits=2, fraction_bits=1, specials="nan"),
            MxScale(),
        ),
        (
            "mxfp4:element.exponent_bits=3",
            FloatElement(exponent_bits=3, fraction_bits=1),
            MxScale(),
        ),
    ],
)
def test_read(value, element, scale):
    format: Any = read_format(value)
    assert (format.element, format.scale) == (element, scale)
    again = read_format(dataclasses.asdict(format))
    assert again == format and isinstance(again, MxFormat)


def test_bfp_and_mx_int8():
    """mxint8 of block floating point has the codes of int8 under the rule floor."""
    bfp = BfpFormat(block=(32,), twos_complement=True)
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((50, 70)) * 2.0 ** rng.integers(-140, 127, (50, 1))).astype(np.float32)
    x[3, 3] = np.nan
    one, other = quantize(x, bfp), quantize(x, mx("int8"))
    assert np.array_equal(one.code, other.code)
    assert np.array_equal(one.exponent, other.exponent)


def test_random_is_needed():
    x, format = np.ones((2, 2), np.float32), read_format("mxfp4:rounding=stochastic")
    with pytest.raises(UserError, match="random must be given: mxfp4:rounding=stochastic rounds"):
        fast.quantize(x, format)
    with pytest.raises(UserError, match="random must be of Words, not"):
        fast.quantize(x, format, random=x)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match="amax has no effect in mxfp4"):
        fast.quantize(x, MX_FORMATS["mxfp4"], amax=1)
    with pytest.raises(UserError, match="amax must be finite"):
        fast.quantize(x, MX_FORMATS["nvfp4"], amax=np.float32(np.inf))
