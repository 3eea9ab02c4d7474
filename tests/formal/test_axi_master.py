"""The AXI4 masters keep the rules of their ports, whatever comes, for all time."""

import re
from pathlib import Path
from typing import Any

import pytest
from amaranth.back import rtlil  # pyright: ignore[reportAttributeAccessIssue]

from hw.bus.axi_master import AxiReader, AxiWriter
from hw.bus.bursts import Bursts
from hw.stream.skid import SkidBuffer

from ..faults import Fault, planted
from ..solver import refute
from .ports import PROVE, SEARCH

CYCLES = 24
SIZES = {"data_bits": 1024, "address_bits": 13, "beats_bits": 4, "burst": 4, "outstanding": 2}
MASTERS = {
    "reader": lambda: AxiReader(**SIZES),
    "writer": lambda: AxiWriter(**SIZES),
}
"""The smallest that have bursts of several lengths, on both sides of 4 KiB."""

SCRIPT = """\
read_rtlil master.il
read_verilog -formal{define} rules.v axi4_rules.v axi4_proofs.v
prep -flatten -top {name}_proof
memory_nordff
memory_map -formal
opt_merge -share_all"""
"""Of equal bits of data, one is left."""

FAULTS = {
    "a burst goes on over a multiple": (
        "reader",
        Fault(Bursts, lambda s: s.room.eq(3), "bursts.within_4_kib|requests.next_address"),
    ),
    "a burst too many": (
        "reader",
        Fault(
            Bursts,
            lambda s: s.begin.eq(s.active & ~s.stop & (~s.o.valid | s.o.ready)),
            "limit.bursts_under_way",
        ),
    ),
    "a burst after the stop": (
        "reader",
        Fault(
            Bursts,
            lambda s: s.begin.eq(s.active & (s.under_way != 2) & (~s.o.valid | s.o.ready)),
            "requests.none_after_stop",
        ),
    ),
    "the last burst is as long as the others": (
        "reader",
        Fault(Bursts, lambda s: s.o.payload.more.eq(s.room), "requests.no_beat_too_many|until"),
    ),
    "idle with a burst under way": (
        "reader",
        Fault(Bursts, lambda s: s.idle.eq(~s.active), "limit.none_when_idle"),
    ),
    "an address is withdrawn": (
        "writer",
        Fault(Bursts, lambda s: s.o.valid.eq(s.begin), "aw.valid_until_ready"),
    ),
    "data do not wait": (
        "writer",
        Fault(AxiWriter, lambda s: s.wdata.eq(s.i.payload), "w.payload_until_ready"),
    ),
    "beats before their address": (
        "writer",
        Fault(
            AxiWriter,
            lambda s: [s.free.eq(~s.wvalid | s.wready), s.move.eq(s.free & s.i.valid)],
            "beats.beat_of_a_burst",
        ),
    ),
    "wlast a beat early": (
        "writer",
        Fault(AxiWriter, lambda s: s.last.eq(s.beat + 1 == s.lengths.o.payload), "beats.last_beat"),
    ),
    "strobes fall with an error": (
        "writer",
        Fault(AxiWriter, lambda s: s.strobe.eq(~s.error), "beats.all_strobes|w.payload"),
    ),
    "a beat given twice": (
        "reader",
        Fault(SkidBuffer, lambda s: s.full.eq(s.o.valid), "given_once"),
    ),
}


def broken(folder: Path, name: str, *, define: str = "", depth: int = 0) -> str:
    """Return which rule a master breaks, or "" if it never does, or not in ``depth`` cycles."""
    rules = ("rules.v", "axi4_rules.v", "axi4_proofs.v")
    files = {rule: Path(__file__).with_name(rule).read_text() for rule in rules}
    files["master.il"] = rtlil.convert(MASTERS[name](), name=name, emit_src=False)
    script = SCRIPT.format(name=name, define=define)
    how: dict[str, Any] = {**SEARCH, "depth": depth} if depth else PROVE
    return refute(folder, files, script, **how)


@pytest.mark.parametrize("name", MASTERS)
def test_no_rule_is_ever_broken(tmp_path, name):
    assert broken(tmp_path, name) == ""


@pytest.mark.parametrize("name", MASTERS)
def test_the_rules_have_something_to_say(tmp_path, name):
    found = broken(tmp_path, name, define=" -DREACH", depth=CYCLES)
    assert "all_channels" in found


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(tmp_path, fault):
    name, planned = FAULTS[fault]
    with planted(planned):
        found = broken(tmp_path, name, depth=CYCLES)
    assert re.search(planned.sign, found), found
