"""What tests of arrays with memories for their operands share."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from sim import batch
from sim.bench import Result, Session
from sim.compare import assert_equal
from sim.engines import engine_of
from sim.job import Job, Outcome

from .bus import Bus
from .bus import simulate as drive

__all__ = ["Changed", "check_any_order", "check_sizes"]


@dataclasses.dataclass
class Changed:
    """An engine whose runs have other beats, or other ends of packets."""

    stream: str
    last: tuple[int, ...] = (-1,)
    bit: tuple[int, int] = (0, -1)

    def __call__(self, job: Job) -> Outcome:
        beats, (number, bit) = job.inputs[self.stream].copy(), self.bit
        if bit >= 0:
            beats[number, bit // 8] ^= 1 << bit % 8
        last = np.zeros_like(job.last[self.stream])
        last[list(self.last)] = 1
        changed = dataclasses.replace(
            job,
            inputs={**job.inputs, self.stream: beats},
            last={**job.last, self.stream: last},
        )
        return engine_of(changed, None, None, None)(changed)


@dataclasses.dataclass
class InTurn:
    """An engine whose runs take all beats of one stream, one a cycle, before any other."""

    first: str

    def __call__(self, job: Job) -> Outcome:
        def only(*names: str, **changes: Any) -> Job:
            inputs = {n: x if n in names else x[:0] for n, x in job.inputs.items()}
            last = {n: x[: len(inputs[n])] for n, x in job.last.items()}
            return dataclasses.replace(job, inputs=inputs, last=last, **changes)

        with Session() as session:
            early = batch.simulate(only(self.first, outputs={}, reads=[], settle=0), session)
            moved = early.transfers[self.first]
            assert not early.status
            assert moved.final - moved.first + 1 == len(job.inputs[self.first])
            return batch.simulate(only(*{*job.inputs} - {self.first}, writes=[]), session)


def check_any_order(
    simulate: Callable[[InTurn], tuple[np.ndarray, Result]], expected: np.ndarray
) -> None:
    """Check a product of which the beats of either stream come before those of the other."""
    for name in ("s_axis_a", "s_axis_b"):
        product, result = simulate(InTurn(name))
        assert_equal(product, expected)
        assert result.registers["status.framing"] == 0


def check_sizes(
    unit: str,
    parameters: Any,
    depth: str,
    sizes: Iterable[tuple[int, int, bool]],
    simulator: Any = drive,
) -> None:
    """Check which jobs of three rows of tiles are refused.

    ``sizes`` are each the register ``depth``, columns of tiles, and whether the memories hold them.
    """

    async def bench(bus: Bus) -> None:
        await bus.reset()
        await bus.write("tile_rows", 3)
        for blocks, across, fits in sizes:
            await bus.write(depth, blocks)
            await bus.write("tile_columns", across)
            await bus.write("control.start", 1)
            for name, value in (("busy", fits), ("refused", not fits), ("too_large", not fits)):
                assert await bus.read(f"status.{name}") == value, (blocks, across, name)
            await bus.write("control.abort", 1)
            await bus.tick(4)
            await bus.write("status", 0xFFFFFFFF)

    simulator(unit, parameters, bench)
