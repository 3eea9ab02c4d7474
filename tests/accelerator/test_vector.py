"""Lanes and reductions against bits worked out by hand."""

import sys
import types
from typing import Any

import numpy as np
import pytest

from sw.accelerator import vector
from sw.accelerator.instructions import LANE_OPS
from sw.errors import UserError

ZERO, MINUS_ZERO, ONE, TWO, THREE = 0, 0x80000000, 0x3F800000, 0x40000000, 0x40400000
INF, MINUS_INF, NAN, PAYLOAD = 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001
SUBNORMAL, MINUS_SUBNORMAL, LARGEST = 0x00000001, 0x807FFFFF, 0x7F7FFFFF
MINUS = 0x80000000
LARGE = 0x4B800000
"""2**24: adding one to it changes nothing, adding two does."""

CASES = {
    "copy": [(PAYLOAD, 0, PAYLOAD), (SUBNORMAL, 0, SUBNORMAL), (MINUS_ZERO, 0, MINUS_ZERO)],
    "add": [
        (ONE, TWO, THREE),
        (ONE, MINUS | ONE, ZERO),
        (INF, MINUS_INF, NAN),
        (INF, LARGEST, INF),
        (PAYLOAD, ONE, NAN),
        (ONE, 0xFFFFFFFF, NAN),
        (MINUS_ZERO, MINUS_ZERO, MINUS_ZERO),
        (ZERO, MINUS_ZERO, ZERO),
        (SUBNORMAL, MINUS_ZERO, ZERO),
        (MINUS_SUBNORMAL, MINUS_SUBNORMAL, MINUS_ZERO),
        (0x00C00000, 0x81000000, MINUS_ZERO),
        (0x00C00000, 0x80800000, ZERO),
        (LARGEST, LARGEST, INF),
        (ONE, 0x33800000, ONE),
        (0x3F800001, 0x33800000, 0x3F800002),
    ],
    "sub": [
        (THREE, TWO, ONE),
        (ONE, ONE, ZERO),
        (MINUS_ZERO, ZERO, MINUS_ZERO),
        (INF, INF, NAN),
        (ZERO, SUBNORMAL, ZERO),
        (ONE, PAYLOAD, NAN),
    ],
    "mul": [
        (TWO, THREE, 0x40C00000),
        (ZERO, INF, NAN),
        (SUBNORMAL, INF, NAN),
        (MINUS_ZERO, ONE, MINUS_ZERO),
        (MINUS_SUBNORMAL, TWO, MINUS_ZERO),
        (MINUS_INF, TWO, MINUS_INF),
        (0x00800000, 0x3F000000, ZERO),
        (LARGEST, TWO, INF),
        # Below the normal numbers, to which rounding as in IEEE 754 would come back.
        (0x00FFFFFF, 0x3F000000, ZERO),
    ],
    "max": [
        (ONE, TWO, TWO),
        (TWO, ONE, TWO),
        (PAYLOAD, ONE, NAN),
        (ONE, PAYLOAD, NAN),
        (INF, NAN, NAN),
        (ZERO, MINUS_ZERO, MINUS_ZERO),
        (MINUS_ZERO, ZERO, ZERO),
        (SUBNORMAL, MINUS_ZERO, MINUS_ZERO),
        (MINUS_ZERO, SUBNORMAL, ZERO),
        (MINUS_INF, MINUS | ONE, MINUS | ONE),
        (INF, LARGEST, INF),
    ],
    "mask": [
        (PAYLOAD, ONE, PAYLOAD),
        (SUBNORMAL, INF, SUBNORMAL),
        (ONE, 0x00800000, ONE),
        (ONE, SUBNORMAL, ZERO),
        (ONE, ZERO, ZERO),
        (MINUS | ONE, MINUS_ZERO, ZERO),
        (ONE, NAN, ZERO),
        (ONE, MINUS | ONE, ZERO),
    ],
    "equal": [
        (ONE, ONE, ONE),
        (ONE, TWO, ZERO),
        (ZERO, MINUS_ZERO, ONE),
        (SUBNORMAL, MINUS_SUBNORMAL, ONE),
        (INF, INF, ONE),
        (INF, MINUS_INF, ZERO),
        (NAN, NAN, ZERO),
        (NAN, ONE, ZERO),
    ],
}

WITH_SCALAR = {
    "fill": [(ONE, ONE, PAYLOAD, PAYLOAD), (ONE, ONE, SUBNORMAL, SUBNORMAL)],
    "scale": [(ONE, 0, TWO, TWO), (ZERO, 0, INF, NAN), (MINUS_SUBNORMAL, 0, TWO, MINUS_ZERO)],
    "shift": [(ONE, 0, TWO, THREE), (INF, 0, MINUS_INF, NAN), (SUBNORMAL, 0, ZERO, ZERO)],
    "axpy": [
        (TWO, ONE, ONE, THREE),
        # (1 + 2**-23)**2 - (1 + 2**-22) is zero, since the product is rounded first.
        (0x3F800001, 0xBF800002, 0x3F800001, ZERO),
        (ZERO, ONE, INF, NAN),
    ],
}


def bits(values):
    return np.array(values, np.uint32)


def lanes(op, x, y, s=0, **more):
    return vector.lanes(op, x=bits(x), y=bits(y), s=np.uint32(s), **more).tolist()


@pytest.mark.parametrize("op", CASES)
def test_lanes(op):
    x, y, expected = (list(column) for column in zip(*CASES[op], strict=True))
    assert [hex(each) for each in lanes(op, x, y)] == [hex(each) for each in expected]


@pytest.mark.parametrize("op", WITH_SCALAR)
def test_lanes_with_a_scalar(op):
    for x, y, s, expected in WITH_SCALAR[op]:
        assert lanes(op, [x, x], [y, y], s) == [expected] * 2


def test_every_operation_is_tested():
    assert {*CASES, *WITH_SCALAR, "function"} == set(LANE_OPS)


def test_functions_are_evaluated_by_their_code(monkeypatch):
    fake = types.SimpleNamespace(evaluate=lambda code, x: x * np.float32(code))
    monkeypatch.setitem(sys.modules, "sw.accelerator.functions", fake)
    assert lanes("function", [ONE, TWO], [0, 0], function=2) == [TWO, 0x40800000]
    with pytest.raises(UserError, match="function must be an integer from 1 to 4, not 0"):
        lanes("function", [ONE], [0])


def test_operands():
    assert vector.OPERANDS["fill"] == "s"
    assert {op for op in LANE_OPS if "x" not in vector.OPERANDS[op]} == {"fill"}
    two = {op for op in LANE_OPS if "y" in vector.OPERANDS[op]}
    assert two == {"add", "sub", "mul", "axpy", "max", "mask", "equal"}


def test_relu():
    given = [ONE, MINUS | ONE, ZERO, MINUS_ZERO, SUBNORMAL, 0x00800000, INF, MINUS_INF, PAYLOAD]
    expected = [ONE, ZERO, ZERO, ZERO, ZERO, 0x00800000, INF, ZERO, NAN]
    assert vector.relu(bits(given)).tolist() == expected


def reduced(reduction, words):
    """Reduce words of one lane."""
    return hex(vector.reduced(reduction, bits(words).reshape(1, -1, 1))[0, 0])


def at(places, count):
    """Words that are zero but for some."""
    return [places.get(i, ZERO) for i in range(count)]


@pytest.mark.parametrize(
    ("words", "total"),
    [
        # In sequence the ones would be lost, one after the other; here 1 + 1 is a partial sum.
        (at({0: LARGE, 1: ONE, 9: ONE}, 10), LARGE + 1),
        (at({0: LARGE, 8: ONE, 16: ONE}, 17), LARGE),
        # The partial sums: neighbours first, so that 0 and 1, 0 and 2 meet before 1 and 2.
        (at({0: LARGE, 1: ONE, 2: ONE}, 3), LARGE),
        (at({0: LARGE, 2: ONE, 3: ONE}, 4), LARGE + 1),
        (at({0: LARGE, 4: ONE, 5: ONE}, 6), LARGE + 1),
        (at({0: LARGE, 4: ONE, 6: ONE}, 7), LARGE + 1),
        (at({0: LARGE, 1: ONE, 4: ONE}, 5), LARGE),
        # Partial sums begin at +0 and all eight are added.
        ([MINUS_ZERO], ZERO),
        ([MINUS_ZERO] * 16, ZERO),
        ([SUBNORMAL], ZERO),
        ([0x00C00000] * 8 + [0x81000000], 0x02280000),
        # Only words add to them: -0 of an underflow in all eight stays.
        ([0x00C00000] * 8 + [0x81000000] * 8, MINUS_ZERO),
        ([0x00C00000] * 8 + [0x81000000] * 8 + [MINUS_ZERO], MINUS_ZERO),
        ([0x00C00000] * 8 + [0x81000000] * 8 + [ZERO], ZERO),
        ([INF, ONE, MINUS_INF], NAN),
        ([PAYLOAD], NAN),
    ],
)
def test_sums_are_in_their_order(words, total):
    assert reduced("sum", words) == hex(total)


@pytest.mark.parametrize(
    ("words", "largest"),
    [
        ([ONE, THREE, TWO], THREE),
        ([ZERO, MINUS_ZERO], MINUS_ZERO),
        ([MINUS_ZERO, ZERO], ZERO),
        ([MINUS_ZERO, ZERO, MINUS | ONE], ZERO),
        ([SUBNORMAL], ZERO),
        ([MINUS_SUBNORMAL], MINUS_ZERO),
        ([PAYLOAD], NAN),
        ([ONE, PAYLOAD, INF], NAN),
        ([MINUS_INF], MINUS_INF),
    ],
)
def test_the_largest(words, largest):
    assert reduced("max", words) == hex(largest)


def test_groups_and_lanes_are_apart():
    words = bits([[[ONE, TWO], [TWO, TWO]], [[ZERO, ONE], [ZERO, ZERO]]])
    assert vector.reduced("sum", words).tolist() == [[THREE, 0x40800000], [ZERO, ONE]]


@pytest.mark.parametrize(
    ("reduction", "word", "folded"),
    [
        ("sum", [LARGE, ONE, ONE, ZERO], LARGE),
        ("sum", [LARGE, ZERO, ONE, ONE], LARGE + 1),
        ("max", [ONE, THREE, TWO, ZERO], THREE),
        ("max", [ZERO, MINUS_ZERO, MINUS_ZERO, ZERO], ZERO),
        ("max", [ZERO, MINUS_ZERO, ZERO, MINUS_ZERO], MINUS_ZERO),
        ("max", [ONE, THREE, TWO, PAYLOAD], NAN),
    ],
)
def test_fold(reduction, word, folded):
    assert vector.fold(reduction, bits([word, [ONE] * 4])).tolist()[0] == [folded] * 4


def test_mistakes():
    with pytest.raises(UserError, match="op must be one of copy, fill"):
        lanes("div", [ONE], [ONE])
    floats: Any = np.ones(1, np.float32)
    with pytest.raises(UserError, match="x must be an array of uint32, not float32"):
        vector.lanes("copy", x=floats, y=bits([0]), s=np.uint32(0))
    with pytest.raises(UserError, match="reduction must be one of sum, max, not 'none'"):
        vector.reduced("none", bits([[[0]]]))
    with pytest.raises(UserError, match="bits must have the shape"):
        vector.fold("sum", bits([0]))
