"""Public functions of the rooms with arguments that are right, and what they take beside these."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from boards import frames
from boards.settings import LinkSettings
from boards.table import board
from hw.flow.emit import generate
from hw.units import unit
from sim import ports, streams
from sim.compare import assert_equal
from sw import binary32
from sw import words as random_words
from sw.approx import array as approx_array
from sw.approx import fast as approx_fast
from sw.approx import multipliers
from sw.approx import product as approx_product
from sw.approx.table import Table, make
from sw.bfp import array as bfp_array
from sw.bfp import converter as bfp_converter
from sw.bfp import dot as bfp_dot
from sw.bfp import fast as bfp_fast
from sw.bfp import multimode, quantize, transposer
from sw.core.convolution import Convolution
from sw.core.products import Dense
from sw.core.window import Window, matrix
from sw.formats import BFLOAT16, BINARY32, BLOCK_FORMATS, BlockFormat, FloatFormat
from sw.sparse import array as sparse_array
from sw.sparse import balance, csb, quantile, regenerate, sorting, tracking
from sw.sparse import fast as sparse_fast
from sw.sparse.array_parameters import Job, SparseArrayParameters
from sw.sparse.csb_parameters import CsbDecoderParameters
from sw.stochastic import converter as stochastic_converter
from sw.stochastic import fast as stochastic_fast
from sw.stochastic import outer, pulsed
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.parameters import StochasticParameters
from sw.stochastic.pulsed import PulsedParameters

__all__ = ["CALLS", "Call"]


@dataclasses.dataclass(frozen=True)
class Call:
    """A function, a maker of right arguments, and what else each argument may be.

    ``takes`` names the kinds of change (`tests.fuzz.mutate`) that an argument bears by the
    function's documentation, after which the result is another but right.
    """

    function: Callable[..., Any]
    arguments: Callable[[np.random.Generator], dict[str, Any]]
    takes: Mapping[str, frozenset[str]]


CALLS: dict[str, Call] = {}

# Any values and shapes: functions that work element by element.
VALUES = "nan inf huge subnormal"
EACH = f"{VALUES} shape rows empty"


def call(function: Callable[..., Any], key: str = "", /, **takes: str) -> Callable[..., None]:
    """Enter the arguments of a function, made by what is decorated."""

    def enter(arguments: Callable[[np.random.Generator], dict[str, Any]]) -> None:
        where = key or f"{function.__module__}.{getattr(function, '__qualname__', '')}"
        kinds = {field: frozenset(text.split()) for field, text in takes.items()}
        CALLS[where] = Call(function, arguments, kinds)

    return enter


def floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def words(rng: np.random.Generator, bits: int, *shape: int) -> np.ndarray:
    return rng.integers(0, 1 << bits, shape)


HBFP4 = dataclasses.replace(BLOCK_FORMATS["hbfp4"], block=(4,))
MX = dataclasses.replace(BLOCK_FORMATS["mxint8"], block=(8,))
SQUARE = dataclasses.replace(BLOCK_FORMATS["hbfp8_8x8"], block=(4, 4), rounding="truncate")


def blocks(rng: np.random.Generator, format: BlockFormat, axis: int, *shape: int) -> Any:
    random = words(rng, format.random_bits, *shape)
    return quantize.quantize(floats(rng, *shape), format, axis=axis, random=random)


call(binary32.flush, x=EACH)(lambda rng: {"x": floats(rng, 3, 4), "format": BINARY32})
call(binary32.rounded, x=EACH)(lambda rng: {"x": floats(rng, 3, 4), "format": BFLOAT16})
for function in (binary32.add, binary32.multiply):
    call(function, x=f"{VALUES} shape", y=f"{VALUES} shape")(
        lambda rng: {"x": floats(rng, 3, 4), "y": floats(rng, 3, 4), "format": BINARY32}
    )
call(binary32.to_bits, x=f"{EACH} huge", format="")(
    lambda rng: {"x": floats(rng, 3, 4), "format": BINARY32}
)
call(binary32.from_bits, bits="shape rows empty")(
    lambda rng: {"bits": words(rng, 16, 3, 4).astype("u4"), "format": BFLOAT16}
)
call(binary32.from_integer, q="negative range shape", exponent="negative range shape", nan="shape")(
    lambda rng: {
        "q": words(rng, 30, 3, 4),
        "exponent": words(rng, 5, 3, 4) - 16,
        "nan": rng.random((3, 4)) < 0.2,
    }
)
call(random_words.stream_key)(lambda rng: {"seed": 5, "step": 3, "layer": 2, "use": 1, "part": 4})
call(random_words.Words, "Words", key="range")(lambda rng: {"key": 12345, "first": 6})
call(FloatFormat, "FloatFormat", name="text")(
    lambda rng: {"name": "mine", "exponent_bits": 5, "fraction_bits": 3}
)
call(BlockFormat, "BlockFormat", name="text", exponent_floor="none negative")(
    lambda rng: {
        "name": "mine",
        "mantissa_bits": 5,
        "sign_inside": True,
        "exponent_bits": 8,
        "exponent_rule": "floor",
        "exponent_floor": -3,
        "rounding": "truncate",
        "random_bits": 9,
        "symmetric": True,
    }
)
call(quantize.quantize, x=f"{VALUES} empty", axis="negative", random="none range negative")(
    lambda rng: {
        "x": floats(rng, 3, 10),
        "format": MX,
        "axis": 1,
        "random": words(rng, MX.random_bits, 3, 10),
    }
)
call(quantize.quantize, "quantize at random", x=VALUES)(
    lambda rng: {
        "x": floats(rng, 3, 10),
        "format": HBFP4,
        "random": words(rng, HBFP4.random_bits, 3, 10),
    }
)
call(quantize.Blocks, "Blocks", mantissa="shape", axis="negative")(
    lambda rng: {
        "mantissa": (words(rng, 7, 3, 16) - 64).astype("i4"),
        "exponent": words(rng, 7, 3, 2).astype("i4"),
        "format": MX,
        "axis": 1,
    }
)
call(quantize.dequantize)(lambda rng: {"blocks": blocks(rng, MX, 1, 3, 10)})
call(quantize.zero_setting_error, x=f"{EACH}", axis="negative")(
    lambda rng: {"x": floats(rng, 3, 10), "format": MX, "axis": 1}
)
call(quantize.encode, mantissa="negative shape rows empty")(
    lambda rng: {"mantissa": words(rng, 7, 3, 4) - 64, "format": MX}
)
call(quantize.decode, code="shape rows empty")(
    lambda rng: {"code": words(rng, 8, 3, 4), "format": MX}
)
call(bfp_fast.zero_set, x=f"{EACH}")(lambda rng: {"x": floats(rng, 3, 10), "format": MX})
for gemm in (bfp_array.gemm, bfp_fast.gemm):
    call(gemm)(
        lambda rng: {"a": blocks(rng, MX, 1, 3, 20), "b": blocks(rng, MX, 0, 20, 4), "ways": 2}
    )
call(bfp_array.matmul)(
    lambda rng: {
        "parameters": bfp_array.ArrayParameters(format=MX, rows=2, columns=2, lanes=4),
        "a": blocks(rng, MX, 1, 3, 20),
        "b": blocks(rng, MX, 0, 20, 4),
    }
)
call(multimode.matmul)(
    lambda rng: {
        "parameters": multimode.MultimodeParameters(),
        "a": blocks(rng, multimode.MultimodeParameters().formats[0], 1, 3, 20),
        "b": blocks(rng, multimode.MultimodeParameters().formats[1], 0, 20, 4),
    }
)
call(bfp_dot.dot)(
    lambda rng: {
        "parameters": bfp_dot.DotParameters(format=MX, lanes=4),
        "a": blocks(rng, MX, 1, 3, 8),
        "b": blocks(rng, MX, 1, 3, 8),
    }
)
call(bfp_converter.convert, x=f"{VALUES} rows empty")(
    lambda rng: {
        "parameters": bfp_converter.ConverterParameters(format=HBFP4, lanes=2),
        "x": floats(rng, 5, 4),
    }
)
call(transposer.transpose, mantissa="negative")(
    lambda rng: {
        "parameters": transposer.TransposerParameters(format=SQUARE),
        "mantissa": words(rng, 6, 3, 4, 4),
        "exponent": words(rng, 8, 3),
        "flags": rng.random(3) < 0.5,
    }
)
call(multipliers.multiplier)(lambda rng: {"name": "realm8"})
for multiply in (approx_product.multiply,):
    call(multiply, a=f"{VALUES} shape", b=f"{VALUES} shape")(
        lambda rng: {
            "fractions": approx_product.Datapath(name="mbm", bits=7),
            "a": floats(rng, 3, 4),
            "b": floats(rng, 3, 4),
        }
    )
for gemm in (approx_product.gemm, approx_fast.gemm):
    call(gemm, a=f"{VALUES} rows empty", b=f"{VALUES} shape")(
        lambda rng: {
            "fractions": approx_product.Datapath(name="mbm", bits=7),
            "a": floats(rng, 3, 4),
            "b": floats(rng, 4, 5),
        }
    )
call(approx_array.matmul, a=f"{VALUES} rows empty", b=f"{VALUES} shape")(
    lambda rng: {
        "parameters": approx_array.ApproxArrayParameters(rows=2, columns=2),
        "a": floats(rng, 3, 4),
        "b": floats(rng, 4, 5),
    }
)
call(approx_array.cut, x=EACH)(lambda rng: {"x": floats(rng, 3, 4), "format": BFLOAT16})
call(Table, "Table", name="text")(
    lambda rng: {"name": "mine", "bits": 2, "entries": words(rng, 3, 16)}
)
call(make)(lambda rng: {"name": "mbm", "bits": 3})

OUTER = OuterProductParameters(rows=4, columns=3, lanes=1, length=16)
for product in (outer.outer_product, stochastic_fast.outer_product):
    call(product, x=f"{VALUES} ", d=VALUES, last="none", rate="negative inf nan", first="range")(
        lambda rng: {
            "parameters": OUTER,
            "x": floats(rng, 4, 3),
            "d": floats(rng, 4, 4),
            "last": np.array([False, True, False, True]),
            "first": 2,
            "shift": 3,
        }
    )
call(stochastic_converter.convert, x=f"{VALUES} rows empty", first="range")(
    lambda rng: {
        "parameters": stochastic_converter.StochasticConverterParameters(elements=4, length=16),
        "x": floats(rng, 5, 4),
        "first": 2,
    }
)
call(StochasticParameters.__subclasses__()[0], "StochasticParameters")(
    lambda rng: {"length": 16, "width": 32, "bits": 8, "seed": 3}
)
call(pulsed.pulsed_gradient, d=f"{VALUES} rows", x=f"{VALUES} rows", first="range")(
    lambda rng: {
        "p": PulsedParameters(),
        "d": floats(rng, 3, 5),
        "x": floats(rng, 4, 5),
        "rate": 0.1,
        "first": 2,
    }
)

LINES = balance.BalancerParameters(lines=3, pieces=2)
call(balance.balance, counts="rows empty")(
    lambda rng: {"parameters": LINES, "counts": words(rng, 5, 4, LINES.keys).astype("i8")}
)
call(balance.counts, pointers="rows empty")(
    lambda rng: {"parameters": LINES, "pointers": np.sort(words(rng, 9, 4, LINES.pointers))}
)
call(balance.wave_time, counts="range")(
    lambda rng: {
        "counts": words(rng, 5, 4, LINES.keys),
        "assignment": np.tile(np.arange(LINES.keys).reshape(1, 3, 2), (4, 1, 1)),
    }
)
call(balance.imbalance, spread="")(
    lambda rng: {"tile": 16, "density": 0.3, "spread": 0.5, "lines": 4, "waves": 50, "seed": 1}
)
CSB = CsbDecoderParameters(rows=2, columns=3, lanes=3, pointer_bits=8, blocks=8, values=20)
call(csb.encode, dense=f"{VALUES} empty", keep="none")(
    lambda rng: {
        "parameters": CSB,
        "dense": floats(rng, 3, 2, 3),
        "keep": rng.random((3, 2, 3)) < 0.6,
    }
)
call(csb.Compressed, "Compressed", masks="shape", values=f"{VALUES} rows shape empty")(
    lambda rng: {
        "masks": np.ones((2, 6), bool),
        "pointers": np.array([0, 6]),
        "values": floats(rng, 12),
    }
)
for read in (csb.read, csb.walk):
    call(read, numbers="negative", rotate="shape")(
        lambda rng: {
            "parameters": CSB,
            "compressed": csb.encode(CSB, floats(rng, 3, 2, 3)),
            "numbers": np.array([0, 2, 1, 1]),
            "rotate": np.array([True, False, True, False]),
        }
    )
call(sorting.descending, keys="negative shape rows empty range")(
    lambda rng: {"keys": words(rng, 5, 3, 8)}
)
ESTIMATOR = quantile.QuantileParameters(lanes=2)
for estimate in (quantile.estimate, sparse_fast.estimate):
    call(estimate, x=f"{VALUES} shape", present="none", last="none")(
        lambda rng: {
            "parameters": ESTIMATOR,
            "x": np.abs(floats(rng, 6, 2)),
            "present": rng.random((6, 2)) < 0.8,
            "last": rng.random(6) < 0.2,
        }
    )
INDEX = "shape rows empty negative range"
call(regenerate.regenerate, index=INDEX, shift="shape type", decay="nan inf range")(
    lambda rng: {
        "parameters": regenerate.RegeneratorParameters(),
        "index": words(rng, 20, 7),
        "seed": 5,
        "shift": 3,
        "decay": 0.5,
    }
)
call(tracking.importance, weights=EACH, fallback=EACH)(
    lambda rng: {"weights": floats(rng, 3, 4), "fallback": floats(rng, 3, 4)}
)
call(tracking.largest, values=EACH)(lambda rng: {"keep": 0.25, "values": floats(rng, 3, 4)})
SPARSE = SparseArrayParameters.make(
    overrides=["lines=2", "columns=2", "fetch=2", "mask_bits=8", "depth=32", "entries=64"]
    + ["patch=32", "positions=16", "sums=32"]
)


@call(sparse_array.apply, values=VALUES, x=VALUES)
def _(rng: np.random.Generator) -> dict[str, Any]:
    job = Job(rows=1, depth=4, positions=2, patch=8)
    mask = rng.random((2, SPARSE.slots, 1, 4)) < 0.5
    return {
        "parameters": SPARSE,
        "job": job,
        "mask": mask,
        "values": floats(rng, int(mask.sum())),
        "x": floats(rng, 2, 8, 2),
        "offsets": np.arange(4),
        "bases": np.arange(2),
        "shifts": np.zeros(SPARSE.slots, int),
    }


call(Window.gather, "Window.gather", tensor=f"{VALUES} type wider rows shape", c="range")(
    lambda rng: {"self": matrix(3, 4), "tensor": floats(rng, 3, 4), "c": 0}
)
call(Dense, "Dense", name="text")(lambda rng: {"name": "fc", "inputs": 3, "outputs": 4})
call(Convolution, "Convolution", name="text")(
    lambda rng: {"name": "conv", "channels": 2, "filters": 3, "size": 6, "kernel": 3, "padding": 1}
)


@functools.cache
def manifest() -> Any:
    parameters = bfp_converter.ConverterParameters(format=HBFP4, lanes=2)
    return generate("bfp_converter", parameters).manifest


call(generate, "generate", unit_name="")(
    lambda rng: {
        "unit_name": "bfp_converter",
        "parameters": bfp_converter.ConverterParameters(format=HBFP4, lanes=2),
    }
)
call(unit)(lambda rng: {"name": "bfp_dot"})
call(streams.pack, "pack")(
    lambda rng: {
        "stream": manifest()["streams"]["s_axis"],
        "fields": {f["name"]: words(rng, 8, 3, f["count"]) for f in _fields()},
    }
)
call(ports.encode_write)(lambda rng: {"manifest": manifest(), "name": "control", "value": 1})
call(ports.check_beats, beats="rows empty")(
    lambda rng: {
        "manifest": manifest(),
        "name": "s_axis",
        "beats": words(rng, 8, 3, manifest()["streams"]["s_axis"]["bytes"]).astype("u1"),
    }
)
call(streams.Stalls, "Stalls")(lambda rng: {"idle": 0.5, "back_pressure": 0.25})
call(assert_equal)(
    lambda rng: dict.fromkeys(("actual", "expected"), words(rng, 8, 3, 4).astype("u4"))
)
call(frames.Header, "Header")(
    lambda rng: {"sequence": 3, "kind": 1, "channel": 2, "position": 5, "extra": 6, "length": 7}
)
call(LinkSettings, "LinkSettings", board="text")(
    lambda rng: {"board": "none", "clock": 50_000_000, "baud": 3_000_000}
)
call(board)(lambda rng: {"name": "icebreaker"})


def _fields() -> Any:
    return manifest()["streams"]["s_axis"]["fields"]
