"""The boards: what is on each, where its pins are, and what is built for it unless asked else."""

import dataclasses
import functools
import importlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hw.flow.devices import DEVICES, Device
from hw.flow.tools import TOOLS
from sw.checks import known

__all__ = ["BOARDS", "PORTS", "Board", "Site", "board"]

PORTS = ("clk", "rx", "tx", "led_busy", "led_error")
"""The ports of every board's top module."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Site:
    """Where a port is: its ball or pin, the attributes of its pad, whether a 0 is active."""

    pin: str
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    inverted: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Board:
    """A board.

    Parameters
    ----------
    name, title : str
        What it is called on the command line, and in prose.
    chip : Device
        The device, in the package and of the speed grade on the board.
    part : str
        The device as the tool that makes its bitstream calls it.
    platform : str
        ``module.Class`` of amaranth-boards, if it has the board.
    wires : mapping of str to str
        Resource of each of `PORTS` there, as ``name.number.subsignal`` or ``connector:pin``.
    sites : mapping of str to Site
        The ports, where amaranth-boards has not the board.
    oscillator : str
        MHz on the board, where amaranth-boards has not the board.
    clock : float
        MHz of the unit, unless asked else.
    baud, buffer : int
        Of the link, unless asked else; see `LinkSettings`.
    serial : str
        What is between the FPGA's serial line and the host.
    dfu : tuple of int
        Vendor and product of the loader on the board, where that takes the bitstream.
    loader : tuple of str
        Choose the board, or the cable on it, of openFPGALoader.
    unit : str
        What is built unless asked else.
    fields : mapping of str to object
        Fields of that unit that differ from its defaults.
    """

    name: str
    title: str
    chip: Device
    part: str = ""
    platform: str = ""
    wires: Mapping[str, str] = dataclasses.field(default_factory=dict)
    sites: Mapping[str, Site] = dataclasses.field(default_factory=dict)
    oscillator: str = ""
    clock: float
    baud: int = 3_000_000
    buffer: int = 2048
    serial: str
    dfu: tuple[int, int] | None = None
    loader: tuple[str, ...]
    unit: str = "bfp_array"
    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def family(self) -> str:
        """The target of `hw.flow.families`."""
        return self.chip.family

    @property
    def device(self) -> str:
        """The device, its package and speed grade, in prose."""
        return self.chip.title

    @property
    def arguments(self) -> tuple[str, ...]:
        """Choose the device of nextpnr; none where it knows no such device."""
        return self.chip.arguments

    @property
    def reference(self) -> Fraction:
        """MHz of the oscillator."""
        if not self.platform:
            return Fraction(self.oscillator)
        clock = _resource(self._platform(), self.wires["clk"].split("."))[0].clock
        return Fraction(clock.frequency).limit_denominator(10**6) / 10**6

    @property
    def pins(self) -> Mapping[str, Site]:
        """The site of each of `PORTS`; `UserError` if amaranth-boards is needed and missing."""
        if not self.platform:
            return self.sites
        return {port: _site(self._platform(), self.wires[port]) for port in PORTS}

    @property
    def loop(self) -> str:
        """The kind of its phase-locked loops, of `boards.dividers.LIMITS`."""
        return self.chip.series if self.family == "gowin" else self.family

    @property
    def inverted(self) -> bool:
        """Whether its LEDs are lit by a 0."""
        return self.pins["led_busy"].inverted

    def _platform(self) -> Any:
        TOOLS["amaranth-boards"].require()
        module, _, name = self.platform.partition(".")
        return _load(module, name)


@functools.cache
def _load(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"amaranth_boards.{module}"), name)


def _resource(platform: Any, path: list[str]) -> tuple[Any, Any]:
    """Return a resource of a platform, and the part of it that has the pins."""
    name, number, *sub = path
    resource = next(r for r in platform.resources if (r.name, r.number) == (name, int(number)))
    part = next(io for io in resource.ios if io.name == sub[0]) if sub else resource
    return resource, part


def _site(platform: Any, wire: str) -> Site:
    if ":" in wire:
        name, _, pin = wire.partition(":")
        connector = next(c for c in platform.connectors if c.name == name)
        attributes = {"IO_TYPE": "LVCMOS33", "PULLMODE": "UP"}
        return Site(pin=connector.mapping[pin], attributes=attributes)
    resource, part = _resource(platform, wire.split("."))
    attributes = dict(resource.attrs) | dict(part.attrs)
    pins = part.ios[0]
    return Site(
        pin=pins.names[0],
        attributes={name: str(value) for name, value in attributes.items()},
        inverted=bool(pins.invert),
    )


_UART = {"rx": "uart.0.rx", "tx": "uart.0.tx", "led_busy": "led.0", "led_error": "led.1"}


def _ulx3s(size: str, **fields: Any) -> Board:
    # L3 is an output of the FTDI chip (TXDEN), though amaranth-boards has it as one of the FPGA:
    # it is left alone.
    return Board(
        name=f"ulx3s-{size.lower()}",
        title=f"ULX3S-{size}",
        chip=DEVICES[f"LFE5U-{size}"].in_package("CABGA381", "6"),
        platform=f"ulx3s.ULX3S_{size}_Platform",
        wires={"clk": "clk25.0", **_UART},
        clock=50.0,
        # A quarter of it makes a frame.
        buffer=4096,
        serial="FT231X on the board (USB 1)",
        loader=("--board", "ulx3s"),
        fields=fields,
    )


def _tang_nano(size: str, chip: Device, **fields: Any) -> Board:
    return Board(
        name=f"tang-nano-{size.lower()}",
        title=f"Tang Nano {size}",
        chip=chip,
        part=chip.die,
        clock=27.0,
        baud=1_000_000,
        **fields,
    )


BOARDS: Mapping[str, Board] = {
    board.name: board
    for board in (
        _ulx3s("85F", multiplier="dsp"),
        _ulx3s("25F"),
        Board(
            name="orangecrab-25f",
            title="OrangeCrab r0.2",
            chip=DEVICES["LFE5U-25F"].in_package("CSFBGA285", "8"),
            platform="orangecrab_r0_2.OrangeCrabR0_2_25FPlatform",
            wires={
                "clk": "clk.0",
                "rx": "io:0",
                "tx": "io:1",
                "led_busy": "rgb_led.0.g",
                "led_error": "rgb_led.0.r",
            },
            clock=48.0,
            baud=1_000_000,
            serial="an adapter of 3.3 V at the header: its TXD to pin 0, its RXD to pin 1",
            dfu=(0x1209, 0x5AF0),
            loader=("--board", "orangeCrab"),
        ),
        Board(
            name="icebreaker",
            title="iCEBreaker",
            chip=DEVICES["iCE40UP5K"].in_package("sg48"),
            platform="icebreaker.ICEBreakerPlatform",
            wires={"clk": "clk12.0", **_UART, "led_busy": "led_g.0", "led_error": "led_r.0"},
            clock=12.0,
            baud=1_000_000,
            buffer=512,
            serial="FT2232H on the board (second port)",
            loader=("--board", "ice40_generic"),
            # The largest of this format whose netlist is estimated to fit.
            fields={"format": "hbfp4", "rows": 3, "columns": 1, "lanes": 8},
        ),
        _tang_nano(
            "9K",
            DEVICES["GW1NR-9C"].in_package("QN88P", "C6/I5"),
            platform="tang_nano_9k.TangNano9kPlatform",
            wires={"clk": "clk27.0", **_UART},
            serial="BL702 on the board (second port)",
            loader=("--board", "tangnano9k"),
            fields={"rows": 2, "columns": 2, "lanes": 4, "multiplier": "dsp"},
        ),
        _tang_nano(
            "20K",
            DEVICES["GW2AR-18C"].in_package("QN88", "C8/I7"),
            sites={
                "clk": Site(pin="4", attributes={"IO_TYPE": "LVCMOS33"}),
                "rx": Site(pin="70", attributes={"IO_TYPE": "LVCMOS33", "PULL_MODE": "UP"}),
                "tx": Site(pin="69", attributes={"IO_TYPE": "LVCMOS33", "PULL_MODE": "UP"}),
                "led_busy": Site(pin="15", attributes={"IO_TYPE": "LVCMOS33"}, inverted=True),
                "led_error": Site(pin="16", attributes={"IO_TYPE": "LVCMOS33"}, inverted=True),
            },
            oscillator="27",
            serial="BL616 on the board (second port)",
            loader=("--cable", "ft2232"),
            fields={"lanes": 4, "multiplier": "dsp"},
        ),
        Board(
            name="arty-a7-35",
            title="Arty A7-35",
            chip=DEVICES["XC7A35T"].in_package("CSG324", "-1LI"),
            part="xc7a35ticsg324-1L",
            platform="arty_a7.ArtyA7_35Platform",
            wires={"clk": "clk100.0", **_UART},
            clock=50.0,
            buffer=4096,
            serial="FT2232HQ on the board (second port)",
            loader=("--board", "arty_a7_35t"),
        ),
    )
}


def board(name: str) -> Board:
    """Return the board called ``name``; `UserError` if there is none."""
    return known("board", name, BOARDS)
