"""Faults planted in the Verilog of encoder and decoder, each of which the regression must catch."""

import re
from typing import Any

import pytest

from hw.flow.emit import generate
from sim.bench import Stalls
from sim.units import BENCHES
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
        "stored[0] = | i__payload[30:23]",
        "stored[0] = | i__payload[30:0]",
        PLAIN,
        "m_axis_value|mask",
    ),
    "pointers go on": (
        "csb_encoder",
        "csb_encoder_",
        "given_last_next ? 6'h00 : sum",
        "sum",
        PLAIN,
        "pointer",
    ),
    "the block's end does not wait": (
        "csb_encoder",
        "csb_encoder_",
        "both_7 & either_2",
        "both_7",
        STALLS,
        "m_axis_block|mask",
    ),
    "no beat is without a value": (
        "csb_encoder",
        "csb_encoder_",
        "{ test_1, either }",
        "{ 1'h1, either }",
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
        "done | inverse_1",
        "inverse_1",
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
        "input_stalls_event_next = i__ready & inverse_4",
        "input_stalls_event_next = inverse_4",
        Stalls(idle=0.7),
        "input_stalls",
    ),
    "more values than pointers tell": (
        "csb_encoder",
        "csb_encoder_",
        "flags_overflow = values_event_next & test_5",
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
        "about[4] & test_3",
        "1'h0",
        PLAIN,
        "value|corrupt",
    ),
    "blocks that are not there": (
        "csb_decoder",
        "block_memory",
        "about[2] | both",
        "both",
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
        "test_6 = | { empty, rst }",
        "test_6 = rst",
        PLAIN,
        "value|corrupt",
    ),
    "from behind the last value": (
        "csb_decoder",
        "block_memory",
        "tags_2[0] ? sum_2",
        "tags_2[0] ? end_[3:0]",
        PLAIN,
        "value",
    ),
    "values are read forward": (
        "csb_decoder",
        "mask_walker",
        "about[0] ? sum : sum_1",
        "sum_1",
        PLAIN,
        "value",
    ),
    "blocks are walked twice": (
        "csb_decoder",
        "mask_walker",
        "inverse_1 | both_1",
        "inverse_1",
        PLAIN,
        "m_axis gave more",
    ),
    "a pause between requests": (
        "csb_decoder",
        "csb_decoder_",
        "serving & i__ready",
        "serving & i__ready & o__valid",
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
        "if (test_8) length",
        "if (rst) length",
        PLAIN,
        "value|overlong",
    ),
    "too many values": (
        "csb_decoder",
        "csb_decoder_",
        "came & inverse",
        "came",
        PLAIN,
        "value|corrupt",
    ),
    "a load counts as waits for requests": (
        "csb_decoder",
        "csb_decoder_",
        "i_request__ready & inverse_1",
        "inverse_1",
        PLAIN,
        "input_stalls",
    ),
    "a load never ends": (
        "csb_decoder",
        "csb_decoder_",
        "blocks_event_next & o__payload_24[14]",
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
    return message(
        BENCHES[unit].regress, SMALL[unit], blocks=1000, seed=8, stalls=stalls, **options
    )


@pytest.mark.parametrize("unit", SMALL)
def test_without_faults(unit):
    assert told(unit, PLAIN) == told(unit, STALLS) == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    unit, module, text, wrong, stalls, wanted = FAULTS[fault]
    verilog = generate(unit, SMALL[unit]).verilog
    found = told(unit, stalls, netlist=plant(verilog, module, re.escape(text), wrong))
    assert re.search(wanted, found), found
