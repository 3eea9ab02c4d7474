"""Faults planted in the Verilog of encoder and decoder, each of which the regression must catch."""

import re
from typing import Any

import pytest

from hw.flow.emit import generate
from sim.bench import Stalls
from sim.units import bench
from sw.sparse.csb_parameters import CsbDecoderParameters, CsbEncoderParameters
from tests.plant import message, plant

BLOCK: dict[str, Any] = {"rows": 2, "columns": 2, "lanes": 2, "pointer_bits": 6}
SMALL = {
    "csb_encoder": CsbEncoderParameters(**BLOCK),
    "csb_decoder": CsbDecoderParameters(blocks=5, values=12, form="dense", **BLOCK),
}
STALLS = Stalls(idle=0.3, back_pressure=0.5)
PLAIN = Stalls()

# Fault: unit, module, text, fault, stalls, what the message says.
FAULTS: dict[str, tuple[str, str, str, str, Stalls, str]] = {
    "subnormal numbers have a value": (
        "csb_encoder",
        "csb_encoder_",
        "stored[0] = |i__payload[30:23]",
        "stored[0] = |i__payload[30:0]",
        PLAIN,
        "m_axis_value|mask",
    ),
    "pointers go on": (
        "csb_encoder",
        "csb_encoder_",
        "given_last_next ? 6'h00 : pointer_plus_any_left",
        "pointer_plus_any_left",
        PLAIN,
        "pointer",
    ),
    "the block's end does not wait": (
        "csb_encoder",
        "csb_encoder_",
        "held & free & (block_free | ~ends_block)",
        "held & free",
        STALLS,
        "m_axis_block|mask",
    ),
    "no beat is without a value": (
        "csb_encoder",
        "csb_encoder_",
        "{ any_left, given_term }",
        "{ 1'h1, given_term }",
        PLAIN,
        "value",
    ),
    "tlast with every value": (
        "csb_encoder",
        "csb_encoder_",
        "given_last <= given_last_next",
        "given_last <= 1'h1",
        PLAIN,
        "tlast does not end a packet",
    ),
    "a pause between beats": (
        "csb_encoder",
        "csb_encoder_",
        "done | ~held",
        "~held",
        PLAIN,
        "cycles",
    ),
    "waits for elements are not counted": (
        "csb_encoder",
        "csb_encoder_",
        "input_stalls + input_stalls_event",
        "input_stalls",
        PLAIN,
        "input_stalls",
    ),
    "cycles of its own work count as waits": (
        "csb_encoder",
        "csb_encoder_",
        "input_stalls_event_next = i__ready & ~i__valid",
        "input_stalls_event_next = ~i__valid",
        Stalls(idle=0.7),
        "input_stalls",
    ),
    "more values than pointers tell": (
        "csb_encoder",
        "csb_encoder_",
        "flags_overflow = values_event_next & (&pointer)",
        "flags_overflow = 1'h0",
        PLAIN,
        "overflow",
    ),
    "the next pointer is not looked at": (
        "csb_decoder",
        "block_memory",
        "end_ != limit_2",
        "1'h0",
        PLAIN,
        "value|corrupt",
    ),
    "values that are not there": (
        "csb_decoder",
        "block_memory",
        "end_ > length",
        "1'h0",
        PLAIN,
        "value|corrupt",
    ),
    "the first pointer may be any": (
        "csb_decoder",
        "block_memory",
        "about[4] & (|pointers_read0_data)",
        "1'h0",
        PLAIN,
        "value|corrupt",
    ),
    "blocks that are not there": (
        "csb_decoder",
        "block_memory",
        "about[2] | (about[4] & (|pointers_read0_data))",
        "about[4] & (|pointers_read0_data)",
        PLAIN,
        "value|corrupt",
    ),
    "high bits of a number are not looked at": (
        "csb_decoder",
        "block_memory",
        "ask__payload[15:0] >= held",
        "ask__payload[7:0] >= held",
        PLAIN,
        "value|corrupt",
    ),
    "a pointer's highest bit is not looked at": (
        "csb_decoder",
        "block_memory",
        "starts + count",
        "starts[4:0] + count",
        PLAIN,
        "value|corrupt",
    ),
    "blocks stay": (
        "csb_decoder",
        "block_memory",
        "if (empty | rst) held",
        "if (rst) held",
        PLAIN,
        "value|corrupt",
    ),
    "from behind the last value": (
        "csb_decoder",
        "block_memory",
        "tags_2[0] ? end_bits_3_0_minus_1",
        "tags_2[0] ? end_[3:0]",
        PLAIN,
        "value",
    ),
    "values are read forward": (
        "csb_decoder",
        "mask_walker",
        "about[0] ? address_minus_1 : address_plus_1",
        "address_plus_1",
        PLAIN,
        "value",
    ),
    "blocks are walked twice": (
        "csb_decoder",
        "mask_walker",
        "~o__valid | (o__ready & block_end)",
        "~o__valid",
        PLAIN,
        "m_axis gave more",
    ),
    "a pause between requests": (
        "csb_decoder",
        "csb_decoder_",
        "serving & requests_i__ready",
        "serving & requests_i__ready & o__valid",
        PLAIN,
        "m_axis|cycles|no handshake",
    ),
    "a request is lost": (
        "csb_decoder",
        "skid_buffer",
        "full ? kept : i__payload",
        "i__payload",
        STALLS,
        "m_axis|value",
    ),
    "values stay": (
        "csb_decoder",
        "csb_decoder_",
        "if (emptied | rst) blocks_length",
        "if (rst) blocks_length",
        PLAIN,
        "value|overlong",
    ),
    "too many values": (
        "csb_decoder",
        "csb_decoder_",
        "came & ~full",
        "came",
        PLAIN,
        "value|corrupt",
    ),
    "a load counts as waits for requests": (
        "csb_decoder",
        "csb_decoder_",
        "i_request__ready & ~i_request__valid",
        "~i_request__valid",
        PLAIN,
        "input_stalls",
    ),
    "a load never ends": (
        "csb_decoder",
        "csb_decoder_",
        "blocks_event_next & walker_o__payload[14]",
        "1'h0",
        PLAIN,
        "no handshake",
    ),
    "an element of the beat before": (
        "csb_decoder",
        "csb_decoder_",
        "fresh | one[1]",
        "one[1]",
        PLAIN,
        "value",
    ),
}


def told(unit: str, stalls: Stalls, **options: str) -> str:
    return message(bench(unit).regress, SMALL[unit], blocks=1000, seed=8, stalls=stalls, **options)


@pytest.mark.parametrize("unit", SMALL)
def test_without_faults(unit):
    assert told(unit, PLAIN) == told(unit, STALLS) == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    unit, module, text, wrong, stalls, wanted = FAULTS[fault]
    verilog = generate(unit, SMALL[unit]).verilog
    found = told(unit, stalls, netlist=plant(verilog, module, re.escape(text), wrong))
    assert re.search(wanted, found), found
