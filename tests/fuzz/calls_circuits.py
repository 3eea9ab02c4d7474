"""Windows of tensors, and what stands around circuits."""

import functools
from typing import Any

from boards import frames
from boards.settings import LinkSettings
from boards.table import board
from hw.flow.emit import generate
from hw.units import unit
from sim import ports, streams
from sim.compare import assert_equal
from sw.core.convolution import Convolution
from sw.core.products import Dense
from sw.core.window import Window, matrix
from sw.formats import converter as bfp_converter

from .call import HBFP4, VALUES, call, floats, words

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
