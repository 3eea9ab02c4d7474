"""The test that cocotb runs inside the simulator; sim/cocotb_engine.py is the other side.

Reads ``job.json`` and ``inputs.npz`` from the working folder, leaves ``outcome.json`` and
``outputs.npz``.
"""

import json
import logging
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# cocotbext-axi 0.1.28 uses names that cocotb 2.1 deprecates.
warnings.filterwarnings("ignore", category=DeprecationWarning)

import cocotb  # noqa: E402
import numpy as np  # noqa: E402
from cocotb.clock import Clock  # noqa: E402
from cocotb.triggers import ClockCycles, Event, RisingEdge, SimTimeoutError, with_timeout  # noqa: E402
from cocotbext.axi import AxiLiteBus, AxiLiteMaster  # noqa: E402
from cocotbext.axi.stream import define_stream  # noqa: E402

PERIOD = 10
JOB: dict[str, Any] = json.loads(Path("job.json").read_text())

# cocotbext-axi's AxiStreamSource works lane by lane; these move a beat of any width as one integer.
BeatBus, Beat, BeatSource, BeatSink, _ = define_stream(
    "Beat", signals=["tdata", "tvalid", "tready"], optional_signals=["tlast"]
)


class FailureError(Exception):
    """The design broke the rules of its ports: kind of error and culprit."""


class Channel:
    """A stream with its source or sink, and what has happened on it."""

    def __init__(self, dut: Any, name: str, job: dict[str, Any], data: Any, last: Any) -> None:
        """Attach to the ports; nothing moves before `start`."""
        self.name, self.job = name, job
        bus = BeatBus.from_prefix(dut, name)
        kind = BeatSource if job["input"] else BeatSink
        self.end = kind(bus, dut.aclk, dut.aresetn, reset_active_level=False)
        self.end.log.setLevel(logging.WARNING)
        self.valid, self.ready, self.data = bus.tvalid, bus.tready, bus.tdata
        self.tlast = getattr(bus, "tlast", None)
        mask = (1 << len(bus.tdata)) - 1
        self.beats = [int.from_bytes(beat.tobytes(), "little") & mask for beat in data]
        self.last = [int(bit) for bit in last]
        self.random = random.Random(job["seed"])
        self.clear()

    def clear(self) -> None:
        """Forget everything that has moved, and hold still."""
        self.end.clear_pause_generator()
        self.end.clear()
        self.end.pause = True
        self.done = self.first = self.final = 0
        self.held: Any = None

    def start(self) -> None:
        """Let beats move."""
        if self.job["input"]:
            for i, beat in enumerate(self.beats):
                self.end.send_nowait(Beat(tdata=beat, tlast=self.last[i] if self.last else 0))
        self.end.pause = False
        if self.job["stall"]:
            self.end.set_pause_generator(self.gaps())

    def gaps(self) -> Iterator[bool]:
        """Yield for each cycle whether to stall."""
        while True:
            yield self.random.random() < self.job["stall"]

    def sample(self, cycle: int) -> bool:
        """Look at the signals before a clock edge; return whether a beat moves."""
        if not self.valid.value:
            if self.held is not None:
                raise FailureError("hold", self.name)
            return False
        ready = bool(self.ready.value)
        if not self.job["input"] and (self.held is not None or not ready):
            beat = str(self.data.value), "" if self.tlast is None else str(self.tlast.value)
            if self.held is not None and self.held != beat:
                raise FailureError("hold", self.name)
            self.held = None if ready else beat
        if ready:
            if self.done >= self.job["beats"]:
                raise FailureError("surplus", self.name)
            self.first = self.first if self.done else cycle
            self.final = cycle
            self.done += 1
        return ready


class Watch:
    """Counts cycles, checks the rules of the streams and looks out for the end."""

    def __init__(self, dut: Any, channels: list[Channel]) -> None:
        """Count from now on."""
        self.dut, self.channels = dut, channels
        self.cycle = self.streaming = 0
        self.active = False
        self.settling = False
        self.event = Event()
        self.failure: FailureError | None = None
        cocotb.start_soon(self.run())

    async def run(self) -> None:
        """Look at each clock edge."""
        edge = RisingEdge(self.dut.aclk)
        quiet = 0
        while True:
            await edge
            if self.active:
                try:
                    moved = [channel.sample(self.cycle) for channel in self.channels]
                except FailureError as failure:
                    self.fail(failure)
                    return
                self.streaming += 1
                quiet = 0 if any(moved) or self.settling else quiet + 1
                if quiet >= JOB["watchdog"]:
                    self.fail(FailureError("watchdog", ""))
                    return
                if self.finished() or self.streaming == self.limit:
                    self.event.set()
            self.cycle += 1

    def fail(self, failure: FailureError) -> None:
        """End the run."""
        self.failure = failure
        self.event.set()

    def finished(self) -> bool:
        """Tell whether all beats have moved."""
        return all(channel.done >= channel.job["beats"] for channel in self.channels)

    async def stream(self, master: Any, limit: int) -> None:
        """Stream and make the later writes to the end, or for ``limit`` cycles."""
        self.limit, self.streaming, self.active = limit, 0, True
        self.event.clear()
        for channel in self.channels:
            channel.start()
        writing = cocotb.start_soon(self.write(master))
        await self.event.wait()
        if self.finished():
            await writing
        else:
            writing.cancel()
        self.check()

    async def write(self, master: Any) -> None:
        """Make the later writes."""
        for i, (cycle, address, value) in enumerate(JOB["later"]):
            while self.streaming < cycle and not self.failure:
                await RisingEdge(self.dut.aclk)
            try:
                await access(master.write(address, value.to_bytes(4, "little")), "later", i)
            except FailureError as failure:
                self.fail(failure)
                return

    def check(self) -> None:
        """Raise what has gone wrong."""
        if self.failure:
            raise self.failure


async def access(operation: Any, kind: str, index: int) -> Any:
    """Wait for a register access; raise FailureError for silence or an error response."""
    try:
        answer = await with_timeout(operation, JOB["watchdog"] * PERIOD, "ns")
    except SimTimeoutError:
        raise FailureError("watchdog", index, kind) from None
    if int(answer.resp):
        raise FailureError("response", index, kind, int(answer.resp))
    return answer


async def begin(dut: Any, master: Any) -> None:
    """Reset and write the registers."""
    dut.aresetn.value = 0
    await ClockCycles(dut.aclk, 8)
    dut.aresetn.value = 1
    await RisingEdge(dut.aclk)
    for i, (address, value) in enumerate(JOB["writes"]):
        await access(master.write(address, value.to_bytes(4, "little")), "writes", i)


async def bench(dut: Any, channels: list[Channel], report: dict[str, Any]) -> None:
    """Run the whole job."""
    Clock(dut.aclk, PERIOD, unit="ns").start()
    watch = Watch(dut, channels)
    master: Any = None
    if hasattr(dut, "s_axi_awaddr"):
        master = AxiLiteMaster(
            AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, dut.aresetn, reset_active_level=False
        )
        for part in (master.write_if, master.read_if):
            part.log.setLevel(logging.WARNING)
    try:
        report["resets"] = 1
        await begin(dut, master)
        limit = JOB["reset_after"] or 0
        await watch.stream(master, limit)
        if limit and not watch.finished():
            watch.active = False
            report["resets"] = 2
            for channel in channels:
                channel.clear()
            await begin(dut, master)
            await watch.stream(master, 0)
        watch.settling = True
        for channel in channels:
            channel.end.clear_pause_generator()
            channel.end.pause = False
        await ClockCycles(dut.aclk, JOB["settle"])
        watch.check()
        for i, address in enumerate(JOB["reads"]):
            answer = await access(master.read(address, 4), "reads", i)
            report["registers"].append(int.from_bytes(answer.data, "little"))
        watch.check()
    finally:
        report["cycles"] = watch.cycle


@cocotb.test(name=f"{JOB['name']}_seed_{JOB['seed']}")
async def streams(dut: Any) -> None:
    """Run the job and leave the outcome."""
    arrays = np.load("inputs.npz")
    none = np.zeros((0, 1), np.uint8)
    channels = [
        Channel(dut, name, job, arrays.get(name, none), arrays.get(f"{name}_tlast", ()))
        for name, job in JOB["streams"].items()
    ]
    report: dict[str, Any] = {"status": "", "culprit": "", "registers": [], "response": 0}
    report["phase"] = "streams"
    error = None
    try:
        await bench(dut, channels, report)
    except FailureError as failure:
        error = failure
        report |= dict(zip(("status", "culprit", "phase", "response"), failure.args, strict=False))
    report["transfers"] = {
        c.name: [c.done, c.first, c.final, *(int(bool(p.value)) for p in (c.valid, c.ready))]
        for c in channels
    }
    leave(channels)
    Path("outcome.json").write_text(json.dumps(report))
    assert error is None, error


def leave(channels: list[Channel]) -> None:
    """Write the outputs."""
    arrays = {}
    for channel in channels:
        if channel.job["input"]:
            continue
        size = channel.job["bytes"]
        beats = [channel.end.recv_nowait() for _ in range(channel.end.count())]
        data = b"".join(beat.tdata.to_unsigned().to_bytes(size, "little") for beat in beats)
        arrays[channel.name] = np.frombuffer(data, np.uint8).reshape(-1, size)
        if channel.tlast is not None:
            last = [int(beat.tlast) for beat in beats]
            arrays[f"{channel.name}_tlast"] = np.array(last, np.uint8)
    np.savez("outputs.npz", **arrays)
