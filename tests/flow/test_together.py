"""Designs in one project: names that meet nowhere, and right results of each."""

import itertools
import re
import subprocess

import pytest

from hw.flow.emit import Design, generate
from hw.flow.progress import Progress
from hw.flow.yosys import yosys
from hw.units import UNITS
from sim.units import bench

from ..formal.units import SMALL
from ..lint import lint
from .test_emit import accepted_by_icarus


def modules(design: Design) -> list[str]:
    return re.findall(r"^module (\w+)", design.verilog, re.M)


@pytest.fixture(scope="module")
def designs() -> list[Design]:
    """All units, each in two configurations."""
    both = (
        (generate(n, unit.parameters()), generate(n, unit.second, name=f"{n}_2"))
        for n, unit in UNITS.items()
    )
    return list(itertools.chain.from_iterable(both))


def around(designs: list[Design]) -> str:
    """A top that holds all designs, with the ports of all."""
    ports, instances = [], []
    for design in designs:
        wires = []
        for port in design.manifest["ports"]:
            width = f"[{port['width'] - 1}:0] " if port["width"] > 1 else ""
            ports.append(f"  {port['direction']}put {width}{design.name}__{port['name']}")
            wires.append(f"    .{port['name']}({design.name}__{port['name']})")
        connections = ",\n".join(wires)
        instances.append(f"  {design.name} {design.name} (\n{connections}\n  );\n")
    heads = ",\n".join(ports)
    return f"module all_units (\n{heads}\n);\n{''.join(instances)}endmodule\n"


def test_no_module_is_in_two_files_and_none_is_missing(designs):
    names = [name for design in designs for name in modules(design)]
    assert len(set(names)) == len(names) > 300
    for design in designs:
        kinds = re.findall(r"^  (\w+) \w+ \($", design.verilog, re.M)
        assert set(kinds) <= set(modules(design)), design.name
        digest = design.manifest["digest"][:8]
        prefix = f"{design.name}_{digest}_"
        assert design.manifest["prefix"] == prefix
        assert all(name.startswith(prefix) for name in modules(design)[1:])


def test_no_core_is_in_two_files(designs):
    names = [re.findall(r"^name: (.*)$", design.core, re.M)[0] for design in designs]
    assert len(set(names)) == len(names)
    one, other = (generate("bfp_dot", UNITS["bfp_dot"].parameters.make(lanes=n)) for n in (2, 4))
    found = [re.findall(r"^name: (.*)$", each.core, re.M)[0] for each in (one, other)]
    assert found[0] != found[1]
    assert all(re.fullmatch(r"gradgate::bfp_dot-[0-9a-f]{8}:[\w.]+", name) for name in found)


def test_all_units_twice_are_one_design_for_every_tool(designs, tmp_path):
    top = around(designs)
    paths = [tmp_path / "all_units.v"]
    paths[0].write_text(top)
    for design in designs:
        paths.append(tmp_path / f"{design.name}.v")
        paths[-1].write_text(design.verilog)
    assert lint(*paths, "--top-module", "all_units") == ""
    accepted_by_icarus(*paths)
    files = {path.name: path.read_text() for path in paths}
    script = (
        f"read_verilog {' '.join(files)}\nhierarchy -check -top all_units\ntee -o found.txt ls\n"
    )
    text = yosys(script, files, ["found.txt"], progress=Progress(), stage="hierarchy")["found.txt"]
    assert set(re.findall(r"^ +(\w+)\*?$", text, re.M)) == {
        "all_units",
        *(name for design in designs for name in modules(design)),
    }


# 1.5 x 1.5 in bfloat16 is 2.25; Mitchell's logarithm gives 2, MBM with its correction 2.21875.
PRODUCTS = {"mitchell": "4000", "mbm": "4007"}

BENCH = """\
module bench;
  reg aclk = 0, aresetn = 0, valid = 0;
  wire ready_0, ready_1, valid_0, valid_1;
  wire [15:0] product_0, product_1;
  reg [15:0] found_0, found_1;
  integer i;
{instances}
  initial begin
    for (i = 0; i < 40; i = i + 1) begin
      #1 aclk = 1;
      if (valid_0) found_0 = product_0;
      if (valid_1) found_1 = product_1;
      #1 aclk = 0;
      aresetn = i >= 4;
      valid = i == 8;
    end
    $display("%h %h", found_0, found_1);
  end
endmodule
"""


@pytest.mark.parametrize("order", [1, -1])
def test_two_multipliers_of_one_simulation_are_both_right(order, tmp_path):
    kind = UNITS["approx_multiplier"].parameters
    designs = [
        generate("approx_multiplier", kind.make(overrides=[f"multiplier={name}"]), name=name)
        for name in PRODUCTS
    ]
    instances = []
    for i, design in enumerate(designs):
        wires = {
            "aclk": "aclk",
            "aresetn": "aresetn",
            "s_axis_tdata": "32'h3fc03fc0",
            "s_axis_tvalid": "valid",
            "s_axis_tready": f"ready_{i}",
            "s_axis_tlast": "1'b1",
            "m_axis_tdata": f"product_{i}",
            "m_axis_tvalid": f"valid_{i}",
            "m_axis_tready": "1'b1",
        }
        idle = {p["name"]: "0" for p in design.manifest["ports"] if p["direction"] == "in"}
        ports = ", ".join(f".{name}({wire})" for name, wire in (idle | wires).items())
        instances.append(f"  {design.name} dut_{i} ({ports});")
        (tmp_path / f"{design.name}.v").write_text(design.verilog)
    (tmp_path / "bench.v").write_text(BENCH.format(instances="\n".join(instances)))
    files = [f"{design.name}.v" for design in designs][::order]
    command = ["iverilog", "-g2005", "-o", "both.vvp", "-s", "bench", "bench.v", *files]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run(["vvp", "both.vvp"], cwd=tmp_path, check=True, capture_output=True)
    assert done.stdout.decode().split() == list(PRODUCTS.values())


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("turned", [False, True])
def test_a_unit_is_right_beside_another_of_its_kind(unit, turned):
    small = (SMALL[unit], UNITS[unit].second)
    one, other = small[::-1] if turned else small
    assert one != other
    text = generate(unit, other, name="another").verilog + generate(unit, one).verilog
    report = bench(unit).regress(one, blocks=20, netlist=text)
    assert report.values > 0 and (report.mismatches, report.message) == (0, "")
