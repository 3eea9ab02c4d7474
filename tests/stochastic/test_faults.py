"""Faults planted in the emitted Verilog, each of which the regression must catch."""

import re

import pytest

from hw.flow.emit import generate
from sim.bench import Stalls
from sim.stochastic.converter import regress
from sw.stochastic.converter import StochasticConverterParameters
from tests.plant import message, plant

SMALL = StochasticConverterParameters(
    elements=2, length=2, width=8, bits=4, source="binary16", seed=5
)
STALLS = Stalls(idle=0.3, back_pressure=0.5)
PLAIN = Stalls()

# Fault: module, text, fault, stalls, what the message says.
FAULTS: dict[str, tuple[str, str, str, Stalls, str]] = {
    "equal counts as below": ("bit_streams", "] < magnitude", "] <= magnitude", PLAIN, "bits"),
    "another start": ("bit_streams", "if (rst) i <= 8'h", "if (rst) i <= ~8'h", PLAIN, "bits"),
    "another step": ("steps", "i[4] ^ i[6]", "i[4] ^ i[5]", PLAIN, "bits"),
    "words go on without the output": (
        "stochastic_converter_",
        "en = held & move",
        "en = held",
        STALLS,
        "m_axis|bits",
    ),
    "a pause between vectors": (
        "stochastic_converter_",
        "~held | done",
        "~held",
        PLAIN,
        "cycles",
    ),
    "a vector is overwritten": ("loader", "room | take", "1'h1", STALLS, "m_axis|bits"),
    "signs change places": (
        "stochastic_converter_",
        "vector[9], vector[4]",
        "vector[4], vector[9]",
        PLAIN,
        "negative",
    ),
    "tlast with every beat": (
        "stochastic_converter_",
        "last & beat",
        "last",
        PLAIN,
        "tlast does not follow its vector",
    ),
}


def told(stalls: Stalls, **options: str) -> str:
    return message(regress, SMALL, blocks=100, seed=8, stalls=stalls, **options)


def test_without_faults():
    assert told(PLAIN) == told(STALLS) == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    module, text, wrong, stalls, wanted = FAULTS[fault]
    verilog = generate("stochastic_converter", SMALL).verilog
    found = told(stalls, netlist=plant(verilog, module, re.escape(text), wrong))
    assert re.search(wanted, found), found
