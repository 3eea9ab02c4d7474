"""Faults planted in the emitted Verilog, each of which the regression of its unit must catch."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from hw.flow.emit import generate
from sim.bench import Stalls
from sim.report import Report, merge
from sim.units import BENCHES
from sw.bfp.array import ArrayParameters
from sw.parameters import Parameters

from ..plant import message, plant
from ..small import ARRAY, CONVERTER, DOT, FORMAT

# A block a beat, so that a tile may take fewer beats than the array has rows.
SHORT = ArrayParameters(format=dataclasses.replace(FORMAT, block=(2,)), lanes=2, rows=2, columns=1)
STALLS = Stalls(idle=0.3, back_pressure=0.5)
PLAIN = Stalls()

# Unit, parameters, module, text, fault, stalls, what the message says.
FAULTS: list[tuple[str, Parameters, str, str, str, Stalls, str]] = [
    # The array moves when its output FIFO has no place left for what is under way.
    ("bfp_array", ARRAY, "output_fifo", "level <= 2'h2", "level <= 2'h3", STALLS, "m_axis"),
    # The final addition leaves out a partial sum that exists.
    ("bfp_array", ARRAY, "sequencer", "blocks_index > ", "blocks_index >= ", PLAIN, "product: "),
    # The next tile begins a cycle too soon.
    ("bfp_array", SHORT, "sequencer", "age == 2'h2", "age >= 2'h1", STALLS, "m_axis gave"),
    ("bfp_array", ARRAY, "sequencer", "wants & ~ready", "wants", PLAIN, "beats \\+ stalls"),
    (
        "bfp_array",
        ARRAY,
        "sequencer",
        "refused = start & ~begins",
        "refused = start",
        PLAIN,
        "status.refused",
    ),
    (
        "bfp_dot",
        DOT,
        "dot_unit",
        "push_and_all_o_bits_30_23 & any_o_bits_22_0",
        "1'h0",
        PLAIN,
        "status.nan",
    ),
    # The end of the packet is lost.
    ("bfp_dot", DOT, "result_queue", "<= word", "<= word[31:0]", PLAIN, "tlast does not follow"),
    (
        "bfp_converter",
        CONVERTER,
        "converter_unit",
        "o__valid & ~o__ready",
        "o__valid",
        PLAIN,
        "out",
    ),
]


def _message(unit: str, parameters: Any, **options: Any) -> str:
    return message(BENCHES[unit].regress, parameters, blocks=300, seed=8, **options)


@pytest.mark.parametrize(
    ("unit", "parameters", "module", "text", "fault", "stalls", "message"),
    FAULTS,
    ids=[f"{module}-{fault}".replace(" ", "") for _, _, module, _, fault, _, _ in FAULTS],
)
def test_a_planted_fault_is_caught(unit, parameters, module, text, fault, stalls, message):
    assert _message(unit, parameters, stalls=stalls) == ""
    mutant = plant(generate(unit, parameters).verilog, module, re.escape(text), fault)
    found = _message(unit, parameters, stalls=stalls, netlist=mutant)
    assert re.search(message, found), found
    assert re.search("seed:? 8", found)


def test_the_report_of_several_runs_tells_the_first_fault():
    good = Report(
        values=3,
        mismatches=0,
        beats=4,
        cycles=5,
        simulated=6,
        seconds=7.0,
        seed=8,
        waves=Path("good"),
        message="",
    )
    bad = dataclasses.replace(good, mismatches=2, waves=Path("bad"), message="differ")
    assert merge({"one": good}) == good
    report = merge({"one": good, "two": bad, "three": bad})
    assert (report.values, report.mismatches, report.simulated) == (9, 4, 18)
    assert (report.message, report.waves) == ("two: differ", Path("bad"))
