"""Each rewriting of Yosys' Verilog, on the text that it is for."""

import re

import pytest

from hw.flow.tidy import tidy

TEXT = """\
module m(clk, s, a, q, r);
  wire _00_;
  wire [7:0] _01_;
  input clk;
  wire clk;
  input [1:0] s;
  wire [1:0] s;
  input [7:0] a;
  wire [7:0] a;
  output [7:0] q;
  wire [7:0] q;
  output [7:0] r;
  reg [7:0] r = 8'h03;
  (* unused_bits = "0" *)
  assign _00_ = ! s;
  function [7:0] _02_;
    input [7:0] a;
    input [15:0] b;
    input [1:0] s;
    (* parallel_case *)
    casez (s)
      2'b?1:
        _02_ = b[7:0];
      2'b1?:
        _02_ = b[15:8];
      default:
        _02_ = a;
    endcase
  endfunction
  assign q = _02_(8'h00, { 4'h1, a[3:0], r }, { _00_, s[1] });
  assign _01_ = r + 1'h1;
  always @(posedge clk)
    r <= _01_;
endmodule"""

EXPECTED = """\
module m (
  input wire clk,
  input wire [1:0] s,
  input wire [7:0] a,
  output wire [7:0] q,
  output reg [7:0] r
);
  wire [7:0] r_next;
  initial begin
    r = 8'h03;
  end
  assign q =
    s[1] ? r :
    (~|s) ? { 4'h1, a[3:0] } :
    8'h00;
  assign r_next = r + 1'h1;
  always @(posedge clk)
    r <= r_next;
  wire unused = &{ 1'b0, a[7:4] };
endmodule"""


def test_all_at_once():
    assert tidy(TEXT, {})[0] == EXPECTED


def test_a_wide_choice_stays_a_case():
    inputs = ", ".join(f"8'h{i:02x}" for i in reversed(range(9)))
    bits = ", ".join(f"s[{i}]" for i in reversed(range(9)))
    arms = "".join(
        f"      9'b{'?' * (8 - i)}1{'?' * i}:\n        _02_ = b[{8 * i + 7}:{8 * i}];\n"
        for i in range(9)
    )
    text = (
        "module m(s, q);\n  input [8:0] s;\n  wire [8:0] s;\n  output [7:0] q;\n  wire [7:0] q;\n"
        "  function [7:0] _02_;\n    input [7:0] a;\n    input [71:0] b;\n    input [8:0] s;\n"
        f"    (* parallel_case *)\n    casez (s)\n{arms}      default:\n        _02_ = a;\n"
        "    endcase\n  endfunction\n"
        f"  assign q = _02_(8'h00, {{ {inputs} }}, {{ {bits} }});\nendmodule"
    )
    result, _ = tidy(text, {})
    assert "      chosen[8]: q_case = inputs[71:64];\n" in result
    assert "        q_case = otherwise;\n" in result
    assert "casez" not in result


def test_a_memory_of_equal_words_is_filled_by_a_loop():
    words = "".join(f"    mem[{i}] = 8'h00;\n" for i in range(5))
    text = f"module m(a);\n  input a;\n  wire a;\n  reg [7:0] mem [4:0];\n  initial begin\n{words}"
    assert "for (mem_index = 0; mem_index < 5;" in tidy(f"{text}  end\nendmodule", {})[0]
    other = words.replace("mem[3] = 8'h00", "mem[3] = 8'h01")
    assert "for (" not in tidy(f"{text.replace(words, other)}  end\nendmodule", {})[0]


@pytest.mark.parametrize("words", [4096, 4097, 16389])
def test_no_loop_has_more_passes_than_quartus_takes(words):
    lines = "".join(f"    mem[{i}] = 8'h00;\n" for i in range(words))
    head = f"module m(a);\n  input a;\n  wire a;\n  reg [7:0] mem [{words - 1}:0];\n"
    text, _ = tidy(f"{head}  initial begin\n{lines}  end\nendmodule", {})
    loops = re.findall(r"for \(mem_index = (\d+); mem_index < (\d+);", text)
    starts, ends = ([int(x) for x in each] for each in zip(*loops, strict=True))
    assert starts == [0, *ends[:-1]] and ends[-1] == words
    assert max(end - start for start, end in zip(starts, ends, strict=True)) <= 4096


def test_names_of_modules_are_no_numbered_wires():
    text = (
        "module m_2_x(a);\n  input a;\n  wire a;\n  wire _2_;\n"
        "  m_2_y y (\n    .i(a),\n    .o(_2_)\n  );\nendmodule"
    )
    assert ".o(unused_o)" in tidy(text, {"m_2_y": {"o": frozenset()}})[0]


def test_bits_of_a_register_lose_their_escapes():
    text = (
        "module m(c, a, q);\n  input c;\n  wire c;\n  input [1:0] a;\n  wire [1:0] a;\n"
        "  output [1:0] q;\n  wire [1:0] q;\n  reg \\r_reg[1]  = 1'h0;\n  reg _0_ = 1'h1;\n"
        "  always @(posedge c)\n    \\r_reg[1]  <= a[1];\n  always @(posedge c)\n    _0_ <= a[0];\n"
        "  assign q = { \\r_reg[1] , _0_ };\nendmodule"
    )
    result, _ = tidy(text, {})
    assert "    r_reg_1 = 1'h0;\n" in result
    assert "    r_reg_1 <= a[1];\n" in result
    assert re.search(r"assign q = \{ r_reg_1, [a-z]\w* \};", result)


def test_outputs_of_a_child_are_no_readers():
    text = (
        "module m(a);\n  input [3:0] a;\n  wire [3:0] a;\n  wire [7:0] b;\n  wire [7:0] _0_;\n"
        "  child one (\n    .i(a),\n    .o(b),\n    .p(_0_)\n  );\n"
        "  child two (\n    .i(b[3:0])\n  );\nendmodule"
    )
    result, _ = tidy(text, {"child": {"o": frozenset(), "p": frozenset()}})
    assert "  wire unused = &{ 1'b0, b[7:4] };" in result
    assert "    .p(unused_p)\n" in result
    assert "unused = " not in tidy(text, {"child": {}})[0]


def test_bits_that_nothing_drives_are_cut_off():
    text = (
        "module m(a, q);\n  input [3:0] a;\n  wire [3:0] a;\n  output [3:0] q;\n  wire [3:0] q;\n"
        "  wire [4:0] _0_;\n  assign _0_[3:0] = a + 1'h1;\n  assign q = _0_[3:0];\nendmodule"
    )
    result, _ = tidy(text, {})
    assert result.endswith("\n);\n  assign q = a + 1'h1;\nendmodule")


def test_the_name_of_a_port_reads_no_signal():
    text = (
        "module m(a, o);\n  input a;\n  wire a;\n  output o;\n  wire o;\n  wire [1:0] fresh;\n"
        "  c x (\n    .fresh({ a, fresh[0] }),\n    .o(o)\n  );\n"
        "  assign fresh[0] = ~a;\n  assign fresh[1] = a;\nendmodule"
    )
    made, _ = tidy(text, {"c": {"o": frozenset({"fresh"})}})
    assert "wire unused = &{ 1'b0, fresh[1] };" in made
