"""The registers that all units have: who the unit is, commands, events, interrupts, sizes."""

import zlib
from collections.abc import Mapping
from typing import Any

from ..base.field import Field
from ..engine.core import Core
from ..engine.registers import Register, word
from ..stream.packet import Packet

__all__ = ["DATA_SIZES", "LAYOUT", "events", "first_registers", "last_registers"]

LAYOUT = 2
"""Of the registers below; one that a driver of an earlier layout would not take has another."""

DATA_SIZES = (
    *("rows", "columns", "lanes", "pe_rows", "elements", "results", "layers"),
    *("words_a", "words_b"),
)
"""Fields of a configuration that a driver needs to cut its data."""


def events(core: Core) -> dict[str, str]:
    """Return the events that ``status`` keeps, in its order."""
    common = {
        "access": "a register access was answered by SLVERR",
        "aborted": "an abort has ended",
    }
    jobs = {"done": "a job has ended since the start"} if core.JOBS else {}
    return common | jobs | dict(core.FLAGS)


def first_registers(
    unit: str, digest: str, core: Core, streams: Mapping[str, Packet]
) -> tuple[Register, ...]:
    """Return the registers before the core's own, with the same addresses in all units."""
    own = [Field(name=n, bits=1, description=t) for n, t in events(core).items()]
    states = {"aborting": "an abort waits for a beat to be taken"}
    states |= {"busy": core.BUSY} if core.BUSY else {}
    state = [Field(name=n, bits=1, description=t, access="ro") for n, t in states.items()]
    return (
        _constant("identity", 32, 0x47470000 | LAYOUT, f"ASCII 'GG' above, layout {LAYOUT} below"),
        _constant("unit", 32, zlib.crc32(unit.encode()), f"CRC-32 of the name, {unit}"),
        _constant("digest", 32, int(digest[:8], 16), "first 32 bits of the configuration's digest"),
        _capabilities(core, streams, len(own)),
        _control(core),
        Register(
            name="status",
            access="w1c",
            fields=(*own, *state),
            description="Events, each of which stays until a 1 is written to it; control.clear "
            "clears all but done, a start clears done. Then the state.",
        ),
        Register(
            name="interrupt_enable",
            access="rw",
            fields=tuple(own),
            description="Events of status that raise irq, a level, until they are cleared.",
        ),
        *(
            _constant(f"{name}_bytes", 16, packet.bytes, f"bytes of a beat of {name}")
            for name, packet in streams.items()
        ),
    )


def last_registers(parameters: Any) -> tuple[Register, ...]:
    """Return the registers behind the core's own: sizes of the configuration."""
    fields = parameters.as_dict()
    return tuple(
        _constant(f"size_{name}", 16, fields[name], f"{name} of the configuration")
        for name in DATA_SIZES
        if name in fields
    )


def _constant(name: str, bits: int, value: int, description: str) -> Register:
    return word(name, "ro", bits, description, reset=value, constant=True)


def _capabilities(core: Core, streams: Mapping[str, Packet], kept: int) -> Register:
    inputs = sum(name.startswith("s") for name in streams)
    values = (
        ("inputs", 4, inputs, "streams taken"),
        ("outputs", 4, len(streams) - inputs, "streams given"),
        ("registers", 8, len(core.registers), "registers of the unit's own, after those of beats"),
        ("events", 8, kept, "lowest bits of status that are events"),
        ("jobs", 1, int(core.JOBS), "works when started, rather than whenever data come"),
        ("busy", 1, int(bool(core.BUSY)), "has status.busy, while which registers are locked"),
    )
    reset = offset = 0
    for _, bits, value, _ in values:
        reset |= value << offset
        offset += bits
    return Register(
        name="capabilities",
        access="ro",
        fields=tuple(Field(name=n, bits=b, description=d) for n, b, _, d in values),
        description="What the unit has. Every unit has abort, and irq with its enables.",
        reset=reset,
        constant=True,
    )


def _control(core: Core) -> Register:
    lost = f"; also lost: {core.ABORT}" if core.ABORT else ""
    abort = (
        "drops what the unit holds, but an output's beat that was offered, for whose taking it "
        f"waits; counters, and generators of random bits if any, start anew{lost}. What is written "
        "stays; beats that sources have yet to give are theirs to drop"
    )
    fields = [
        Field(name="clear", bits=1, description="clears flags and counters"),
        Field(name="abort", bits=1, description=abort),
    ]
    if core.JOBS:
        start = (
            "starts the job set up; refused while busy or aborting. An abort in the same write "
            "drops the job at once"
        )
        fields.append(Field(name="start", bits=1, description=start))
    return Register(name="control", access="wo", fields=tuple(fields), description="Commands.")
