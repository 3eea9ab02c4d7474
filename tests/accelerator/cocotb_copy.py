"""The test that cocotb runs in the simulator; test_axi_ram.py is the other side."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiBus, AxiRam

SIZE = 1 << 15
HALF = SIZE // 2
BYTES = 4
BAD = 0x1340
CYCLES = 20_000


class Memory:
    """cocotbext-axi's memory, which stalls at random, and raises for bursts at `BAD` if asked."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        bus = AxiBus.from_prefix(dut, "m_axi")
        self.ram: Any = AxiRam(bus, dut.aclk, dut.aresetn, reset_active_level=False, size=SIZE)
        self.bad: dict[str, int] = {}
        reads, writes = self.ram.read_if, self.ram.write_if
        for side, kind in ((reads, "read"), (writes, "write")):
            setattr(side, f"_{kind}", self._failing(kind, getattr(side, f"_{kind}")))
        for channel in (reads.ar_channel, reads.r_channel, writes.aw_channel, writes.w_channel):
            channel.set_pause_generator(self._stalls(rng))
        writes.b_channel.set_pause_generator(self._stalls(rng))

    def _stalls(self, rng: random.Random) -> Iterator[bool]:
        for _ in itertools.count():
            yield rng.random() < 0.4

    def _failing(self, kind: str, method: Any) -> Any:
        async def access(address: int, *arguments: Any) -> Any:
            if self.bad.get(kind) == address:
                raise ValueError("bad")
            return await method(address, *arguments)

        return access


async def reset(dut: Any) -> None:
    """Reset the circuit."""
    dut.read_valid.value = dut.write_valid.value = 0
    dut.aresetn.value = 0
    await ClockCycles(dut.aclk, 3)
    dut.aresetn.value = 1
    await RisingEdge(dut.aclk)


async def ask(dut: Any, kind: str, address: int, beats: int) -> None:
    """Give a request of a kind."""
    getattr(dut, f"{kind}_address").value = address
    getattr(dut, f"{kind}_beats").value = beats
    getattr(dut, f"{kind}_valid").value = 1
    for _ in range(CYCLES):
        await RisingEdge(dut.aclk)
        if getattr(dut, f"{kind}_ready").value or dut.failed.value:
            break
    getattr(dut, f"{kind}_valid").value = 0


async def copy(dut: Any, source: int, target: int, beats: int) -> None:
    """Ask for a copy, and wait for its end."""
    tasks = [
        cocotb.start_soon(ask(dut, kind, address, beats))
        for kind, address in (("read", source), ("write", target))
    ]
    for task in tasks:
        await task
    for _ in range(CYCLES):
        await RisingEdge(dut.aclk)
        if dut.idle.value:
            return
    raise AssertionError("never idle")


@cocotb.test()
async def copies(dut: Any) -> None:
    """Copies of all lengths, then copies that meet an error."""
    rng = random.Random(1)
    cocotb.start_soon(Clock(dut.aclk, 10, "ns").start())
    memory = Memory(dut, rng)
    await reset(dut)
    data = bytearray(rng.randbytes(SIZE))
    memory.ram.write(0, bytes(data))
    for beats in (1, 2, 16, 17, 40, 200):
        source = BYTES * rng.randrange((HALF - BYTES * beats) // BYTES)
        target = HALF + BYTES * rng.randrange((HALF - BYTES * beats) // BYTES)
        await copy(dut, source, target, beats)
        data[target : target + BYTES * beats] = data[source : source + BYTES * beats]
        assert memory.ram.read(0, SIZE) == data
        assert not dut.failed.value
    for kind, offset in (("read", 0), ("write", HALF)):
        memory.bad = {kind: BAD + offset}
        await copy(dut, BAD - 100, HALF + BAD - 100, 200)
        assert dut.failed.value
        found = memory.ram.read(0, SIZE)
        place = slice(HALF + BAD - 100, HALF + BAD - 100 + 200 * BYTES)
        data[place] = found[place]
        assert found == data
        await reset(dut)
        assert not dut.failed.value
    Path("done").touch()
