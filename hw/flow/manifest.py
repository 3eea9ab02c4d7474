"""The manifest of a design: what there is to know of it, for programs."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Shape
from amaranth.hdl._ir import PortDirection

from sw.parameters import Parameters
from sw.version import version

from ..base.circuit import Circuit
from ..base.field import Field
from ..engine.size import warnings
from ..stream.packet import Packet, Parts
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
    streams = {n: _stream(n, packet) for n, packet in described.items()}
    masters = {n: _master(channels) for n, channels in getattr(top, "masters", {}).items()}
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
                "description": notes.get(port) or _describe(port, streams, masters),
            }
            for port, signal, direction in members(top)
        ],
        "streams": streams,
        **({"masters": masters} if masters else {}),
        "registers": [
            {
                "name": register.name,
                "offset": 4 * index,
                "access": register.access,
                "reset": register.reset,
                "constant": register.constant,
                "locked": register.locked,
                "description": register.description,
                "fields": _fields(register.fields, access=register.access),
            }
            for index, register in enumerate(getattr(top, "registers", ()))
        ],
        "latency": getattr(top, "latency", None),
        "warnings": warnings(described),
        "files": {},
        **getattr(top, "facts", {}),
        **facts,
    }


def _stream(name: str, packet: Packet) -> dict[str, Any]:
    return {
        "direction": "in" if name.startswith("s_") else "out",
        "bits": packet.bits,
        "bytes": packet.bytes,
        "fields": _fields(packet.fields, counted=True),
        **({"carries": _carried(packet)} if isinstance(packet, Parts) else {}),
    }


def _carried(packet: Parts) -> dict[str, Any]:
    """Return what comes in parts: its bits and fields, and the port's beats and bytes for it."""
    return {
        name: {
            "bits": whole.bits,
            "beats": packet.beats(name),
            "bytes": packet.beats(name) * packet.bytes,
            "fields": _fields(whole.fields, counted=True),
        }
        for name, whole in packet.carried.items()
    }


def _master(channels: Mapping[str, Any]) -> dict[str, int]:
    """Return the widths of an AXI4 master, of the members of its channels."""
    ports = {"data_bits": "wdata", "address_bits": "awaddr", "id_bits": "awid"}
    return {
        name: Shape.cast(channels[port].shape).width if port in channels else 0
        for name, port in ports.items()
    }


def _fields(
    fields: tuple[Field, ...], *, counted: bool = False, access: str = ""
) -> list[dict[str, Any]]:
    """Return the fields of a packet, which has lanes, or of a register, which has an access."""
    result = []
    offset = 0
    for field in fields:
        entry = {"name": field.name, "offset": offset, "bits": field.bits}
        if counted:
            entry["count"] = 1 if field.count is None else field.count
        if access:
            entry["access"] = field.access or access
        result.append(entry | {"description": field.description})
        offset += field.width
    return result


def _describe(port: str, streams: Mapping[str, Any], masters: Mapping[str, Any]) -> str:
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
    if port.rpartition("_")[0] in masters:
        return "AXI4 memory"
    return {"aclk": "clock", "aresetn": "synchronous reset, active low"}.get(port, "")
