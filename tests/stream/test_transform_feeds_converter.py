"""The Hadamard transform feeds a converter, with no glue: tiles in, blocks of a format out."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.base.circuit import Circuit
from hw.formats.converter import ConverterUnit
from hw.formats.hadamard import HadamardUnit
from sw.formats import BLOCK_FORMATS, FLOAT_FORMATS, binary32
from sw.formats.converter import ConverterParameters, convert
from sw.formats.hadamard import HadamardParameters, hadamard

from .drive import drive

FORMAT = dataclasses.replace(BLOCK_FORMATS["hbfp6"], block=(8,), rounding="nearest_even")


class Transformed(Circuit):
    """A converter of transformed tiles."""

    def __init__(self, *, transform: HadamardUnit, converter: ConverterUnit) -> None:
        self.transform = transform
        self.converter = converter
        packets = transform.streams["i"], converter.streams["o"]
        super().__init__({"i": In(packets[0].signature), "o": Out(packets[1].signature)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.transform = transform = self.transform
        m.submodules.converter = converter = self.converter
        m.d.comb += transform.signs.eq(transform.parameters.signs)
        connect(m, flipped(self.i), transform.i)
        connect(m, transform.o, converter.i)
        connect(m, converter.o, flipped(self.o))
        return m


def words(values: np.ndarray, bits: int) -> int:
    """A payload's data: values side by side."""
    return sum(int(v) << bits * n for n, v in enumerate(values))


@pytest.mark.parametrize(("idle", "pressure"), [(0.0, 0.0), (0.3, 0.5)])
def test_blocks_of_transformed_tiles(idle, pressure):
    p = HadamardParameters(tile=4, lanes=2, source="binary16", result="bfloat16")
    q = ConverterParameters(format=FORMAT, lanes=2, source="bfloat16")
    rng = np.random.default_rng(1)
    x = rng.standard_normal((12, 4)).astype(np.float16).astype(np.float32)
    codes, exponents, _ = convert(q, hadamard(p, x).reshape(-1, 8))
    patterns = binary32.to_bits(x, FLOAT_FORMATS[p.source]).reshape(-1, 2)
    given = [words(beat, 16) for beat in patterns]
    given[-1] |= 1 << 32
    bits = FORMAT.element_bits
    expected = [
        words(beat, bits) | int(exponent) << 2 * bits
        for block, exponent in zip(codes, exponents, strict=True)
        for beat in block.reshape(-1, 2)
    ]
    expected[-1] |= 1 << 2 * bits + FORMAT.exponent_bits
    dut = Transformed(transform=HadamardUnit(parameters=p), converter=ConverterUnit(parameters=q))
    found, _, _ = drive(dut, {"i": given}, {"o": 24}, seed=2, idle=idle, pressure=pressure)
    assert found["o"] == expected
