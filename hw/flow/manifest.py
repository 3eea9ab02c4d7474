"""The manifest of a design: what there is to know of it, for programs."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl._ir import PortDirection

from sw.parameters import Parameters
from sw.version import version

from ..base.circuit import Circuit
from ..engine.size import warnings
from ..stream.beats import beat_bits, beat_bytes
from .rtlil import members

__all__ = ["manifest_of"]


def manifest_of(
    top: Circuit,
    name: str,
    prefix: str,
    parameters: Parameters | None,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the manifest of a design, but for its files and what is known of its Verilog alone.

    ``facts`` are more entries, of which the top's own attribute has others.
    """
    described = getattr(top, "streams", {})
    streams = {n: _stream(n, fields) for n, fields in described.items()}
    notes = getattr(top, "notes", {})
    return {
        "unit": name,
        "top": name,
        "prefix": prefix,
        "version": version(),
        "parameters": parameters.as_dict() if parameters else {},
        "digest": parameters.digest if parameters else "",
        "clock": "aclk",
        "reset": "aresetn",
        "ports": [
            {
                "name": port,
                "direction": "in" if direction is PortDirection.Input else "out",
                "width": len(signal),
                "description": notes.get(port) or _describe(port, streams),
            }
            for port, signal, direction in members(top)
        ],
        "streams": streams,
        "registers": [
            {
                "name": register.name,
                "offset": 4 * index,
                "access": register.access,
                "reset": register.reset,
                "constant": register.constant,
                "locked": register.locked,
                "description": register.description,
                "fields": _fields(register.fields),
            }
            for index, register in enumerate(getattr(top, "registers", ()))
        ],
        "latency": getattr(top, "latency", None),
        "warnings": warnings(described),
        "files": {},
        **getattr(top, "facts", {}),
        **facts,
    }


def _stream(name: str, fields: tuple[Any, ...]) -> dict[str, Any]:
    return {
        "direction": "in" if name.startswith("s_") else "out",
        "bits": beat_bits(fields),
        "bytes": beat_bytes(fields),
        "fields": _fields(fields),
    }


def _fields(fields: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return the fields of a register or of a stream's data with their offsets, in bits."""
    result = []
    offset = 0
    for field in fields:
        entry = {"name": field.name, "offset": offset, "bits": field.bits}
        count = getattr(field, "count", None)
        if count is not None:
            entry["count"] = count
        result.append(entry | {"description": field.description})
        offset += field.bits * (count or 1)
    return result


def _describe(port: str, streams: Mapping[str, Any]) -> str:
    stream, _, signal = port.rpartition("_t")
    if stream in streams:
        if signal != "data":
            return {"valid": "handshake", "ready": "handshake", "last": "end of a packet"}[signal]
        fields = streams[stream]["fields"]
        return ", ".join(
            f["name"] + (f" {f['count']} x {f['bits']}" if f["count"] > 1 else f" {f['bits']}")
            for f in fields
        )
    if port.startswith("s_axi_"):
        return "AXI4-Lite registers"
    return {"aclk": "clock", "aresetn": "synchronous reset, active low"}.get(port, "")
