"""The registers that all units have, their answers, the interrupt, and the ports in reset."""

import zlib

import pytest

from hw.bus.common_registers import DATA_SIZES
from hw.flow.emit import generate
from hw.units import UNITS
from tests.bus import OKAY, SLVERR, Bus, simulate
from tests.small import DIRECTED, PARAMETERS

FIRST = ("identity", "unit", "digest", "capabilities", "control", "status", "interrupt_enable")
SIZED = {
    "bfp_converter": {"lanes": 2},
    "bfp_array": {"rows": 2, "columns": 1, "lanes": 2},
    "sparse_array": {"columns": 1, "pe_rows": 2},
    "outer_product": {"rows": 4, "columns": 4, "lanes": 2, "results": 4},
    "bfp_zse_controller": {"layers": 4},
}


@pytest.mark.parametrize("unit", UNITS)
def test_the_manifest_tells_what_registers_hold_after_reset(unit):
    manifest = generate(unit, PARAMETERS[unit]).manifest
    streams, registers = manifest["streams"], manifest["registers"]
    names = [register["name"] for register in registers]
    beats = [f"{name}_bytes" for name in streams]
    assert names[: len(FIRST)] == [*FIRST]
    assert names[len(FIRST) : len(FIRST) + len(beats)] == beats
    own = len(UNITS[unit].top(PARAMETERS[unit]).core.registers)
    sizes = {n: v for n, v in manifest["parameters"].items() if n in DATA_SIZES}
    assert set(names[len(FIRST) + len(beats) + own :]) == {f"size_{name}" for name in sizes}
    assert sizes == SIZED.get(unit, sizes)

    async def bench(bus: Bus) -> None:
        await bus.reset()
        # A controller sweeps its memories first.
        await bus.tick(40)
        for register in registers:
            held = await bus.read(register["name"])
            waits = "stalls" in register["name"] or register["name"].endswith("waits")
            assert held == register["reset"] or waits, register["name"]
        assert await bus.read("identity") == 0x47470002
        assert await bus.read("unit") == zlib.crc32(unit.encode())
        assert f"{await bus.read('digest'):08x}" == manifest["digest"][:8]
        counts = {"inputs": 0, "outputs": 0}
        for name, stream in streams.items():
            counts[f"{stream['direction']}puts"] += 1
            assert await bus.read(f"{name}_bytes") == stream["bytes"]
        kept = [field.name for field in bus.top.registers[FIRST.index("status")].fields]
        jobs, busy = "done" in kept, "busy" in kept
        counts |= {"registers": own, "events": kept.index("aborting"), "jobs": jobs, "busy": busy}
        for name, value in counts.items():
            assert await bus.read(f"capabilities.{name}") == value, name
        for name, value in sizes.items():
            assert await bus.read(f"size_{name}") == value
        assert await bus.read("status") == 0

    simulate(unit, PARAMETERS[unit], bench)


def test_the_identity_of_the_array():
    # What a driver finds at fixed addresses.
    async def bench(bus: Bus) -> None:
        await bus.reset()
        found = [await bus.read(4 * i) for i in range(10)]
        digest = int(PARAMETERS["bfp_array"].digest[:8], 16)
        assert found[:4] == [0x47470002, 0xF4866713, digest, 0x03070712]
        assert found[4:] == [0, 0, 0, 5, 3, 4]

    simulate("bfp_array", PARAMETERS["bfp_array"], bench)


@pytest.mark.parametrize("unit", UNITS)
def test_what_takes_no_write_answers_slverr_and_tells(unit):
    async def refused(bus: Bus, response: int) -> bool:
        assert await bus.read("status.access") == (response == SLVERR)
        await bus.write("status.access", 1)
        assert await bus.read("status.access") == 0
        return response == SLVERR

    async def bench(bus: Bus) -> None:
        await bus.reset()
        await bus.tick(40)
        for register in bus.top.registers:
            before = await bus.read(register.name)
            assert bus.response == OKAY
            # Commands are none.
            value = before if register.access == "rw" else 0
            response = await bus.write(register.name, value)
            assert await refused(bus, response) == (register.access == "ro"), register.name
            if register.constant:
                assert await refused(bus, await bus.write(register.name, ~before & 0xFFFFFFFF))
                assert await bus.read(register.name) == before
        beyond = 4 * len(bus.top.registers)
        for address in range(beyond, 1 << len(bus.top.s_axi_awaddr), 4):
            assert await refused(bus, await bus.write(address, 1))
            assert await bus.read(address) == 0
            assert await refused(bus, bus.response)

    simulate(unit, PARAMETERS[unit], bench)


@pytest.mark.parametrize("unit", ["bfp_array", "weight_regenerator", "bfp_epoch_schedule"])
def test_bytes_and_half_words(unit):
    name = {"bfp_array": "blocks", "weight_regenerator": "seed", "bfp_epoch_schedule": "epochs"}[
        unit
    ]

    async def bench(bus: Bus) -> None:
        await bus.reset()
        address = bus.addresses[name]
        high = name == "seed"
        assert await bus.write(address, 0xA1B2C3D4) == OKAY
        for offset, strobes, expected in (
            (1, 0b0010, 0xA1B200D4),
            (0, 0b0001, 0xA1B20000),
            (2, 0b1100, 0x00000000),
            (3, 0b0000, 0x00000000),
        ):
            assert await bus.write(address + offset, 0, strobes) == OKAY
            expected &= 0xFFFFFFFF if high else 0xFFFF
            for low in range(4):
                assert await bus.read(address + low) == expected
                assert bus.response == OKAY
        assert await bus.write(bus.addresses["identity"] + 1, 0, 0b0010) == SLVERR
        # A command has its byte, too.
        await bus.write("interrupt_enable", 1)
        assert await bus.read("status.access") == 1
        await bus.write(bus.addresses["control"] + 1, 0x101, 0b0010)
        assert await bus.read("status.access") == 1
        await bus.write(bus.addresses["control"], 0x101, 0b0001)
        assert await bus.read("status.access") == 0

    simulate(unit, PARAMETERS[unit], bench)


@pytest.mark.parametrize("unit", UNITS)
def test_irq_is_raised_masked_and_cleared(unit):
    async def bench(bus: Bus) -> None:
        await bus.reset()
        assert bus.get("irq") == 0
        every = (1 << await bus.read("capabilities.events")) - 1
        jobs = await bus.read("capabilities.jobs")
        await bus.write("interrupt_enable", 0xFFFFFFFF)
        assert await bus.read("interrupt_enable") == every
        events = {"access": ("identity", 0), "aborted": ("control.abort", 1)}
        events |= {"refused": ("control.start", 1)} if jobs else {}
        for name, (register, value) in events.items():
            for enabled in (0, every ^ 1 << bus.fields[f"status.{name}"][0], every):
                await bus.write("interrupt_enable", enabled)
                await bus.write(register, value)
                await bus.tick(4)
                raised = enabled == every
                assert await bus.read("status") == 1 << bus.fields[f"status.{name}"][0]
                assert bus.get("irq") == raised
                # It comes and goes with the mask, and is a level.
                await bus.write("interrupt_enable", every ^ enabled)
                assert bus.get("irq") == (not raised)
                await bus.write("interrupt_enable", every)
                await bus.tick(5)
                assert bus.get("irq") == 1
                clears = [("status", 1 << bus.fields[f"status.{name}"][0]), ("control.clear", 1)]
                await bus.write(*clears[enabled == every])
                await bus.tick(2)
                assert bus.get("irq") == 0 and await bus.read("status") == 0

    simulate(unit, PARAMETERS[unit], bench)


@pytest.mark.parametrize("unit", UNITS)
def test_nothing_is_taken_or_given_in_reset(unit):
    async def bench(bus: Bus) -> None:
        sources = [name for name in bus.top.streams if name.startswith("s")]
        sinks = [name for name in bus.top.streams if name.startswith("m")]
        for name in sources:
            bus.set(f"{name}_tvalid", 1)
        for name in sinks:
            bus.set(f"{name}_tready", 1)
        quiet = [f"{name}_tready" for name in sources] + [f"{name}_tvalid" for name in sinks]
        quiet += [f"s_axi_{n}" for n in ("awready", "wready", "bvalid", "arready", "rvalid")]
        quiet += [f"{name}_{n}valid" for name in bus.top.masters for n in ("aw", "w", "ar")]
        for channel in ("aw", "w", "ar"):
            bus.set(f"s_axi_{channel}valid", 1)
        taken = 0
        for _ in range(2):
            # Before the first clock all is as after reset.
            for _ in range(3):
                bus.set("aresetn", 0)
                if taken:
                    await bus.tick()
                assert [bus.get(port) for port in quiet] == [0] * len(quiet)
                await bus.tick()
            bus.set("aresetn", 1)
            for _ in range(30):
                await bus.tick()
                taken += sum(bus.get(f"{name}_tready") for name in sources)
            taken += 1

    simulate(unit, PARAMETERS[unit], bench)


def test_a_job_after_an_abort_that_came_with_its_start():
    async def bench(bus: Bus) -> None:
        await bus.reset()
        for name, value in DIRECTED["bfp_array"].writes[:-1]:
            await bus.write(name, value)
        await bus.write("control", 0b110)
        await bus.tick(4)
        assert await bus.read("status") == 1 << bus.fields["status.aborted"][0]
        await bus.write("control.start", 1)
        assert await bus.read("status.busy") == 1
        assert await bus.read("status.refused") == 0

    simulate("bfp_array", PARAMETERS["bfp_array"], bench)
