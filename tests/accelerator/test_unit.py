"""The unit as all units are: its regression, what that finds, and what a memory excludes."""

import numpy as np
import pytest

from hw.accelerator.machine import Accelerator
from hw.accelerator.tokens import Tokens
from sim.accelerator.machine import BASE, regress
from sim.accelerator.programs import random_program
from sw.accelerator.coding import decode
from sw.accelerator.machine import Machine
from sw.accelerator.parameters import AcceleratorParameters
from sw.errors import UserError

from ..faults import STALLS, Fault, assert_caught
from ..small import PARAMETERS

SMALL = PARAMETERS["accelerator"]
TIGHT = AcceleratorParameters(banks=2, bank_words=16)
CONFIGURATIONS = (
    SMALL,
    AcceleratorParameters(),
    TIGHT.replace(instructions=16),
    TIGHT.replace(columns=64),
    TIGHT.replace(lanes=1, port_bits=512),
)


@pytest.mark.parametrize("p", CONFIGURATIONS, ids=range(len(CONFIGURATIONS)))
def test_random_programs_are_for_any_configuration(p):
    seen = set()
    for seed in range(20):
        program, memory = random_program(p, np.random.default_rng(seed), BASE)
        assert len(program) <= p.instructions
        outcome = Machine(p, memory, BASE).run(program)
        assert outcome.error == ""
        seen |= {decode(word)[0].name for word in program}
    assert {"dma.load", "dma.store", "halt"} <= seen
    assert {"quant.quantize", "prod.multiply"} <= seen or p not in CONFIGURATIONS[:2]
    assert {"vec.map", "vec.scalar", "event"} <= seen or p.instructions < 32


def test_a_regression_is_told_in_words_and_cycles():
    report = regress(SMALL, blocks=20)
    assert (report.message, report.mismatches) == ("", 0)
    assert report.beats > 0 and 0 < report.cycles < report.simulated


@pytest.mark.parametrize("engine", ["verilog", "cocotb"])
def test_other_engines_have_no_memory(engine):
    with pytest.raises(UserError, match=f"takes the batch engine, not '{engine}'"):
        regress(SMALL, engine=engine)


FAULTS = {
    "what engines wait for is given at once": Fault(
        Tokens, lambda s: s.there.eq(-1), "memory|status", STALLS
    ),
    "an event that the program asks for is not told": Fault(
        Accelerator, lambda s: s.flags.event.eq(0), "status.event"
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_planted_faults(fault):
    assert_caught(regress, "accelerator", SMALL, fault, blocks=100)
