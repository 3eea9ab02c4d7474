"""A unit as a module of LiteX: registers, DMA, interrupt."""

import keyword
import re
from collections.abc import Mapping
from typing import Any

from sw.errors import UserError

from .delivered import Delivered
from .template import render

__all__ = ["DMA_BITS", "has_dma", "litex_files"]

DMA_BITS = (32, 64, 128, 256, 512)
"""Widths of streams that a DMA of a system moves as they are, those of buses."""

_TAKEN = frozenset(
    """BURST Bursts ClockSignal DMA EventManager EventSourceLevel EventSourceProcess FOLDER Instance
    LiteXModule Mux Path REGISTERS ResetSignal STREAMS Signal SoCRegion WishboneDMAReader
    WishboneDMAWriter""".split()
)
"""Names in the module that are not that of its class."""

_CHANNEL = re.compile(r"(aw|ar|w|r|b)(\w+)")


def has_dma(stream: Mapping[str, Any]) -> bool:
    """Return whether a stream of a manifest has a width of `DMA_BITS`."""
    return 8 * stream["bytes"] in DMA_BITS


def litex_files(delivered: Delivered) -> dict[str, str]:
    """Return the module for LiteX, ``litex/NAME.py``."""
    design = delivered.design
    manifest, name = design.manifest, design.name
    streams = manifest["streams"]
    text = render(
        "litex.py",
        manifest=manifest,
        name=name,
        class_name=_class_name(name),
        summary=delivered.unit.summary,
        cells=bool(design.cells),
        ports=[_port(port, manifest) for port in manifest["ports"]],
        dma={n: stream for n, stream in streams.items() if has_dma(stream)},
        masters=manifest.get("masters", {}),
        size=1 << _address_bits(manifest),
    )
    return {f"litex/{name}.py": text}


def _class_name(name: str) -> str:
    """Return the name of a class for a module called ``name``."""
    words = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    return f"{words}Unit" if words in _TAKEN or keyword.iskeyword(words) or not words else words


def _address_bits(manifest: Mapping[str, Any]) -> int:
    return next(p["width"] for p in manifest["ports"] if p["name"] == "s_axi_awaddr")


def _port(port: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[str, str]:
    """Return a port as LiteX names it in an instance, and what is connected to it."""
    name = port["name"]
    return f"{port['direction'][0]}_{name}", _connected(name, port["width"], manifest)


def _connected(name: str, width: int, manifest: Mapping[str, Any]) -> str:
    known = {"aclk": "ClockSignal()", "aresetn": "~ResetSignal()", "irq": "self.ev.unit.trigger"}
    if name in known:
        return known[name]
    stream, _, signal = name.rpartition("_t")
    if stream in manifest["streams"]:
        return f"self.{stream}.{signal}"
    bus, _, rest = name.rpartition("_")
    channel = _CHANNEL.fullmatch(rest)
    if channel and bus == "s_axi":
        sliced = f"[:{width}]" if channel[2] == "addr" else ""
        return f"self.registers.{channel[1]}.{channel[2]}{sliced}"
    if channel and bus in manifest.get("masters", {}):
        wide = channel[2] == "addr"
        return f"{bus}_{rest}" if wide else f"self.{bus}.{channel[1]}.{channel[2]}"
    raise UserError(f"port {name} is of no bus that a module of LiteX has")
