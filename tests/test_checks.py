"""The shared checks: what passes, as what, and the words of the rest."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from boards.dividers import divide
from sw import checks
from sw.errors import UserError
from sw.formats import read_format
from sw.sparse.load_balancer import imbalance
from sw.sparse.quantile_estimator import QuantileParameters
from sw.stochastic.pulsed import PulsedParameters
from sw.train.settings import Settings


@pytest.mark.parametrize(
    ("value", "kind", "dtype"),
    [
        ([1, 2], "float32", "float32"),
        ([0.5, np.nan], "float32", "float32"),
        (3, "integer", "int64"),
        (np.int8(3), "integer", "int8"),
        ([], "integer", "int64"),
        ([], "bool", "bool"),
        ([True], "bool", "bool"),
        (np.uint64(2**63), "number", "uint64"),
        (np.float16(1), "number", "float16"),
    ],
)
def test_arrays_taken(value, kind, dtype):
    assert checks.array("x", value, kind).dtype == dtype


@pytest.mark.parametrize(
    ("value", "kind", "options", "words"),
    [
        ([0.1], "float32", {}, "x must be an array of float32, not float64"),
        ([1e39], "float32", {}, "x must be an array of float32, not float64"),
        ([2**24 + 1], "float32", {}, "x must be an array of float32, not int64"),
        (np.ones(2), "float32", {}, "x must be an array of float32, not float64"),
        ([[1], [2, 3]], "integer", {}, "x must be an array of integer, not [[1], [2, 3]]"),
        ([2**70], "integer", {}, "x must be an array of integer, not [1180591620717411303424]"),
        ([1, True], "bool", {}, "x must be an array of bool, not int64"),
        (True, "float32", {}, "x must be an array of float32, not bool"),
        (None, "number", {}, "x must be an array of number, not None"),
        (np.ma.masked_equal([1, 2], 2), "integer", {}, "x must be an array without a mask, not"),
        ([1, 5], "integer", {"high": 4}, "x must be at most 4, not 5 at index 1"),
        ([[1, -5]], "integer", {"low": 0}, "x must be at least 0, not -5 at index 0, 1"),
        (7, "integer", {"low": 0, "high": 4}, "x must be from 0 to 4, not 7 at its only value"),
        (
            np.uint64(2**64 - 1),
            "integer",
            {"low": -1, "high": 4},
            "x must be from -1 to 4, not 1844",
        ),
        (np.float16(70), "number", {"low": -1e39, "high": 9}, "x must be from -1e+39 to 9, not 70"),
        ([np.nan], "float32", {"low": 0}, "x must be at least 0, not nan at index 0"),
        ([1.0, np.inf], "float32", {"finite": True}, "x must be finite, not inf at index 1"),
        ([1], "integer", {"shape": ("n", 2)}, "x must have the shape (n, 2), not (1,)"),
        ([[1, 2]], "integer", {"shape": ("n", "n")}, "x must have the shape (n, n), not (1, 2)"),
        ([1], "integer", {"shape": (..., 2)}, "x must have the shape (..., 2), not (1,)"),
        (1, "integer", {"shape": ("n",)}, "x must have the shape (n,), not ()"),
    ],
)
def test_arrays_refused(value, kind, options, words):
    with pytest.raises(UserError) as error:
        checks.array("x", value, kind, **options)
    assert str(error.value).startswith(words)


def test_scalars():
    whole = checks.whole("n", np.uint8(4), 0, 300)
    number = checks.number("r", np.float16(0.5), -1e39, 1e39)
    assert (type(whole), type(number)) == (int, float) and (whole, number) == (4, 0.5)
    for wrong in (16.0, True, "16", None, np.float64(16), 10**5000):
        with pytest.raises(UserError, match="n must be one of 16, 32, not "):
            checks.one_of("n", wrong, (16, 32))
    with pytest.raises(UserError, match="n must be an integer from 0 to 9, not a int"):
        checks.whole("n", 10**5000, 0, 9)


def test_truth_values_are_flags_and_no_numbers():
    for value in (True, np.True_):
        assert checks.flag("f", value) is True
        assert not checks.is_whole(value) and not checks.is_number(value)
        with pytest.raises(UserError, match="n must be an integer from 0 to 9, not "):
            checks.whole("n", value, 0, 9)
    for wrong in (1, "true", None):
        with pytest.raises(UserError, match="f must be true or false, not "):
            checks.flag("f", wrong)


def test_a_line_of_text():
    assert checks.line("s", "α b") == "α b"
    for wrong, text in (("", "''"), ("a\nb", r"'a\nb'"), ("\0", r"'\x00'"), (1, "1")):
        with pytest.raises(UserError) as error:
            checks.line("s", wrong)
        assert str(error.value) == f"s must be a line of text, not {text}"


def test_a_value_is_shown_on_a_line():
    assert checks.shown("x" * 78) == f"'{'x' * 78}'"
    assert checks.shown("x" * 79) == f"'{'x' * 76}..."
    assert checks.shown(np.zeros((2, 1))) == "array([[0.], [0.]])"


def test_shapes_that_broadcast():
    assert checks.broadcast(a=np.ones((2, 1)), b=np.ones(3)) == (2, 3)
    words = r"a and b must have shapes that broadcast, not \(2,\) and \(3,\)"
    with pytest.raises(UserError, match=words):
        checks.broadcast(a=np.ones(2), b=np.ones(3))


MANY: Any = np.zeros((20, 20))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: read_format(MANY), "format must be a preset's name or a table"),
        (lambda: PulsedParameters(step=MANY), "step must be a number above 0 and below 1"),
        (lambda: QuantileParameters(keep=MANY), "keep must be a number from 2.4e-07 to 1 - "),
        (lambda: QuantileParameters(initial=MANY), "initial must be a positive normal number of"),
        (lambda: imbalance(tile=144, density=MANY), "density must be a number above 0 to 1"),
        (lambda: Settings(hidden=MANY), "hidden must be a tuple of widths"),
        (lambda: divide("ecp5", Fraction(25), MANY), "clock must be a number of MHz above 0"),
    ],
)
def test_a_refusal_is_one_line(call, words):
    with pytest.raises(UserError) as error:
        call()
    assert str(error.value).startswith(words) and "\n" not in str(error.value)
