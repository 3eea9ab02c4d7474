"""The table of boards against their schematics: pins, clocks, constraints."""

from importlib.metadata import PackageNotFoundError

import pytest

from boards.constraints import constraints, suffix
from boards.dividers import LIMITS
from boards.settings import LinkSettings
from boards.table import BOARDS, PORTS, board
from hw.flow.families import FAMILIES
from hw.units import UNITS
from sw.errors import UserError

NAMES = [
    "ulx3s-85f",
    "ulx3s-25f",
    "orangecrab-25f",
    "icebreaker",
    "tang-nano-9k",
    "tang-nano-20k",
    "arty-a7-35",
]

# From the boards' schematics: pins of clk, rx, tx, and the two LEDs, whether a 0 lights these.
SCHEMATICS = {
    "ulx3s-85f": (25, "G2 M1 L4 B2 C2", False),
    "ulx3s-25f": (25, "G2 M1 L4 B2 C2", False),
    "orangecrab-25f": (48, "A9 N17 M18 M3 K4", True),
    "icebreaker": (12, "35 6 9 37 11", True),
    "tang-nano-9k": (27, "52 18 17 10 11", True),
    "tang-nano-20k": (27, "4 70 69 15 16", True),
    "arty-a7-35": (100, "E3 A9 D10 H5 J5", False),
}


def test_the_boards():
    assert list(BOARDS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_pins_and_clock_are_those_of_the_schematic(name):
    reference, pins, inverted = SCHEMATICS[name]
    found = board(name)
    assert tuple(found.pins) == PORTS
    assert " ".join(site.pin for site in found.pins.values()) == pins
    assert (found.reference, found.inverted) == (reference, inverted)
    assert found.pins["led_error"].inverted == inverted


@pytest.mark.parametrize("name", NAMES)
def test_each_board_is_made_of_what_there_is(name):
    found = board(name)
    device = FAMILIES[found.family].on(found.chip)
    assert {c.place or c.title for c in device.columns if c.available} == set(found.chip.resources)
    assert found.loop in LIMITS
    assert UNITS[found.unit].parameters.make(defaults=found.fields)
    settings = LinkSettings(
        board=name, clock=round(found.clock * 10**6), baud=found.baud, buffer=found.buffer
    )
    assert settings.clock >= 8 * settings.baud


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("ulx3s-85f", 'LOCATE COMP "tx" SITE "L4";'),
        ("ulx3s-85f", 'FREQUENCY PORT "clk" 25 MHZ;'),
        ("orangecrab-25f", 'IOBUF PORT "rx" IO_TYPE=LVCMOS33 PULLMODE=UP;'),
        ("icebreaker", "set_io -pullup yes rx 6"),
        ("icebreaker", "set_frequency clk 12"),
        ("tang-nano-9k", 'IO_LOC "rx" 18;'),
        ("tang-nano-20k", 'IO_PORT "tx" IO_TYPE=LVCMOS33 PULL_MODE=UP;'),
        ("arty-a7-35", "set_property PACKAGE_PIN D10 [get_ports tx]"),
        ("arty-a7-35", "create_clock -name clk -period 10.000 [get_ports clk]"),
    ],
)
def test_constraints(name, line):
    assert line in constraints(board(name)).splitlines()


def test_suffixes():
    assert [suffix(board(name)) for name in NAMES] == "lpf lpf lpf pcf cst cst xdc".split()


def test_an_unknown_board_is_told_with_the_nearest():
    match = r"^unknown board 'ulx3s-85', did you mean ulx3s-85f\? \(known: arty-a7-35, icebreaker"
    with pytest.raises(UserError, match=match):
        board("ulx3s-85")


def test_amaranth_boards_missing(monkeypatch):
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    with pytest.raises(UserError) as error:
        assert board("icebreaker").pins
    assert str(error.value) == (
        "amaranth-boards is not installed, needed for the pins of boards: pip install -e "
        "'.[boards]'"
    )
    assert board("tang-nano-20k").pins["clk"].pin == "4"
