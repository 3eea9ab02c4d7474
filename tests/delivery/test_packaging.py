"""IP-XACT and the attributes of the ports, against the circuits and the Verilog's ports."""

import json
import re
import subprocess
from typing import Any

import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from hw.flow.progress import Progress
from hw.flow.yosys import yosys
from hw.units import unit

from ..lint import lint
from .ip_xact import (
    component,
    component_ports,
    component_rows,
    interfaces,
    text,
    text_of,
    texts,
    verilog_ports,
)
from .register_rows import ALL, delivered, rows

AXI_LITE = """AWADDR AWVALID AWREADY WDATA WSTRB WVALID WREADY BRESP BVALID BREADY ARADDR ARVALID
ARREADY RDATA RRESP RVALID RREADY""".split()


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
def test_ip_xact_has_the_interfaces_ports_and_registers_of_the_circuit(name):
    root = component(text_of(name))
    assert_describes(root, name)
    design = delivered(name).design
    assert text(root, "name") == design.name
    assert set(texts(root, ".//view/modelName")) == {design.name}
    files = {file for file in design.files if file.endswith(".v")}
    assert set(texts(root, ".//fileSet/file/name")) == files


@pytest.mark.parametrize("name", ALL)
def test_attributes_of_the_ports_are_those_interfaces(name):
    design = delivered(name).design
    root = component(text_of(name))
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
def test_a_fault_in_ip_xact_is_found(sound, faulty):
    sent, count = re.subn(sound, faulty, text_of("bfp_dot"), count=1, flags=re.S)
    assert count == 1
    with pytest.raises((etree.DocumentInvalid, AssertionError, KeyError)):
        assert_describes(component(sent), "bfp_dot")
