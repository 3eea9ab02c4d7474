"""Faults planted in the weight regenerator's Verilog, each of which the regression must catch."""

import math
import re

import pytest

from hw.flow.emit import generate
from sim.bench import Stalls
from sim.sparse.regenerate import regress
from sw.sparse.regenerate import RegeneratorParameters
from tests.plant import message, plant

SMALL = RegeneratorParameters(lanes=2, layers=2, rounds=7)
STALLS = Stalls(idle=0.3, back_pressure=0.5)
PLAIN = Stalls()
UNIT = "weight_regenerator_"

# Fault: module, text, fault, stalls, what the message says.
FAULTS: dict[str, tuple[str, str, str, Stalls, str]] = {
    "another rotation": ("index_cipher", "i[13:0], i[15:14]", "i[14:0], i[15]", PLAIN, "weight:"),
    "a key is added": (
        "index_cipher",
        "x_0 = sum ^",
        "x_0 = sum +",
        PLAIN,
        "weight:",
    ),
    "a lane's number is the next one's": (UNIT, "[31:0] + 1'h1", "[31:0] + 2'h2", PLAIN, "weight:"),
    "a mean that is not zero": ("weight_lane", "$signed(3'h2)", "$signed(3'h1)", PLAIN, "weight:"),
    "a digit of two is one": (
        "signed_product",
        "{ b, 1'h0 } & { two_0",
        "{ 1'h0, b } & { two_0",
        PLAIN,
        "weight:",
    ),
    "layers change places": (UNIT, " ? shift_1", " ? shift_0", PLAIN, "weight:"),
    "a smaller decay counts": (UNIT, "decay >=", "decay >= 0 &", PLAIN, "weight:"),
    "the least decay does not count": (UNIT, "decay >=", "decay >", PLAIN, "weight:"),
    "the lanes move without the rest": (UNIT, "i__ready & test_1", "test_1", STALLS, "weight:"),
    "the lanes stop early": (UNIT, "| { tags_12_0[1], ", "| { ", STALLS, "weight:"),
    "a request is lost": (UNIT, "signal_32 & on", "on & i__ready & tags_0_0[0]", PLAIN, "weight:"),
    "tlast of the request before": (UNIT, "tags_13_0[2]", "tags_12_0[2]", PLAIN, "tlast"),
    "the queue is overrun": (
        "result_queue",
        "room = level",
        "room = 1'h1 | level",
        STALLS,
        "m_axis",
    ),
    "infinities are not told": (UNIT, "flags_nan = push", "flags_nan = 1'h0 & push", PLAIN, "nan"),
}


def told(stalls: Stalls, **options: str) -> str:
    """Say what the regression finds with several decays."""
    for decay in (None, math.inf, 2.0**-24, 2.0**-25):
        found = message(regress, SMALL, blocks=200, seed=8, stalls=stalls, decay=decay, **options)
        if found:
            return found
    return ""


def test_without_faults():
    assert told(PLAIN) == told(STALLS) == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    module, text, wrong, stalls, wanted = FAULTS[fault]
    verilog = generate("weight_regenerator", SMALL).verilog
    found = told(stalls, netlist=plant(verilog, module, re.escape(text), wrong))
    assert re.search(wanted, found), found
