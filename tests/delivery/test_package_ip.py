"""The script for Vivado, run with commands that note how they are called."""

import functools
import re
from pathlib import Path

import pytest

from delivery.delivered import Delivered
from delivery.packaging import packaging_files
from hw.units import UNITS

from .ip_xact import NAMESPACE, component, interfaces, text, text_of, texts
from .register_rows import OWN, delivered

tkinter = pytest.importorskip("tkinter", reason="python3-tk has the Tcl that runs the script")


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
def test_the_script_packages_what_ip_xact_describes(name, tmp_path):
    root = component(text_of(name))
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


@pytest.mark.parametrize(("target", "simulated"), [("ecp5", True), ("xilinx", False)])
def test_models_of_cells_are_for_simulation_alone(target, simulated, tmp_path):
    # Vivado has those of its own devices.
    p = UNITS["bfp_dot"].parameters.make(preset="mxint8", overrides=["lanes=2", f"target={target}"])
    made = Delivered(unit_name="bfp_dot", parameters=p, name="dot")
    assert made.design.cells
    root = component(packaging_files(made)["component.xml"])
    assert texts(root, "fileSets/fileSet[name='synthesis']/file/name") == ["dot.v"]
    cells = ["dot_cells.v"] if simulated else []
    assert texts(root, "fileSets/fileSet[name='simulation']/file/name") == ["dot.v", *cells]
    calls = Vivado(packaging_files(made)["package_ip.tcl"], tmp_path).calls
    assert [Path(files[-1]).name for name, *files in calls if name == "add_files"] == [
        "dot.v",
        *cells,
    ]
