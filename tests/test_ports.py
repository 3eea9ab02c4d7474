"""What the ports do while beats wait, cycle by cycle."""

from tests.bus import Bus, simulate
from tests.small import PARAMETERS


def watch(bus: Bus, port: str) -> None:
    """Have each tick see that no beat is withdrawn that was offered."""
    plain = bus.tick

    async def tick(cycles: int = 1) -> None:
        for _ in range(cycles):
            waits = bus.get(f"{port}_tvalid") and not bus.get(f"{port}_tready")
            await plain()
            assert bus.get(f"{port}_tvalid") or not waits

    bus.tick = tick


def test_an_abort_withdraws_no_beat_whenever_it_comes():
    """A beat that is first offered as the abort arrives is one that was not, or stays."""

    async def bench(bus: Bus) -> None:
        watched: list[bool] = []
        for cycles in range(12):
            await bus.reset()
            if not watched:
                watch(bus, "m_axis")
            bus.set("s_axis_tdata", 0)
            bus.set("s_axis_tvalid", 1)
            while not bus.get("s_axis_tready"):
                await bus.tick()
            await bus.tick()
            bus.set("s_axis_tvalid", 0)
            await bus.tick(cycles)
            await bus.write("control.abort", 1)
            await bus.tick(4)
            watched.append(bool(bus.get("m_axis_tvalid")))
            assert await bus.read("status.aborting") == watched[-1]
            bus.set("m_axis_tready", 1)
            await bus.tick(4)
            bus.set("m_axis_tready", 0)
            assert await bus.read("status.aborted") == 1
            assert await bus.read("status.aborting") == 0
        # The sweep holds the cycle in which the beat comes.
        assert watched == sorted(watched) and {False, True} == set(watched)

    simulate("approx_multiplier", PARAMETERS["approx_multiplier"], bench)


def test_an_output_that_offered_nothing_stays_silent_while_another_waits():
    async def bench(bus: Bus) -> None:
        await bus.reset()
        bus.set("s_axis_tdata", 0x3F800000_3F800000)
        # The mask of a block of four values waits, and the next block's first value.
        bus.set("m_axis_value_tready", 1)
        for given, wanted in ((2, 4), (1, 0)):
            bus.set("s_axis_tvalid", 1)
            while given or wanted:
                given -= bus.get("s_axis_tvalid") & bus.get("s_axis_tready")
                wanted -= bus.get("m_axis_value_tvalid") & bus.get("m_axis_value_tready")
                await bus.tick()
                bus.set("s_axis_tvalid", given > 0)
            bus.set("m_axis_value_tready", 0)
        await bus.tick(4)
        assert bus.get("m_axis_value_tvalid") == bus.get("m_axis_block_tvalid") == 1
        await bus.write("control.abort", 1)
        await bus.tick(4)
        bus.set("m_axis_value_tready", 1)
        taken = 0
        for _ in range(8):
            taken += bus.get("m_axis_value_tvalid")
            await bus.tick()
        assert taken == 1
        assert bus.get("m_axis_block_tvalid") == await bus.read("status.aborting") == 1
        bus.set("m_axis_block_tready", 1)
        await bus.tick(4)
        assert await bus.read("status.aborting") == 0
        assert await bus.read("status.aborted") == 1

    simulate("csb_encoder", PARAMETERS["csb_encoder"], bench)


def test_padding_is_seen_in_a_beat_that_is_taken_alone():
    async def bench(bus: Bus) -> None:
        await bus.reset()
        bus.set("s_axis_a_tdata", -1)
        bus.set("s_axis_a_tvalid", 1)
        await bus.tick(4)
        # It waits for the other operand.
        assert bus.get("s_axis_a_tready") == 0
        assert await bus.read("status.framing") == 0
        bus.set("s_axis_b_tvalid", 1)
        assert bus.get("s_axis_a_tready") == 1
        await bus.tick()
        bus.set("s_axis_a_tvalid", 0)
        bus.set("s_axis_b_tvalid", 0)
        assert await bus.read("status.framing") == 1

    simulate("bfp_dot", PARAMETERS["bfp_dot"], bench)


def test_an_event_that_comes_as_it_is_cleared_stays():
    async def bench(bus: Bus) -> None:
        await bus.reset()
        for port in ("bready", "rready"):
            bus.set(f"s_axi_{port}", 1)
        bus.set("s_axi_araddr", 4 * len(bus.top.registers))
        bus.set("s_axi_awaddr", bus.addresses["status"])
        bus.set("s_axi_wdata", 1)
        bus.set("s_axi_wstrb", 15)
        kept = []
        for delay in range(4):
            # A read that is refused, and a write that clears the event of that.
            for cycle in range(8):
                for channel, start in (("ar", 0), ("aw", delay), ("w", delay)):
                    if cycle == start:
                        bus.set(f"s_axi_{channel}valid", 1)
                taken = [c for c in ("ar", "aw", "w") if bus.get(f"s_axi_{c}ready")]
                await bus.tick()
                for channel in taken:
                    bus.set(f"s_axi_{channel}valid", 0)
            kept.append(await bus.read("status.access"))
            bus.set("s_axi_rready", 1)
            bus.set("s_axi_araddr", 4 * len(bus.top.registers))
            await bus.write("status", 1)
            bus.set("s_axi_bready", 1)
        # The two meet where the write is a cycle behind.
        assert kept == [1, 1, 0, 0]

    simulate("bfp_dot", PARAMETERS["bfp_dot"], bench)


def test_an_estimator_is_not_restarted_while_an_abort_waits():
    async def bench(bus: Bus) -> None:
        await bus.reset()
        bus.set("s_axis_tvalid", 1)
        bus.set("s_axis_tlast", 1)
        await bus.tick(20)
        bus.set("s_axis_tvalid", 0)
        assert bus.get("m_axis_tvalid") == 1
        assert await bus.write("restart", 1) == 0
        assert await bus.write("control.abort", 1) == 0
        assert await bus.write("restart", 1) == 2
        bus.set("m_axis_tready", 1)
        await bus.tick(4)
        assert await bus.write("restart", 1) == 0

    parameters = PARAMETERS["quantile_estimator"].replace(between="carry")
    simulate("quantile_estimator", parameters, bench)


def test_sizes_are_locked_while_an_idle_unit_aborts():
    async def bench(bus: Bus) -> None:
        await bus.reset()
        assert await bus.write("control.abort", 1) == 0
        # The core is reset as this write comes.
        assert await bus.write("blocks", 3) == 2
        assert await bus.write("blocks", 3) == 0

    simulate("bfp_array", PARAMETERS["bfp_array"], bench)


def test_a_command_reads_as_zero_even_as_it_is_given():
    async def bench(bus: Bus) -> None:
        await bus.reset()
        bus.set("s_axi_araddr", bus.addresses["control"])
        bus.set("s_axi_awaddr", bus.addresses["control"])
        bus.set("s_axi_wdata", 1)
        bus.set("s_axi_wstrb", 1)
        for channel in ("ar", "aw", "w"):
            bus.set(f"s_axi_{channel}valid", 1)
        await bus.tick(2)
        assert bus.get("s_axi_rvalid") == bus.get("s_axi_bvalid") == 1
        assert bus.get("s_axi_rdata") == 0

    simulate("bfp_dot", PARAMETERS["bfp_dot"], bench)
