"""Each fault planted in the stochastic converter is caught by its regression."""

import re

import pytest

from hw.flow.emit import generate
from hw.stochastic.bits import BitStreams
from hw.stochastic.converter import StochasticConverter
from hw.stochastic.lfsr import Steps
from hw.stochastic.loader import Loader
from sim.stochastic.converter import regress
from sw.stochastic.converter import StochasticConverterParameters
from tests.faults import STALLS, Fault, assert_caught, message

SMALL = StochasticConverterParameters(
    elements=2, length=2, width=8, bits=4, source="binary16", seed=5
)
JOB = {"blocks": 100, "seed": 8}

FAULTS = {
    "equal counts as below": Fault(
        BitStreams,
        lambda s: [s.o[n].eq(s.state_0_0[4:] <= s.magnitude[n]) for n in (0, 1)],
        "bits",
    ),
    "another step": Fault(Steps, lambda s: s.parity_0.eq(s.i[4] ^ s.i[5]), "bits"),
    "words go on without the output": Fault(
        StochasticConverter, lambda s: s.bits.en.eq(s.valid), "m_axis|bits", STALLS
    ),
    "a pause between vectors": Fault(
        StochasticConverter, lambda s: s.loader.o.ready.eq(~s.valid), "cycles"
    ),
    "a vector is overwritten": Fault(Loader, lambda s: s.i.ready.eq(1), "m_axis|bits", STALLS),
    "signs change places": Fault(
        StochasticConverter, lambda s: s.negative.eq(s.vector[4:10:5][::-1]), "negative"
    ),
    "tlast with every beat": Fault(
        StochasticConverter, lambda s: s.last.eq(s.vector[-1]), "tlast does not follow its vector"
    ),
}


def test_without_faults():
    assert message(regress, SMALL, **JOB) == message(regress, SMALL, stalls=STALLS, **JOB) == ""


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    assert_caught(regress, "stochastic_converter", SMALL, FAULTS[name], **JOB)


def test_another_start_is_caught():
    other = generate("stochastic_converter", SMALL.replace(seed=6)).verilog
    assert re.search("bits", message(regress, SMALL, netlist=other, **JOB))
