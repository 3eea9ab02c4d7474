"""The Zynq example: its program against stand-ins of the vendor's drivers, its block design."""

import functools
import re
import subprocess
import tkinter
from pathlib import Path

import numpy as np
import pytest

from delivery.delivered import Delivered
from delivery.zynq import DMA_BASE, UNIT_BASE, zynq_files
from hw.flow.emit import generate
from hw.units import UNITS
from sim.bfp.array_shell import beats
from sw.bfp.array_shell import ArrayShellParameters
from sw.formats.blocks import Blocks, encode
from tests.readme import ROOT

EXAMPLE = ROOT / "examples" / "zynq"
P = ArrayShellParameters()

HEADER = """
#pragma once
#include <stdint.h>
typedef uintptr_t UINTPTR;
int stub_read(void *base, uint32_t offset, uint32_t *value);
int stub_write(void *base, uint32_t offset, uint32_t value);
#define ARRAY_SHELL_BUS_READ stub_read
#define ARRAY_SHELL_BUS_WRITE stub_write
"""

XILINX = {
    "xaxidma.h": """
typedef struct { UINTPTR base; } XAxiDma_Config;
typedef struct { UINTPTR base; } XAxiDma;
enum { XAXIDMA_DMA_TO_DEVICE, XAXIDMA_DEVICE_TO_DMA };
XAxiDma_Config *XAxiDma_LookupConfigBaseAddr(UINTPTR base);
int XAxiDma_CfgInitialize(XAxiDma *dma, XAxiDma_Config *config);
uint32_t XAxiDma_SimpleTransfer(XAxiDma *dma, UINTPTR at, uint32_t bytes, int direction);
uint32_t XAxiDma_Busy(XAxiDma *dma, int direction);
""",
    "xil_cache.h": """
void Xil_DCacheFlushRange(UINTPTR at, uint32_t bytes);
void Xil_DCacheInvalidateRange(UINTPTR at, uint32_t bytes);
""",
    "xil_exception.h": """
#define XIL_EXCEPTION_ID_INT 5u
typedef void (*Xil_ExceptionHandler)(void *data);
void Xil_ExceptionInit(void);
void Xil_ExceptionRegisterHandler(uint32_t id, Xil_ExceptionHandler handler, void *data);
void Xil_ExceptionEnable(void);
""",
    "xparameters.h": "#define XPAR_SCUGIC_SINGLE_DEVICE_ID 0u\n",
    "xscugic.h": """
typedef struct { UINTPTR CpuBaseAddress; } XScuGic_Config;
typedef struct { int any; } XScuGic;
XScuGic_Config *XScuGic_LookupConfig(uint16_t id);
int XScuGic_CfgInitialize(XScuGic *gic, XScuGic_Config *config, UINTPTR base);
void XScuGic_SetPriorityTriggerType(XScuGic *gic, uint32_t id, uint8_t priority, uint8_t trigger);
int XScuGic_Connect(XScuGic *gic, uint32_t id, void (*handler)(void *), void *data);
void XScuGic_Enable(XScuGic *gic, uint32_t id);
void XScuGic_InterruptHandler(XScuGic *gic);
""",
}

# Keeps what is written and sent in files; the job is done with the last transfer.
STUBS = """
#include <stdio.h>
#include "array_shell.h"
#include "xaxidma.h"
#include "xil_cache.h"
#include "xil_exception.h"
#include "xscugic.h"
static uint32_t status, enabled;
static void (*connected)(void *);
static int started, sent, open_;
static FILE *file(uintptr_t base, const char *mode)
{
  char name[32];
  sprintf(name, "%08lx", (unsigned long)base);
  return fopen(name, mode);
}
int stub_read(void *base, uint32_t offset, uint32_t *value)
{
  if ((uintptr_t)base != 0x43C00000u) return 1;
  *value = offset == ARRAY_SHELL_REG_IDENTITY ? ARRAY_SHELL_IDENTITY_VALUE
    : offset == ARRAY_SHELL_REG_UNIT ? ARRAY_SHELL_UNIT_VALUE
    : offset == ARRAY_SHELL_REG_DIGEST ? ARRAY_SHELL_DIGEST_VALUE
    : offset == ARRAY_SHELL_REG_INTERRUPT_ENABLE ? enabled : status;
  return 0;
}
int stub_write(void *base, uint32_t offset, uint32_t value)
{
  FILE *log = file((uintptr_t)base, "a");
  fprintf(log, "%x %x\\n", (unsigned)offset, (unsigned)value);
  fclose(log);
  if (offset == ARRAY_SHELL_REG_INTERRUPT_ENABLE) enabled = value;
  if (offset == ARRAY_SHELL_REG_STATUS) status &= ~value;
  if (offset == ARRAY_SHELL_REG_CONTROL) started = 1;
  return 0;
}
XAxiDma_Config *XAxiDma_LookupConfigBaseAddr(UINTPTR base)
{
  static XAxiDma_Config config;
  config.base = base;
  return &config;
}
int XAxiDma_CfgInitialize(XAxiDma *dma, XAxiDma_Config *config)
{
  dma->base = config->base;
  return 0;
}
uint32_t XAxiDma_SimpleTransfer(XAxiDma *dma, UINTPTR at, uint32_t bytes, int direction)
{
  FILE *data = file(dma->base, direction == XAXIDMA_DMA_TO_DEVICE ? "wb" : "rb");
  if (!started || at % 64u) return 1;
  if (direction == XAXIDMA_DMA_TO_DEVICE) fwrite((void *)at, 1, bytes, data);
  else if (data && fread((void *)at, 1, bytes, data) != bytes) return 1;
  if (data) fclose(data);
  sent += 1;
  if (sent == 3 && connected) {
    status = ARRAY_SHELL_STATUS_DONE_MASK;
    if (open_ && (status & enabled)) connected(0);
  }
  return 0;
}
uint32_t XAxiDma_Busy(XAxiDma *dma, int direction) { (void)dma; (void)direction; return 0; }
void Xil_DCacheFlushRange(UINTPTR at, uint32_t bytes) { (void)at; (void)bytes; }
void Xil_DCacheInvalidateRange(UINTPTR at, uint32_t bytes) { (void)at; (void)bytes; }
void Xil_ExceptionInit(void) {}
void Xil_ExceptionRegisterHandler(uint32_t id, Xil_ExceptionHandler handler, void *data)
{
  (void)id; (void)handler; (void)data;
}
void Xil_ExceptionEnable(void) { open_ = 1; }
XScuGic_Config *XScuGic_LookupConfig(uint16_t id)
{
  static XScuGic_Config config;
  (void)id;
  return &config;
}
int XScuGic_CfgInitialize(XScuGic *gic, XScuGic_Config *config, UINTPTR base)
{
  (void)gic; (void)config; (void)base;
  return 0;
}
void XScuGic_SetPriorityTriggerType(XScuGic *gic, uint32_t id, uint8_t priority, uint8_t trigger)
{
  (void)gic; (void)id; (void)priority; (void)trigger;
}
int XScuGic_Connect(XScuGic *gic, uint32_t id, void (*handler)(void *), void *data)
{
  (void)gic; (void)data;
  if (id == 61u) connected = handler;
  return 0;
}
void XScuGic_Enable(XScuGic *gic, uint32_t id) { (void)gic; (void)id; }
void XScuGic_InterruptHandler(XScuGic *gic) { (void)gic; }
"""


def compiled(folder: Path) -> Path:
    """Compile the program with the driver and the stand-ins, without a warning."""
    driver = pytest.importorskip("delivery.driver", reason="needs the driver")
    files = driver.driver_files("array_shell", generate("array_shell", P).manifest)
    for path, text in files.items():
        (folder / Path(path).name).write_text(text)
    (folder / "stubs.h").write_text(HEADER)
    for name, text in XILINX.items():
        (folder / name).write_text(f"#pragma once\n{text}")
    (folder / "stubs.c").write_text(STUBS)
    strict = "-std=c99 -Wall -Wextra -Werror -pedantic -D_GNU_SOURCE".split()
    sources = [EXAMPLE / "main.c", "array_shell.c", "stubs.c"]
    command = ["gcc", *strict, "-I.", "-include", "stubs.h", *sources, "-o", "program"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "program"


def integers(values: np.ndarray, axis: int) -> Blocks:
    """Return small integers, in blocks whose exponents count elements as they are."""
    shape = list(values.shape)
    shape[axis] //= P.format.reduction
    scales = np.full(shape, 517, np.int32)
    return Blocks(code=encode(values, P.format), exponent=scales, format=P.format, axis=axis)


def test_the_program_sends_the_matrices_and_checks_the_product(tmp_path):
    program = compiled(tmp_path)
    row, place = np.indices((16, 128))
    a = 5 * (row * 128 + place) % 15 - 7
    place, column = np.indices((128, 16))
    b = 3 * (place * 16 + column) % 13 - 6
    tiles = (a @ b).astype(np.float32).reshape(4, 4, 4, 4).swapaxes(1, 2)
    result = tmp_path / f"{DMA_BASE + 0x20000:08x}"
    log = tmp_path / f"{UNIT_BASE:08x}"
    for change, said in ((1, "different"), (0, "equal")):
        given = np.ascontiguousarray(tiles)
        given[2, 1, 3, 0] += change
        result.write_bytes(given.tobytes())
        log.unlink(missing_ok=True)
        ran = subprocess.run([program], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        assert (ran.stdout, ran.returncode) == (f"{said}\n", change)
    for number, beat in enumerate(beats(P, integers(a, 1), integers(b, 0)).values()):
        assert (tmp_path / f"{DMA_BASE + 0x10000 * number:08x}").read_bytes() == beat.tobytes()
    names = {r["offset"]: r["name"] for r in generate("array_shell", P).manifest["registers"]}
    pairs = [(int(word, 16) for word in line.split()) for line in log.read_text().splitlines()]
    written = {names[at]: value for at, value in pairs}
    known = {"tile_rows": 4, "tile_columns": 4, "blocks": 2, "interrupt_enable": 4, "control": 4}
    assert {name: written[name] for name in known} == known


class Vivado:
    """Vivado as far as the script needs it: notes cells, what is connected, and addresses."""

    COMMANDS = (
        *(
            "create_project",
            "add_files",
            "update_compile_order",
            "create_bd_design",
            "make_wrapper",
        ),
        *("create_bd_cell", "set_property", "get_bd_cells", "apply_bd_automation", "get_files"),
        *("connect_bd_net", "connect_bd_intf_net", "get_bd_pins", "get_bd_intf_pins"),
        *("make_bd_intf_pins_external", "assign_bd_address", "get_bd_addr_spaces"),
        *("get_bd_addr_segs", "validate_bd_design", "save_bd_design", "current_fileset"),
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


@pytest.mark.parametrize("name", ["array_shell", "accelerator", "csb_encoder"])
def test_the_block_design_connects_every_interface_once(name, tmp_path):
    delivered = Delivered(unit_name=name, parameters=UNITS[name].small)
    [script] = zynq_files(delivered).values()
    vivado = Vivado(script, tmp_path)
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
    control = vivado.properties["control"]
    assert control == {"CONFIG.NUM_SI": "1", "CONFIG.NUM_MI": str(1 + len(moved))}
    masters = len(moved) + len(manifest.get("masters", {}))
    memory = {"CONFIG.NUM_SI": str(masters), "CONFIG.NUM_MI": "1"}
    assert vivado.properties.get("memory", memory) == memory
    for stream in moved:
        told = vivado.properties[f"dma_{stream}"]
        widths = {int(told[key]) for key in told if key.endswith("_data_width") or "_tdata_" in key}
        assert widths == {8 * manifest["streams"][stream]["bytes"]}


def test_the_program_has_the_addresses_of_the_block_design():
    text = (EXAMPLE / "main.c").read_text("utf-8")
    bases = [int(base, 16) for base in re.findall(r"#define \w+_BASE (0x\w+)u", text)]
    assert bases == [UNIT_BASE, DMA_BASE, DMA_BASE + 0x10000, DMA_BASE + 0x20000]
