"""Registers that take no writes while a unit is at work."""

import pytest

from hw.units import UNITS
from tests.bus import OKAY, SLVERR, Bus, simulate
from tests.small import PARAMETERS, WITH_MEMORY


async def answer(bus: Bus) -> None:
    """Take the burst that a master asks for, and give its beats."""
    assert bus.get("m_axi_arvalid")
    beats = bus.get("m_axi_arlen") + 1
    bus.set("m_axi_arready", 1)
    await bus.tick()
    bus.set("m_axi_arready", 0)
    bus.set("m_axi_rvalid", 1)
    for beat in range(1, beats + 1):
        bus.set("m_axi_rlast", beat == beats)
        await bus.tick()
    bus.set("m_axi_rvalid", 0)


@pytest.mark.parametrize("unit", [name for name, unit in UNITS.items() if unit.core.JOBS])
def test_sizes_are_locked_while_busy(unit):
    async def bench(bus: Bus) -> None:
        await bus.reset()
        sizes = [r.name for r in bus.top.registers if r.locked == "busy"]
        assert len(sizes) == {"bfp_multimode_array": 2, "accelerator_chip": 7}.get(unit, 3)
        # Of a job that is not refused: an address is that of a whole instruction.
        values = {name: 16 if name == "program_low" else 2 for name in sizes}
        for name, value in values.items():
            assert await bus.write(name, value) == OKAY
        if "load" in bus.addresses:
            assert await bus.write("load", 1) == OKAY
        assert await bus.write("control.start", 1) == OKAY
        assert await bus.read("status") == 1 << bus.fields["status.busy"][0]
        for name, value in values.items():
            assert await bus.write(name, 3) == SLVERR
            assert await bus.write(bus.addresses[name] + 1, 0, 2) == SLVERR
            assert await bus.read(name) == value
        assert await bus.read("status.access") == 1
        assert await bus.write("control.abort", 1) == OKAY
        if unit in WITH_MEMORY:
            assert await bus.read("status.busy") == 1
            await answer(bus)
        await bus.tick(3)
        assert await bus.read("status.busy") == 0
        for name, value in values.items():
            assert await bus.read(name) == value
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
    sizes = {"rows": 1, "depth": 8, "pixels": 2, "patch": 2, "passes": 1, "mode": 1}

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
        assert await bus.write("passes", 0) == OKAY
        bus.set("s_axis_x_tvalid", 1)
        await bus.tick(4)
        assert await bus.read("status.busy") == 0
        assert await bus.read("status.refused") == 1
        assert await bus.write("passes", 1) == OKAY
        assert await bus.read("status.busy") == 1

    simulate("sparse_array", PARAMETERS["sparse_array"], bench)


@pytest.mark.parametrize(("rate", "name"), [("shift", "shift"), ("free", "rate")])
def test_the_rate_of_outer_products_is_locked_while_a_batch_is_under_way(rate, name):
    p = PARAMETERS["outer_product"].replace(rate=rate, scale="vector", batch=2, weights="none")
    beats = {"x": p.columns // p.lanes, "d": p.rows // p.lanes}
    results = p.rows * p.columns // p.results

    async def vectors(bus: Bus) -> None:
        for stream, count in beats.items():
            bus.set(f"s_axis_{stream}_tvalid", 1)
            for _ in range(count):
                while not bus.get(f"s_axis_{stream}_tready"):
                    await bus.tick()
                await bus.tick()
            bus.set(f"s_axis_{stream}_tvalid", 0)
        await bus.tick(200)

    async def bench(bus: Bus) -> None:
        await bus.reset()
        bus.set("m_axis_tready", 0)
        assert await bus.write(name, 3) == OKAY
        # The first pair of a batch, and its last, whose results wait to be taken.
        for _ in range(2):
            await vectors(bus)
            assert await bus.read("status.busy") == 1
            assert await bus.write(name, 4) == SLVERR
            assert await bus.read(name) == 3
        for _ in range(results):
            assert await bus.read("status.busy") == 1
            while not bus.get("m_axis_tvalid"):
                await bus.tick()
            bus.set("m_axis_tready", 1)
            await bus.tick()
            bus.set("m_axis_tready", 0)
        assert await bus.read("status.busy") == 0
        assert await bus.write(name, 4) == OKAY
        # An abort drops a batch that is open.
        await vectors(bus)
        assert await bus.write(name, 5) == SLVERR
        assert await bus.write("control.abort", 1) == OKAY
        await bus.tick(3)
        assert await bus.write(name, 5) == OKAY

    simulate("outer_product", p, bench)


def test_the_share_of_an_estimator_is_locked_inside_packets_that_restart():
    async def bench(bus: Bus) -> None:
        await bus.reset()
        bus.set("m_axis_tready", 1)
        assert await bus.write("share", 1000) == OKAY
        for last in (0, 1):
            bus.set("s_axis_tvalid", 1)
            bus.set("s_axis_tlast", last)
            await bus.tick()
            bus.set("s_axis_tvalid", 0)
            assert await bus.read("status.busy") == 1 - last
            assert await bus.write("share", 2000 + last) == (OKAY if last else SLVERR)
            assert await bus.read("share") == (2001 if last else 1000)
        # A packet's first beat that waits for the output is offered, and may be accepted at once.
        bus.set("m_axis_tready", 0)
        bus.set("s_axis_tvalid", 1)
        await bus.tick()
        assert (bus.get("m_axis_tvalid"), bus.get("s_axis_tready")) == (1, 0)
        assert await bus.read("status.busy") == 1
        assert await bus.write("share", 3000) == SLVERR
        assert await bus.read("share") == 2001
        bus.set("s_axis_tvalid", 0)
        assert await bus.read("status.busy") == 0

    p = PARAMETERS["quantile_estimator"].replace(between="restart")
    simulate("quantile_estimator", p, bench)
    # An estimate that goes on has no packets of its own: the share counts from the next beat on.
    top = UNITS["quantile_estimator"].top(p.replace(between="carry"))
    assert {r.locked for r in top.registers} == {"", "aborting"}


def test_initial_modes_written_in_a_restart_are_the_next_one_s():
    async def bench(bus: Bus) -> None:
        await bus.reset()
        await bus.tick(40)
        for written, late in ((0b010101, 0b101010), (0b100001, 0)):
            assert await bus.write("initial", written) == OKAY
            assert await bus.write("restart", 1) == OKAY
            assert await bus.write("initial", late) == OKAY
            assert await bus.read("busy") == 1
            await bus.tick(80)
            for layer in range(8):
                assert await bus.write("inspect", layer) == OKAY
                await bus.tick()
                assert await bus.read("modes") == written

    simulate("bfp_zse_controller", PARAMETERS["bfp_zse_controller"].replace(layers=8), bench)
