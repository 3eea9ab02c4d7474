"""Faults planted in the emitted outer product, each of which the regression must catch."""

import re

import pytest

from hw.flow.emit import generate
from sim.bench import Stalls
from sim.stochastic.outer_product import regress
from sw.stochastic.outer_parameters import OuterProductParameters
from tests.plant import message, plant

# Four groups of a row, as many as the cycles of a pair; columns in two banks.
SMALL = OuterProductParameters(
    rows=4,
    columns=6,
    length=4,
    width=8,
    bits=4,
    lanes=2,
    results=3,
    batch=5,
    guard=3,
    source="bfloat16",
    weights="binary32",
    seed=5,
)
STALLS = Stalls(idle=0.3, back_pressure=0.5)
PLAIN = Stalls()

# Fault: module, text, fault, stalls, what the message says.
FAULTS: dict[str, tuple[str, str, str, Stalls, str]] = {
    "a row in another's window": (
        "crossbar",
        "{ window, open_now }",
        "{ window[3:0], open_now, open_now }",
        PLAIN,
        "results",
    ),
    "a row counts on": ("element", "first | rst", "rst", PLAIN, "results"),
    "two rows at once": ("crossbar", "select(end_[3", "select(end_[2", PLAIN, "results"),
    "a bank too early": ("crossbar", "select(select_1_0[2", "select(end_[3", PLAIN, "results"),
    "another bank's turn": ("sums", "add(turn_1_0[0]", "add(counted", PLAIN, "results"),
    "another bank's sign": (
        "crossbar",
        "{ row_signs_1_0, row",
        "{ row_signs[0], row",
        PLAIN,
        "results",
    ),
    "signs stay": ("crossbar", "{ 1'h0, row_signs[3:1] }", "row_signs", PLAIN, "results"),
    "too few words": ("crossbar", "window[5] | window[3]", "window[3]", PLAIN, "results"),
    "a sum stays": (
        "sums",
        "(about_0[0] | rise_next_term) ? 9'h000",
        "1'h1 ? 9'h000",
        PLAIN,
        "results",
    ),
    "a count stays": ("sums", "higher ? 9'h000", "1'h1 ? 9'h000", PLAIN, "results"),
    "a count is cut": ("accumulator", "{ 1'h0, term_next_term[0] }", "2'h0", PLAIN, "results"),
    "old sums": ("accumulator", "if (about_0[1])", "if (1'h0)", PLAIN, "results"),
    "no room": ("sums", "allow <= allow_next", "allow <= 1'h1", STALLS, "results|m_axis"),
    "a batch too early": ("sums", "& pair[17]", "| 1'h0", PLAIN, "results|handshake"),
    "a batch too short": ("sums", "number == 3'h4", "number == 3'h3", PLAIN, "results|handshake"),
    "another batch's scale": ("sums", "half ? about_1", "bank ? about_1", PLAIN, "results"),
    "a NaN is forgotten": (
        "sums",
        "(nan_2 & ~about_0[0]) | about_0[3]",
        "about_0[3]",
        PLAIN,
        "results",
    ),
    "no rate": ("results", "$signed({ 1'h0, rate })", "$signed(6'h00)", PLAIN, "results|overflow"),
    "tlast with every row": ("results", "last & end_", "end_", PLAIN, "tlast does not follow"),
    "results less weights": ("result_lane", "positive = ~", "positive =", PLAIN, "results"),
    "NaN as overflow": (
        "outer_product_",
        "(&o__payload[30:23]) & ~(|o__payload[22:0])",
        "(&o__payload[30:23])",
        PLAIN,
        "status.overflow",
    ),
}


def told(stalls: Stalls, **options: str) -> str:
    return message(regress, SMALL, blocks=200, seed=8, stalls=stalls, **options)


def test_without_faults():
    assert told(PLAIN) == told(STALLS) == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    module, text, wrong, stalls, wanted = FAULTS[fault]
    verilog = generate("outer_product", SMALL).verilog
    found = told(stalls, netlist=plant(verilog, module, re.escape(text), wrong))
    assert re.search(wanted, found), found
