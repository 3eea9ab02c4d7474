"""A test of cocotb: the product of two matrices by a `bfp_array` equals the model's.

It knows the circuit by its manifest, the file that ``MANIFEST`` names.
"""

import itertools
import json
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiStreamBus,
    AxiStreamSink,
    AxiStreamSource,
)

from sw.bfp.array import ArrayParameters, matmul
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize

MANIFEST: dict[str, Any] = json.loads(Path(os.environ["MANIFEST"]).read_text())
P = ArrayParameters(**MANIFEST["parameters"])
REGISTERS = {register["name"]: register for register in MANIFEST["registers"]}


class Registers:
    """The registers by name, over AXI4-Lite."""

    def __init__(self, dut: Any) -> None:
        bus = AxiLiteBus.from_prefix(dut, "s_axi")
        self.master = AxiLiteMaster(bus, dut.aclk, dut.aresetn, reset_active_level=False)

    async def write(self, name: str, value: int) -> None:
        """Write a register."""
        await self.master.write_dword(REGISTERS[name]["offset"], value)

    async def read(self, name: str) -> int:
        """Read a register."""
        return await self.master.read_dword(REGISTERS[name]["offset"])


def stream(dut: Any, name: str, kind: Any, *, pauses: tuple[int, ...]) -> Any:
    """Return a source or sink of a stream, which pauses in the cycles that are 1, over and over."""
    bus = AxiStreamBus.from_prefix(dut, name)
    made = kind(bus, dut.aclk, dut.aresetn, reset_active_level=False)
    made.set_pause_generator(itertools.cycle(pauses))
    return made


def bit(register: str, name: str) -> int:
    """Return the mask of a field of one bit."""
    [field] = (f for f in REGISTERS[register]["fields"] if f["name"] == name)
    return 1 << field["offset"]


def beat(stream: str, **values: np.ndarray) -> bytes:
    """Return a beat of a stream, from the values of each of its fields."""
    entry, word = MANIFEST["streams"][stream], 0
    for field in entry["fields"]:
        for i, value in enumerate(values[field["name"]]):
            word |= int(value) << field["offset"] + i * field["bits"]
    return word.to_bytes(entry["bytes"], "little")


def tiles(stream: str, x: Blocks, lines: int) -> list[bytes]:
    """Return the beats of each tile, ``lines`` rows of a matrix, along its columns."""
    blocks = P.blocks(x.shape[1])
    fill = -x.shape[0] % lines
    code = np.pad(x.code, ((0, fill), (0, blocks * P.format.reduction - x.shape[1])))
    exponent = np.pad(x.codes(0), ((0, fill), (0, 0)))
    return [
        b"".join(
            beat(
                stream,
                mantissa=code[top : top + lines, at : at + P.lanes].ravel(),
                exponent=exponent[top : top + lines, at // P.format.reduction],
            )
            for at in range(0, code.shape[1], P.lanes)
        )
        for top in range(0, len(code), lines)
    ]


@cocotb.test()
@cocotb.parametrize(size=[(4, 4, 64), (10, 7, 200)])
async def product(dut: Any, size: tuple[int, int, int]) -> None:
    """Multiply random matrices, and compare."""
    m, n, k = size
    rng = np.random.default_rng(m)

    def matrix(shape: tuple[int, int], axis: int) -> Blocks:
        words = rng.integers(0, 1 << P.format.random_bits, shape)
        return quantize(rng.normal(size=shape).astype("f4"), P.format, axis=axis, random=words)

    a, b = matrix((m, k), 1), matrix((k, n), 0)
    down, across = tiles("s_axis_a", a, P.rows), tiles("s_axis_b", b.transposed, P.columns)

    Clock(dut.aclk, 10, unit="ns").start()
    registers = Registers(dut)
    source_a = stream(dut, "s_axis_a", AxiStreamSource, pauses=(0, 0, 1))
    source_b = stream(dut, "s_axis_b", AxiStreamSource, pauses=(0, 1))
    sink = stream(dut, "m_axis", AxiStreamSink, pauses=(1, 1, 0))
    dut.aresetn.value = 0
    await ClockCycles(dut.aclk, 4)
    dut.aresetn.value = 1

    assert await registers.read("digest") == REGISTERS["digest"]["reset"]
    await registers.write("tile_rows", len(down))
    await registers.write("tile_columns", len(across))
    await registers.write("blocks", P.blocks(k))
    await registers.write("interrupt_enable", bit("interrupt_enable", "done"))
    await registers.write("control", bit("control", "start"))
    # Tiles by rows: the tile of a is sent for each of those of b.
    for left in down:
        for right in across:
            source_a.send_nowait(left)
            source_b.send_nowait(right)
    await with_timeout(RisingEdge(dut.irq), 100, "us")
    assert await registers.read("status") == bit("status", "done")

    received = await sink.recv()
    rows = np.frombuffer(received.tdata, "<f4").reshape(len(down), len(across), P.rows, -1)
    whole = rows.swapaxes(1, 2).reshape(len(down) * P.rows, len(across) * P.columns)
    assert np.array_equal(whole[:m, :n], matmul(P, a, b))
