"""The bus interfaces of a top, and the attributes by which Vivado's IP integrator knows them."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["Interface", "interfaces", "with_attributes"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interface:
    """Ports that are connected together.

    Parameters
    ----------
    name : str
        Of the interface.
    kind : str
        Its definition in Vivado's library: ``aximm``, ``axis``, ``clock``, ``reset`` or
        ``interrupt``.
    mode : str
        ``master`` or ``slave``.
    ports : mapping of str to str
        The port for each name that the definition has.
    parameters : mapping of str to str
        What Vivado is told besides.
    """

    name: str
    kind: str
    mode: str
    ports: Mapping[str, str]
    parameters: Mapping[str, str]

    @property
    def library(self) -> str:
        """The library of the definition."""
        return "interface" if self.kind in ("aximm", "axis") else "signal"


def interfaces(manifest: Mapping[str, Any]) -> tuple[Interface, ...]:
    """Return the interfaces of a design in the order of its ports; none if it has no bus.

    ``manifest`` is that of the design.
    """
    widths = {port["name"]: port["width"] for port in manifest["ports"]}
    groups: dict[str, dict[str, str]] = {}
    for port in widths:
        bus, _, signal = port.rpartition("_")
        groups.setdefault(bus, {})[signal.upper()] = port
    buses: list[Interface] = []
    for name, ports in groups.items():
        if name in manifest["streams"]:
            mode = "slave" if manifest["streams"][name]["direction"] == "in" else "master"
            told = {"TDATA_NUM_BYTES": manifest["streams"][name]["bytes"]}
        elif name in manifest.get("masters", {}):
            mode, master = "master", manifest["masters"][name]
            told = {"PROTOCOL": "AXI4", "DATA_WIDTH": master["data_bits"]}
            told |= {"ADDR_WIDTH": master["address_bits"], "ID_WIDTH": master["id_bits"]}
        elif name == "s_axi" and manifest["registers"]:
            mode = "slave"
            told = {"PROTOCOL": "AXI4LITE", "DATA_WIDTH": widths[ports["WDATA"]]}
            told |= {"ADDR_WIDTH": widths[ports["AWADDR"]]}
        else:
            continue
        kind = "axis" if name in manifest["streams"] else "aximm"
        parameters = {key: str(value) for key, value in told.items()}
        buses.append(Interface(name=name, kind=kind, mode=mode, ports=ports, parameters=parameters))
    return (*_signals(manifest, widths, buses), *buses) if buses else ()


def _signals(
    manifest: Mapping[str, Any], widths: Mapping[str, int], buses: list[Interface]
) -> list[Interface]:
    """Return the interfaces of one port: clock, reset, interrupt."""
    clock, reset = manifest["clock"], manifest["reset"]
    associated = {
        "ASSOCIATED_BUSIF": ":".join(bus.name for bus in buses),
        "ASSOCIATED_RESET": reset,
    }
    known = (
        (clock, "clock", "slave", "CLK", associated),
        (reset, "reset", "slave", "RST", {"POLARITY": "ACTIVE_LOW"}),
        ("irq", "interrupt", "master", "INTERRUPT", {"SENSITIVITY": "LEVEL_HIGH"}),
    )
    return [
        Interface(name=port, kind=kind, mode=mode, ports={signal: port}, parameters=parameters)
        for port, kind, mode, signal, parameters in known
        if port in widths
    ]


def with_attributes(verilog: str, manifest: Mapping[str, Any]) -> str:
    """Return Verilog whose top has the attributes of its interfaces in the list of its ports.

    ``verilog`` has the top's module, whose ports stand one a line. A top without a bus has none.
    """
    told: dict[str, list[str]] = {}
    for interface in interfaces(manifest):
        definition = f"xilinx.com:{interface.library}:{interface.kind}:1.0 {interface.name}"
        values = ", ".join(f"{key} {value}" for key, value in interface.parameters.items())
        for signal, port in interface.ports.items():
            told[port] = [f'X_INTERFACE_INFO = "{definition} {signal}"']
        told[next(iter(interface.ports.values()))].append(f'X_INTERFACE_PARAMETER = "{values}"')

    if not told:
        return verilog

    def attributed(match: re.Match[str]) -> str:
        lines = (f"  (* {attribute} *)\n" for attribute in told.get(match[1], ()))
        return "".join(lines) + match[0]

    start = verilog.index(f"module {manifest['top']} (")
    end = verilog.index(");", start)
    ports = re.sub(r"^  (?:input|output) .*?(\w+),?$", attributed, verilog[start:end], flags=re.M)
    return verilog[:start] + ports + verilog[end:]
