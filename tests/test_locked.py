"""Registers that take no writes while a unit is at work."""

import pytest

from tests.bus import OKAY, SLVERR, Bus, simulate
from tests.small import PARAMETERS


@pytest.mark.parametrize("unit", ["bfp_array", "bfp_multimode_array", "approx_array"])
def test_sizes_are_locked_while_busy(unit):
    async def bench(bus: Bus) -> None:
        await bus.reset()
        sizes = [r.name for r in bus.top.registers if r.locked == "busy"]
        assert len(sizes) == (2 if unit == "bfp_multimode_array" else 3)
        for name in sizes:
            assert await bus.write(name, 2) == OKAY
        if "load" in bus.addresses:
            assert await bus.write("load", 1) == OKAY
        assert await bus.write("control.start", 1) == OKAY
        assert await bus.read("status") == 1 << bus.fields["status.busy"][0]
        for name in sizes:
            assert await bus.write(name, 3) == SLVERR
            assert await bus.write(bus.addresses[name] + 1, 0, 2) == SLVERR
            assert await bus.read(name) == 2
        assert await bus.read("status.access") == 1
        assert await bus.write("control.abort", 1) == OKAY
        await bus.tick(3)
        assert await bus.read("status.busy") == 0
        for name in sizes:
            assert await bus.read(name) == 2
            assert await bus.write(name, 3) == OKAY
            assert await bus.read(name) == 3

    simulate(unit, PARAMETERS[unit], bench)


def test_seed_and_decay_are_locked_while_a_request_is_there():
    async def bench(bus: Bus) -> None:
        await bus.reset()
        assert await bus.write("seed", 7) == OKAY
        bus.set("s_axis_tvalid", 1)
        await bus.tick(2)
        bus.set("s_axis_tvalid", 0)
        assert await bus.read("status.busy") == 1
        for name, value in (("seed", 8), ("decay", 0), ("scale", 1)):
            assert await bus.write(name, value) == SLVERR
        await bus.tick(40)
        assert await bus.read("status.busy") == 1
        bus.set("m_axis_tready", 1)
        await bus.tick(4)
        assert await bus.read("status.busy") == 0
        assert await bus.read("seed") == 7
        assert await bus.write("seed", 8) == OKAY

    simulate("weight_regenerator", PARAMETERS["weight_regenerator"], bench)


def test_sizes_of_the_sparse_array_are_locked_while_a_wave_is_under_way():
    # Of a dense job, whose waves need no pointers to begin.
    sizes = {"rows": 1, "depth": 8, "positions": 2, "patch": 2, "waves": 1, "mode": 1}

    async def bench(bus: Bus) -> None:
        await bus.reset()
        for _ in range(2):
            for name, value in sizes.items():
                assert await bus.write(name, value) == OKAY
            assert await bus.read("status") == 0
            # A mask is no part of it, and may be the next job's.
            bus.set("s_axis_mask_tvalid", 1)
        bus.set("s_axis_x_tvalid", 1)
        await bus.tick()
        bus.set("s_axis_x_tvalid", 0)
        bus.set("s_axis_mask_tvalid", 0)
        assert await bus.read("status.busy") == 1
        for name in (*sizes, "offset", "base", "shift"):
            assert await bus.write(name, 2) == SLVERR
        assert [await bus.read(name) for name in sizes] == [*sizes.values()]
        await bus.write("control.abort", 1)
        await bus.tick(3)
        assert await bus.read("status.busy") == 0
        assert await bus.write("rows", 2) == OKAY
        # Data for which the registers hold no job wait, and do not keep it from being set.
        assert await bus.write("waves", 0) == OKAY
        bus.set("s_axis_x_tvalid", 1)
        await bus.tick(4)
        assert await bus.read("status.busy") == 0
        assert await bus.read("status.refused") == 1
        assert await bus.write("waves", 1) == OKAY
        assert await bus.read("status.busy") == 1

    simulate("sparse_array", PARAMETERS["sparse_array"], bench)
