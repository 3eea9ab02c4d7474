"""Scripts and constraints for tools: Yosys, nextpnr, Vivado, Gowin, Radiant and Diamond."""

from typing import Any

from hw.flow.families import FAMILIES

from ..delivered import Delivered
from ..template import render

__all__ = ["scripts"]

MEGAHERTZ = 100
"""The clock of the constraints."""

YOSYS = tuple(family for family in FAMILIES if family != "gates")

COMMON = {"synth/NAME.sdc": "NAME.sdc"}

FILES = {
    "ecp5": {
        "synth/ecp5.sh": "ecp5.sh",
        "synth/NAME.pdc": "NAME.sdc",
        "synth/NAME.lpf": "NAME.lpf",
    },
    "gowin": {"synth/gowin.tcl": "gowin.tcl"},
    "xilinx": {"vivado/synth.tcl": "vivado.tcl", "vivado/NAME.xdc": "NAME.sdc"},
}
"""Templates by file, of each family."""


def scripts(delivered: Delivered) -> dict[str, str]:
    """Return scripts and constraints for the families that the design can be built for."""
    name, parameters = delivered.design.name, delivered.design.manifest["parameters"]
    target = parameters.get("target", "generic")
    families = [target] if target in FAMILIES else YOSYS
    dsp = parameters.get("multiplier") == "dsp"
    files = {"README.md": _render("README.md", delivered, families=families, family="")}
    for family in families:
        synth = FAMILIES[family].commands(name, dsp=dsp)
        files[f"synth/{family}.ys"] = _render("yosys.ys", delivered, family=family, synth=synth)
    for family in ("", *families):
        for file, template in (FILES.get(family, {}) if family else COMMON).items():
            files[file.replace("NAME", name)] = _render(template, delivered, family=family)
    return files


def _render(template: str, delivered: Delivered, **facts: Any) -> str:
    design = delivered.design
    return render(
        f"scripts/{template}",
        name=design.name,
        unit=delivered.unit,
        cells=f"{design.name}_cells.v" if design.cells else "",
        core=f"gradgate::{design.name}-{design.manifest['digest'][:8]}",
        megahertz=MEGAHERTZ,
        period=f"{1000 / MEGAHERTZ:.3f}",
        **facts,
    )
