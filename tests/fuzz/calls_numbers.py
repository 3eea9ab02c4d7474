"""Numbers, block formats and approximate multipliers."""

from sw import words as random_words
from sw.approx import array as approx_array
from sw.approx import fast as approx_fast
from sw.approx import multipliers
from sw.approx import product as approx_product
from sw.approx.table import Table, make
from sw.bfp import array as bfp_array
from sw.bfp import dot as bfp_dot
from sw.bfp import fast as bfp_fast
from sw.bfp import multimode_array as multimode
from sw.bfp import transposer
from sw.formats import (
    BFLOAT16,
    BINARY32,
    MX_FORMATS,
    BfpFormat,
    FloatFormat,
    MxFormat,
    binary32,
    hadamard,
    quantize,
    tensor_amax,
)
from sw.formats import blocks as codes
from sw.formats import converter as bfp_converter
from sw.formats import fast as formats_fast

from .call import EACH, HBFP4, MX, SQUARE, VALUES, blocks, call, floats, words

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
call(BfpFormat, "BfpFormat", name="text", exponent_floor="none negative")(
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
call(MxFormat, "MxFormat", name="text")(
    lambda rng: {
        "name": "mine",
        "element": "e2m3",
        "scale": "e8m0",
        "rounding": "truncate",
        "random_bits": 9,
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
call(quantize.quantize, "quantize to NVFP4", x=EACH, axis="negative", amax="none range")(
    lambda rng: {"x": floats(rng, 3, 20), "format": MX_FORMATS["nvfp4"], "axis": 1, "amax": 4.0}
)
call(codes.Blocks, "Blocks", code="shape", axis="negative")(
    lambda rng: {
        "code": words(rng, 7, 3, 16).astype("u4"),
        "exponent": words(rng, 7, 3, 2).astype("i4"),
        "format": MX,
        "axis": 1,
    }
)
call(quantize.dequantize)(lambda rng: {"blocks": blocks(rng, MX, 1, 3, 10)})
call(quantize.zero_setting_error, x=f"{EACH}", axis="negative")(
    lambda rng: {"x": floats(rng, 3, 10), "format": MX, "axis": 1}
)
call(codes.encode, mantissa="negative shape rows empty")(
    lambda rng: {"mantissa": words(rng, 7, 3, 4) - 64, "format": MX}
)
call(codes.decode, code="shape rows empty")(lambda rng: {"code": words(rng, 8, 3, 4), "format": MX})
call(formats_fast.zero_set, x=f"{EACH}")(lambda rng: {"x": floats(rng, 3, 10), "format": MX})
for gemm in (bfp_array.gemm, bfp_fast.gemm):
    call(gemm)(
        lambda rng: {
            "a": blocks(rng, MX, 1, 3, 20),
            "b": blocks(rng, MX, 0, 20, 4),
            "accumulators": 2,
        }
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
call(hadamard.hadamard, x=f"{VALUES} rows empty", signs="none")(
    lambda rng: {
        "parameters": hadamard.HadamardParameters(tile=4, source="binary32"),
        "x": floats(rng, 5, 4),
        "signs": 5,
    }
)
call(tensor_amax.tensor_amax, x=EACH)(
    lambda rng: {"parameters": tensor_amax.TensorAmaxParameters(), "x": floats(rng, 5, 4)}
)
call(transposer.transpose)(
    lambda rng: {
        "parameters": transposer.TransposerParameters(format=SQUARE),
        "code": words(rng, 8, 3, 4, 4),
        "exponent": words(rng, 8, 3),
        "flags": rng.random(3) < 0.5,
    }
)
call(multipliers.multiplier)(lambda rng: {"name": "realm8"})
call(approx_product.multiply, a=f"{VALUES} shape", b=f"{VALUES} shape")(
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
