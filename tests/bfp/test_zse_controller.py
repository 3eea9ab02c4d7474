"""The controller of precision by zero-setting error against its model, decision by decision."""

import re
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.bfp.control.zse import COUNTS, ZseController
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from sim.bench import Stalls, run
from sim.bfp.control.zse import FIELDS, beats_of, control, regress, simulate, writes_of
from sim.bfp.registers import readable
from sim.compare import assert_equal
from sim.job import BenchError
from sim.streams import pack
from sw.bfp.control.zse import ZseParameters, ZseRule
from sw.bfp.control.zse import control as model

from .plant import plant

SMALL = ZseParameters(layers=4)
TIGHT = ZseRule(lo=0.5, hi=0.5, warmup=2, hold=2, initial=1)
RULES = [
    None,
    ZseRule.make(preset="imagenet", warmup=7),
    ZseRule(lo=0.45, hi=0.55, hold=3, initial=0),
    TIGHT,
    ZseRule(lo=0, hi=1, initial=1),
    ZseRule(lo=1, hi=1, hold=255),
]
GRID = [Stalls(idle=i, back_pressure=b) for i in (0.0, 0.3, 0.8) for b in (0.0, 0.3, 0.8)]
BOTH = Stalls(idle=0.3, back_pressure=0.5)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_random_trainings(rule):
    for seed in (1, 2, 3):
        assert regress(SMALL, blocks=4000, seed=seed, rule=rule).message == ""


@pytest.mark.parametrize("stalls", GRID, ids=lambda s: f"{s.idle}-{s.back_pressure}")
def test_stalls_change_nothing(stalls):
    for seed in (4, 5):
        assert regress(SMALL, blocks=600, seed=seed, rule=TIGHT, stalls=stalls).message == ""


@pytest.mark.parametrize("layers", [1, 5, 256])
def test_other_numbers_of_layers(layers):
    p = ZseParameters.make(preset="imagenet", layers=layers, warmup=3, hold=2)
    for seed in (6, 7):
        assert regress(p, blocks=3000, seed=seed).message == ""
    assert regress(p, blocks=1000, seed=8, stalls=BOTH).message == ""


@pytest.mark.parametrize("cycles", [1, 30, 333, 2000])
def test_reset_in_mid_stream_leaves_nothing_behind(cycles):
    for stalls in (Stalls(), BOTH):
        report = regress(
            SMALL, blocks=600, seed=cycles, rule=TIGHT, reset_after=cycles, stalls=stalls
        )
        assert report.message == ""


def test_the_gate_netlist_passes_the_same_regression():
    # Its memories are flip-flops: few layers.
    p = ZseParameters(layers=2)
    gates = netlist(generate("bfp_zse_controller", p), "gates")
    for stalls in (Stalls(), BOTH):
        report = regress(p, blocks=600, seed=10, rule=TIGHT, stalls=stalls, netlist=gates)
        assert report.message == ""


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_cocotb(simulator):
    options: dict[str, Any] = {"engine": "cocotb", "simulator": simulator}
    assert regress(SMALL, blocks=36, seed=10, rule=TIGHT, stalls=BOTH, **options).message == ""


def test_a_recorded_training_is_one_call():
    errors = np.linspace(0, 1, 21)
    recording = [{(0, 0): (round(9999 * e), 9999), (3, 2): (0, 7)} for e in errors]
    assert_equal(control(SMALL, recording), model(SMALL, recording))
    assert_equal(control(SMALL, recording, TIGHT), model(SMALL, recording, TIGHT))


def test_the_documented_cycles():
    latency = generate("bfp_zse_controller", SMALL).manifest["latency"]
    assert latency == 64
    # The source offers a beat in every cycle; one in three is taken.
    counts = {(layer, pair): (1, 2) for layer in range(4) for pair in range(3)}
    _, result = simulate(SMALL, [counts], parts=2)
    (first, last), given = result.stamps["s_axis"], result.stamps["m_axis"]
    assert last - first == 3 * (24 - 1)
    assert given == (last + latency, last + 4 * latency)
    assert result.cycles == SMALL.cycles(1, 24, latency=latency)
    _, result = simulate(SMALL, [counts, {}, counts], layers=2)
    assert result.cycles == SMALL.replace(layers=2).cycles(3, 25, latency=latency)


FLAGS = [
    ("layer", [(1, 1, 2, 0)]),
    ("layer", [(1, 1, 255, 1)]),
    ("pair", [(1, 1, 0, 3)]),
    ("excess", [(4, 3, 0, 0)]),
    ("excess", [(1, 0, 1, 1)]),
    # Of two beats the second is too much; what came before counts.
    ("overflow", [(2**31, 2**31, 1, 0), (2**31, 2**31, 1, 0)]),
]


@pytest.mark.parametrize(("flag", "faulty"), FLAGS)
def test_a_beat_with_an_error_is_left_out(flag, faulty):
    rule = ZseRule(lo=0.3, hi=0.6, initial=1)
    good = {(0, 2): (1, 1), (1, 1): (1, 4), (1, 2): (2, 4)}
    sound = {(layer, pair): (zeros, elements) for zeros, elements, layer, pair in faulty[:-1]}
    rows, last = beats_of([good, good])
    # It is the last beat of the first step, which it ends.
    rows = np.insert(rows, 3, faulty, axis=0)
    last = np.concatenate([[0] * (2 + len(faulty)), [1], last[3:]]).astype(np.uint8)
    result = _run(rows, last, [*writes_of(rule), ("layers", 2)], outputs=4)
    status = {n for n, v in result.registers.items() if n.startswith("status.") and v}
    assert status == {f"status.{flag}"}
    modes = model(SMALL.replace(layers=2), [good | sound, good], rule)
    packed = result.outputs["m_axis"].astype(np.int64)
    assert_equal(packed[:, 1], modes.reshape(4, 3) @ np.array([1, 4, 16]))


def _run(beats: np.ndarray, last: np.ndarray, writes: Any, outputs: int, padding: int = 0) -> Any:
    design = generate("bfp_zse_controller", SMALL)
    fields = dict(zip(FIELDS, beats.T, strict=True))
    words = pack(design.manifest["streams"]["s_axis"], fields)
    words[0, -1] |= padding
    return run(
        design,
        inputs={"s_axis": words},
        last={"s_axis": last},
        outputs={"m_axis": outputs},
        writes=writes,
        reads=readable(design.manifest),
    )


def test_a_padding_bit_is_a_framing_error():
    beats, last = beats_of([{(0, 0): (1, 1)}])
    for padding in (0, 128, 4):
        status = _run(beats, last, [], 4, padding).registers
        assert status["status.framing"] == bool(padding)
        assert sum(value for name, value in status.items() if name.startswith("status.")) <= 1


def test_odd_values_of_registers():
    # 3 is the widest mode, and numbers of layers that there are not are all layers.
    recording = [{(3, 0): (0, 1)}]
    wanted = model(SMALL, recording)
    for writes in ([("initial", 3), ("restart", 1)], [("layers", 0)], [("layers", 5)]):
        modes, _ = simulate(SMALL, recording, writes=writes)
        assert_equal(modes, wanted)
    # A hold of 0 is one of 1.
    recording = [{(0, 0): (0, 1)}] * 2
    assert_equal(control(SMALL, recording, writes=[("hold", 0)]), model(SMALL, recording))


class Driver:
    """The core alone, in Amaranth's simulator, which takes commands at any time."""

    def __init__(self, ctx: Any, dut: ZseController) -> None:
        self.ctx, self.dut = ctx, dut

    async def beat(self, layer: int, pair: int, zeros: int, elements: int, last: int = 0) -> None:
        beat: dict[int | str, int] = {
            "layer": layer,
            "pair": pair,
            "zeros": zeros,
            "elements": elements,
        }
        self.ctx.set(self.dut.i.payload, {"data": COUNTS.const(beat).as_bits(), "last": last})
        self.ctx.set(self.dut.i.valid, 1)
        await self.ctx.tick().until(self.dut.i.ready)
        self.ctx.set(self.dut.i.valid, 0)

    async def modes(self) -> list[tuple[int, ...]]:
        """The packet of a step."""
        self.ctx.set(self.dut.o.ready, 1)
        packet, last = [], 0
        while not last:
            word, last = (
                await self.ctx.tick()
                .sample(self.dut.o.payload.data, self.dut.o.payload.last)
                .until(self.dut.o.valid)
            )
            assert word & 255 == len(packet)
            packet.append(tuple(word >> 8 + 2 * k & 3 for k in range(3)))
        self.ctx.set(self.dut.o.ready, 0)
        return packet

    async def pulse(self, member: str) -> None:
        self.ctx.set(getattr(self.dut, member), 1)
        await self.ctx.tick()
        self.ctx.set(getattr(self.dut, member), 0)


def _drive(bench: Any) -> None:
    dut = ZseController(parameters=ZseParameters(layers=2))

    async def testbench(ctx: Any) -> None:
        values = {"lo": 0x4000, "hi": 0x8000, "hold": 1, "layers": 2, "initial": 1}
        for name, value in values.items():
            ctx.set(getattr(dut, name), value)
        await bench(Driver(ctx, dut))

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()


def test_registers_changed_during_a_step_serve_the_next_one():
    async def bench(d: Driver) -> None:
        await d.beat(0, 0, 0, 1)
        await d.beat(1, 1, 0, 1, last=1)
        for name, value in (("lo", 0), ("hi", 0), ("warmup", 9), ("hold", 9), ("layers", 1)):
            d.ctx.set(getattr(d.dut, name), value)
        assert await d.modes() == [(0, 1, 1), (1, 0, 1)]
        await d.beat(0, 0, 1, 1, last=1)
        assert await d.modes() == [(0, 1, 1)]
        d.ctx.set(d.dut.warmup, 2)
        await d.beat(0, 1, 1, 1, last=1)
        d.ctx.set(d.dut.warmup, 9)
        # A pair that has never changed need not wait.
        assert await d.modes() == [(0, 2, 1)]
        # A layer that is used again has the modes that it had.
        d.ctx.set(d.dut.layers, 2)
        await d.beat(0, 0, 0, 0, last=1)
        assert await d.modes() == [(0, 2, 1), (1, 0, 1)]

    _drive(bench)


def test_restart_waits_for_the_end_of_a_step():
    async def bench(d: Driver) -> None:
        await d.beat(1, 0, 0, 1)
        await d.beat(0, 0, 0, 1, last=1)
        await d.pulse("restart")
        d.ctx.set(d.dut.initial, 2)
        assert await d.modes() == [(0, 1, 1), (0, 1, 1)]
        assert d.ctx.get(d.dut.busy)
        await d.ctx.tick().until(~d.dut.busy)
        assert (d.ctx.get(d.dut.steps), d.ctx.get(d.dut.changes)) == (0, 2)
        await d.beat(1, 2, 0, 1, last=1)
        assert await d.modes() == [(2, 2, 2), (2, 2, 1)]
        assert d.ctx.get(d.dut.steps) == 1
        # Counts are forgotten too.
        await d.beat(1, 2, 0, 1)
        await d.pulse("restart")
        await d.beat(0, 0, 0, 0, last=1)
        assert await d.modes() == [(2, 2, 2)] * 2

    _drive(bench)


def test_clear_leaves_the_modes_and_the_step():
    async def bench(d: Driver) -> None:
        await d.beat(1, 0, 0, 1, last=1)
        assert await d.modes() == [(1, 1, 1), (0, 1, 1)]
        await d.ctx.tick()
        assert (d.ctx.get(d.dut.changes), d.ctx.get(d.dut.beats)) == (1, 1)
        await d.pulse("clear")
        assert (d.ctx.get(d.dut.changes), d.ctx.get(d.dut.beats)) == (0, 0)
        assert d.ctx.get(d.dut.steps) == 1
        for layer, modes in ((1, 0b010100), (0, 0b010101)):
            d.ctx.set(d.dut.inspect, layer)
            await d.ctx.tick()
            assert d.ctx.get(d.dut.modes) == modes
        await d.beat(1, 0, 1, 1, last=1)
        assert await d.modes() == [(1, 1, 1)] * 2

    _drive(bench)


def test_steps_do_not_run_over():
    async def bench(d: Driver) -> None:
        await d.ctx.tick().until(~d.dut.busy)
        d.ctx.set(d.dut.steps, 2**32 - 2)
        d.ctx.set(d.dut.warmup, 2**16 - 1)
        for _ in range(3):
            await d.beat(0, 0, 0, 1, last=1)
            await d.modes()
        assert d.ctx.get(d.dut.steps) == 2**32 - 1

    _drive(bench)


FAULTS = [
    ("zse_decision", "ratio < threshold_lo", "ratio <= threshold_lo", "mode"),
    ("zse_decision", "ratio > threshold_hi", "ratio >= threshold_hi", "mode"),
    ("zse_decision", r"= ~ exact", "= 1'h0", "mode"),
    ("zse_decision", "steps >= least_age", "steps > least_age", "mode"),
    ("serial_ratio", "5'h11", "5'h10", "mode"),
    ("zse_sequence", r"pair == 2'h2", "pair == 2'h1", "mode"),
    ("zse_controller", "steps < warmup", "steps <= warmup", "mode"),
    ("zse_controller", r"state\[31:0\] \+ ", "", "mode"),
    ("zse_controller", r"layer == sum_\d+", "1'h0", "tlast"),
]


@pytest.mark.parametrize(("module", "old", "new", "what"), FAULTS)
def test_a_planted_fault_is_caught(module, old, new, what):
    mutant = plant(generate("bfp_zse_controller", SMALL).verilog, module, old, new)
    try:
        found = regress(SMALL, blocks=4000, seed=14, rule=TIGHT, netlist=mutant).message
    except BenchError as error:
        found = str(error)
    assert re.search(what, found), found
