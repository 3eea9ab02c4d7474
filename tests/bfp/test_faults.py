"""Faults planted in the array's circuit, each of which the regression must catch."""

import dataclasses
import re
from typing import Any

import pytest
from amaranth.hdl import Cat, Mux

from hw.engine.sequencer import Sequencer
from hw.stream.fifo import OutputFifo
from sim.bfp.array import regress
from sw.bfp.array import ArrayParameters

from ..faults import STALLS, Fault, assert_caught, message
from ..small import ARRAY, FORMAT

# A block a beat, so that a tile may take fewer beats than the array has rows.
SHORT = ArrayParameters(format=dataclasses.replace(FORMAT, block=(2,)), lanes=2, rows=2, columns=1)
RUN: dict[str, Any] = {"blocks": 300, "seed": 8}


def merge_too_many(s: Any) -> Any:
    """The final addition takes a partial sum that does not exist."""
    tagged = s.accept & s.beat_last
    exists = Cat(tagged & (s.blocks_index >= 1 << level) for level in range(len(s.merge)))
    return s.merge.eq(Mux(s.move, exists, s.merge))


# Parameters and a fault of the array.
FAULTS = {
    "the array moves when its FIFO has no place for what is under way": (
        ARRAY,
        Fault(OutputFifo, lambda s: s.credit.eq(s.level <= OutputFifo.DEPTH - 1), "m_axis", STALLS),
    ),
    "a partial sum that is none": (ARRAY, Fault(Sequencer, merge_too_many, "product: ")),
    "the next tile begins a cycle too soon": (
        SHORT,
        Fault(Sequencer, lambda s: s.may_begin.eq(s.age >= 1), "m_axis gave", STALLS),
    ),
    "every cycle that wants an operand is a stall": (
        ARRAY,
        Fault(Sequencer, lambda s: s.operand_stalls_event.eq(s.wants), "beats \\+ stalls"),
    ),
    "every start is refused": (
        ARRAY,
        Fault(Sequencer, lambda s: s.refused.eq(s.start), "status.refused"),
    ),
}


@pytest.mark.parametrize("parameters", [ARRAY, SHORT], ids=["array", "short"])
def test_without_faults(parameters):
    assert message(regress, parameters, **RUN) == ""
    assert message(regress, parameters, stalls=STALLS, **RUN) == ""


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    parameters, fault = FAULTS[name]
    found = assert_caught(regress, "bfp_array", parameters, fault, **RUN)
    assert re.search("seed:? 8", found)
