"""Faults planted in the emitted Verilog, each of which the regression must catch."""

import re
from typing import Any

import pytest

from hw.flow.emit import generate
from sim.bench import Stalls
from sim.units import BENCHES
from sw.sparse.balance import BalancerParameters
from sw.sparse.csb import CsbDecoderParameters, CsbEncoderParameters
from tests.plant import message, plant

BLOCK: dict[str, Any] = {"rows": 2, "columns": 2, "lanes": 2, "pointer_bits": 6}
SMALL = {
    "load_balancer": BalancerParameters(lines=2, pointer_bits=8, count_bits=3),
    "csb_encoder": CsbEncoderParameters(**BLOCK),
    "csb_decoder": CsbDecoderParameters(blocks=5, values=12, form="dense", **BLOCK),
}
STALLS = Stalls(idle=0.3, back_pressure=0.5)
PLAIN = Stalls()

# Fault: unit, module, text, fault, stalls, what the message says.
FAULTS: dict[str, tuple[str, str, str, str, Stalls, str]] = {
    "equal keys change places": (
        "load_balancer",
        "sorting_cell",
        "new_[2:0] > content[2:0]",
        "new_[2:0] >= content[2:0]",
        PLAIN,
        "pieces",
    ),
    "keys do not move on": (
        "load_balancer",
        "sorting_cell",
        "pushed ?",
        "1'h0 ?",
        PLAIN,
        "pieces|m_axis|tlast",
    ),
    "the halves run together": (
        "load_balancer",
        "sorting_row",
        "{ 1'h0, after[4:0] }",
        "after",
        PLAIN,
        "pieces|totals|m_axis",
    ),
    "emptied without the output": (
        "load_balancer",
        "folding_sorter",
        "emptying & move",
        "emptying",
        STALLS,
        "m_axis|pieces",
    ),
    "a wave without an end": (
        "load_balancer",
        "folding_sorter",
        "last <= last_next",
        "last <= 1'h0",
        PLAIN,
        "tlast does not end a wave",
    ),
    "counts wrap": (
        "load_balancer",
        "load_balancer_",
        "{ saturated, saturated, saturated }",
        "3'h0",
        PLAIN,
        "pieces",
    ),
    "a pause between keys": (
        "load_balancer",
        "load_balancer_",
        "inverse_3 | i__ready_28",
        "inverse_3",
        PLAIN,
        "cycles",
    ),
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
    return message(BENCHES[unit].regress, SMALL[unit], blocks=400, seed=8, stalls=stalls, **options)


@pytest.mark.parametrize("unit", SMALL)
def test_without_faults(unit):
    assert told(unit, PLAIN) == told(unit, STALLS) == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    unit, module, text, wrong, stalls, wanted = FAULTS[fault]
    verilog = generate(unit, SMALL[unit]).verilog
    found = told(unit, stalls, netlist=plant(verilog, module, re.escape(text), wrong))
    assert re.search(wanted, found), found
