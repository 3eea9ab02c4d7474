"""Small formats: MX and NVFP4."""

import numpy as np

from sw.bfp import array, fast
from sw.formats import MX_FORMATS, MxFormat, quantize, tensor_scale, wire
from sw.formats import blocks as codes
from sw.formats import fast as formats_fast
from sw.formats.element import FloatElement, IntegerElement, read_element
from sw.formats.scale import FloatScale, MxScale, read_scale
from sw.words import Words

from .call import EACH, call, floats, words

FP4, NVFP4 = MX_FORMATS["mxfp4"], MX_FORMATS["nvfp4"]
RANDOM = FP4.changed({"name": "mxfp4 at random", "rounding": "stochastic"})

call(FloatElement, "FloatElement")(
    lambda rng: {"exponent_bits": 4, "fraction_bits": 3, "specials": "nan"}
)
call(IntegerElement, "IntegerElement", twos_complement="type")(
    lambda rng: {
        "mantissa_bits": 8,
        "sign_inside": True,
        "twos_complement": True,
    }
)
call(MxScale, "MxScale")(lambda rng: {"rule": "rceil"})
call(FloatScale, "FloatScale")(lambda rng: {"four_over_six": True})
call(read_element)(lambda rng: {"value": "e2m1"})
call(read_scale)(lambda rng: {"value": "ue4m3"})
call(MxFormat, "MxFormat", name="text", scale="type", block="type")(
    lambda rng: {
        "name": "mine",
        "element": "e4m3",
        "scale": {"rule": "even"},
        "block": 8,
        "rounding": "truncate",
        "random_bits": 9,
    }
)
call(quantize.quantize, "quantize in a tensor", x=EACH, amax="type none")(
    lambda rng: {"x": floats(rng, 3, 20), "format": NVFP4, "amax": np.float32(3)}
)
call(formats_fast.quantize, x=EACH)(
    lambda rng: {"x": floats(rng, 3, 20), "format": RANDOM, "random": Words(key=5)}
)
call(
    formats_fast.quantize,
    "fast.quantize with amax",
    x=EACH,
    amax="type none",
)(lambda rng: {"x": floats(rng, 3, 20), "format": NVFP4, "amax": np.float32(3)})
call(codes.Blocks, "Blocks of floats", code="shape", axis="negative", amax="type")(
    lambda rng: {
        "code": words(rng, 4, 3, 32).astype("u4"),
        "exponent": words(rng, 7, 3, 2).astype("i4"),
        "format": NVFP4,
        "axis": 1,
        "amax": np.float32(3),
    }
)
call(wire.pack)(lambda rng: {"blocks": quantize.quantize(floats(rng, 3, 20), FP4)})
call(wire.unpack, axis="negative")(
    lambda rng: {
        "elements": rng.integers(0, 256, (3, 10), "u1"),
        "scales": rng.integers(0, 256, (3, 1), "u1"),
        "format": FP4,
        "shape": (3, 20),
        "axis": 1,
    }
)
call(tensor_scale.amax_of, x=EACH)(lambda rng: {"x": floats(rng, 3, 4)})
for gemm in (array.gemm, fast.gemm):
    call(gemm, f"{gemm.__module__}.gemm of NVFP4")(
        lambda rng: {
            "a": quantize.quantize(floats(rng, 3, 20), NVFP4, axis=1),
            "b": quantize.quantize(floats(rng, 20, 4), NVFP4, axis=0),
            "accumulators": 2,
        }
    )
