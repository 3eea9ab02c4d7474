"""A unit as a core for Vivado's IP integrator: IP-XACT, and a script that packages it there."""

import re
from collections.abc import Mapping
from typing import Any

from hw.flow.interfaces import interfaces

from .delivered import Delivered
from .registers import described
from .template import render

__all__ = ["LEAST_RANGE", "packaging_files"]

LEAST_RANGE = 4096
"""Bytes of addresses that a slave's block has at least, for AXI interconnects."""

FAMILIES = (
    "spartan7 artix7 kintex7 virtex7 zynq kintexu virtexu artixuplus kintexuplus "
    "virtexuplus virtexuplusHBM zynquplus versal"
).split()
"""Of devices, as Vivado calls them."""


def packaging_files(delivered: Delivered) -> dict[str, str]:
    """Return ``component.xml`` (IEEE 1685-2009) and ``package_ip.tcl``, for Vivado.

    The folder of the first is an entry of an IP repository as it stands; the second has Vivado make
    the same core of the Verilog, by its attributes. Both have the bus interfaces of
    `hw.flow.interfaces`, with their ports and parameters, and the registers. tdata is whole bytes,
    whose number TDATA_NUM_BYTES tells, though it need be no power of two.
    """
    design = delivered.design
    manifest = design.manifest
    major, minor, patch, *_ = (*re.findall(r"\d+", manifest["version"]), "0", "0", "0")
    widths = {port["name"]: port["width"] for port in manifest["ports"]}
    facts = {
        "name": design.name,
        "summary": delivered.unit.summary,
        "manifest": manifest,
        "version": f"{major}.{minor}",
        "revision": patch,
        "interfaces": interfaces(manifest),
        "registers": [described(register) for register in manifest["registers"]],
        "range": max(LEAST_RANGE, 1 << widths["s_axi_awaddr"]),
        "sources": _sources(design.files, manifest),
        "configuration": {"digest": manifest["digest"], **_flat(manifest["parameters"])},
        "families": FAMILIES,
    }
    return {name: render(name, **facts) for name in ("component.xml", "package_ip.tcl")}


def _sources(files: Mapping[str, str], manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the Verilog files of each view; Vivado has models of its own devices' cells."""
    top, *cells = (name for name in files if name.endswith(".v"))
    own = manifest["parameters"].get("target") == "xilinx"
    return {"synthesis": [top], "simulation": [top, *([] if own else cells)]}


def _flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the configuration's entries by their names, those of tables after the table's."""
    found: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}_")
        elif value is not None:
            found[f"{prefix}{name}"] = str(value).lower() if isinstance(value, bool) else str(value)
    return found
