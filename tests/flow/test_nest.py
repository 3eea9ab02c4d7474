"""Numbered wires that are read once are nested where no value can change; others get names."""

import re

import pytest

from hw.flow.emit import generate
from hw.flow.tidy import tidy
from hw.units import UNITS

from .test_split import module

SINGLE = "input 1 a, input 1 b, input 1 c, input 1 d, wire 1 _0_, wire 1 _1_, wire 1 _2_"
WIDE = "input 4 a, input 4 b, input 4 c, input 1 d, output 4 q, wire 4 _0_, wire 1 _1_"
CLOCKED = "input 1 clk, input 1 a, input 1 b, output 1 q"


def body(ports: str, *statements: str) -> str:
    """Return what a module has behind its declarations of wires and its instances."""
    text = tidy(module(ports, *statements), {"child": {"o": frozenset()}})[0]
    lines = text.partition(");\n")[2].removesuffix("endmodule").splitlines()
    return "\n".join(line[2:] for line in lines if not line.startswith("  wire"))


# Name: ports and wires, statements of Yosys, what is left of them.
NESTED = {
    "operators": (
        f"{SINGLE}, output 1 q",
        ("assign _0_ = a & b;", "assign _1_ = ~ c;", "assign _2_ = _0_ & _1_;", "assign q = _2_;"),
        "assign q = a & b & ~c;",
    ),
    "others in parentheses": (
        f"{SINGLE}, output 1 q",
        ("assign _0_ = a | b;", "assign _1_ = ~ _0_;", "assign q = _1_ ^ c;"),
        "assign q = ~(a | b) ^ c;",
    ),
    "a reduction of bits": (
        f"{SINGLE}, output 1 q",
        ("assign _0_ = ~ a;", "assign _1_ = b & c;", "assign q = | { _0_, _1_, d };"),
        "assign q = ~a | (b & c) | d;",
    ),
    "a comparison": (
        WIDE.replace("output 4", "output 1"),
        ("assign _1_ = a == 4'h3;", "assign q = _1_ & d;"),
        "assign q = (a == 4'h3) & d;",
    ),
    "a signed comparison": (
        WIDE.replace("output 4", "output 1"),
        ("assign _1_ = $signed(a) < $signed(b);", "assign q = _1_ & d;"),
        "assign q = ($signed(a) < $signed(b)) & d;",
    ),
    "a reduction": (
        WIDE.replace("output 4", "output 1"),
        ("assign _1_ = | a;", "assign q = d & _1_;"),
        "assign q = d & (|a);",
    ),
    "of equal widths": (
        WIDE,
        ("assign _0_ = a & b;", "assign q = _0_ | c;"),
        "assign q = (a & b) | c;",
    ),
    "reduced": (
        WIDE.replace("output 4", "output 1"),
        ("assign _0_ = a & b;", "assign q = | _0_;"),
        "assign q = |(a & b);",
    ),
    "a condition of a wider choice": (
        WIDE,
        ("assign _1_ = a == b;", "assign q = _1_ ? 1'h1 : c;"),
        "assign q = (a == b) ? 1'h1 : c;",
    ),
    "choices in a row": (
        WIDE,
        ("assign _0_ = d ? a : b;", "assign _1_ = | c;", "assign q = _1_ ? c : _0_;"),
        "assign q =\n  (|c) ? c :\n  d ? a :\n  b;",
    ),
    "between braces, whatever is around": (
        f"{SINGLE}, output 3 q",
        ("assign _0_ = ~ a;", "assign q = { 1'h0, _0_ } + b;"),
        "assign q = { 1'h0, ~a } + b;",
    ),
    "the condition of a register": (
        f"{CLOCKED}, wire 1 _0_",
        ("assign _0_ = ~ a;", "always @(posedge clk)\n    if (_0_) q <= b;"),
        "always @(posedge clk)\n  if (~a) q <= b;",
    ),
    "equal parts": (WIDE, ("assign q = a & { d, d, d, d };",), "assign q = a & {4{d}};"),
}


@pytest.mark.parametrize("case", NESTED)
def test_what_is_nested(case):
    ports, statements, expected = NESTED[case]
    assert body(ports, *statements) == expected


# What would change a value, or a name that is looked for.
KEPT = {
    "an inversion in a wider sum": (
        f"{SINGLE}, output 2 q",
        ("assign _0_ = ~ a;", "assign q = _0_ + b;"),
        "assign not_a = ~a;\nassign q = not_a + b;",
    ),
    "an inversion in a wider inversion": (
        f"{SINGLE}, output 2 q",
        ("assign _0_ = ~ a;", "assign q = ~ _0_;"),
        "assign not_a = ~a;\nassign q = ~not_a;",
    ),
    "an inversion assigned to more bits": (
        f"{SINGLE}, output 2 q",
        ("assign _0_ = ~ a;", "assign q = _0_;"),
        "assign not_a = ~a;\nassign q = not_a;",
    ),
    "bits joined by a reduction, inverted in more bits": (
        f"{SINGLE}, output 2 q",
        ("assign _0_ = ~| { a, b };", "assign q = _0_ + c;"),
        "assign not_a_or_b = ~(a | b);\nassign q = not_a_or_b + c;",
    ),
    "a reduction of bits assigned to more": (
        f"{SINGLE}, output 2 q",
        ("assign q = ~| { a, b };",),
        "assign q = ~|{ a, b };",
    ),
    "a sum of 4 bits in one of 5": (
        "input 4 a, input 4 b, input 4 c, output 5 q, wire 4 _0_",
        ("assign _0_ = a + b;", "assign q = _0_ + c;"),
        "assign a_plus_b = a + b;\nassign q = a_plus_b + c;",
    ),
    "a sum of 4 bits assigned to 5": (
        "input 4 a, input 4 b, output 5 q, wire 4 _0_",
        ("assign _0_ = a + b;", "assign q = _0_;"),
        "assign a_plus_b = a + b;\nassign q = a_plus_b;",
    ),
    "a sum that is compared": (
        WIDE.replace("output 4", "output 1"),
        ("assign _0_ = a + b;", "assign q = _0_ < 5'h09;"),
        "assign a_plus_b = a + b;\nassign q = a_plus_b < 5'h09;",
    ),
    "a signed sum": (
        WIDE,
        ("assign _0_ = $signed(a) + $signed(d);", "assign q = _0_ | c;"),
        "assign a_plus_d = $signed(a) + $signed(d);\nassign q = a_plus_d | c;",
    ),
    "operands of two widths": (
        WIDE,
        ("assign _0_ = a & d;", "assign q = ~ _0_;"),
        "assign a_and_d = a & d;\nassign q = ~a_and_d;",
    ),
    "a wider wire than its value": (
        WIDE,
        ("assign _0_ = ~ d;", "assign q = _0_ & c;"),
        "assign not_d = ~d;\nassign q = not_d & c;",
    ),
    "a shift": (
        WIDE,
        ("assign _0_ = a << 1'h1;", "assign q = _0_ | c;"),
        "assign a_left_by_1 = a << 1'h1;\nassign q = a_left_by_1 | c;",
    ),
    "an arm of a wider choice": (
        f"{SINGLE}, output 2 q",
        ("assign _0_ = ~ a;", "assign q = b ? _0_ : 2'h2;"),
        "assign not_a = ~a;\nassign q = b ? not_a : 2'h2;",
    ),
    "a choice among operators": (
        f"{SINGLE}, output 1 q",
        ("assign _0_ = a ? b : c;", "assign q = _0_ & d;"),
        "assign b_if_a = a ? b : c;\nassign q = b_if_a & d;",
    ),
    "read twice": (
        f"{SINGLE}, output 2 q",
        ("assign _0_ = ~ a;", "assign q = { _0_, _0_ };"),
        "assign not_a = ~a;\nassign q = { not_a, not_a };",
    ),
    "read in parts": (
        WIDE.replace("output 4", "output 1"),
        ("assign _0_ = a & b;", "assign q = _0_[3] & _0_[1];"),
        "assign a_and_b = a & b;\nassign q = a_and_b[3] & a_and_b[1];",
    ),
    "driven in parts": (
        "input 1 a, input 1 b, output 2 q, wire 2 _0_",
        ("assign _0_[0] = ~ a;", "assign _0_[1] = b;", "assign q = ~ _0_;"),
        "assign not_a[0] = ~a;\nassign not_a[1] = b;\nassign q = ~not_a;",
    ),
    "what a register takes": (
        f"{CLOCKED}, wire 1 _0_",
        ("assign _0_ = ~ a;", "always @(posedge clk)\n    q <= _0_;"),
        "assign q_next = ~a;\nalways @(posedge clk)\n  q <= q_next;",
    ),
    "a port of an instance": (
        f"{SINGLE}, output 1 q",
        ("assign _0_ = ~ a;", "child x (\n    .i(_0_),\n    .o(q)\n  );"),
        "assign not_a = ~a;\nchild x (\n  .i(not_a),\n  .o(q)\n);",
    ),
    "a named signal": (
        f"{SINGLE}, output 1 q, wire 1 given",
        ("assign given = a & b;", "assign q = given & c;"),
        "assign given = a & b;\nassign q = given & c;",
    ),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_is_not_nested(case):
    ports, statements, expected = KEPT[case]
    assert body(ports, *statements) == expected


def test_a_line_has_four_operators_and_a_hundred_columns_at_most():
    names = [f"x{i}" for i in range(7)]
    ports = ", ".join(f"input 1 {name}" for name in names)
    wires = ", ".join(f"wire 1 _{i}_" for i in range(5))
    chain = [f"assign _{i}_ = {f'_{i - 1}_' if i else 'x0'} & x{i + 1};" for i in range(5)]
    text = body(f"{ports}, {wires}, output 1 q", *chain, "assign q = _4_ & x6;")
    first, last = text.split("\n")
    assert first == "assign x0_and_x1_and_x2 = x0 & x1 & x2;"
    assert last == "assign q = x0_and_x1_and_x2 & x3 & x4 & x5 & x6;"
    long = [letter * 26 for letter in "abc"]
    ports = ", ".join(f"input 1 {name}" for name in long)
    text = body(
        f"{ports}, wire 1 _0_, output 1 q",
        f"assign _0_ = {long[0]} | {long[1]};",
        f"assign q = _0_ & {long[2]};",
    )
    assert text == f"assign q = ({long[0]} | {long[1]}) & {long[2]};"
    longer = "d" * 29
    text = body(
        f"{ports.replace(long[2], longer)}, wire 1 _0_, output 1 q",
        f"assign _0_ = {long[0]} | {long[1]};",
        f"assign q = _0_ & {longer};",
    )
    assert text == f"assign q_term = {long[0]} | {long[1]};\nassign q = q_term & {longer};"


def test_names_are_told_apart_from_those_in_use():
    assert body(
        "input 1 a, input 1 not_a, output 2 q, output 2 r, wire 1 _0_, wire 1 _1_",
        "assign _0_ = ~ a;",
        "assign _1_ = ~ a;",
        "assign q = _0_ + not_a;",
        "assign r = _1_ + not_a;",
    ) == (
        "assign q_term = ~a;\nassign r_term = ~a;\n"
        "assign q = q_term + not_a;\nassign r = r_term + not_a;"
    )


WORDS = "test|both|either|inverse|differ|choice|sum|product|shifted|wire|select|net"


@pytest.mark.parametrize("unit", UNITS)
def test_no_name_is_an_operators_word_with_a_number(unit):
    text = generate(unit, UNITS[unit].parameters()).verilog
    assert re.findall(rf"\b(?:{WORDS})_\d+\b|\b_\d+_\w*", text) == []
    declared = re.findall(rf"^  (?:wire|reg)(?: \[\d+:0\])? ((?:{WORDS}))[ ;]", text, re.M)
    assert set(declared) <= {"sum"}  # A member of several components.
