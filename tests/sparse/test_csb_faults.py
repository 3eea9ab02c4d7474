"""Faults planted in encoder and decoder, each of which the regression must catch."""

from types import ModuleType
from typing import Any

from amaranth.hdl import Mux

from hw.sparse.block_memory import BlockMemory
from hw.sparse.csb_decoder import CsbDecoder
from hw.sparse.csb_encoder import CsbEncoder
from hw.sparse.walker import MaskWalker
from sim.sparse import csb_decoder, csb_encoder
from sim.streams import Stalls
from sw.sparse.csb_parameters import CsbDecoderParameters, CsbEncoderParameters, CsbParameters
from tests.faults import Fault as Planted

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

ENCODER_FAULTS = {
    "subnormal numbers have a value": Planted(
        CsbEncoder,
        lambda s: s.nonzero[0].eq(s.i.payload.data.value[0][:31].any()),
        "m_axis_value|mask",
    ),
    "pointers go on": Planted(
        CsbEncoder, lambda s: s.following.eq(s.pointer + s.present), "pointer"
    ),
    "the block's end does not wait": Planted(
        CsbEncoder, lambda s: s.step.eq(s.held & s.free), "m_axis_block|mask", STALLS
    ),
    "no beat is without a value": Planted(CsbEncoder, lambda s: s.value_present.eq(1), "value"),
    "tlast with every value": Planted(
        CsbEncoder, lambda s: s.value_last.eq(1), "tlast does not end a packet"
    ),
    "a pause between beats": Planted(CsbEncoder, lambda s: s.i.ready.eq(~s.held), "cycles"),
    "waits for elements are not counted": Planted(
        CsbEncoder, lambda s: s.input_stalls_event.eq(0), "input_stalls"
    ),
    "cycles of its own work count as waits": Planted(
        CsbEncoder,
        lambda s: s.input_stalls_event.eq(~s.i.valid),
        "input_stalls",
        Stalls(idle=0.7),
    ),
    "more values than pointers tell": Planted(
        CsbEncoder, lambda s: s.flags.overflow.eq(0), "overflow"
    ),
}

# A fault in the Verilog: module, text, fault, stalls, what the message says.
DECODER_FAULTS: dict[str, Fault | Planted] = {
    "the next pointer is not looked at": Planted(
        BlockMemory, lambda s: s.corrupt.eq(s.unsound_1 | (s.end > s.length)), "value|corrupt"
    ),
    "values that are not there": Planted(
        BlockMemory, lambda s: s.corrupt.eq(s.unsound_1 | (s.end != s.limit_1)), "value|corrupt"
    ),
    "the first pointer may be any": Planted(
        BlockMemory, lambda s: s.unsound.eq(Mux(s.en, s.absent, s.unsound)), "value|corrupt"
    ),
    "blocks that are not there": Planted(BlockMemory, lambda s: s.absent.eq(0), "value|corrupt"),
    "high bits of a number are not looked at": (
        "block_memory",
        "ask__payload[15:0] >= held",
        "ask__payload[7:0] >= held",
        PLAIN,
        "value|corrupt",
    ),
    "a pointer's highest bit is not looked at": Planted(
        BlockMemory, lambda s: s.end.eq(Mux(s.en, s.start[:-1] + s.count, s.end)), "value|corrupt"
    ),
    "blocks stay": (
        "block_memory",
        "if (empty | rst) held",
        "if (rst) held",
        PLAIN,
        "value|corrupt",
    ),
    "from behind the last value": Planted(
        BlockMemory, lambda s: s.o.payload.address.eq(Mux(s.backward, s.end, s.start_1)), "value"
    ),
    "values are read forward": Planted(
        MaskWalker,
        lambda s: s.address.eq(
            Mux(
                s.accept,
                s.i.payload.address,
                Mux(s.step & s.first.one.any(), s.address + 1, s.address),
            )
        ),
        "value",
    ),
    "blocks are walked twice": Planted(
        MaskWalker, lambda s: s.i.ready.eq(~s.o.valid), "m_axis gave more"
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
    "a load counts as waits for requests": Planted(
        CsbDecoder, lambda s: s.input_stalls_event.eq(~s.i_request.valid), "input_stalls"
    ),
    "a load never ends": Planted(CsbDecoder, lambda s: s.emptied.eq(0), "no handshake"),
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
