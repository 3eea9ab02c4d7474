"""The block design for Zynq: what its script connects, by commands that note their calls."""

import functools
from pathlib import Path

import pytest

from delivery.delivered import Delivered
from delivery.zynq import zynq_files
from hw.units import UNITS

tkinter = pytest.importorskip("tkinter", reason="python3-tk has the Tcl that runs the script")


class Vivado:
    """Vivado as far as the script needs it: notes cells, what is connected, and addresses."""

    COMMANDS = (
        *("create_project", "add_files", "update_compile_order", "make_wrapper"),
        *("create_bd_design", "validate_bd_design", "save_bd_design", "current_fileset"),
        *("create_bd_cell", "set_property", "get_bd_cells", "apply_bd_automation", "get_files"),
        *("connect_bd_net", "connect_bd_intf_net", "get_bd_pins", "get_bd_intf_pins"),
        *("make_bd_intf_pins_external", "assign_bd_address", "get_bd_addr_spaces"),
        "get_bd_addr_segs",
    )

    def __init__(self, script: str, folder: Path) -> None:
        self.cells: list[str] = []
        self.nets: list[tuple[str, ...]] = []
        self.addresses: dict[str, str] = {}
        self.properties: dict[str, dict[str, str]] = {}
        self.tcl = tcl = tkinter.Tcl()
        for name in self.COMMANDS:
            tcl.createcommand(name, functools.partial(self._call, name))
        (folder / "zynq_bd.tcl").write_text(script)
        tcl.eval("set argv {}")
        tcl.evalfile(str(folder / "zynq_bd.tcl"))

    def _call(self, name: str, *arguments: str) -> str:
        if name.startswith(("connect_", "make_bd")):
            self.nets.append(arguments)
        elif name == "create_bd_cell":
            self.cells.append(arguments[-1])
        elif name == "set_property":
            given = self.tcl.splitlist(arguments[1]) if arguments[0] == "-dict" else arguments[:2]
            self.properties[arguments[2]] = dict(zip(given[::2], given[1::2], strict=True))
        elif name == "assign_bd_address" and arguments:
            self.addresses[arguments[-1]] = arguments[1]
        return arguments[-1] if arguments else ""

    def connected(self, pin: str) -> list[str]:
        """Return the pins that have a net with one."""
        others = [set(net) - {pin} for net in self.nets if pin in net]
        return sorted(each for net in others for each in net)


def check(name: str, folder: Path, change: tuple[str, str] = ("", "")) -> None:
    """Check that every interface is connected once, to what it belongs to."""
    delivered = Delivered(unit_name=name, parameters=UNITS[name].small)
    [script] = zynq_files(delivered).values()
    if change[0]:
        assert script.count(change[0]) >= 1
    vivado = Vivado(script.replace(*change) if change[0] else script, folder)
    manifest = delivered.design.manifest
    buses = [*manifest["streams"], *manifest.get("masters", {}), "s_axi", "aclk", "aresetn", "irq"]
    for bus in buses:
        assert sum(f"{name}_0/{bus}" in net for net in vivado.nets) == 1, bus
    ends = [pin for net in vivado.nets for pin in net if "/" in pin]
    assert {pin.split("/")[0] for pin in ends} == set(vivado.cells)
    shared = {"ps/FCLK_CLK0", "reset/peripheral_aresetn"}
    assert not [pin for pin in ends if ends.count(pin) > 1 and pin not in shared]
    moved = [
        n for n, stream in manifest["streams"].items() if stream["bytes"] in (4, 8, 16, 32, 64)
    ]
    assert [cell for cell in vivado.cells if cell.startswith("dma_")] == [f"dma_{n}" for n in moved]
    for number, stream in enumerate(moved):
        reads = manifest["streams"][stream]["direction"] == "in"
        end = "M_AXIS_MM2S" if reads else "S_AXIS_S2MM"
        assert vivado.connected(f"{name}_0/{stream}") == [f"dma_{stream}/{end}"]
        base = f"0x{0x40400000 + 0x10000 * number:08X}"
        assert vivado.addresses[f"dma_{stream}/S_AXI_LITE/Reg"] == base
    assert vivado.addresses[f"{name}_0/s_axi/reg0"] == "0x43C00000"
    kinds = {
        n: "mm2s" if s["direction"] == "in" else "s2mm" for n, s in manifest["streams"].items()
    }
    clocks = [
        f"dma_{n}/{clock}" for n in moved for clock in ("s_axi_lite_aclk", f"m_axi_{kinds[n]}_aclk")
    ]
    clocks += [f"{name}_0/aclk", "control/aclk", "ps/M_AXI_GP0_ACLK", "reset/slowest_sync_clk"]
    resets = [f"{name}_0/aresetn", "control/aresetn", *(f"dma_{n}/axi_resetn" for n in moved)]
    if moved or "masters" in manifest:
        clocks += ["memory/aclk", "ps/S_AXI_HP0_ACLK"]
        resets.append("memory/aresetn")
    assert vivado.connected("ps/FCLK_CLK0") == sorted(clocks)
    assert vivado.connected("reset/peripheral_aresetn") == sorted(resets)
    control = vivado.properties["control"]
    assert control == {"CONFIG.NUM_SI": "1", "CONFIG.NUM_MI": str(1 + len(moved))}
    masters = len(moved) + len(manifest.get("masters", {}))
    memory = {"CONFIG.NUM_SI": str(masters), "CONFIG.NUM_MI": "1"}
    assert vivado.properties.get("memory", memory) == memory
    for stream in moved:
        told = vivado.properties[f"dma_{stream}"]
        widths = {int(told[key]) for key in told if key.endswith("_data_width") or "_tdata_" in key}
        assert widths == {8 * manifest["streams"][stream]["bytes"]}


@pytest.mark.parametrize("name", ["array_shell", "accelerator", "csb_encoder"])
def test_block_designs_are_whole(name, tmp_path):
    check(name, tmp_path)


FAULTS = [
    (
        "/M_AXIS_MM2S] [get_bd_intf_pins array_shell_0/s_axis_a]",
        "/M_AXIS_MM2S] [get_bd_intf_pins x]",
    ),
    ("  dma_m_axis/axi_resetn\n", ""),
    ("  ps/S_AXI_HP0_ACLK memory/aclk\n", "  ps/S_AXI_HP0_ACLK\n"),
    ("interrupts/In2", "interrupts/In1"),
    ("memory/S02_AXI", "memory/S01_AXI"),
    ("CONFIG.NUM_MI 4", "CONFIG.NUM_MI 3"),
    ("0x40410000", "0x40400000"),
    ("CONFIG.c_m_axis_mm2s_tdata_width 32", "CONFIG.c_m_axis_mm2s_tdata_width 64"),
]


@pytest.mark.parametrize("change", FAULTS)
def test_faults_are_found(change, tmp_path):
    with pytest.raises(AssertionError):
        check("array_shell", tmp_path, change)
