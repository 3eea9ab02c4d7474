"""The test bench in plain Verilog: the batch engine's bits, stalls and cycles; checks by itself."""

import dataclasses
import subprocess

import numpy as np
import pytest

from sim import verilog
from sim.approx import amsim_multiplier
from sim.bench import Stalls, run
from sim.bfp import array
from sim.job import RESET_CYCLES, ContentError, Job, Outcome
from sim.sparse import csb_decoder
from sim.testbench import Recorded, bench_files
from tests.small import PARAMETERS

from .adder import Adder, beats

STALLS = Stalls(idle=0.3, back_pressure=0.5)
ADD = {"outputs": {"m_axis": 50}, "reads": ["beats", "setting"], "seed": 4}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stalls": STALLS},
        {"stalls": STALLS, "reset_after": 30},
        {"stalls": STALLS, "later": [(20, "setting.offset", 9), (90, "setting", 0x500)]},
        {"last": {"s_axis": np.arange(50) % 3 == 0}},
    ],
    ids=["plain", "stalls", "reset", "later", "last"],
)
def test_a_run_is_that_of_the_batch_engine(options):
    results = []
    for engine in ("batch", "verilog"):
        result = run(
            Adder(),
            inputs={"s_axis": beats(50)},
            writes=[("setting.offset", 3)],
            engine=engine,
            **(ADD | options),
        )
        arrays = (result.outputs["m_axis"].tobytes(), result.last["m_axis"].tobytes())
        results.append((*arrays, dataclasses.replace(result, outputs={}, last={}, seconds=0)))
    assert results[0] == results[1]
    assert results[0][2].cycles > 50


@pytest.mark.parametrize(
    ("unit", "bench"),
    [("bfp_array", array), ("amsim_multiplier", amsim_multiplier), ("csb_decoder", csb_decoder)],
)
def test_units_take_the_same_cycles(unit, bench):
    reports = [
        bench.regress(PARAMETERS[unit], seed=3, blocks=60, stalls=STALLS, engine=engine)
        for engine in ("batch", "verilog")
    ]
    first, second = (dataclasses.replace(report, seconds=0) for report in reports)
    assert first == second
    assert first.values > 0 and first.message == ""


def test_unknown_bits_are_errors():
    text = Adder().verilog.replace("offset <= 0;", "")
    options = {**ADD, "engine": "verilog", "netlist": text}
    with pytest.raises(
        ContentError, match=r"m_axis has unknown bits at beat 0 \(adder, seed 4, cy"
    ):
        run(Adder(), inputs={"s_axis": beats(50)}, **options)
    options["outputs"] = {"m_axis": 0}
    with pytest.raises(ContentError, match="read of setting was answered with unknown bits"):
        run(Adder(), inputs={}, **options)


def test_the_bench_alone_says_whether_it_passes(tmp_path):
    data, ends = beats(20), np.arange(20) == 19
    expected = data + np.uint8(3)
    assert _said(tmp_path, data, ends, expected) == ("PASS\n", 0)
    said, status = _said(tmp_path, data, ends, expected, registers=21)
    assert said.startswith("register 00000000 is 00000014, expected 00000015\nFAIL\n") and status
    expected[7, 0] ^= 1
    said, status = _said(tmp_path, data, ends, expected)
    assert "m_axis: beat 7 is 0" in said
    assert "\nFAIL\n" in said and status


def _said(folder, data, ends, expected, registers=20) -> tuple[str, int]:
    """Return what the bench of an adder of 3 prints, and how it ends."""
    job = Job(
        name="adder",
        verilog=Adder().verilog,
        manifest=Adder().manifest,
        inputs={"s_axis": data},
        last={"s_axis": ends},
        writes=[(4, 0x300)],
        later=[],
        outputs={"m_axis": len(expected)},
        reads=[0],
        stalls=STALLS,
        seed=1,
        reset_after=None,
        watchdog=100,
        settle=RESET_CYCLES,
        waves=None,
    )
    outcome = Outcome(
        transfers={},
        outputs={"m_axis": expected},
        last={"m_axis": ends},
        registers=[registers],
        cycles=100,
        resets=1,
        seconds=0,
        waves=None,
    )
    for name, text in bench_files([job], [Recorded(job, outcome)]).items():
        (folder / name).write_text(text)
    (folder / "adder.v").write_text(job.verilog)
    # The command that the bench's first lines tell.
    line = next(x for x in (folder / "adder_bench.v").read_text().splitlines() if "iverilog" in x)
    command = line.removeprefix("//")
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True)
    return done.stdout, done.returncode


def test_an_early_end_is_told(monkeypatch):
    monkeypatch.setattr(verilog, "END", verilog.READ)
    with pytest.raises(RuntimeError, match="the simulator ended early:\n"):
        run(Adder(), inputs={"s_axis": beats(1)}, outputs={"m_axis": 1}, engine="verilog")
