"""Vectors whose bits depend on one another: which are taken apart, and that no bit changes."""

import random
import re
from typing import Any

import pytest
from amaranth.hdl import Cat, Module, Mux
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit
from hw.flow.emit import emit, generate
from hw.flow.tidy import tidy
from hw.units import UNITS
from sw.bfp.array import ArrayParameters

from ..icarus import simulate
from ..lint import lint


def module(ports: str, *statements: str) -> str:
    """Return a module as Yosys writes it; ``ports`` are such as ``input 8 a``."""
    words = [port.split() for port in ports.split(", ")]
    names = [name for kind, _, name in words if kind != "wire"]
    lines = [f"module m({', '.join(names)});"]
    for kind, width, name in words:
        dimension = f" [{int(width) - 1}:0]" if int(width) > 1 else ""
        lines += [] if kind == "wire" else [f"  {kind}{dimension} {name};"]
        lines.append(f"  wire{dimension} {name};")
    return "\n".join([*lines, *(f"  {statement}" for statement in statements), "endmodule"])


def body(text: str, children: Any = None) -> list[str]:
    """Return the declarations and statements of a module that was split."""
    lines = tidy(text, children or {})[0].partition("  wire")[2].split("\n")
    return [line.strip() for line in lines]


def test_bits_that_are_driven_apart_become_wires():
    text = module(
        "input 4 a, output 3 q, wire 3 g",
        "assign g[0] = g[2] ? a[0] : a[1];",
        "assign g[2:1] = a[3:2];",
        "assign q = g;",
    )
    assert body(text) == [
        "g_bit_0;",
        "wire [1:0] g_bits_2_1;",
        "assign g_bit_0 = g_bits_2_1[1] ? a[0] : a[1];",
        "assign g_bits_2_1 = a[3:2];",
        "assign q = { g_bits_2_1, g_bit_0 };",
        "endmodule",
    ]


# Rule: ports and wires, statements, lines of the result.
LINES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "a vector without a ring stays": (
        "input 2 a, output 2 q, wire 2 g",
        (
            "assign g[0] = a[0];",
            "assign g[1] = a[1];",
            "assign q = ~ g;",
        ),
        ("wire [1:0] g;",),
    ),
    "bits that nothing drives keep their places": (
        "input 1 a, output 4 q, wire 4 g",
        (
            "assign g[0] = ~ g[3];",
            "assign g[3] = a;",
            "assign q = g;",
        ),
        ("assign q = { g_bit_3, g_bits_2_1, g_bit_0 };",),
    ),
    "what a signal indexes stays beside its parts": (
        "input 2 a, output 1 q, wire 2 g",
        (
            "assign g[0] = a[0];",
            "assign g[1] = ~ g[0];",
            "assign q = g[a[1]];",
        ),
        (
            "assign g_bit_1 = ~g_bit_0;",
            "assign q = g[a[1]];",
            "assign g = { g_bit_1, g_bit_0 };",
        ),
    ),
    "names in use are not taken again": (
        "input 1 g_bit_1, output 2 q, wire 2 g",
        (
            "assign g[0] = g_bit_1;",
            "assign g[1] = ~ g[0];",
            "assign q = g;",
        ),
        ("assign g_bit_1_ = ~g_bit_0;",),
    ),
    "an inverted operand and unknown bits are opened": (
        "input 5 a, output 5 q, wire 5 g, wire 5 h, wire 5 i",
        (
            "assign g = { i[3:0], a[0] };",
            "assign h = ~ g;",
            "assign i = h ^ 5'hx;",
            "assign q = i;",
        ),
        (
            "assign h_bit_4 = ~g_bit_4;",
            "assign i_bit_4 = h_bit_4 ^ 1'bx;",
        ),
    ),
    "parts of parts are named by their places in the whole": (
        "input 2 a, output 4 q, wire 4 g, wire 2 h",
        (
            "assign g[1:0] = a;",
            "assign g[3:2] = { h[0], a[0] };",
            "assign h = g[3:2] & g[1:0];",
            "assign q = g;",
        ),
        (
            "assign g_bit_3 = h_bit_0;",
            "assign q = { g_bit_3, g_bit_2, g_bits_1_0 };",
        ),
    ),
}


@pytest.mark.parametrize("rule", LINES)
def test_a_line_of_the_result(rule):
    ports, statements, lines = LINES[rule]
    result = tidy(module(ports, *statements), {})[0].split("\n")
    assert {line.strip() for line in result} >= set(lines)


def test_of_a_ring_of_several_one_is_taken_apart_and_a_port_only_if_it_must_be():
    text = module(
        "input 2 a, output 2 q, output 1 r, wire 2 g",
        "assign g[0] = a[0];",
        "assign g[1] = ~ q[0];",
        "assign q[0] = ~ g[0];",
        "assign q[1] = a[1];",
        "assign r = g[1];",
    )
    result = tidy(text, {})[0]
    assert "assign q[0] = ~g_bit_0;" in result
    text = module("input 2 a, output 2 q", "assign q[0] = a[0];", "assign q[1] = a[1] ^ q[0];")
    result = tidy(text, {})[0]
    assert "assign q_bit_1 = a[1] ^ q_bit_0;" in result
    assert "assign q = { q_bit_1, q_bit_0 };" in result


def test_copies_and_bitwise_operators_are_opened():
    text = module(
        "input 2 a, output 2 q, wire 2 g, wire 2 h",
        "assign g = { h[0], a[0] };",
        "assign h = g & { a[1], 1'h1 };",
        "assign q = h;",
    )
    assert body(text)[4:] == [
        "assign g_bit_0 = a[0];",
        "assign g_bit_1 = h_bit_0;",
        "assign h_bit_0 = g_bit_0 & 1'b1;",
        "assign h_bit_1 = g_bit_1 & a[1];",
        "assign q = { h_bit_1, h_bit_0 };",
        "endmodule",
    ]


def test_a_ring_of_single_bits_is_refused():
    text = module("output 1 q, wire 1 g", "assign g = ~ q;", "assign q = g;")
    with pytest.raises(ValueError, match=r"^signals depend on one another in a ring: (g, q|q, g)$"):
        tidy(text, {})


def test_operands_of_other_widths_are_not_opened():
    text = module("input 2 a, output 3 q, wire 3 g", "assign g = { q[0], a };", "assign q = g & a;")
    with pytest.raises(ValueError, match=r"^signals depend on one another in a ring: "):
        tidy(text, {})


def test_a_child_is_looked_through_where_it_has_a_path():
    text = module(
        "input 1 a, output 2 q, wire 2 g",
        "assign g[0] = a;",
        "child c (\n    .i(g[0]),\n    .o(g[1])\n  );",
        "assign q = g;",
    )
    assert "wire [1:0] g;" in tidy(text, {"child": {"o": frozenset()}})[0]
    assert ".o(g_bit_1)" in tidy(text, {"child": {"o": frozenset({"i"})}})[0]


def test_paths_lead_through_wires_and_children():
    text = module(
        "input 1 a, input 1 b, output 1 q, output 1 r, wire 1 g",
        "child c (\n    .i(a),\n    .j(b),\n    .o(g)\n  );",
        "assign q = ~ g;",
        "assign r = b;",
    )
    paths = tidy(text, {"child": {"o": frozenset({"i"})}})[1]
    assert paths == {"q": frozenset({"a"}), "r": frozenset({"b"})}


class Chain(Circuit):
    """A chain of ready bits, a carry and a choice, each a vector that depends on itself."""

    def __init__(self) -> None:
        super().__init__({"a": In(8), "b": In(8), "ready": Out(8), "carry": Out(8), "held": Out(8)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += [
            self.ready.eq(self.a & Cat(self.ready[1:], 1)),
            self.carry.eq((self.a & self.b) | (self.a ^ self.b) & Cat(0, self.carry[:-1])),
            self.held.eq(Mux(self.a[0], self.b, Cat(self.b[4:], self.held[:4]))),
        ]
        return m


def expected(a: int, b: int) -> dict[str, int]:
    ready = int("".join(str(int(f"{a:08b}".startswith("1" * (k + 1)))) for k in range(8)), 2)
    low = b >> 4
    totals = [(a & (2 << i) - 1) + (b & (2 << i) - 1) >> i + 1 for i in range(8)]
    carry = sum(total << i for i, total in enumerate(totals))
    return {"ready": ready, "carry": carry, "held": b if a & 1 else low | low << 4}


@pytest.mark.parametrize(("output", "bits"), [("ready", 8), ("carry", 8), ("held", 8)])
def test_a_chain_that_is_opened_computes_the_same(output, bits, tmp_path):
    text = emit(Chain(), "top").verilog
    draw = random.Random(1)
    high = (0, 0xF0)
    pairs = [(draw.randrange(256) | draw.choice(high), draw.randrange(256)) for _ in range(200)]
    actual = simulate(
        tmp_path,
        text,
        target="xilinx",
        ports={"a": 8, "b": 8},
        output=output,
        bits=bits,
        latency=0,
        beats=[a | b << 8 for a, b in pairs],
    )
    assert actual == [expected(a, b)[output] for a, b in pairs]


SHIFT = re.compile(r"^  assign (\w+) = \W*(?:signed\()?(\w+).*? (?:<<<?|>>>?) (.*);$", re.M)
DECLARED = re.compile(r"^  (?:(?:in|out)put )?(?:wire|reg)(?: \[(\d+):0\])? (\w+)", re.M)


def shift_width(amount: str, widths: dict[str, int]) -> int:
    """Return the bits of a distance without leading zeros."""
    total = 0
    for name, high, low in re.findall(r"([\w']+)(?:\[(\d+)(?::(\d+))?\])?", amount):
        if constant := re.fullmatch(r"(\d+)'h0+", name):
            total += int(constant[1]) if total else 0
        else:
            total += int(high) - int(low or high) + 1 if high else widths[name]
    return total


@pytest.mark.parametrize("name", list(UNITS))
def test_no_shift_shifts_a_shift(name):
    # Verilator 5.048 to 5.050 (its issue 7955) adds up two distances of one width in that width.
    for parameters in (UNITS[name].parameters(), UNITS[name].small):
        for text in generate(name, parameters).verilog.split("endmodule"):
            widths = {n: int(top or 0) + 1 for top, n in DECLARED.findall(text)}
            shifts = {n: (value, amount) for n, value, amount in SHIFT.findall(text)}
            for value, amount in shifts.values():
                if value in shifts:
                    assert shift_width(amount, widths) != shift_width(shifts[value][1], widths)


ROUNDED = {"preset": "hbfp12", "symmetric": True}


@pytest.mark.parametrize(
    "fields",
    [
        # Low bits of a product are registers, the others sums of carry cells whose rows hold these.
        {"format": "hbfp6_8x8", "rows": 2, "columns": 2, "lanes": 2, "target": "ecp5"},
        {"format": "hbfp6_8x8", "rows": 2, "columns": 2, "lanes": 2, "target": "xilinx"},
        {"format": ROUNDED, "rows": 3, "columns": 1, "target": "xilinx"},
    ],
)
def test_a_ring_through_cells_is_taken_apart(fields, tmp_path):
    design = generate("bfp_array", ArrayParameters.make(multiplier="logic", **fields))
    paths = tmp_path / "bfp_array.v", tmp_path / "cells.v"
    for path, text in zip(paths, (design.verilog, design.cells), strict=True):
        path.write_text(text)
    assert lint(*paths, "-Wno-MULTITOP", "--top-module", "bfp_array") == ""
