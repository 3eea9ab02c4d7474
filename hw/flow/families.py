"""The targets of synthesis: scripts, what their cells count for, and devices."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Self

from .devices import DEVICES, Device

__all__ = ["DEFAULTS", "FAMILIES", "MEMORY_BITS", "NAND2", "Column", "Family"]


@dataclasses.dataclass(frozen=True)
class Column:
    """A counted resource: cells that match a pattern, each with a weight.

    A ``detail`` is in the files of a report only. ``sites`` are the weights of what nextpnr counts,
    ``bits`` those that one can store, as a memory or a register. ``place`` is the resource of a
    device that is taken up, where that is another column's.
    """

    title: str
    weights: Mapping[str, float]
    available: int | None = None
    detail: bool = False
    sites: Mapping[str, float] = dataclasses.field(default_factory=dict)
    bits: int = 0
    place: str = ""

    def count(self, cells: Mapping[str, int]) -> float:
        """Return the resource's use by ``cells``, counts by type."""
        return sum(
            weight * number
            for kind, number in cells.items()
            for pattern, weight in self.weights.items()
            if re.fullmatch(pattern, kind)
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family:
    """A target.

    Parameters
    ----------
    device : str
        The device whose resources are shown and for which is routed.
    script : str
        Yosys commands from a design read and its hierarchy checked to mapped cells; ``{top}``,
        ``{dsp}`` and ``{series}`` are filled in.
    dsp, nodsp : str
        What ``{dsp}`` becomes when DSP blocks may and may not be used.
    series : str
        Which of the family's series the device is of, where Yosys wants to know.
    columns : tuple of Column
        The resources; the first is the headline.
    rule : str
        How the headline is counted.
    models : tuple of str
        Yosys' models of the cells, for the netlist; empty if it has internal cells only.
    whole : bool
        Whether devices are so small that what a design takes of them is counted for the design as
        one module, which takes longer, and less of the device.
    """

    device: str
    script: str
    columns: tuple[Column, ...]
    rule: str
    dsp: str = ""
    nodsp: str = "-nodsp"
    series: str = ""
    models: tuple[str, ...] = ()
    whole: bool = False

    def commands(self, top: str, *, dsp: bool) -> str:
        """Return the script for a top module."""
        chosen = self.dsp if dsp else self.nodsp
        return self.script.format(top=top, dsp=chosen, series=self.series)

    def on(self, device: Device) -> Self:
        """Return the target for a device, with its resources."""
        columns = tuple(
            dataclasses.replace(c, available=device.resources.get(c.place or c.title))
            for c in self.columns
        )
        missing = set(device.resources) - {column.title for column in columns}
        assert not missing, f"no columns {missing}"
        return dataclasses.replace(self, device=device.title, columns=columns, series=device.series)


# NAND2 equivalents: transistors of the static CMOS cell divided by the four of a NAND2. The
# flip-flop is a transmission-gate master and slave with local clock inverters, without reset or
# enable, which are made of gates.
NAND2 = {
    r"\$_NOT_": 0.5,
    r"\$_BUF_": 1.0,
    r"\$_(NAND|NOR)_": 1.0,
    r"\$_(AND|OR|ANDNOT|ORNOT|AOI3|OAI3)_": 1.5,
    r"\$_(AOI4|OAI4)_": 2.0,
    r"\$_(XOR|XNOR|NMUX)_": 2.5,
    r"\$_MUX_": 3.0,
    r"\$_DFF_[PN]_": 6.0,
}

_ECP5 = Family(
    device="ECP5",
    script="synth_ecp5 {dsp} -nowidelut -top {top}",
    columns=(
        Column(
            "LUT4 equivalents",
            {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
            sites={"TRELLIS_COMB": 1},
            bits=16,
        ),
        Column("LUT4", {"LUT4": 1}),
        Column("CCU2C", {"CCU2C": 1}),
        Column("PFUMX + L6MUX21", {"PFUMX|L6MUX21": 1}),
        Column("DPR16X4", {"TRELLIS_DPR16X4": 1}),
        Column("FF", {"TRELLIS_FF": 1}, bits=1, sites={"TRELLIS_FF": 1}),
        Column("MULT18X18D", {"MULT18X18D": 1}, sites={"MULT18X18D": 1}),
        Column("ALU54B", {"ALU54B": 1}, sites={"ALU54B": 1}),
        Column("DP16KD", {"DP16KD|PDPW16KD": 1}, bits=18 << 10, sites={"DP16KD": 1}),
    ),
    rule=(
        "LUT4 equivalents = LUT4 + 2 per CCU2C (two LUT4 and the carry between them) + 6 per "
        "DPR16X4 (four hold the words, two are lost to its write port); PFUMX and L6MUX21 lie "
        "beside the LUTs and count nothing"
    ),
    models=("+/lattice/cells_sim_ecp5.v",),
)

_ICE40 = Family(
    device="iCE40",
    whole=True,
    script="synth_ice40 -device {series} {dsp} -top {top}",
    dsp="-dsp",
    nodsp="",
    columns=(
        Column("LUT4", {"SB_LUT4": 1}, bits=16),
        Column("logic cells", {"logic cell": 1}, sites={"ICESTORM_LC": 1}),
        Column("SB_CARRY", {"SB_CARRY": 1}),
        Column("FF", {"SB_DFF.*": 1}, bits=1),
        Column("SB_MAC16", {"SB_MAC16": 1}, sites={"ICESTORM_DSP": 1}),
        Column("SB_RAM40", {"SB_RAM40.*": 1}, bits=4 << 10, sites={"ICESTORM_RAM": 1}),
    ),
    rule=(
        "SB_LUT4; a carry lies in the logic cell of the LUT that adds. Logic cells, for the design "
        "as one module: LUTs, and flip-flops and carries that share no LUT's cell"
    ),
)

_GOWIN = Family(
    device="Gowin",
    whole=True,
    script="synth_gowin -family {series} {dsp} -nowidelut -noiopads -top {top}",
    columns=(
        Column(
            "LUT4 equivalents",
            {"LUT[1-4]": 1, "ALU": 1, "RAM16SDP4": 6},
            sites={"LUT4": 1, "ALU": 1, "RAM16SDP4": 6},
            bits=16,
        ),
        Column("LUT1..4", {"LUT[1-4]": 1}),
        Column("ALU", {"ALU": 1}),
        Column("RAM16SDP4", {"RAM16SDP4": 1}),
        Column("FF", {"DFF.*": 1}, bits=1, sites={"DFF": 1}),
        Column(
            "DSP",
            {"MULT9X9": 0.5, "MULT(?!9X9).*|ALU54D": 1},
            sites={"MULT9X9": 0.5, "MULT18X18": 1},
        ),
        Column("BSRAM", {"SP.*|SDP.*|DP.*": 1}, bits=18 << 10, sites={"BSRAM": 1}),
    ),
    rule=(
        "LUT4 equivalents = LUT1..4 + 1 per ALU (a LUT with its carry) + 6 per RAM16SDP4, for the "
        "design as one module also those that flip-flops and chains of ALUs need before them; two "
        "MULT9X9 are one DSP"
    ),
)

_XILINX_LUT = {"LUT[1-6]|INV|LUT6_2": 1, "RAM(32M|64M)": 4, "RAM\\d+X1D": 2}

_XILINX = Family(
    device="7 series",
    script="synth_xilinx -family xc7 -flatten -noiopad -noclkbuf {dsp} -top {top}",
    columns=(
        Column("LUT", _XILINX_LUT, bits=64),
        Column("LUT + SRL", {**_XILINX_LUT, "SRL.*": 1}, detail=True, place="LUT"),
        Column("LUT1..6", {"LUT[1-6]": 1}, detail=True),
        Column("LUT6_2", {"LUT6_2": 1}, detail=True),
        Column("INV", {"INV": 1}, detail=True),
        Column("CARRY4", {"CARRY4": 1}),
        Column("MUXF7 + MUXF8", {"MUXF[78]": 1}),
        Column("RAM32M + RAM64M", {"RAM(32M|64M)": 1}),
        Column("SRL", {"SRL.*": 1}),
        Column("FF", {"FD[RSCP]E(_1)?": 1}, bits=1),
        Column("DSP48E1", {"DSP48E1": 1}),
        Column("RAMB36", {"RAMB36E1": 1, "RAMB18E1": 0.5}, bits=36 << 10),
    ),
    rule=(
        "LUT = LUT1 to LUT6 + LUT6_2 + INV + 4 per RAM32M or RAM64M + 2 per RAM..X1D; CARRY4 and "
        "MUXF lie beside the LUTs and count nothing; two RAMB18 are one RAMB36"
    ),
    models=("+/xilinx/cells_sim.v",),
)

MEMORY_BITS = Column("memory bits", {"memory bit": 1})
"""Bits of the memories that a target has no cells for."""

_GATES = Family(
    device="static CMOS",
    script="""\
synth -run begin:fine -top {top} -noalumacc
opt -fast -full
memory_map t:$mem_v2 r:SIZE>=1024 r:SIZE>=8 a:no_rw_check %i %u %d
opt -full
techmap
opt -fast
dfflegalize -cell $_DFF_P_ 01
abc -g cmos -script +strash;dch,-f;amap,-m
opt_clean""",
    columns=(
        Column("NAND2 equivalents", NAND2),
        Column("FF", {r"\$_DFF_[PN]_": 1}),
        Column("gates", {r"\$_(?!DFF).*": 1}),
        MEMORY_BITS,
    ),
    rule=(
        "NAND2 equivalents = transistors of static CMOS cells / 4: inverter 0.5, NAND and NOR 1, "
        "AND, OR, AOI21 and OAI21 1.5, AOI22 and OAI22 2, XOR, XNOR and inverting multiplexer 2.5, "
        "multiplexer 3, flip-flop 6; a memory of 1024 words or more, or of 8 if none is ever read "
        "while it is written, stays whole and counts as bits"
    ),
)

DEFAULTS = {
    family: DEVICES[name]
    for family, name in (("ecp5", "LFE5U-85F"), ("ice40", "iCE40HX8K"), ("gowin", "GW2AR-18C"))
}
"""The devices that are meant unless told, by family."""

FAMILIES = {
    "ecp5": _ECP5.on(DEFAULTS["ecp5"]),
    "ice40": _ICE40.on(DEFAULTS["ice40"]),
    "gowin": _GOWIN.on(DEFAULTS["gowin"]),
    "xilinx": _XILINX,
    "gates": _GATES,
}
