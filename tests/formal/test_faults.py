"""Faults against the rules of AXI4-Stream and AXI4-Lite, planted in small units, are found."""

import dataclasses
from pathlib import Path

import pytest

from hw.bus.axi_lite import AxiLiteRegisters
from hw.flow.emit import generate
from hw.sparse.load_balancer import LoadBalancer
from hw.stream.fifo import OutputFifo

from ..faults import Fault, faulty
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

# Unit, and a fault in one of its components whose sign is the rule that it breaks.
CIRCUITS = {
    "an output register does not wait": (
        "load_balancer",
        Fault(
            LoadBalancer,
            lambda s: s.counts__valid.eq(s.i.valid & s.began),
            "m_axis.valid_until_ready",
        ),
    ),
    "the end of a packet does not wait": (
        "load_balancer",
        Fault(LoadBalancer, lambda s: s.last.eq(s.end), "m_axis.payload_until_ready"),
    ),
    "data are read again and again": (
        "load_balancer",
        Fault(
            AxiLiteRegisters,
            lambda s: s.rdata.eq(s.araddr),
            "s_axi_r.payload_until_ready",
        ),
    ),
    "a read is taken before the last is answered": (
        "load_balancer",
        Fault(
            AxiLiteRegisters,
            lambda s: s.read.eq(s.arvalid & ~s.arready),
            "s_axi_r.payload_until_ready",
        ),
    ),
    "a FIFO that ends too late": (
        "approx_multiplier",
        Fault(
            OutputFifo,
            lambda s: s.credit.eq(s.level <= OutputFifo.DEPTH - 1),
            "m_axis.payload_until_ready",
        ),
    ),
    "a FIFO whose reader runs ahead": (
        "bfp_dot",
        Fault(OutputFifo, lambda s: s.pop.eq(s.o.ready), "m_axis.valid_until_ready"),
    ),
}


@pytest.mark.parametrize("fault", PORTS)
def test_a_fault_at_a_port_is_found(tmp_path, fault):
    port, expression, state, rule = PORTS[fault]
    found = broken(tmp_path, DESIGN, depth=CYCLES, faults={port: expression}, state=state)
    assert found.startswith(f"load_balancer: {rule} is broken in step ")
    assert "$scope module proof" in Path(found.rpartition(" ")[2]).read_text()


@pytest.mark.parametrize("name", CIRCUITS)
def test_a_fault_in_a_circuit_is_found(tmp_path, name):
    unit, fault = CIRCUITS[name]
    verilog = faulty(unit, SMALL[unit], fault)
    design = dataclasses.replace(generate(unit, SMALL[unit]), verilog=verilog)
    found = broken(tmp_path, design, depth=CYCLES)
    assert found.startswith(f"{unit}: {fault.sign} is broken in step ")


@pytest.mark.parametrize(("depth", "enough"), [(5, False), (6, True), (0, True)])
def test_a_fault_in_the_sixth_cycle_takes_six_or_a_proof(tmp_path, depth, enough):
    port, expression, state, rule = PORTS["a second answer"]
    found = broken(tmp_path, DESIGN, depth=depth, faults={port: expression}, state=state)
    assert found.startswith(f"load_balancer: {rule} is broken in step ") == enough
