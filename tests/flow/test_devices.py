"""The table of devices against their data sheets, and what is made of it."""

import pytest
from click.testing import CliRunner

from hw.__main__ import main
from hw.flow.bound import excess, room
from hw.flow.devices import DEVICES, device
from hw.flow.emit import emit
from hw.flow.families import DEFAULTS, FAMILIES
from hw.flow.report import as_dict
from hw.flow.route import ROUTERS, router_for
from hw.flow.synth import synthesize
from hw.units import UNITS
from sw.errors import UserError

from .circuits import Top

# LUTs, flip-flops, multipliers, block RAMs and their Kbit in all, as the makers' tables have them.
SHEETS = {
    "LFE5U-12F": (12_144, 12_144, 28, 32, 576),
    "LFE5U-25F": (24_288, 24_288, 28, 56, 1_008),
    "LFE5U-45F": (43_848, 43_848, 72, 108, 1_944),
    "LFE5U-85F": (83_640, 83_640, 156, 208, 3_744),
    "iCE40HX8K": (7_680, 7_680, 0, 32, 128),
    "iCE40UP5K": (5_280, 5_280, 8, 30, 120),
    "GW1N-9C": (8_640, 6_480, 20, 26, 468),
    "GW1NR-9C": (8_640, 6_480, 20, 26, 468),
    "GW2A-18C": (20_736, 15_552, 48, 46, 828),
    "GW2AR-18C": (20_736, 15_552, 48, 46, 828),
    "XC7A35T": (20_800, 41_600, 90, 50, 1_800),
    "XC7A100T": (63_400, 126_800, 240, 135, 4_860),
    "XC7Z010": (17_600, 35_200, 80, 60, 2_160),
    "XC7Z020": (53_200, 106_400, 220, 140, 5_040),
    "XC7K160T": (101_400, 202_800, 600, 325, 11_700),
    "XC7K325T": (203_800, 407_600, 840, 445, 16_020),
}

TITLES = {
    "ecp5": ("LUT4 equivalents", "MULT18X18D", "DP16KD", "CCU2C"),
    "ice40": ("LUT4", "SB_MAC16", "SB_RAM40", "SB_CARRY"),
    "gowin": ("LUT4 equivalents", "DSP", "BSRAM", "ALU"),
    "xilinx": ("LUT", "DSP48E1", "RAMB36", "CARRY4"),
}

# Carries for a LUT: two LUT4 share a CCU2C, four LUT6 a CARRY4, six of eight of Gowin have an ALU.
CARRIES = {"ecp5": 1 / 2, "ice40": 1, "gowin": 6 / 8, "xilinx": 1 / 4}


def test_the_devices():
    assert list(DEVICES) == list(SHEETS)


@pytest.mark.parametrize("name", SHEETS)
def test_resources_are_those_of_the_data_sheet(name):
    found = DEVICES[name]
    luts, flops, multipliers, blocks, kbit = SHEETS[name]
    columns = {c.title: c for c in FAMILIES[found.family].on(found).columns}
    table, multiplier, block, carry = (columns[title] for title in TITLES[found.family])
    assert (table.available, columns["FF"].available) == (luts, flops)
    assert (multiplier.available or 0, block.available) == (multipliers, blocks)
    assert block.bits * blocks == kbit << 10
    assert carry.available == luts * CARRIES[found.family]


def test_shift_registers_of_xilinx_lie_in_its_luts():
    columns = {c.title: c for c in FAMILIES["xilinx"].on(DEVICES["XC7Z010"]).columns}
    assert columns["LUT + SRL"].available == 17_600
    assert columns["LUT + SRL"].count({"LUT6": 3, "SRL16E": 2, "RAM32M": 1}) == 9
    assert columns["LUT"].count({"LUT6": 3, "SRL16E": 2, "RAM32M": 1}) == 7


def test_alus_of_ecp5_serve_two_multipliers_each():
    for found in DEVICES.values():
        if found.family == "ecp5":
            assert 2 * found.resources["ALU54B"] == found.resources["MULT18X18D"]


ARGUMENTS = {
    "LFE5U-12F": "--12k --package CABGA381 --speed 6 --out-of-context",
    "LFE5U-85F": "--85k --package CABGA756 --speed 6 --out-of-context",
    "iCE40HX8K": "--hx8k --package ct256 --pcf-allow-unconstrained",
    "iCE40UP5K": "--up5k --package sg48 --pcf-allow-unconstrained",
    "GW1N-9C": "--device GW1N-LV9QN88C6/I5 --vopt family=GW1N-9C --vopt cst=pins.cst",
    "GW2A-18C": "--device GW2A-LV18PG256C8/I7 --vopt family=GW2A-18C --vopt cst=pins.cst",
    "GW2AR-18C": "--device GW2AR-LV18QN88C8/I7 --vopt family=GW2A-18C --vopt cst=pins.cst",
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_nextpnr_is_told_the_device(name):
    router = router_for(DEVICES[name])
    assert " ".join(router.arguments) == ARGUMENTS[name]
    assert router.harnessed == (DEVICES[name].family != "ecp5")
    if name == "GW2AR-18C":
        pins = "aclk 4, aresetn 88, serial_in 87, load 15, serial_out 16"
        lines = [f'IO_LOC "{each.split()[0]}" {each.split()[1]};\n' for each in pins.split(", ")]
        assert router.files == {"pins.cst": "".join(lines)}


def test_each_device_has_what_its_router_wants():
    for found in DEVICES.values():
        assert bool(found.arguments) == (found.family in ROUTERS)
        assert len(set(found.pins)) == (5 if found.family == "gowin" else 0)


def test_names_in_any_case_and_packages():
    assert device("lfe5u-25f") is DEVICES["LFE5U-25F"]
    assert device("ICE40up5k").title == "iCE40UP5K, SG48"
    other = device("LFE5U-25F").in_package("CSFBGA285", "8")
    assert other.title == "LFE5U-25F, CSFBGA285, speed grade 8"
    assert other.arguments == ("--25k", "--package", "CSFBGA285", "--speed", "8")
    with pytest.raises(UserError, match=r"^unknown device 'LFE5U-26F', did you mean LFE5U-\d"):
        device("LFE5U-26F")


def test_the_devices_meant_unless_told():
    names = {family: found.name for family, found in DEFAULTS.items()}
    assert names == {"ecp5": "LFE5U-85F", "ice40": "iCE40HX8K", "gowin": "GW2AR-18C"}


def test_room_is_that_of_registers_blocks_and_tables():
    assert room(DEVICES["LFE5U-25F"]) == 24_288 + 56 * (18 << 10) + 24_288 * 16
    p = UNITS["bfp_array"].parameters.make(rows=20, columns=19)
    # 380 elements of 8 lanes of 8 bits.
    assert excess(UNITS["bfp_array"], p, DEVICES["LFE5U-25F"]) == (
        "at least 24,320 registers, of which LFE5U-25F, CABGA381, speed grade 6 has room for 24,288"
    )
    less = p.replace(columns=18)
    assert excess(UNITS["bfp_array"], less, DEVICES["LFE5U-25F"]) == ""
    assert excess(UNITS["bfp_array"], less, DEVICES["LFE5U-25F"], registers=1248) == ""
    assert excess(UNITS["bfp_array"], less, DEVICES["LFE5U-25F"], registers=1249)


def test_a_report_has_the_shares_of_the_device():
    design = emit(Top(size=1), "unit")
    smaller, larger = (
        {e["resource"]: e for e in as_dict(cost)["resources"]}
        for cost in (
            synthesize(design, "ecp5", device=DEVICES["LFE5U-12F"]),
            synthesize(design, "ecp5"),
        )
    )
    assert smaller["FF"]["used"] == larger["FF"]["used"] > 0
    assert smaller["FF"]["available"] == 12_144
    assert larger["FF"]["available"] == 83_640
    assert smaller["FF"]["percent"] == round(smaller["FF"]["used"] / 121.44, 2)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--device LFE5U-99F", "unknown device 'LFE5U-99F', did you mean LFE5U-"),
        ("--device XC7Z020 --target ecp5", "XC7Z020 goes with --target xilinx, not ecp5"),
        ("--device XC7Z020 --route", "unknown target of --route 'xilinx'"),
        ("--device XC7Z020 --liberty x.lib", "--liberty goes with --target gates, not xilinx"),
    ],
)
def test_mistakes_of_synth(line, words):
    result = CliRunner().invoke(main, ["synth", "bfp_dot", *line.split()])
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith(f"error: {words}"), result.stderr


def test_synth_shows_the_device():
    line = "synth tensor_amax --set lanes=1 --device lfe5u-25f --target ecp5"
    result = CliRunner().invoke(main, line.split())
    assert result.exit_code == 0, result.output
    assert "\n of LFE5U-25F " in result.stdout
