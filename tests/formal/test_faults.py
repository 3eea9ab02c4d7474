"""Faults against the rules of AXI4-Stream and AXI4-Lite, planted in small units, are found."""

import dataclasses
from pathlib import Path

import pytest

from hw.flow.emit import generate

from ..plant import plant
from .ports import broken
from .units import SMALL

DESIGN = generate("load_balancer", SMALL["load_balancer"])
CYCLES = 40
TAKEN = "reg twice = 0; always @(posedge aclk) twice <= aresetn & s_axi_bvalid & s_axi_bready;"
EVEN = "reg odd = 0; always @(posedge aclk) odd <= odd ^ (s_axi_arvalid & s_axi_arready);"

# Fault at a port: output, what stands in its place, what it needs, the rule that it breaks.
PORTS: dict[str, tuple[str, str, str, str]] = {
    "a word is withdrawn": ("m_axis_tvalid", "given & whim", "", "m_axis.valid_until_ready"),
    "data change": ("m_axis_tdata", "given ^ whim", "", "m_axis.payload_until_ready"),
    "a word in reset": ("m_axis_tvalid", "given | ~aresetn", "", "m_axis.valid_low_after_reset"),
    "a word taken in reset": (
        "s_axis_tready",
        "given | ~aresetn",
        "",
        "s_axis_sink.ready_low_after_reset",
    ),
    "an answer in reset": ("s_axi_rvalid", "given | ~aresetn", "", "s_axi_r.valid_low_after_reset"),
    "an answer before its request": (
        "s_axi_bvalid",
        "given | s_axi_awready",
        "",
        "s_axi_write.answer_to_a_request",
    ),
    "a second answer": ("s_axi_bvalid", "given | twice", TAKEN, "s_axi_write.answer_to_a_request"),
    "an answer is lost": ("s_axi_rvalid", "given & ~odd", EVEN, "s_axi_read.answer_in_time"),
    "an answer waits to be wanted": (
        "s_axi_bvalid",
        "given & s_axi_bready",
        "",
        "s_axi_write.answer_in_time",
    ),
    "an answer changes": ("s_axi_bresp", "{whim, 1'b0}", "", "s_axi_b.payload_until_ready"),
    "exclusive access": ("s_axi_rresp", "given | 2'b01", "", "s_axi_read.okay_or_slverr"),
    "a request too many": (
        "s_axi_arready",
        "given | s_axi_rvalid",
        "",
        "s_axi_read.requests_at_a_time",
    ),
}

# Fault in a circuit: unit, module, text, fault, the rule that it breaks.
CIRCUITS: dict[str, tuple[str, str, str, str, str]] = {
    "an output register does not wait": (
        "load_balancer",
        "load_balancer_",
        r"else if \(i__ready\) o__valid <=",
        "else o__valid <=",
        "m_axis.valid_until_ready",
    ),
    "the end of a packet does not wait": (
        "load_balancer",
        "load_balancer_",
        r"if \(accept\) last <=",
        "last <=",
        "m_axis.payload_until_ready",
    ),
    "data are read again and again": (
        "load_balancer",
        "axi_lite_registers",
        r"else if \(arready\) rdata <=",
        "else rdata <=",
        "s_axi_r.payload_until_ready",
    ),
    "a read is taken before the last is answered": (
        "load_balancer",
        "axi_lite_registers",
        r"arvalid & ~rvalid",
        "arvalid",
        "s_axi_r.payload_until_ready",
    ),
    "a FIFO whose credit ends too late": (
        "approx_multiplier",
        "output_fifo",
        r"level <= 2'h2",
        "level <= 2'h3",
        "m_axis.payload_until_ready",
    ),
    "a FIFO whose reader runs ahead": (
        "bfp_dot",
        "output_fifo",
        r"pop = o__valid & o__ready",
        "pop = o__ready",
        "m_axis.valid_until_ready",
    ),
}


@pytest.mark.parametrize("fault", PORTS)
def test_a_fault_at_a_port_is_found(tmp_path, fault):
    port, expression, state, rule = PORTS[fault]
    found = broken(tmp_path, DESIGN, depth=CYCLES, faults={port: expression}, state=state)
    assert found.startswith(f"load_balancer: {rule} is broken in step ")
    assert "$scope module proof" in Path(found.rpartition(" ")[2]).read_text()


@pytest.mark.parametrize("fault", CIRCUITS)
def test_a_fault_in_a_circuit_is_found(tmp_path, fault):
    unit, module, text, replacement, rule = CIRCUITS[fault]
    design = generate(unit, SMALL[unit])
    verilog = plant(design.verilog, module, text, replacement)
    found = broken(tmp_path, dataclasses.replace(design, verilog=verilog), depth=CYCLES)
    assert found.startswith(f"{unit}: {rule} is broken in step ")


@pytest.mark.parametrize(("depth", "enough"), [(5, False), (6, True), (0, True)])
def test_a_fault_in_the_sixth_cycle_takes_six_or_a_proof(tmp_path, depth, enough):
    port, expression, state, rule = PORTS["a second answer"]
    found = broken(tmp_path, DESIGN, depth=depth, faults={port: expression}, state=state)
    assert found.startswith(f"load_balancer: {rule} is broken in step ") == enough
