"""Trainings in the RTL of the whole machine, by the command and in part, and its cycles."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from hw.flow.emit import generate
from sim.__main__ import main
from sim.accelerator import accelerate, command
from sim.accelerator.machine import run, simulate
from sim.bench import Memory
from sim.job import BenchError
from sw.accelerator.assembler import Line
from sw.accelerator.coding import decode, disassemble, encode
from sw.accelerator.cycles import predict
from sw.accelerator.instructions import LANE_OPS
from sw.accelerator.parameters import AcceleratorParameters
from sw.formats import BLOCK_FORMATS
from sw.train.settings import Settings

from .made import made
from .programs import HALT, load, store, vec, window

P = AcceleratorParameters(format=BLOCK_FORMATS["hbfp6"])
SMALL = Settings(hidden=(8,), epochs=3, batch=8)
IMAGES = made(20, 9, 3)


def design():
    return generate("accelerator", P)


def small(change=None, **options):
    """Train on few images, perhaps by a changed program; return it and what was reported."""
    program, prediction = accelerate.prepare(P, IMAGES, SMALL, latency=3)
    if change:
        program = dataclasses.replace(program, lines=tuple(map(change, program.lines)))
    told = []
    done = accelerate.accelerate(
        program,
        prediction,
        IMAGES,
        design(),
        latency=3,
        report=lambda *given: told.append(given),
        **options,
    )
    return done, told


def test_digits_are_trained_wholly_in_the_rtl(tmp_path):
    """An epoch in HBFP6: all weights, momenta and losses are the model's, cycles the predicted."""
    words = ["accelerate", "--hidden", "32,32", "--arith", "hbfp6", "-o", str(tmp_path / "made")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    course = json.loads((tmp_path / "made" / "course.json").read_text("utf-8"))
    assert set(course["mismatches"].values()) == {0} and len(course["mismatches"]) == 13
    assert course["cycles"]["circuit"] == course["cycles"]["predicted"] > 100_000
    (losses,) = course["losses"]
    assert f"epoch 1 of 1: loss {np.mean(losses):.4f}, by cycle" in result.stderr
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    with np.load(tmp_path / "made" / "weights.npz") as file:
        assert file["weight0"].shape == file["momentum_weight0"].shape == (32, 64)
    assert (tmp_path / "made" / "timeline.png").stat().st_size > 10_000


def test_cycles_where_tensors_have_scales(tmp_path):
    """The largest magnitudes of all tensors are found, and their scales waited for."""
    words = "--hidden 9 --arith nvfp4 --set lanes=8 --set rows=2 --set columns=8 --steps 3"
    folder = tmp_path / "made"
    result = CliRunner().invoke(main, ["accelerate", *words.split(), "-o", str(folder)])
    assert result.exit_code == 0, result.output
    course = json.loads((folder / "course.json").read_text("utf-8"))
    assert set(course["mismatches"].values()) == {0}
    assert course["cycles"]["circuit"] == course["cycles"]["predicted"] > 10_000


def test_epochs_are_told_and_a_slow_memory_changes_no_bit():
    plain, told = small()
    assert plain.first == "" and set(plain.mismatches.values()) == {0}
    assert [epoch for epoch, _, _ in told] == [1, 2, 3]
    assert [loss for _, loss, _ in told] == plain.model.losses.mean(axis=1).tolist()
    assert plain.cycles == plain.prediction.cycles
    slow, _ = small(stalls=0.4)
    assert slow.first == "" and slow.cycles > plain.cycles


def test_what_is_not_the_models_is_told(monkeypatch):
    """A program whose momentum is another: it counts from the second step on.

    So weights differ after the second step, the last of the first epoch, and losses after that.
    """

    def change(line: Line) -> Line:
        instruction, fields = decode(line.word)
        if instruction.name == "vec.map" and fields["lane"] == LANE_OPS.index("axpy"):
            bits = {"imm": int(np.float32(0.5).view("u4"))} if not fields["scalar"] else {}
            return Line(encode("vec.map", **fields | bits), line.comment)
        return line

    done, _ = small(change)
    wrong = done.mismatches
    assert wrong["losses"] and wrong["weight1"] and wrong["momentum of weight1"]
    assert done.first.startswith("losses[1, 0]: ")
    assert done.first.endswith(") in the model") and " in the circuit, " in done.first
    monkeypatch.setattr(command, "accelerate", lambda *_, **__: done)
    monkeypatch.setattr(command, "generate", lambda *_: None)
    result = CliRunner().invoke(main, ["accelerate"])
    assert result.exit_code == 1
    assert f"the circuit differs from its model: {done.first}" in result.stderr


def test_what_stops_the_machine_is_told():
    def change(line: Line) -> Line:
        return Line(0, "") if "relu=1" in disassemble(line.word) else line

    program, _ = accelerate.prepare(P, IMAGES, SMALL, latency=3)
    pc = next(n for n, line in enumerate(program.lines) if change(line) is not line)
    with pytest.raises(BenchError, match=f"stopped at instruction {pc}, cause illegal"):
        small(change)


V = P.values
ROWS = {"counter5": (12, V)}


def operation(*run_: int) -> list[int]:
    """Return a program of one operation of each engine's windows."""
    engine = decode(run_[0])[0].engine
    counters: dict[str, Any] = ROWS if engine in ("vec", "quant") else {}
    first: dict[str, Any] = (
        {"counter4": (1, 16)} if engine == "prod" else counters if engine == "vec" else {}
    )
    program = [*window(engine, 0, bank=2, **first)]
    if engine == "dma":
        program += window("dma", 1, 0x2000 + 3 * P.word_bits // 8)
    else:
        program += window(engine, 1, bank=0, **counters)
    if engine in ("vec", "prod"):
        program += window(engine, 2, bank=1, **counters)
    return [*program, *run_, HALT]


def quantize(**fields):
    return encode("quant.quantize", inner=2, outer=3, **fields)


def multiply(**fields):
    return encode("prod.multiply", **fields)


PROGRAMS = {
    "halt": [HALT],
    **{op: operation(vec(LANE_OPS.index(op), outer=7)) for op in ("fill", "copy", "axpy", "mul")},
    "exp": operation(vec(11, outer=3, function=1)),
    "sum": operation(vec(4, inner=4, outer=3, reduce=1)),
    "sum of all": operation(vec(0, inner=4, outer=3, reduce=1, fold=1, signal=1)),
    "most of all": operation(vec(2, inner=4, outer=3, reduce=2, fold=1)),
    "sum of logarithms": operation(vec(11, inner=4, outer=3, reduce=1, function=4)),
    "scalar": operation(encode("vec.scalar", register=1)),
    "load": operation(load(40, 8, distance=256)),
    "load of short rows": operation(load(12, 1, distance=96, signal=1)),
    "store": operation(store(3, 9, distance=416)),
    "rows": operation(quantize(blocks=2)),
    "columns": operation(quantize(transposed=1, side=1, blocks=1)),
    "product": operation(multiply(m=9, n=8, blocks=2)),
    "small product": operation(multiply(m=1, n=4, blocks=1)),
}


def test_cycles_of_operations_are_those_of_the_rtl():
    """Of all operations and two memories: cycles of the job, and in which each engine is busy."""
    for name, program in PROGRAMS.items():
        for latency in (1, 40):
            memory = np.zeros(0x10000, np.uint8)
            _, registers, _ = run(
                P, program, memory, program_address=0x8000, latency=latency, design=design()
            )
            found = predict(P, program, latency=latency)
            counted = {
                engine: (registers[f"{engine}_busy"], registers[f"{engine}_starved"])
                for engine in found.busy
            }
            told = {engine: (found.busy[engine], found.starved[engine]) for engine in found.busy}
            assert (registers["cycles"], counted) == (found.cycles, told), (name, latency)


@pytest.mark.parametrize(("bits", "outstanding"), [(256, 1), (512, 2)])
def test_cycles_of_a_fetch_are_those_of_the_rtl(bits, outstanding):
    """A beat of several instructions stays until its last one is taken, and holds back a burst."""
    p = AcceleratorParameters(
        format=BLOCK_FORMATS["hbfp8"],
        lanes=bits // 32,
        port_bits=bits,
        outstanding=outstanding,
        vector_lanes=4,
    )
    design = generate("accelerator", p)
    for count in (1, 2, 33, 65, 100):
        program = [encode("seta", address=0, value=0)] * (count - 1) + [encode("halt")]
        for latency in (3, 40):
            memory = Memory(image=np.zeros(8192, np.uint8), latency=latency)
            _, result = simulate(p, program, memory, program_address=4096, design=design)
            found = predict(p, program, latency=latency)
            counted = result.registers["cycles"], result.registers["dma_busy"]
            assert counted == (found.cycles, found.busy["dma"]), (count, latency)


def test_a_watchdog_that_is_too_short_for_stalls_is_not_a_mismatch():
    """A memory that answers after 240 cycles, and mostly stalls, outlasts 256 cycles."""
    words = "--hidden 5 --steps 1 --batch 32 --latency 240 --seed 2 --stalls 0.9"
    words = [*words.split(), "--set", "watchdog=8"]
    result = CliRunner().invoke(main, ["accelerate", *words])
    assert result.exit_code == 2
    assert "watchdog must be more than 8 with stalls of 0.9" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--model nope", "unknown model 'nope'"),
        ("--model resnet8", "set larger banks or a smaller batch"),
        ("--batch 12", "must divide the batch of 12"),
        ("--hidden 4096", "set larger banks or a smaller batch"),
        ("--arith binary32", "unknown format 'binary32'"),
        ("--arith nvfp4_16x16", "format must have blocks along the reduction, not nvfp4_16x16"),
        ("--arith fb16_linear", "lanes must divide the block of 12 of fb16_linear, not 8"),
        ("--set rows=3", "rows must be one of"),
        ("--stalls 1", "stalls must be a share of 0 to 0.9, not 1.0"),
        ("--hidden 3,x", "hidden must be widths as in 64,32, not '3,x'"),
        ("-o pyproject.toml", "is not a folder"),
        ("--arith hbfp6 --set format=hbfp8", "format must be told once, by --arith or by --set"),
    ],
)
def test_refused(words, message):
    result = CliRunner().invoke(main, ["accelerate", *words.split()])
    assert result.exit_code == 2 and result.stdout == ""
    assert message in result.stderr and result.stderr.count("\n") == 1
