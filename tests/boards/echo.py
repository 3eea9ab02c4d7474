"""A device of plain Python that gives back what its stream gets, and keeps its registers' words."""

from typing import Any

from boards.frames import VERSION, identity
from boards.model import Device, Inlet, Outlet

ECHO: dict[str, Any] = {
    "link": VERSION,
    "unit": "echo",
    "version": "0",
    "digest": "0" * 16,
    "parameters": {},
    "board": "none",
    "clock": 50_000_000,
    "baud": 3_000_000,
}


def echo_device(
    *, buffer: int = 2048, facts: dict[str, Any] | None = None, **changes: Any
) -> Device:
    """Return a device of one input and one output; ``changes`` are of its identity."""
    words: dict[int, int] = {}

    def command(write: bool, address: int, value: int) -> tuple[int, int]:
        if address % 4 or address >= 64:
            return 2, 0
        if write:
            words[address] = value
        return 0, 0 if write else words.get(address, 0)

    def unit(inlets: list[Inlet], outlets: list[Outlet]) -> None:
        outlets[0].put(inlets[0].take(outlets[0].room))

    return Device(
        inputs=(1,),
        outputs=1,
        buffer=buffer,
        identity=identity((facts or ECHO) | {"buffer": buffer} | changes),
        command=command,
        unit=unit,
        reset=words.clear,
    )
