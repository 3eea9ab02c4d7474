"""Runs of a design that go on from each other."""

import re

import numpy as np
import pytest

from sim import batch
from sim.bench import Session, Stalls, assert_equal, run
from sim.job import WatchdogError
from sim.stochastic.converter import simulate
from sw.errors import UserError
from sw.stochastic.converter import StochasticConverterParameters, convert

from .adder import Adder, beats

HALF = Stalls(idle=0.5, back_pressure=0.5)


def add(session=None, *, design=None, count=20, offset=(), **options):
    """Return the run of some beats, after writing the offset if there is one."""
    return run(
        design or Adder(),
        inputs={"s_axis": beats(count)},
        outputs={"m_axis": count},
        writes=[("setting.offset", value) for value in offset],
        reads=["beats", "setting.offset"],
        session=session,
        **options,
    )


def test_registers_and_counters_go_on():
    with Session() as session:
        first = add(session, offset=[3])
        second = add(session, count=30, stalls=HALF, seed=2)
        third = add(session, offset=[5])
    assert first.registers == {"beats": 20, "setting.offset": 3}
    assert second.registers == {"beats": 50, "setting.offset": 3}
    assert third.registers == {"beats": 70, "setting.offset": 5}
    for result, offset in ((first, 3), (second, 3), (third, 5)):
        expected = beats(len(result.outputs["m_axis"])) + np.uint8(offset)
        assert_equal(result.outputs["m_axis"], expected)
    # Cycles are those of a run.
    assert first.cycles == third.cycles == 21
    assert first.simulated - third.simulated == batch.RESET_CYCLES
    assert add().registers["beats"] == 20


def test_sessions_side_by_side():
    with Session() as one, Session() as other:
        for turn in (1, 2, 3):
            assert add(one).registers["beats"] == 20 * turn
            assert add(other, count=7).registers["beats"] == 7 * turn


def test_random_bits_go_on():
    p = StochasticConverterParameters(elements=2, length=2, width=8, bits=4, source="binary16")
    x = np.random.default_rng(1).random((60, 2)).astype(np.float16).astype(np.float32)
    with Session() as session:
        for first, count in ((0, 10), (10, 1), (11, 49)):
            part = x[first : first + count]
            found, result = simulate(p, part, session=session, stalls=HALF, seed=first)
            assert_equal(found.bits, convert(p, part, first=first).bits)
            assert result.registers["vectors"] == first + count
    assert (convert(p, x[10:]).bits != convert(p, x[10:], first=10).bits).any()


def test_waves_hold_all_runs(tmp_path):
    with Session() as session:
        first = add(session, waves=tmp_path / "run")
        second = add(session)
        other = tmp_path / "other"
        message = f"waves must be asked for in a session's first run, not {other}"
        with pytest.raises(UserError, match=re.escape(message)):
            add(session, waves=other)
    assert first.waves == second.waves == tmp_path / "run.vcd"
    text = (tmp_path / "run.vcd").read_text()
    times = [int(time) for time in re.findall(r"^#(\d+)$", text, re.M)]
    assert times == sorted(set(times))
    assert times[-1] == 10 * (first.simulated + second.simulated)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "cocotb"}, "a session takes the batch engine, not 'cocotb'"),
        (
            {"netlist": "module adder;"},
            "a session must run one design: this adder is not the adder of its first run",
        ),
        ({"reset_after": 30}, "reset_after must be None in a session, not 30"),
    ],
)
def test_mistakes(options, message):
    with Session() as session:
        add(session)
        with pytest.raises(UserError, match=re.escape(message)):
            add(session, **options)
        assert add(session).registers["beats"] == 40


def test_a_session_outside_its_statement():
    session = Session()
    with pytest.raises(UserError, match="a session must be used inside its with statement"):
        add(session)
    with session:
        add(session)
    with pytest.raises(UserError, match="a session must be used inside its with statement"):
        add(session)


def test_every_model_is_freed(monkeypatch):
    library, events = batch.load, []

    class Recorder:
        def __init__(self, path, name):
            self.real = library(path, name)
            self.gradgate_run = self.real.gradgate_run

        def gradgate_open(self, *arguments):
            events.append(("open", self.real.gradgate_open(*arguments)))
            return events[-1][1]

        def gradgate_close(self, model):
            events.append(("close", model))
            self.real.gradgate_close(model)

    monkeypatch.setattr(batch, "load", Recorder)
    with Session() as session:
        add(session)
        add(session)
    add(engine="batch")
    with pytest.raises(WatchdogError), Session() as session:
        run(Adder(), inputs={}, outputs={"m_axis": 1}, watchdog=50, session=session)
    assert [what for what, _ in events] == ["open", "close"] * 3
    assert [model for _, model in events[::2]] == [model for _, model in events[1::2]]
