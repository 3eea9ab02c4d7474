"""Simulation of a design's gates in many streams at once that counts what each cell toggles."""

import ctypes
import dataclasses
import json
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import Design
from hw.flow.families import FAMILIES
from hw.flow.progress import Progress
from hw.flow.yosys import flat, map_design
from sw.errors import UserError

from .build import library

__all__ = ["CLOCKS", "FUNCTIONS", "Cell", "Gates", "map_gates", "simulate"]

CLOCKS = "clk", "aclk"
"""Names of a clock's port: of a circuit alone and of a unit."""

FUNCTIONS = {
    "$_BUF_": "a",
    "$_NOT_": "~a",
    "$_AND_": "a & b",
    "$_NAND_": "~(a & b)",
    "$_OR_": "a | b",
    "$_NOR_": "~(a | b)",
    "$_XOR_": "a ^ b",
    "$_XNOR_": "~(a ^ b)",
    "$_ANDNOT_": "a & ~b",
    "$_ORNOT_": "a | ~b",
    "$_MUX_": "(a & ~s) | (b & s)",
    "$_NMUX_": "~((a & ~s) | (b & s))",
    "$_AOI3_": "~((a & b) | c)",
    "$_OAI3_": "~((a | b) & c)",
    "$_AOI4_": "~((a & b) | (c & d))",
    "$_OAI4_": "~((a | b) & (c | d))",
}
"""What each kind of gate gives, in C."""

_REGISTER = "$_DFF_P_"

# A word holds a net in 64 streams. Changes of a step, by the clock edge before it and then by its
# inputs, count in the streams that its mask names.
_SOURCE = """\
#include <cstdint>
#include <vector>
using word = uint64_t;

struct Cell {{ int32_t kind, a, b, c, d, s, y; }};

extern "C" __attribute__((visibility("default")))
void run(word* net, const Cell* cell, int64_t gates, int64_t cells,
         const int32_t* input, int64_t inputs, const int32_t* output, int64_t outputs,
         const word* given, word* found, const word* mask, int64_t steps, int64_t* toggles) {{
  std::vector<word> next(cells);
  for (int64_t step = 0; step < steps; step++) {{
    auto set = [&](int64_t i, word value) {{
      word& now = net[cell[i].y];
      toggles[i] += __builtin_popcountll((value ^ now) & mask[step]);
      now = value;
    }};
    if (step)
      for (int64_t i = gates; i < cells; i++) set(i, next[i]);
    for (int64_t i = 0; i < inputs; i++) net[input[i]] = *given++;
    for (int64_t i = 0; i < gates; i++) {{
      const word a = net[cell[i].a], b = net[cell[i].b], c = net[cell[i].c];
      const word d = net[cell[i].d], s = net[cell[i].s];
      switch (cell[i].kind) {{
{cases}
      }}
    }}
    for (int64_t i = gates; i < cells; i++) next[i] = net[cell[i].d];
    for (int64_t i = 0; i < outputs; i++) *found++ = net[output[i]];
  }}
}}
"""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A gate or flip-flop: its type in Yosys, and the number of the net at each of its ports."""

    kind: str
    nets: Mapping[str, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gates:
    """A netlist of gates and flip-flops on one clock, which is not among the inputs.

    ``initial`` has a word for each net, all ones or zeros. Nets 0 and 1 are the constants.
    """

    inputs: Mapping[str, Sequence[int]]
    outputs: Mapping[str, Sequence[int]]
    gates: Sequence[Cell]
    registers: Sequence[Cell]
    initial: npt.NDArray[np.uint64]


def map_gates(design: Design, *, progress: Progress) -> Gates:
    """Return the netlist of a design; `UserError` if it has other cells, or other clocks."""
    stage = f"synthesize {design.name} for gates"
    mapped, _ = map_design(design, FAMILIES["gates"], progress=progress, stage=stage)
    text = flat(mapped, progress=progress, stage=f"flatten {design.name}")
    module = json.loads(text)["modules"][design.name]
    cells = [
        Cell(cell["type"], {port: _net(bit) for port, (bit,) in cell["connections"].items()})
        for cell in module["cells"].values()
        if cell["type"] != "$scopeinfo"
    ]
    if odd := {cell.kind for cell in cells} - {*FUNCTIONS, _REGISTER}:
        raise UserError(f"{design.name} has cells that are no gates: {', '.join(sorted(odd))}")
    ports: dict[str, dict[str, list[int]]] = {"input": {}, "output": {}}
    for name, port in module["ports"].items():
        ports[port["direction"]][name] = [_net(bit) for bit in port["bits"]]
    clocks = [ports["input"].pop(name)[0] for name in CLOCKS if name in ports["input"]]
    registers = [cell for cell in cells if cell.kind == _REGISTER]
    used = {cell.nets["C"] for cell in registers}
    if len(used) > 1 or not used <= {*clocks}:
        raise UserError(f"{design.name} must have one clock, from a port, at every register")
    return Gates(
        inputs=ports["input"],
        outputs=ports["output"],
        gates=_ordered(design, [cell for cell in cells if cell.kind != _REGISTER]),
        registers=registers,
        initial=_initial(module["netnames"].values()),
    )


def _net(bit: int | str) -> int:
    """Return the number of a bit in Yosys' JSON, where constants are text, an unknown one 0."""
    return int(bit == "1") if isinstance(bit, str) else bit


def _initial(wires: Any) -> npt.NDArray[np.uint64]:
    count = 1 + max(_net(bit) for wire in wires for bit in wire["bits"])
    initial = np.zeros(max(count, 2), np.uint64)
    initial[1] = ~initial[0]
    for wire in wires:
        values = wire["attributes"].get("init", "")[::-1]
        for bit, value in zip(wire["bits"], values, strict=False):
            if value == "1":
                initial[_net(bit)] = initial[1]
    return initial


def _ordered(design: Design, gates: Sequence[Cell]) -> list[Cell]:
    """Return each gate after those that drive it, level by level, in a level by kind for speed."""
    driver = {gate.nets["Y"]: gate for gate in gates}
    order = TopologicalSorter(
        {y: [net for port, net in gate.nets.items() if port != "Y"] for y, gate in driver.items()}
    )
    try:
        order.prepare()
    except CycleError:
        raise UserError(f"{design.name} has a combinational loop") from None
    ordered: list[Cell] = []
    while order.is_active():
        level = order.get_ready()
        order.done(*level)
        ordered += sorted((driver[net] for net in level if net in driver), key=lambda g: g.kind)
    return ordered


def simulate(
    gates: Gates, given: npt.NDArray[np.uint64], mask: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return the bits of all outputs, side by side, and the toggles of gates and of registers.

    Bit ``k`` of every word belongs to stream ``k``. A step has a word for each bit of all inputs,
    side by side, and changes into it count where its mask has ones. Outputs are those before the
    clock edge that ends a step.
    """
    kinds = [*FUNCTIONS]
    cases = (f"        case {i}: set(i, {f}); break;" for i, f in enumerate(FUNCTIONS.values()))
    run = ctypes.CDLL(str(library(_SOURCE.format(cases="\n".join(cases))))).run
    cells = [*gates.gates, *gates.registers]
    table = [
        [kinds.index(cell.kind), *(cell.nets.get(port, 0) for port in "ABCDSY")]
        for cell in gates.gates
    ]
    table += [[0, 0, 0, 0, cell.nets["D"], 0, cell.nets["Q"]] for cell in gates.registers]
    rows = np.array(table, np.int32).reshape(-1, 7)
    inputs, outputs = (
        np.array([net for nets in ports.values() for net in nets], np.int32)
        for ports in (gates.inputs, gates.outputs)
    )
    nets = gates.initial.copy()
    found = np.zeros((len(given), len(outputs)), np.uint64)
    toggles = np.zeros(len(cells), np.int64)
    arguments = (
        *(nets, rows, len(gates.gates), len(cells)),
        *(inputs, len(inputs), outputs, len(outputs)),
        *(np.ascontiguousarray(given), found, np.ascontiguousarray(mask), len(given), toggles),
    )
    run(
        *(
            ctypes.c_int64(a) if isinstance(a, int) else ctypes.c_void_p(a.ctypes.data)
            for a in arguments
        )
    )
    return found, toggles
