"""Public functions of the models, called in ways that nobody meant (seeded).

A call with the same numbers in other types gives the same result or a worded error; one with
numbers, shapes or types that are not accepted a worded error, never a result.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sw import binary32
from sw.approx import fast as approx_fast
from sw.approx import product
from sw.approx.array import ApproxArrayParameters, cut
from sw.approx.array import matmul as approx_matmul
from sw.approx.product import Datapath
from sw.approx.table import Table, make
from sw.bfp import fast
from sw.bfp.array import gemm
from sw.bfp.converter import ConverterParameters, convert
from sw.bfp.quantize import Blocks, decode, dequantize, encode, quantize, zero_set_counts
from sw.bfp.transposer import TransposerParameters, transpose
from sw.errors import UserError
from sw.formats import BFLOAT16, BLOCK_FORMATS, BOX_FORMATS, BlockFormat
from sw.sparse.balance import BalancerParameters, balance, counts
from sw.sparse.csb import Compressed, read
from sw.sparse.csb import encode as compress
from sw.sparse.csb_parameters import CsbParameters
from sw.sparse.regenerate import RegeneratorParameters, regenerate
from sw.stochastic import fast as stochastic_fast
from sw.stochastic import outer
from sw.stochastic.converter import StochasticConverterParameters
from sw.stochastic.converter import convert as streams
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.pulsed import PulsedParameters, pulsed_gradient

RNG = np.random.default_rng(2026)
CALLS = 2000


def floats(*shape: int) -> np.ndarray:
    """Values of bfloat16, which every function takes."""
    return RNG.integers(-8, 9, shape).astype(np.float32)


def integers(low: int, high: int, *shape: int) -> np.ndarray:
    return RNG.integers(low, high + 1, shape)


MSFP = BLOCK_FORMATS["msfp12"]
MXINT8 = BLOCK_FORMATS["mxint8"]
HBFP = BlockFormat(mantissa_bits=4, rounding="stochastic", block=(4,), exponent_bits=10)
TILE = BlockFormat(block=(4, 4))
OUTER = OuterProductParameters(rows=2, columns=3, length=8, batch=2)
FREE = OUTER.replace(rate="free")
EXACT = Datapath(name="exact", bits=7)
TABLE = make("mbm", 3)
CSB = CsbParameters(rows=2, columns=2, lanes=1)
PACKED = compress(CSB, floats(3, 2, 2))


def product_of(a: Any, code_a: Any, b: Any, code_b: Any) -> Any:
    left = Blocks(mantissa=a, exponent=code_a, format=MSFP, axis=1)
    right = Blocks(mantissa=b, exponent=code_b, format=MSFP, axis=0)
    found = gemm(left, right)
    assert np.array_equal(fast.gemm(left, right), found, equal_nan=True)
    return found


def rounded(x: Any) -> tuple[Any, Any]:
    blocks = quantize(x, MXINT8, axis=1)
    compiled = fast.quantize(x, MXINT8, random=fast.Random(1))
    assert np.array_equal(blocks.mantissa, compiled.mantissa)
    return blocks.mantissa, dequantize(blocks)


def unpack(masks: Any, pointers: Any, values: Any, numbers: Any, rotate: Any) -> Any:
    return read(CSB, Compressed(masks=masks, pointers=pointers, values=values), numbers, rotate)


def outer_products(x: Any, d: Any, last: Any, shift: Any, first: Any) -> Any:
    found = outer.outer_product(OUTER, x, d, last=last, shift=shift, first=first)
    same = stochastic_fast.outer_product(OUTER, x, d, last=last, shift=shift, first=first)
    assert np.array_equal(found, same)
    return found


# Of each function: how it is called, its arguments, and of each the kind and its range.
FLOATS, BOOLS = ("float32", None, None), ("bool", None, None)
Call = tuple[Callable[..., Any], list[tuple[Any, tuple[str, Any, Any]]]]
PUBLIC: dict[str, Call] = {
    "add": (binary32.add, [(floats(5), FLOATS), (floats(5), FLOATS)]),
    "multiply of bfloat16": (
        lambda x, y: binary32.multiply(x, y, BFLOAT16),
        [(floats(5), FLOATS), (floats(5), FLOATS)],
    ),
    "flush": (binary32.flush, [(floats(5), FLOATS)]),
    "rounded": (lambda x: binary32.rounded(x, BFLOAT16), [(floats(5), FLOATS)]),
    "to_bits": (lambda x: binary32.to_bits(x, BFLOAT16), [(floats(5), FLOATS)]),
    "from_bits": (
        lambda x: binary32.from_bits(x, BFLOAT16),
        [(integers(0, 65535, 5), ("integer", 0, 65535))],
    ),
    "from_integer": (
        binary32.from_integer,
        [
            (integers(-99, 99, 5), ("integer", 1 - 2**62, 2**62 - 1)),
            (integers(-99, 99, 5), ("integer", -(2**31), 2**31 - 1)),
            (RNG.random(5) < 0.5, BOOLS),
        ],
    ),
    "quantize": (rounded, [(floats(3, 40), FLOATS)]),
    "quantize stochastically": (
        lambda x, words: quantize(x, HBFP, random=words).mantissa,
        [(floats(3, 9), FLOATS), (integers(0, 255, 3, 9), ("integer", 0, 255))],
    ),
    "zero_set_counts": (
        lambda x: zero_set_counts(x, BOX_FORMATS["fb24_box"]),
        [(floats(2, 7, 3, 4), FLOATS)],
    ),
    "gemm": (
        product_of,
        [
            (integers(-7, 7, 2, 20), ("integer", -7, 7)),
            (integers(100, 140, 2, 2), ("integer", 0, 255)),
            (integers(-7, 7, 20, 3), ("integer", -7, 7)),
            (integers(100, 140, 2, 3), ("integer", 0, 255)),
        ],
    ),
    "encode": (
        lambda q: encode(q, MXINT8),
        [(integers(-128, 127, 9), ("integer", -128, 127))],
    ),
    "decode": (lambda q: decode(q, MXINT8), [(integers(0, 255, 9), ("integer", 0, 255))]),
    "convert": (
        lambda x: convert(ConverterParameters(format=MXINT8), x),
        [(floats(3, 32), FLOATS)],
    ),
    "transpose": (
        lambda q, code, flags: transpose(TransposerParameters(format=TILE), q, code, flags),
        [
            (integers(-127, 127, 2, 4, 4), ("integer", -127, 127)),
            (integers(0, 255, 2), ("integer", 0, 255)),
            (np.array([True, False]), BOOLS),
        ],
    ),
    "approximate gemm": (
        lambda a, b: (product.gemm(EXACT, a, b), approx_fast.gemm(EXACT, a, b)),
        [(floats(2, 3), FLOATS), (floats(3, 2), FLOATS)],
    ),
    "approximate array": (
        lambda a, b: approx_matmul(ApproxArrayParameters(), a, b),
        [(floats(2, 3), FLOATS), (floats(3, 2), FLOATS)],
    ),
    "cut": (lambda x: cut(x, BFLOAT16), [(floats(4), FLOATS)]),
    "multiply_bits": (
        lambda a, b: product.multiply_bits(EXACT, a, b, BFLOAT16),
        [
            (integers(0, 65535, 4), ("integer", 0, 65535)),
            (integers(0, 65535, 4), ("integer", 0, 65535)),
        ],
    ),
    "codes of a table": (
        TABLE.codes,
        [(integers(0, 7, 4), ("integer", 0, 7)), (integers(0, 7, 4), ("integer", 0, 7))],
    ),
    "codes of a multiplier": (
        EXACT.codes,
        [(integers(0, 127, 4), ("integer", 0, 127)), (integers(0, 127, 4), ("integer", 0, 127))],
    ),
    "table": (
        lambda entries: Table(name="t", bits=2, entries=entries).entries,
        [(integers(0, 7, 16), ("integer", 0, 7))],
    ),
    "counts of a balancer": (
        lambda x: counts(BalancerParameters(lines=1, wraps=True), x),
        [(integers(0, 99, 2, 3), ("integer", 0, 2**20 - 1))],
    ),
    "balance": (
        lambda x: balance(BalancerParameters(lines=2, count_bits=5), x),
        [(integers(0, 31, 2, 4), ("integer", 0, 31))],
    ),
    "compress": (
        lambda x, keep: vars(compress(CSB, x, keep)),
        [(floats(3, 2, 2), FLOATS), (RNG.random((3, 2, 2)) < 0.5, BOOLS)],
    ),
    "read compressed": (
        unpack,
        [
            (PACKED.masks, BOOLS),
            (PACKED.pointers, ("integer", 0, 2**32 - 1)),
            (PACKED.values, FLOATS),
            (np.array([0, 2, 1]), ("integer", None, None)),
            (np.array([True, False, True]), BOOLS),
        ],
    ),
    "regenerate": (
        lambda index, shift: regenerate(RegeneratorParameters(), index, seed=3, shift=shift),
        [(integers(0, 99, 4), ("integer", None, None)), (integers(0, 63, 4), ("integer", 0, 63))],
    ),
    "outer_product": (
        outer_products,
        [
            (floats(4, 3), FLOATS),
            (floats(4, 2), FLOATS),
            (np.array([False, True, False, True]), BOOLS),
            (3, ("whole", 0, 31)),
            (2, ("whole", 0, 1 << 48)),
        ],
    ),
    "outer_product at a rate": (
        lambda x, rate: outer.outer_product(FREE, x, np.ones((4, 2), np.float32), rate=rate),
        [(floats(4, 3), FLOATS), (0.5, ("number", -binary32.LARGEST, binary32.LARGEST))],
    ),
    "pulsed_gradient": (
        lambda d, x, rate: pulsed_gradient(PulsedParameters(), d, x, rate=rate),
        [
            (floats(2, 4), FLOATS),
            (floats(3, 4), FLOATS),
            (0.5, ("number", 0, binary32.LARGEST)),
        ],
    ),
    "streams": (
        lambda x: vars(streams(StochasticConverterParameters(length=8, elements=2), x)),
        [(floats(3, 2), FLOATS)],
    ),
}

INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
NOTHING: list[Any] = ["1", object(), {}, [[1], [2, 3]], 1j, np.datetime64(1, "s")]


def same(rng: np.random.Generator, value: Any, kind: str) -> Any:
    """The same numbers otherwise."""
    way = rng.integers(4)
    if kind == "whole":
        return [np.int64, np.uint8, np.float64, float][way](value)
    if kind == "number":
        return [np.float32, np.float16, np.float64, str][way](value)
    if way == 0:
        return value.tolist()
    if way == 1:
        return np.asfortranarray(value)
    if way == 2:
        return np.repeat(value, 2, axis=-1)[..., ::2]
    if kind == "integer":
        fits = [t for t in INTEGERS if np.array_equal(value.astype(t), value)]
        return value.astype(fits[rng.integers(len(fits))])
    return value.astype([np.float64, np.float16, object][rng.integers(3)])


def wrong(rng: np.random.Generator, value: Any, kind: str, low: Any, high: Any) -> Any:
    """What is not accepted, whatever the function."""
    choices: list[Any] = [NOTHING[rng.integers(len(NOTHING))]]
    if kind == "whole":
        choices += [np.nan, low - 1, high + 1, value + 0.5, True, [value]]
    elif kind == "number":
        choices += [np.nan, np.inf, 2 * low - 1, 2 * high, "0.5", True, [value]]
    elif kind == "bool":
        choices += [value.astype(np.uint8), value.astype(float), value.astype(int).tolist()]
    elif kind == "integer":
        choices += [value + 0.5, value.astype(np.float32), value > 0, value.astype("U8")]
        if low is not None:
            place = rng.integers(value.size)
            for beyond in (low - 1, high + 1):
                other = value.astype(np.int64)
                other.flat[place] = beyond
                choices.append(other)
    else:
        choices += [value.astype(np.float64), value.astype(int), value.view(np.int32)]
        choices += [(value.astype(np.float64) + 0.1).tolist(), value > 0]
    return choices[rng.integers(len(choices))]


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")


@pytest.mark.parametrize("name", PUBLIC)
def test_calls(name):
    call, arguments = PUBLIC[name]
    rng = np.random.default_rng([2026, list(PUBLIC).index(name)])
    good = [value for value, _ in arguments]
    expected = call(*good)
    for _ in range(CALLS // len(PUBLIC) + 1):
        place = int(rng.integers(len(good)))
        value, (kind, low, high) = arguments[place]
        accepted = bool(rng.integers(2))
        other = same(rng, value, kind) if accepted else wrong(rng, value, kind, low, high)
        given = [*good[:place], other, *good[place + 1 :]]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found = call(*given)
        except UserError as error:
            assert str(error) and "\n" not in str(error)
            continue
        assert accepted, f"{name} took {other!r} for argument {place}"
        assert equal(found, expected), f"{name} is another with {other!r} for argument {place}"
