"""Instances of vendors' primitives against Yosys' models of them, by proof and in Icarus."""

import itertools
import random
import re

import pytest
from amaranth.back import verilog

from hw.cells import models
from hw.cells.dsp import DspPair
from hw.cells.multiplier import Multiplier
from hw.flow.progress import Progress
from hw.flow.tools import ToolError
from hw.flow.yosys import yosys

from .icarus import simulate

TARGETS = ["generic", "ecp5", "xilinx"]


def signed(value, bits):
    return value - (value >> bits - 1 << bits)


def products(folder, target, width, is_signed, change=lambda text: text):
    """Return all products of a multiplier, and what they should be."""
    top = Multiplier(width=width, signed=is_signed, target=target)
    found = simulate(
        folder,
        change(verilog.convert(top, name="top")),
        target=target,
        ports={"a": width, "b": width},
        output="o",
        bits=2 * width,
        latency=top.latency,
        beats=range(1 << 2 * width),
    )
    expected = []
    for b, a in itertools.product(range(1 << width), repeat=2):
        product = signed(a, width) * signed(b, width) if is_signed else a * b
        expected.append(product + top.offset)
    return found, expected


CASES = [(w, s) for w in range(1, 7) for s in (False, True) if w > s]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("width, is_signed", CASES)
def test_multiplier(tmp_path, width, is_signed, target):
    found, expected = products(tmp_path, target, width, is_signed)
    assert found == expected


@pytest.mark.parametrize("target", TARGETS[1:])
def test_planted_fault_is_found(tmp_path, target):
    """One wrong bit in the table of one cell must show."""

    def change(text):
        tables = list(re.finditer(r"(\.INIT0?\()(\d+'h)([0-9a-f]+)", text))
        table = tables[len(tables) // 2]
        wrong = f"{table[1]}{table[2]}{int(table[3], 16) ^ 0b1000:x}"
        return text[: table.start()] + wrong + text[table.end() :]

    found, expected = products(tmp_path, target, 4, False, change)
    assert found != expected


@pytest.mark.parametrize("width, is_signed", [(2, False), (3, False), (2, True), (3, True)])
def test_dsp_pair(tmp_path, width, is_signed):
    top = DspPair(width=width, signed=is_signed)
    ports = {"a": 2 * width, "b": 2 * width, "minus": 1}
    beats = range(1 << 4 * width + (not is_signed))
    text = verilog.convert(top, name="top")
    # Both outputs as one number.
    text = text.replace("module top(", "module pair(") + (
        f"module top(input clk, input en, input [{2 * width - 1}:0] a, b, input minus, "
        f"output [{len(top.o)}:0] all);\n"
        "pair pair(.clk(clk), .rst(1'b0), .en(en), .a(a), .b(b), .minus(minus), "
        ".o(all[%d:1]), .late(all[0]));\nendmodule\n" % len(top.o)
    )
    found = simulate(
        tmp_path,
        text + "// input clk;\n",
        target="generic",
        ports=ports,
        output="all",
        bits=len(top.o) + 1,
        latency=2,
        beats=beats,
    )
    mask = (1 << width) - 1
    for beat, both in zip(beats, found, strict=True):
        a0, a1, b0, b1 = (beat >> i * width & mask for i in range(4))
        if is_signed:
            a0, a1, b0, b1 = (signed(v, width) for v in (a0, a1, b0, b1))
        minus = beat >> 4 * width
        expected = a0 * b0 - a1 * b1 if minus else a0 * b0 + a1 * b1
        assert (both >> 1) + (both & 1) - top.offset == expected


# Parameters under which a cell's model is proven equal to Yosys' own, and its ports' widths.
rng = random.Random(1)
TABLES = {
    "CCU2C": [
        f'.INIT0({rng.getrandbits(16)}), .INIT1({rng.getrandbits(16)}), .INJECT1_0("{first}"), '
        f'.INJECT1_1("{second}")'
        for first, second in itertools.product(["NO", "NO", "YES"], repeat=2)
    ],
    "CARRY4": [""],
    "LUT6_2": [f".INIT(64'd{rng.getrandbits(64)})" for _ in range(4)],
    **{f"LUT{n}": [f".INIT({1 << n}'d{rng.getrandbits(1 << n)})"] * 3 for n in range(1, 7)},
}
LIBRARY = {"ecp5": "-overwrite +/ecp5/cells_sim.v", "xilinx": "+/xilinx/cells_sim.v"}


def prove(target, cell, text):
    """Prove by SAT, under some parameters, that a model in ``text`` equals Yosys' own."""
    head = re.search(rf"module {cell} \((.*?)\);", text, re.S)
    assert head
    ports, direction, width = [], "", 1
    for port in head[1].split(","):
        words = port.split()
        if words[0] in ("input", "output"):
            direction, width = words.pop(0), 1
        if words[0].startswith("["):
            width = int(words.pop(0)[1]) + 1
        ports.append((words[0], direction, width))
    total = {d: sum(w for _, k, w in ports if k == d) for d in ("input", "output")}
    lines = []
    for n, parameters in enumerate(TABLES[cell]):
        for kind in ("ours", "theirs"):
            place, wires = {"input": 0, "output": 0}, []
            for name, way, size in ports:
                bus = "i" if way == "input" else f"{kind}{n}"
                wires.append(f".{name}({bus}[{place[way] + size - 1}:{place[way]}])")
                place[way] += size
            module = f"ours_{cell}" if kind == "ours" else cell
            lines.append(f"wire [{total['output'] - 1}:0] {kind}{n};")
            lines.append(f"{module} #({parameters}) {kind}_{n} ({', '.join(wires)});")
    same = " & ".join(f"ours{n} === theirs{n}" for n in range(len(TABLES[cell])))
    files = {
        "ours.v": re.sub(r"\bmodule (\w+)", r"module ours_\1", text),
        "top.v": f"module top(input [{total['input'] - 1}:0] i, output same);\n"
        + "\n".join(lines)
        + f"\nassign same = {same};\nendmodule\n",
    }
    script = f"read_verilog -sv {LIBRARY[target]} ours.v top.v\nhierarchy -top top\nproc\nflatten\n"
    script += "opt_clean\nsat -verify -prove same 1\ntee -q -o done.txt stat\n"
    yosys(script, files, ["done.txt"], progress=Progress(), stage="prove")


@pytest.mark.parametrize("cell", TABLES)
def test_models_equal_those_of_yosys(cell):
    target = "ecp5" if cell == "CCU2C" else "xilinx"
    prove(target, cell, models(target).read_text())


def test_wrong_model_is_found():
    text = models("ecp5").read_text()
    wrong = text.replace("propagate1 ? carry :", "propagate0 ? carry :")
    assert wrong != text
    with pytest.raises(ToolError, match="proof did fail"):
        prove("ecp5", "CCU2C", wrong)
