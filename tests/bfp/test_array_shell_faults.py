"""Faults planted in what feeds the array, each of which a test must catch."""

from typing import Any

import pytest

from hw.engine.operand_input import OperandInput
from hw.engine.operand_memory import OperandMemory
from hw.engine.shell import Shell
from hw.engine.tile_feed import TileFeed
from sim.bfp.array_shell import regress, simulate

from ..bus import simulate as drive
from ..faults import STALLS, Fault, assert_caught, faulty, planted
from ..shells import Changed, check_sizes
from .test_array_shell import FITS, ONE, SMALL, operands

STUCK = "no handshake"

# Parameters and a fault.
FAULTS = {
    "a word comes in though none was given up": (
        SMALL,
        Fault(OperandMemory, lambda s: s.i.ready.eq(1), "product: "),
    ),
    "a pass begins at the first address": (
        SMALL,
        Fault(
            OperandMemory,
            lambda s: [(s.read & s.keep & s.back, s.own("read_address").eq(0))],
            "product: ",
        ),
    ),
    "words of the last pass stay": (
        SMALL,
        Fault(OperandMemory, lambda s: [(s.read, s.following.eq(s.held + s.written))], STUCK),
    ),
    "a word is read before the last one is taken": (
        SMALL,
        Fault(TileFeed, lambda s: s.own("read").eq(s.a.there & s.b.there), STUCK, STALLS),
    ),
    "rows are taken before columns": (
        ONE,
        Fault(Shell, lambda s: s.input_a.i.valid.eq(s.i.valid), STUCK),
    ),
    "the second part of results is the first": (
        ONE,
        Fault(
            Shell,
            lambda s: s.cut.i.payload.data.as_value()[32:].eq(
                s.array.o.payload.data.as_value()[:32]
            ),
            "product: ",
        ),
    ),
    "padding of results is not zero": (
        SMALL.replace(port_bits=64),
        Fault(Shell, lambda s: s.o.payload.data.as_value()[63].eq(1), "padding"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    p, fault = FAULTS[name]
    assert_caught(regress, "array_shell", p, fault, blocks=100, seed=8)


def test_faults_in_refusals_and_flags_are_caught():
    a, b = operands(SMALL, 4, 2, 1)
    for fault, engine in (
        (Fault(OperandMemory, lambda s: s.padding.eq(0)), Changed("s_axis_a", bit=(3, 31))),
        (Fault(OperandInput, lambda s: s.framing.eq(0)), Changed("s_axis_a", last=())),
    ):
        verilog = faulty("array_shell", SMALL, fault)
        result = simulate(SMALL, a, b, engine=engine, netlist=verilog)[1]
        assert result.registers["status.framing"] == 0

    def with_fault(*arguments: Any) -> None:
        with planted(Fault(Shell, lambda s: s.own("fits").eq(1))):
            drive(*arguments)

    with pytest.raises(AssertionError, match="busy"):
        check_sizes("array_shell", SMALL, "blocks", FITS, with_fault)
