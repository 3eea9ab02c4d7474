"""What the cells of a netlist take of a device beside their number: an estimate of packing."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

__all__ = ["carry_ends", "logic_cells", "unseen_luts"]

Pins = dict[str, list[Any]]


def _top(netlist: str) -> tuple[Mapping[str, list[Pins]], Counter[Any], Mapping[Any, str]]:
    """Return a flat netlist's cells by kind, how often each bit is read, and what drives it."""
    modules = json.loads(netlist)["modules"].values()
    cells = next(m["cells"] for m in modules if "top" in m["attributes"]).values()
    by_kind: dict[str, list[Pins]] = {}
    readers: Counter[Any] = Counter()
    driver: dict[Any, str] = {}
    for cell in cells:
        pins = cell["connections"]
        by_kind.setdefault(cell["type"], []).append(pins)
        for name, bits in pins.items():
            if cell["port_directions"].get(name) == "input":
                readers.update(bits)
            else:
                driver |= dict.fromkeys(bits, cell["type"])
    return by_kind, readers, driver


def logic_cells(netlist: str) -> int:
    """Return the logic cells of a flat netlist of iCE40, in Yosys' JSON.

    A cell holds a LUT, a carry and a flip-flop. A flip-flop shares that of the LUT whose output
    goes to it alone, a carry that of a LUT with its two operands at the inputs I1 and I2, and where
    the carry is read by other logic a cell more brings it out. What is not so takes its own cell.
    """
    by_kind, readers, driver = _top(netlist)
    tables = by_kind.get("SB_LUT4", [])
    flops = [p for kind, found in by_kind.items() if kind.startswith("SB_DFF") for p in found]
    carries = by_kind.get("SB_CARRY", [])

    alone = sum(1 for p in flops if driver.get(p["D"][0]) != "SB_LUT4" or readers[p["D"][0]] > 1)
    shared = Counter((pins["I1"][0], pins["I2"][0]) for pins in tables)
    chained = {p["CI"][0] for p in carries}
    bare = 0
    for pins in carries:
        operands = pins["I0"][0], pins["I1"][0]
        if shared[operands]:
            shared[operands] -= 1
        else:
            bare += 1
    through = {p["I3"][0] for p in tables}
    out = sum(1 for p in carries if p["CO"][0] not in through | chained and readers[p["CO"][0]])
    return len(tables) + alone + bare + out


def unseen_luts(netlist: str) -> int:
    """Return the LUTs that placing adds to a flat netlist of Gowin, in Yosys' JSON.

    A flip-flop gets its data from the LUT or ALU beside it, so that a LUT passes on data from
    elsewhere or goes elsewhere too. A chain of ALUs begins with one that brings its carry in, and
    one more brings out a carry that other logic reads.
    """
    by_kind, readers, driver = _top(netlist)
    flops = [pins["D"][0] for kind, found in by_kind.items() if kind[:3] == "DFF" for pins in found]
    beside = ("LUT1", "LUT2", "LUT3", "LUT4", "ALU")
    passed = sum(1 for bit in flops if driver.get(bit) not in beside or readers[bit] > 1)
    chains = by_kind.get("ALU", [])
    carried = {pins["COUT"][0] for pins in chains}
    heads = sum(1 for pins in chains if pins["CIN"][0] not in carried)
    inside = Counter(pins["CIN"][0] for pins in chains)
    out = sum(1 for bit in carried if readers[bit] > inside[bit])
    return passed + heads + out


def carry_ends(netlist: str) -> int:
    """Return the LUTs that placing adds to a flat netlist of ECP5, in Yosys' JSON.

    Each chain of CCU2C begins with one more, which brings its carry in, even a constant, and ends
    with one that brings the carry out.
    """
    by_kind, _, driver = _top(netlist)
    chains = by_kind.get("CCU2C", [])
    return 4 * sum(driver.get(pins["CIN"][0]) != "CCU2C" for pins in chains)
