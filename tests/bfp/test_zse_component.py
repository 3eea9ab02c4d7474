"""The controller of precision by zero-setting error while it works: commands at any time."""

from typing import Any

from hw.bfp.zse_controller import ZseController
from sw.bfp.pairs import PAIRS
from sw.bfp.zse_controller import ZseParameters

from ..clocked import drive


def by_pair(*modes: int) -> dict[str, int]:
    """Modes as a register has them."""
    return dict(zip(PAIRS, modes, strict=True))


class Driver:
    """The core alone, in Amaranth's simulator, which takes commands at any time."""

    def __init__(self, ctx: Any, dut: ZseController) -> None:
        self.ctx, self.dut = ctx, dut

    async def beat(self, layer: int, pair: int, zeros: int, elements: int, last: int = 0) -> None:
        beat = {"layer": layer, "pair": pair, "zeros": zeros, "elements": elements}
        self.ctx.set(self.dut.i.payload, {"data": beat, "last": last})
        self.ctx.set(self.dut.i.valid, 1)
        await self.ctx.tick().until(self.dut.i.ready)
        self.ctx.set(self.dut.i.valid, 0)

    async def modes(self) -> list[tuple[int, ...]]:
        """The packet of a step."""
        self.ctx.set(self.dut.o.ready, 1)
        packet, last = [], 0
        while not last:
            beat, last = (
                await self.ctx.tick()
                .sample(self.dut.o.payload.data, self.dut.o.payload.last)
                .until(self.dut.o.valid)
            )
            assert beat.layer == len(packet)
            packet.append(tuple(beat.mode))
        self.ctx.set(self.dut.o.ready, 0)
        return packet

    async def pulse(self, member: str) -> None:
        self.ctx.set(getattr(self.dut, member), 1)
        await self.ctx.tick()
        self.ctx.set(getattr(self.dut, member), 0)


def _drive(bench: Any) -> None:
    dut = ZseController(parameters=ZseParameters(layers=2))

    async def testbench(ctx: Any) -> None:
        values = {"lo": 1, "hi": 2, "scale": 4, "hold": 1, "layers": 2}
        for name, value in values.items():
            ctx.set(getattr(dut, name), value)
        ctx.set(dut.initial, by_pair(1, 1, 1))
        await bench(Driver(ctx, dut))

    drive(dut, testbench)


def test_registers_changed_during_a_step_serve_the_next_one():
    async def bench(d: Driver) -> None:
        await d.beat(0, 0, 0, 1)
        await d.beat(1, 1, 0, 1, last=1)
        for name, value in (
            ("lo", 0),
            ("hi", 0),
            ("scale", 1),
            ("warmup", 9),
            ("hold", 9),
            ("layers", 1),
        ):
            d.ctx.set(getattr(d.dut, name), value)
        assert await d.modes() == [(0, 1, 1), (1, 0, 1)]
        await d.beat(0, 0, 1, 1, last=1)
        assert await d.modes() == [(0, 1, 1)]
        d.ctx.set(d.dut.warmup, 2)
        await d.beat(0, 1, 1, 1, last=1)
        d.ctx.set(d.dut.warmup, 9)
        # A pair that has never changed need not wait.
        assert await d.modes() == [(0, 2, 1)]
        # A layer that is used again has the modes that it had.
        d.ctx.set(d.dut.layers, 2)
        await d.beat(0, 0, 0, 0, last=1)
        assert await d.modes() == [(0, 2, 1), (1, 0, 1)]

    _drive(bench)


def test_restart_waits_for_the_end_of_a_step():
    async def bench(d: Driver) -> None:
        await d.beat(1, 0, 0, 1)
        await d.beat(0, 0, 0, 1, last=1)
        await d.pulse("restart")
        d.ctx.set(d.dut.initial, by_pair(2, 2, 2))
        assert await d.modes() == [(0, 1, 1), (0, 1, 1)]
        assert d.ctx.get(d.dut.busy)
        await d.ctx.tick().until(~d.dut.busy)
        assert (d.ctx.get(d.dut.steps), d.ctx.get(d.dut.changes)) == (0, 2)
        await d.beat(1, 2, 0, 1, last=1)
        assert await d.modes() == [(2, 2, 2), (2, 2, 1)]
        assert d.ctx.get(d.dut.steps) == 1
        # Counts are forgotten too.
        await d.beat(1, 2, 0, 1)
        await d.pulse("restart")
        await d.beat(0, 0, 0, 0, last=1)
        assert await d.modes() == [(2, 2, 2)] * 2

    _drive(bench)


def test_clear_leaves_the_modes_and_the_step():
    async def bench(d: Driver) -> None:
        await d.beat(1, 0, 0, 1, last=1)
        assert await d.modes() == [(1, 1, 1), (0, 1, 1)]
        await d.ctx.tick()
        assert (d.ctx.get(d.dut.changes), d.ctx.get(d.dut.beats)) == (1, 1)
        await d.pulse("clear")
        assert (d.ctx.get(d.dut.changes), d.ctx.get(d.dut.beats)) == (0, 0)
        assert d.ctx.get(d.dut.steps) == 1
        for layer, modes in ((1, by_pair(0, 1, 1)), (0, by_pair(1, 1, 1))):
            d.ctx.set(d.dut.inspect, layer)
            await d.ctx.tick()
            assert d.ctx.get(d.dut.modes) == modes
        await d.beat(1, 0, 1, 1, last=1)
        assert await d.modes() == [(1, 1, 1)] * 2

    _drive(bench)


def test_steps_do_not_run_over():
    async def bench(d: Driver) -> None:
        await d.ctx.tick().until(~d.dut.busy)
        d.ctx.set(d.dut.steps, 2**32 - 2)
        d.ctx.set(d.dut.warmup, 2**16 - 1)
        for _ in range(3):
            await d.beat(0, 0, 0, 1, last=1)
            await d.modes()
        assert d.ctx.get(d.dut.steps) == 2**32 - 1

    _drive(bench)
