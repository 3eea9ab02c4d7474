"""The controller of precision by zero-setting error against its model, decision by decision."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Mux

from hw.bfp.control.decision import ZseDecision
from hw.bfp.control.sequence import ZseSequence
from hw.bfp.control.threshold import ThresholdCompare
from hw.bfp.zse_controller import ZseController
from hw.flow.emit import generate
from sim.bench import Stalls, run
from sim.bfp.zse_controller import FIELDS, beats_of, control, regress, simulate, writes_of
from sim.compare import assert_equal
from sim.registers import readable
from sim.streams import pack
from sw.bfp.zse_controller import ZseParameters, ZseRule
from sw.bfp.zse_controller import control as model

from ..faults import Fault, assert_caught

SMALL = ZseParameters(layers=4)
TIGHT = ZseRule(lo=0.5, hi=0.5, warmup=2, hold=2, initial=1)
RULES = [
    None,
    ZseRule.make(preset="imagenet", warmup=7),
    ZseRule(lo=0.45, hi=0.55, hold=3, initial=0),
    TIGHT,
    ZseRule(lo=0, hi=1, initial=1),
    ZseRule(lo=1, hi=1, hold=255),
    ZseRule(lo="1/3", hi="233017/349525", initial=(0, 1, 2)),
]
BOTH = Stalls(idle=0.3, back_pressure=0.5)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_random_trainings(rule):
    for seed in (1, 2, 3):
        assert regress(SMALL, blocks=4000, seed=seed, rule=rule).message == ""


@pytest.mark.parametrize("layers", [1, 5, 256])
def test_other_numbers_of_layers(layers):
    p = ZseParameters.make(preset="imagenet", layers=layers, warmup=3, hold=2)
    for seed in (6, 7):
        assert regress(p, blocks=3000, seed=seed).message == ""
    assert regress(p, blocks=1000, seed=8, stalls=BOTH).message == ""


def test_a_recorded_training_is_one_call():
    errors = np.linspace(0, 1, 21)
    recording = [{(0, 0): (round(9999 * e), 9999), (3, 2): (0, 7)} for e in errors]
    assert_equal(control(SMALL, recording), model(SMALL, recording))
    assert_equal(control(SMALL, recording, TIGHT), model(SMALL, recording, TIGHT))


def test_the_documented_cycles():
    latency = generate("bfp_zse_controller", SMALL).manifest["latency"]
    assert latency == 73
    # The source offers a beat in every cycle; one in three is taken.
    counts = {(layer, pair): (1, 2) for layer in range(4) for pair in range(3)}
    _, result = simulate(SMALL, [counts], parts=2)
    (first, last), given = result.stamps["s_axis"], result.stamps["m_axis"]
    assert last - first == 3 * (24 - 1)
    assert given == (last + latency, last + 4 * latency)
    assert result.cycles == SMALL.cycles(1, 24)
    _, result = simulate(SMALL, [counts, {}, counts], layers=2)
    assert result.cycles == SMALL.replace(layers=2).cycles(3, 25)


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
    for writes in ([("initial", 63), ("restart", 1)], [("layers", 0)], [("layers", 5)]):
        modes, _ = simulate(SMALL, recording, writes=writes)
        assert_equal(modes, wanted)
    # Thresholds out of order: below comes first. With a scale of 0 all lies below but at lo = 0.
    half = [{(0, 0): (1, 2), (0, 1): (0, 2), (0, 2): (2, 2)}]
    for lo, hi, scale, after in (
        (4, 2, 5, [0, 0, 2]),
        (1, 0, 0, [0, 0, 0]),
        (0, 0, 0, [1, 1, 1]),
        (2**20 - 1, 2**20 - 1, 2**20 - 1, [0, 0, 1]),
    ):
        writes = [("lo", lo), ("hi", hi), ("scale", scale), ("initial", 21), ("restart", 1)]
        assert simulate(SMALL, half, writes=writes)[0][0, 0].tolist() == after
    # A hold of 0 is one of 1.
    recording = [{(0, 0): (0, 1)}] * 2
    assert_equal(control(SMALL, recording, writes=[("hold", 0)]), model(SMALL, recording))


# Thresholds that use all bits of their registers.
FINE = TIGHT.replace(lo="524287/1048575", hi="524287/1048575")
FAULTS = {
    "below a threshold or on it": Fault(
        ThresholdCompare,
        lambda s: s.below.eq(Cat(0, s.scale_top) <= Cat(s.lo_under, s.lo_top)),
        "mode",
    ),
    "above a threshold or on it": Fault(
        ThresholdCompare,
        lambda s: s.above.eq(Cat(0, s.hi_top) <= Cat(s.hi_under, s.scale_top)),
        "mode",
    ),
    "below but for the last places": Fault(
        ThresholdCompare, lambda s: s.below.eq(s.scale_top < s.lo_top), "mode"
    ),
    "above but for the last places": Fault(
        ThresholdCompare, lambda s: s.above.eq(s.hi_top < s.scale_top), "mode"
    ),
    "a place short": Fault(
        ThresholdCompare, lambda s: s.running.eq(s.start | s.running & (s.place != 18)), "mode"
    ),
    "the mode of another pair": Fault(
        ZseController,
        lambda s: s.initial_modes[2:4].eq(s.initial_modes[:2]),
        "mode",
    ),
    "a step older": Fault(
        ZseDecision,
        lambda s: s.may.eq(~s.warm & (s.elements != 0) & (s.steps > s.least_age)),
        "mode",
    ),
    "two pairs": Fault(ZseSequence, lambda s: s.last_pair.eq(s.pair == 1), "mode"),
    "warm for a step more": Fault(
        ZseController,
        lambda s: s.decision.warm.eq(
            Mux(s.sequence.adding & s.i.payload.last, s.steps <= s.warmup, s.decision.warm)
        ),
        "mode",
    ),
    "the latest zeros": Fault(
        ZseController,
        lambda s: s.counts.write_ports[0].data.zeros.eq(
            Mux(s.sequence.adding, s.i.payload.data.zeros, 0)
        ),
        "mode",
    ),
    "no end": Fault(ZseController, lambda s: s.o.payload.last.eq(0), "tlast"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    rule = FINE.replace(initial=(0, 1, 2))
    options: dict[str, Any] = {"blocks": 4000, "seed": 14, "rule": rule}
    assert_caught(regress, "bfp_zse_controller", SMALL, FAULTS[name], **options)
