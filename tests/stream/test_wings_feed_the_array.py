"""Converters and transposers feed a matrix array through a `Gather`, with no other glue."""

import dataclasses

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.base.circuit import Circuit
from hw.bfp.array import MacArray
from hw.bfp.transposer import Transposer
from hw.formats.converter import ConverterUnit
from hw.stream.gather import Gather
from sim.formats.elements import encode
from sw.bfp.array import ArrayParameters, matmul
from sw.bfp.transposer import TransposerParameters
from sw.formats import BLOCK_FORMATS
from sw.formats.converter import ConverterParameters
from sw.formats.quantize import quantize

from .drive import drive

JOB = ("tile_rows", "tile_columns", "blocks")


class Fed(Circuit):
    """An array, both of whose operands come from a unit a vector at a time."""

    def __init__(self, *, feeder, array) -> None:
        self.feeders = [feeder(), feeder()]
        self.array = array
        p = array.parameters
        packet = self.feeders[0].streams["o"]
        self.gathers = [
            Gather(packet=packet, count=count, beats=p.beats) for count in (p.rows, p.columns)
        ]
        members = {f"i_{n}": In(self.feeders[0].streams["i"].signature) for n in "ab"}
        members |= {"o": Out(array.streams["o"].signature), "start": In(1), "framing": Out(1)}
        super().__init__(members | {name: In(16) for name in JOB})

    def elaborate(self, platform):
        m = Module()
        m.submodules.array = array = self.array
        for n, feeder, gather in zip("ab", self.feeders, self.gathers, strict=True):
            m.submodules[f"feeder_{n}"], m.submodules[f"gather_{n}"] = feeder, gather
            connect(m, flipped(getattr(self, f"i_{n}")), feeder.i)
            connect(m, feeder.o, gather.i)
            connect(m, gather.o, getattr(array, f"i_{n}"))
        connect(m, array.o, flipped(self.o))
        m.d.comb += [array.job[name].eq(getattr(self, name)) for name in JOB]
        m.d.comb += [
            array.start.eq(self.start),
            self.framing.eq(array.flags.framing | self.gathers[0].framing),
        ]
        return m


def by_blocks(x, sides, block, lanes):
    """The beats of a matrix: tile by tile, in it block by block, in that vector by vector."""
    other, mine, order = sides
    beats = []
    for i in range(other if order == "b" else mine):
        for j in range(mine if order == "b" else other):
            rows = (j if order == "b" else i) * (x.shape[0] // mine)
            tile = x[rows : rows + x.shape[0] // mine]
            for k in range(0, x.shape[1], block):
                beats += [*tile[:, k : k + block].reshape(-1, lanes)]
    return beats


def words(values, bits):
    """A payload's data: values side by side."""
    return sum(int(v) << bits * n for n, v in enumerate(values))


@pytest.mark.parametrize(("idle", "pressure"), [(0.0, 0.0), (0.3, 0.5)])
@pytest.mark.parametrize(("block", "lanes"), [(4, 2), (2, 2)])
def test_converters(block, lanes, idle, pressure):
    form = dataclasses.replace(BLOCK_FORMATS["hbfp6"], block=(block,), rounding="nearest_even")
    p = ArrayParameters(format=form, rows=3, columns=2, lanes=lanes)
    rng = np.random.default_rng(block)
    a, b = (rng.standard_normal((n, 3 * block)).astype(np.float32) for n in (6, 4))
    dut = Fed(
        feeder=lambda: ConverterUnit(parameters=ConverterParameters(format=form, lanes=lanes)),
        array=MacArray(parameters=p),
    )
    inputs = {
        "i_a": [words(v.view(np.uint32), 32) for v in by_blocks(a, (2, 2, "a"), block, lanes)],
        "i_b": [words(v.view(np.uint32), 32) for v in by_blocks(b, (2, 2, "b"), block, lanes)],
    }
    expected = matmul(p, quantize(a, form, axis=1), quantize(b, form, axis=1).transposed)
    job = {"tile_rows": 2, "tile_columns": 2, "blocks": 3}
    _compare(dut, inputs, expected, p, job, idle, pressure)


@pytest.mark.parametrize(("idle", "pressure"), [(0.0, 0.0), (0.3, 0.5)])
def test_transposers(idle, pressure):
    # Squares of 2 x 2: rows of ``a`` as they are, ``b`` (k, n) turned to columns in hardware.
    form = dataclasses.replace(BLOCK_FORMATS["hbfp6"], block=(2, 2), rounding="nearest_even")
    p = ArrayParameters(format=form, rows=2, columns=2, lanes=2)
    rng = np.random.default_rng(5)
    a, b = (
        quantize(rng.standard_normal(shape).astype(np.float32), form) for shape in ((2, 6), (6, 2))
    )
    flag = 2 * form.element_bits + form.exponent_bits

    def beats(x, turned):
        given = []
        for k in range(3):
            part = slice(2 * k, 2 * k + 2)
            square = x.mantissa[part] if turned else x.mantissa[:, part]
            code = x.exponent.reshape(-1)[k]
            for row in square:
                data = words(encode(row, form), form.element_bits)
                given.append(data | int(code) << 2 * form.element_bits | turned << flag)
        return given

    dut = Fed(
        feeder=lambda: Transposer(parameters=TransposerParameters(format=form)),
        array=MacArray(parameters=p),
    )
    inputs = {"i_a": beats(a, 0), "i_b": beats(b, 1)}
    job = {"tile_rows": 1, "tile_columns": 1, "blocks": 3}
    _compare(dut, inputs, matmul(p, a, b), p, job, idle, pressure)


def _compare(dut, inputs, expected, p, job, idle, pressure):
    rows = job["tile_rows"] * job["tile_columns"] * p.rows
    found, _, events = drive(
        dut,
        inputs,
        {"o": rows},
        seed=1,
        idle=idle,
        pressure=pressure,
        watch=["framing"],
        hold=job,
        start="start",
    )
    tiles = expected.reshape(job["tile_rows"], p.rows, job["tile_columns"], p.columns)
    tiles = tiles.swapaxes(1, 2).reshape(rows, p.columns)
    mask = (1 << 32 * p.columns) - 1
    assert [word & mask for word in found["o"]] == [words(v.view(np.uint32), 32) for v in tiles]
    assert [word >> 32 * p.columns for word in found["o"]] == [0] * (rows - 1) + [1]
    assert events == {"framing": 0}
