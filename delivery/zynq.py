"""A unit in a Zynq-7000: the script that makes a block design of it in Vivado."""

from collections.abc import Mapping
from typing import Any

from sw.errors import UserError

from .delivered import Delivered
from .litex import has_dma
from .template import render

__all__ = ["DMA_BASE", "UNIT_BASE", "zynq_files"]

UNIT_BASE = 0x43C0_0000
DMA_BASE = 0x4040_0000
"""Where the registers are, those of DMAs 64 KiB apart, for the processor."""

MOST = 15
"""DMAs, and masters, of which interrupts and a SmartConnect have one more."""


def zynq_files(delivered: Delivered) -> dict[str, str]:
    """Return ``vivado/zynq_bd.tcl``, if the design is not for another vendor's device."""
    design = delivered.design
    manifest = design.manifest
    if manifest["parameters"].get("target", "generic") not in ("generic", "xilinx"):
        return {}
    streams = {name: stream for name, stream in manifest["streams"].items() if has_dma(stream)}
    movers = [_mover(name, stream, i) for i, (name, stream) in enumerate(streams.items())]
    masters = [*manifest.get("masters", {})]
    if len(movers) + len(masters) > MOST:
        raise UserError(f"streams of a unit in a Zynq must be {MOST} at most, not {len(movers)}")
    text = render(
        "zynq_bd.tcl",
        manifest=manifest,
        name=design.name,
        movers=movers,
        masters=masters,
        others=[name for name in manifest["streams"] if name not in streams],
        unit_base=UNIT_BASE,
    )
    return {"vivado/zynq_bd.tcl": text}


def _mover(name: str, stream: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return a DMA, which has one direction, and its interfaces."""
    reads = stream["direction"] == "in"
    return {
        "name": f"dma_{name}",
        "stream": name,
        "reads": reads,
        "direction": "mm2s" if reads else "s2mm",
        "bits": 8 * stream["bytes"],
        "base": DMA_BASE + 0x1_0000 * number,
    }
