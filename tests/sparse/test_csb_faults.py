"""Faults planted in encoder and decoder, each of which the regression must catch."""

from types import ModuleType
from typing import Any

from amaranth.hdl import Mux

from hw.sparse.block_memory import BlockMemory
from hw.sparse.csb_decoder import CsbDecoder
from hw.sparse.csb_encoder import CsbEncoder
from hw.sparse.walker import MaskWalker
from hw.stream.skid import SkidBuffer
from sim.sparse import csb_decoder, csb_encoder
from sim.streams import Stalls
from sw.sparse.csb_parameters import CsbDecoderParameters, CsbEncoderParameters, CsbParameters
from tests.faults import STALLS, Fault

from .planted import Bench

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
    "subnormal numbers have a value": Fault(
        CsbEncoder,
        lambda s: s.nonzero[0].eq(s.i.payload.data.value[0][:31].any()),
        "m_axis_value|mask",
    ),
    "pointers go on": Fault(CsbEncoder, lambda s: s.following.eq(s.pointer + s.present), "pointer"),
    "the block's end does not wait": Fault(
        CsbEncoder, lambda s: s.step.eq(s.held & s.free), "m_axis_block|mask", STALLS
    ),
    "no beat is without a value": Fault(CsbEncoder, lambda s: s.value_present.eq(1), "value"),
    "tlast with every value": Fault(
        CsbEncoder, lambda s: s.value_last.eq(1), "tlast does not end a packet"
    ),
    "a pause between beats": Fault(CsbEncoder, lambda s: s.i.ready.eq(~s.held), "cycles"),
    "waits for elements are not counted": Fault(
        CsbEncoder, lambda s: s.input_stalls_event.eq(0), "input_stalls"
    ),
    "cycles of its own work count as waits": Fault(
        CsbEncoder,
        lambda s: s.input_stalls_event.eq(~s.i.valid),
        "input_stalls",
        Stalls(idle=0.7),
    ),
    "more values than pointers tell": Fault(
        CsbEncoder, lambda s: s.flags.overflow.eq(0), "overflow"
    ),
}

DECODER_FAULTS = {
    "the next pointer is not looked at": Fault(
        BlockMemory, lambda s: s.corrupt.eq(s.unsound_1 | (s.end > s.length)), "value|corrupt"
    ),
    "values that are not there": Fault(
        BlockMemory, lambda s: s.corrupt.eq(s.unsound_1 | (s.end != s.limit_1)), "value|corrupt"
    ),
    "the first pointer may be any": Fault(
        BlockMemory, lambda s: s.unsound.eq(Mux(s.en, s.absent, s.unsound)), "value|corrupt"
    ),
    "blocks that are not there": Fault(BlockMemory, lambda s: s.absent.eq(0), "value|corrupt"),
    "high bits of a number are not looked at": Fault(
        BlockMemory,
        lambda s: s.absent.eq(Mux(s.en, s.ask.payload.data.number[:8] >= s.held, s.absent)),
        "value|corrupt",
    ),
    "a pointer's highest bit is not looked at": Fault(
        BlockMemory, lambda s: s.end.eq(Mux(s.en, s.start[:-1] + s.count, s.end)), "value|corrupt"
    ),
    "blocks stay": Fault(
        BlockMemory, lambda s: s.held.eq(s.held + (s.write & ~s.full)), "value|corrupt"
    ),
    "from behind the last value": Fault(
        BlockMemory, lambda s: s.o.payload.address.eq(Mux(s.backward, s.end, s.start_1)), "value"
    ),
    "values are read forward": Fault(
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
    "blocks are walked twice": Fault(
        MaskWalker, lambda s: s.i.ready.eq(~s.o.valid), "m_axis gave more"
    ),
    "a pause between requests": Fault(
        CsbDecoder,
        lambda s: s.i_request.ready.eq(s.serving & s.requests.i.ready & s.o.valid),
        "m_axis|cycles|no handshake",
    ),
    "a request is lost": Fault(
        SkidBuffer, lambda s: s.o.payload.eq(s.i.payload), "m_axis|value", STALLS
    ),
    "values stay": Fault(
        CsbDecoder, lambda s: s.length.eq(s.length + (s.arrived & ~s.full)), "value|overlong"
    ),
    "too many values": Fault(
        CsbDecoder,
        lambda s: [
            s.length.eq(Mux(s.emptied, 0, s.length + s.arrived)),
            s.values.write_ports[0].en.eq(s.arrived),
        ],
        "value|corrupt",
    ),
    "a load counts as waits for requests": Fault(
        CsbDecoder, lambda s: s.input_stalls_event.eq(~s.i_request.valid), "input_stalls"
    ),
    "a load never ends": Fault(CsbDecoder, lambda s: s.emptied.eq(0), "no handshake"),
    "an element of the beat before": Fault(
        CsbDecoder,
        lambda s: s.lane_1.eq(Mux(s.collect & s.one[1], s.values.read_ports[0].data, s.lane_1)),
        "value",
    ),
}

test_encoder_without_faults, test_a_fault_of_the_encoder_is_caught = ENCODER.tests(ENCODER_FAULTS)
test_decoder_without_faults, test_a_fault_of_the_decoder_is_caught = DECODER.tests(DECODER_FAULTS)
