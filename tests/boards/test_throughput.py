"""Transfers to and from a board fill the serial line."""

from typing import Any

import numpy as np
import pytest

from boards.connection import Connection
from boards.host import Board
from boards.line import Line
from boards.simulator import Simulation
from boards.top import board_design
from hw.flow.emit import generate
from sw.bfp.dot import DotParameters
from sw.bfp.epoch_schedule import EpochParameters

# What a host may take to answer: the simulation runs on for so many cycles, 0.1 ms.
LATE = 5000


class SimulatedLine(Line):
    """A line whose time is that of the simulation."""

    def __init__(self, simulation: Simulation, baud: int) -> None:
        self.port, self.baud = "simulation", baud
        self.sent = self.received = 0
        self.simulation = simulation
        self.late = b""

    def __exit__(self, *_: object) -> None:
        self.simulation.__exit__()

    def send(self, data: bytes) -> None:
        self.sent += len(data)
        self.late += data

    def receive(self) -> bytes:
        data, self.late = self.late, b""
        start, got = self.simulation.cycles, b""
        while self.simulation.cycles - start < LATE:
            got += self.simulation.run(data, cycles=LATE - (self.simulation.cycles - start))
            data = b""
        self.received += len(got)
        return got


def share(
    unit: str,
    parameters: Any,
    first: dict[str, bytes],
    inputs: dict[str, bytes],
    outputs: dict[str, int],
) -> float:
    """Return the bytes moved for each that the line could have carried meanwhile.

    What goes to the unit ``first`` is not counted, nor is its time. Bytes count as moved when the
    unit has taken them, or the host has them.
    """
    design = board_design("ulx3s-85f", unit, parameters)
    simulation = Simulation(design)
    line = SimulatedLine(simulation, design.manifest["baud"])
    assert (design.manifest["hertz"], line.baud) == (50_000_000, 3_000_000)
    with Board(Connection(line)) as board:
        board.stream(first, {})
        start = simulation.cycles
        got = board.stream(inputs, outputs)
        cycles = simulation.cycles - start
    assert {name: len(data) for name, data in got.items()} == outputs
    moved = max(sum(map(len, inputs.values())), sum(outputs.values()))
    return moved / (cycles * line.baud / 10 / design.manifest["hertz"])


@pytest.mark.parametrize("blocks", [6, 24, 100])
def test_writes_fill_the_line(blocks):
    parameters = DotParameters.make(preset="hbfp8", overrides=["lanes=8"])
    design = generate("bfp_dot", parameters)
    rng = np.random.default_rng(1)
    inputs = {}
    for name in ("s_axis_a", "s_axis_b"):
        stream = design.manifest["streams"][name]
        words = rng.integers(0, 256, (blocks * parameters.beats, stream["bytes"] + 1), np.uint8)
        words[:, -1] = 0
        inputs[name] = words.tobytes()
    assert sum(map(len, inputs.values())) == 176 * blocks >= 1024
    assert 0.90 <= share("bfp_dot", parameters, {}, inputs, {}) < 1


@pytest.mark.parametrize("epochs", [6, 24, 100])
def test_reads_fill_the_line(epochs):
    parameters = EpochParameters.make(overrides=["layers=64"])
    # As many epochs first as the buffer has room for the layers of, the others meanwhile.
    beats = np.zeros((epochs, 3), np.uint8)
    beats[:, 0] = 1
    first, rest = ({"s_axis": part.tobytes()} for part in (beats[:20], beats[20:]))
    outputs = {"m_axis": epochs * 64 * 3}
    assert outputs["m_axis"] >= 1024
    assert 0.90 <= share("bfp_epoch_schedule", parameters, first, rest, outputs) < 1
