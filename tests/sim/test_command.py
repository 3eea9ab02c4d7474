"""The command line of sim: what a match, a mismatch and a broken run print and return."""

import dataclasses
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from sim import __main__ as command
from sim.bench import run
from sim.report import compare

from .adder import Adder, beats


@dataclasses.dataclass(frozen=True)
class AdderBench:
    """A bench whose model is off by one in a beat, on demand."""

    wrong: bool = False
    fault: str = ""
    once: bool = False
    runs: list[int] = dataclasses.field(default_factory=list)

    def regress(self, parameters, *, seed, blocks, **options):
        self.runs.append(seed)
        shown = not self.once or len(self.runs) == 1
        data = beats(blocks, seed=seed)
        design = Adder(fault=self.fault if shown else "")
        result = run(
            design, inputs={"s_axis": data}, outputs={"m_axis": blocks}, seed=seed, **options
        )
        expected = data.copy()
        expected[7, 2] += np.uint8(self.wrong and shown)
        actual = {"beats": result.outputs["m_axis"]}
        return compare(actual, {"beats": expected}, result, {"data": data})


def call(*arguments, name="run"):
    with pytest.raises(SystemExit) as stop:
        command.main([name, *arguments], prog_name="python -m sim")
    return stop.value.code


def bench(monkeypatch, **options):
    found = AdderBench(**options)
    monkeypatch.setattr(command, "find_bench", lambda name: found)


def test_a_match(monkeypatch, capsys, tmp_path):
    bench(monkeypatch)
    junit = tmp_path / "results" / "dot.xml"
    assert call("bfp_dot", "--seed", "4", "--junit", str(junit)) == 0
    shown = capsys.readouterr().out
    assert "bfp_dot, seed 4, batch" in shown
    assert "without stalls" in shown and "with stalls" in shown
    cases = ET.parse(junit).getroot().findall("testcase")
    assert [case.find("failure") for case in cases] == [None, None]


def test_a_mismatch_is_told_and_run_again_for_its_waves(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    bench(monkeypatch, wrong=True)
    junit = tmp_path / "dot.xml"
    assert call("bfp_dot", "--junit", str(junit)) == 1
    shown = capsys.readouterr().out
    assert "beats: 1 of 800 values differ, first at (7, 2): got " in shown
    assert "  data[7]: " in shown
    assert len(list(tmp_path.glob("build/waves/bfp_dot-1-*.vcd"))) == 2
    suite = ET.parse(junit).getroot()
    assert suite.get("failures") == "2"


def test_a_run_that_breaks_off(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    bench(monkeypatch, fault="DROP")
    assert call("bfp_dot") == 1
    assert "m_axis gave 199 of 200 beats" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "first"),
    [
        ({"wrong": True}, "without stalls: beats: 1 of 800 values differ, first at (7, 2): got "),
        ({"fault": "DROP"}, "without stalls: no handshake for 10000 cycles: "),
    ],
)
def test_a_failure_that_shows_once_stays_one(monkeypatch, capsys, tmp_path, fault, first):
    monkeypatch.chdir(tmp_path)
    bench(monkeypatch, once=True, **fault)
    junit = tmp_path / "dot.xml"
    assert call("bfp_dot", "--junit", str(junit)) == 1
    shown = capsys.readouterr().out
    assert first in shown
    assert "its repetition with waves: no failure" in shown
    assert ET.parse(junit).getroot().get("failures") == "1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bfp_dt"], "unknown unit 'bfp_dt', did you mean bfp_dot?"),
        (["bfp_dot", "--preset", "msfp13"], "unknown preset 'msfp13'"),
        (["bfp_dot", "--set", "lans=4"], "unknown field 'lans', did you mean lanes?"),
        (["bfp_dot", "--config", "no.toml"], "cannot read no.toml: No such file or directory"),
        (["bfp_dot", "--blocks", "0"], "Invalid value for '--blocks'"),
        (["bfp_dot", "--sim", "vcs"], "Invalid value for '--sim'"),
        (["bfp_dot", "--engine", "batch", "--sim", "icarus"], "the batch engine runs on verilator"),
        (["bfp_dot", "--junit", "/proc/none/x.xml"], "cannot write /proc/none/x.xml: "),
    ],
)
def test_mistakes(monkeypatch, capsys, arguments, message):
    bench(monkeypatch)
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--arith binary32", "arithmetic must have products of blocks, or all by one approximate"),
        ("--arith mbm7 --update pulsed", "update must be exact or essop for a circuit, not pulsed"),
        ("--arith binary32 --sparse dropback", "threshold must be quantile for a circuit, not exa"),
        ("--arith fb12,weight=fb16 --update essop", "arithmetic of weight in 'fb12,weight=fb16' "),
        ("--arith hbfp4 --set rows=2", "--set is of bfp_multimode_array in the family flexblock, "),
        ("--arith nvfp4,first=fb12 --set rows=4", "--set is of bfp_multimode_array in the family"),
        ("--arith mxfp8_hybrid", "operands must have one format for a circuit, not mxfp8_e5m2 rce"),
        ("--arith quartet", "scaling must be amax for a circuit, not deviation as in quartet"),
        ("--arith tetrajet", "format.scale.headroom must be 1 in a circuit, not 1.0625"),
        ("--arith nvfp4:block=4", "block must be longer for a circuit than the 4 of nvfp4:block=4"),
        ("--arith nvfp4,weight=mbm7", "arithmetic must have products of blocks, or all by one app"),
        ("--arith boosters:block=8 --set rows=4", "--set is of bfp_multimode_array in the family"),
        ("--arith binary32 --update essop --set rows=4", "--set is of an array, through which pro"),
    ],
)
def test_a_training_that_cannot_be_is_refused_before_anything_is_shown(capsys, arguments, message):
    assert call(*arguments.split(), name="train") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: {message}")
    assert shown.err.count("\n") == 1


def test_module_runs():
    done = subprocess.run(
        [sys.executable, "-m", "sim", "run", "--help"], capture_output=True, text=True, check=True
    )
    assert "UNIT" in done.stdout
