"""The quantizers, plain and compiled, equal the reference on a million values of every format.

A run compares roundings other than to nearest even on an eighth of them; ``--deep`` on all.
"""

import dataclasses

import numpy as np
import pytest

from sw.formats import MX_FORMATS, ROUNDINGS, MxFormat, fast, quantize
from sw.formats.scale import MX_RULES, FloatScale
from sw.words import Words
from tests.formats import mx_arrays, mx_reference
from tests.formats.made import mx
from tests.formats.mx_stimuli import blocks

MILLION = 10**6
OTHERS = ("nearest_away", "truncate", "stochastic")
ELEMENTS = ("e2m1", "e2m3", "e3m2", "e4m3", "e5m2", "int8")
RANDOM = Words(key=1234567, first=3)


@pytest.fixture
def part(deep: bool) -> int:
    """How many values roundings other than to nearest even are compared on."""
    return MILLION if deep else MILLION // 8


def sides(format: MxFormat) -> tuple[int, int]:
    return (1, *format.block)[-2], format.block[-1]


def matrix(values: int, format: MxFormat, seed: int) -> np.ndarray:
    """A matrix of so many values whose last blocks, of rows and of columns, are smaller."""
    down, side = sides(format)
    tall = -(-values // (5 * down * side))
    x = blocks(5 * tall, down * side, format, seed).reshape(tall, 5, down, side)
    x = x.swapaxes(1, 2).reshape(tall * down, 5 * side)
    return x[: len(x) - down // 3, : 5 * side - side // 3]


def cut(x: np.ndarray, format: MxFormat) -> np.ndarray:
    """The blocks of a matrix, the last ones filled up with zeros."""
    down, side = sides(format)
    x = np.pad(x, ((0, -len(x) % down), (0, -x.shape[1] % side)))
    x = x.reshape(len(x) // down, down, -1, side).swapaxes(1, 2)
    return x.reshape(-1, down * side)


def check(x: np.ndarray, format: MxFormat, amax: float | None = None) -> None:
    """Compare the quantizers with the reference."""
    groups = cut(x, format)
    words = RANDOM.draw(groups.shape, format.random_bits)
    if isinstance(format.scale, FloatScale):
        finite = np.abs(x[np.isfinite(x)])
        largest = float(finite.max(initial=0)) if amax is None else amax
        found, code = mx_arrays.quantize_nvfp4(groups, format, largest, words)
    else:
        found, code = mx_arrays.quantize_mx(groups, format, words)
    for module in (quantize, fast):
        got = module.quantize(x, format, random=RANDOM, amax=amax)
        assert np.array_equal(cut(got.code, format), np.where(filled(x, format), found, 0))
        assert np.array_equal(got.exponent.ravel(), code)


def filled(x: np.ndarray, format: MxFormat) -> np.ndarray:
    """Where the blocks of a matrix have elements of it."""
    return cut(np.ones(x.shape, bool), format)


@pytest.mark.parametrize("rule", MX_RULES)
@pytest.mark.parametrize("element", ELEMENTS)
def test_mx(element, rule, part):
    format = mx(element, rule)
    check(matrix(MILLION, format, 1), format)
    for seed, rounding in enumerate(OTHERS, 2):
        check(matrix(part, format, seed), dataclasses.replace(format, rounding=rounding))


def near(x: np.ndarray, top: int) -> np.ndarray:
    """The same with exponent fields of no more than 12 below the largest, NaN as they are."""
    bits = x.view(np.uint32)
    field = (bits >> 23 & 255).astype(np.int64)
    field = np.where((field > 0) & (field < 255), np.maximum(top - field % 12, 0), field)
    return (bits & 0x807FFFFF | field.astype(np.uint32) << np.uint32(23)).view(np.float32)


@pytest.mark.parametrize("four_over_six", [False, True])
@pytest.mark.parametrize("name", ["nvfp4", "nvfp4_16x16"])
def test_nvfp4(name, four_over_six, part):
    """Tensors of any size: as many values in all."""
    scale = FloatScale(four_over_six=four_over_six)
    format = dataclasses.replace(MX_FORMATS[name], scale=scale)
    tops = (2, 12, 20, 100, 127, 140, 230, 254)
    for rounding in ROUNDINGS:
        values = MILLION if rounding == "nearest_even" else part
        changed = dataclasses.replace(format, rounding=rounding)
        x = matrix(values, format, 3)
        for rows, top in zip(np.array_split(x, len(tops)), tops, strict=True):
            check(near(rows, top), changed)
        check(matrix(part, format, 4), changed)
        for amax in (0.0, 1e-37, 0.75, 3.4e38):
            check(near(x[:64], 127), changed, float(np.float32(amax)))


USERS = (
    {"exponent_bits": 2, "fraction_bits": 4, "specials": "nan"},
    {"exponent_bits": 1, "fraction_bits": 1, "specials": "nan"},  # its largest is a power of two
    {"exponent_bits": 2, "fraction_bits": 5, "specials": "ieee"},
    {"exponent_bits": 5, "fraction_bits": 1},
    {"mantissa_bits": 4, "symmetric": False},
    {"mantissa_bits": 9, "sign_inside": False},
)


@pytest.mark.parametrize("element", USERS, ids=str)
def test_elements_of_users(element):
    for rule in MX_RULES:
        for seed, rounding in enumerate(ROUNDINGS):
            fields = {"rounding": rounding, "random_bits": 11, "block": (7,) if seed else (3, 3)}
            format = mx(element, rule, **fields)
            check(matrix(4000, format, seed), format)


FAULTS = {
    "rule": {"scale": {"rule": "even"}},
    "rounding": {"rounding": "nearest_away"},
    "element": {"element": {"specials": "none"}},
    "block": {"block": 16},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault(fault, monkeypatch):
    format = mx("e4m3", "rceil")
    wrong = format.changed(FAULTS[fault])
    x = matrix(20000, format, 1)
    check(x, format)
    for module in (quantize, fast):
        right = module.quantize

        def other(x, _, right=right, **more):
            return right(x, wrong, **more)

        with monkeypatch.context() as patched, pytest.raises((AssertionError, ValueError)):
            patched.setattr(module, "quantize", other)
            check(x, format)


def test_planted_saturation(monkeypatch):
    numbers = mx_reference.numbers
    monkeypatch.setattr(mx_reference, "numbers", lambda *of: numbers(*of)[:-1])
    format = mx("e4m3")
    with pytest.raises(AssertionError):
        check(matrix(20000, format, 1), format)
