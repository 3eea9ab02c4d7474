"""Faults planted in the Verilog of encoder and decoder, each of which the regression must catch."""

from types import ModuleType
from typing import Any

from sim.sparse import csb_decoder, csb_encoder
from sim.streams import Stalls
from sw.sparse.csb_parameters import CsbDecoderParameters, CsbEncoderParameters, CsbParameters

from .planted import PLAIN, STALLS, Bench, Fault

BLOCK: dict[str, Any] = {"rows": 2, "columns": 2, "lanes": 2, "pointer_bits": 6}


def bench(unit: ModuleType, name: str, parameters: CsbParameters) -> Bench:
    runs = ({"blocks": 1000, "seed": 8},)
    return Bench(unit=name, parameters=parameters, regress=unit.regress, runs=runs)


ENCODER = bench(csb_encoder, "csb_encoder", CsbEncoderParameters(**BLOCK))
DECODER = bench(
    csb_decoder,
    "csb_decoder",
    CsbDecoderParameters(blocks=5, values=12, form="dense", **BLOCK),
)

# Fault: module, text, fault, stalls, what the message says.
ENCODER_FAULTS: dict[str, Fault] = {
    "subnormal numbers have a value": (
        "csb_encoder_",
        "nonzero[0] = |i__payload[30:23]",
        "nonzero[0] = |i__payload[30:0]",
        PLAIN,
        "m_axis_value|mask",
    ),
    "pointers go on": (
        "csb_encoder_",
        "ending_packet ? 6'h00 : pointer_plus_present",
        "pointer_plus_present",
        PLAIN,
        "pointer",
    ),
    "the block's end does not wait": (
        "csb_encoder_",
        "held & free & (block_free | ~ends_block)",
        "held & free",
        STALLS,
        "m_axis_block|mask",
    ),
    "no beat is without a value": (
        "csb_encoder_",
        "value_present <= present",
        "value_present <= 1'h1",
        PLAIN,
        "value",
    ),
    "tlast with every value": (
        "csb_encoder_",
        "value_last <= ending_packet",
        "value_last <= 1'h1",
        PLAIN,
        "tlast does not end a packet",
    ),
    "a pause between beats": (
        "csb_encoder_",
        "done | ~held",
        "~held",
        PLAIN,
        "cycles",
    ),
    "waits for elements are not counted": (
        "csb_encoder_",
        "input_stalls + input_stalls_event",
        "input_stalls",
        PLAIN,
        "input_stalls",
    ),
    "cycles of its own work count as waits": (
        "csb_encoder_",
        "input_stalls_event_next = i__ready & ~i__valid",
        "input_stalls_event_next = ~i__valid",
        Stalls(idle=0.7),
        "input_stalls",
    ),
    "more values than pointers tell": (
        "csb_encoder_",
        "flags_overflow = values_event_next & (&pointer)",
        "flags_overflow = 1'h0",
        PLAIN,
        "overflow",
    ),
}

DECODER_FAULTS: dict[str, Fault] = {
    "the next pointer is not looked at": (
        "block_memory",
        "end_ != limit_1",
        "1'h0",
        PLAIN,
        "value|corrupt",
    ),
    "values that are not there": (
        "block_memory",
        "end_ > length",
        "1'h0",
        PLAIN,
        "value|corrupt",
    ),
    "the first pointer may be any": (
        "block_memory",
        "is_first & (|pointers_read0_data)",
        "1'h0",
        PLAIN,
        "value|corrupt",
    ),
    "blocks that are not there": (
        "block_memory",
        "absent | (is_first & (|pointers_read0_data))",
        "is_first & (|pointers_read0_data)",
        PLAIN,
        "value|corrupt",
    ),
    "high bits of a number are not looked at": (
        "block_memory",
        "ask__payload[15:0] >= held",
        "ask__payload[7:0] >= held",
        PLAIN,
        "value|corrupt",
    ),
    "a pointer's highest bit is not looked at": (
        "block_memory",
        "start + count",
        "start[4:0] + count",
        PLAIN,
        "value|corrupt",
    ),
    "blocks stay": (
        "block_memory",
        "if (empty | rst) held",
        "if (rst) held",
        PLAIN,
        "value|corrupt",
    ),
    "from behind the last value": (
        "block_memory",
        "backward ? end_bits_3_0_minus_1",
        "backward ? end_[3:0]",
        PLAIN,
        "value",
    ),
    "values are read forward": (
        "mask_walker",
        "backward ? address_minus_1 : address_plus_1",
        "address_plus_1",
        PLAIN,
        "value",
    ),
    "blocks are walked twice": (
        "mask_walker",
        "~o__valid | (o__ready & block_end)",
        "~o__valid",
        PLAIN,
        "m_axis gave more",
    ),
    "a pause between requests": (
        "csb_decoder_",
        "serving & requests_i__ready",
        "serving & requests_i__ready & o__valid",
        PLAIN,
        "m_axis|cycles|no handshake",
    ),
    "a request is lost": (
        "skid_buffer",
        "full ? kept : i__payload",
        "i__payload",
        STALLS,
        "m_axis|value",
    ),
    "values stay": (
        "csb_decoder_",
        "if (emptied | rst) blocks_length",
        "if (rst) blocks_length",
        PLAIN,
        "value|overlong",
    ),
    "too many values": (
        "csb_decoder_",
        "arrived & ~full",
        "arrived",
        PLAIN,
        "value|corrupt",
    ),
    "a load counts as waits for requests": (
        "csb_decoder_",
        "i_request__ready & ~i_request__valid",
        "~i_request__valid",
        PLAIN,
        "input_stalls",
    ),
    "a load never ends": (
        "csb_decoder_",
        "blocks_event_next & walker_o__payload[14]",
        "1'h0",
        PLAIN,
        "no handshake",
    ),
    "an element of the beat before": (
        "csb_decoder_",
        "clear_lanes | one[1]",
        "one[1]",
        PLAIN,
        "value",
    ),
}

test_encoder_without_faults, test_a_fault_of_the_encoder_is_caught = ENCODER.tests(ENCODER_FAULTS)
test_decoder_without_faults, test_a_fault_of_the_decoder_is_caught = DECODER.tests(DECODER_FAULTS)
