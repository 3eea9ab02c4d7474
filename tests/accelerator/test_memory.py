"""A unit with a memory: its master, what the memory gives and refuses, rules that are broken."""

import functools
import re
from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from sim.accelerator.machine import run, simulate
from sim.bench import Memory, Result, Session, Stalls, assert_equal
from sim.bench import run as run_design
from sim.job import BenchError, HoldError, ProtocolError, WatchdogError
from sw.accelerator.instructions import BYTES
from sw.accelerator.parameters import AcceleratorParameters
from sw.approx.multiplier import ApproxParameters
from sw.errors import UserError

from .copier import FAULTS, TARGET, design

P = AcceleratorParameters()
BASE, SIZE = 0x10000, 0x4000
PLACE = 0x11000
HALF = Stalls(idle=0.5, back_pressure=0.5)
copier = functools.cache(design)


def program(length: int = 20) -> list[int]:
    """Return random instructions, which the unit only copies."""
    return [int.from_bytes(np.random.default_rng(i).bytes(BYTES)) for i in range(length)]


def image() -> np.ndarray:
    """Return a memory before a run."""
    return np.random.default_rng(0).integers(0, 256, SIZE, np.uint8)


def copied(words: list[int], place: int = PLACE, target: int = TARGET) -> np.ndarray:
    """Return the memory after a program was copied."""
    code = np.frombuffer(b"".join(w.to_bytes(BYTES, "little") for w in words), np.uint8)
    after = image()
    for address in (place, target):
        after[address - BASE :][: len(code)] = code
    return after


def copy(
    words: Any = None,
    *,
    fault: Any = "",
    place: Any = PLACE,
    bad: Any = (0, 0),
    latency: Any = 1,
    jitter: Any = 0,
    **options: Any,
) -> tuple[np.ndarray, Result]:
    """Return the memory after a run, and the run."""
    memory = Memory(image=image(), base=BASE, latency=latency, jitter=jitter, bad=bad)
    options = {"design": copier(), "cycles": 20_000} | options
    writes = [("fault", FAULTS.index(fault)), *options.pop("writes", ())]
    words = program() if words is None else words
    return simulate(P, words, memory, program_address=place, writes=writes, **options)


@pytest.mark.parametrize("latency", [1, 2, 37])
@pytest.mark.parametrize("jitter", [0, 9])
@pytest.mark.parametrize("stalls", [Stalls(), HALF, Stalls(back_pressure=0.9), Stalls(idle=0.9)])
def test_a_program_is_read_and_written(latency, jitter, stalls):
    options = {"base": BASE, "program_address": PLACE, "design": copier(), "stalls": stalls}
    before = image()
    runs = [
        run(P, program(), before, latency=latency, jitter=jitter, seed=seed, **options)
        for seed in (1, 1, 2, 3)
    ]
    assert_equal(before, image())
    for after, registers, _ in runs:
        assert_equal(after, copied(program()))
        assert registers["reads"] == 20
        assert registers["status.done"] == 1 and registers["status.bus"] == 0
    first, again, *others = (cycles for _, _, cycles in runs)
    assert first == again
    assert ({first} == {*others}) == (jitter == 0 and stalls == Stalls())


def test_latency_is_counted_in_cycles():
    slow, fast = (copy(latency=latency)[1] for latency in (31, 1))
    # A burst read and one written for each instruction.
    assert slow.worked - fast.worked == 30 * 2 * 20
    assert fast.traffic == {
        "m_axi_aw": 20,
        "m_axi_w": 40,
        "m_axi_b": 20,
        "m_axi_ar": 20,
        "m_axi_r": 40,
    }
    first, final = fast.stamps["m_axi_ar"]
    assert fast.stamps["m_axi_r"][0] == first + 1
    # Each takes its address, two words read, two written, an answer, and a cycle between.
    assert final - first == 19 * 7


def test_more_bursts_than_are_taken_wait():
    memory = Memory(image=image(), base=BASE, bursts=1, latency=9)
    after, _ = simulate(P, program(), memory, program_address=PLACE, design=copier())
    assert_equal(after, copied(program()))


@pytest.mark.parametrize(("bad", "word"), [((PLACE + 95, 1), 11), ((0, PLACE + 1), 0)])
def test_a_bad_place_is_read_as_junk_and_tells(bad, word):
    after, result = copy(bad=bad)
    assert result.registers["status.bus"] == 1
    expected = copied(program())
    junk = slice(TARGET - BASE + 8 * word, TARGET - BASE + 8 * word + 8)
    assert (after[junk] != expected[junk]).any()
    expected[junk] = after[junk]
    assert_equal(after, expected)


def test_a_bad_place_is_not_written_and_tells():
    after, result = copy(bad=(TARGET + 7 * BYTES, BYTES))
    assert result.registers["status.bus"] == 1
    expected = copied(program())
    kept = slice(TARGET - BASE + 7 * BYTES, TARGET - BASE + 8 * BYTES)
    expected[kept] = image()[kept]
    assert_equal(after, expected)


def test_outside_of_the_image():
    beyond = BASE + SIZE - 3 * BYTES
    after, result = copy(writes=[("target", beyond)])
    assert result.registers["status.bus"] == 1
    code = copied(program())[PLACE - BASE :]
    assert_equal(after[beyond - BASE :], code[: 3 * BYTES])
    nothing = run_design(
        copier(),
        inputs={},
        outputs={},
        writes=[("program_length", 1), ("interrupt_enable", 255), ("control.start", 1)],
        reads=["status.bus"],
        irq_within=100,
    )
    assert nothing.registers == {"status.bus": 1}


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("WITHDRAW", HoldError, r"m_axi_ar changed or withdrew beat \d+ before it was accepted"),
        ("CHANGE", HoldError, r"m_axi_aw changed or withdrew beat \d+ before it was accepted"),
        ("CHANGE_WORD", HoldError, r"m_axi_w changed or withdrew beat \d+ before it was accepted"),
        ("NO_LAST", ProtocolError, "m_axi_w: a burst of 2 beats at 0x12000 has wlast where its la"),
        ("EARLY", ProtocolError, "m_axi_w: a burst of 2 beats at 0x12000 has wlast where its last"),
        ("WRAP", ProtocolError, "m_axi_aw: a burst of 2 beats at 0x12000 is not INCR"),
        ("NARROW", ProtocolError, "m_axi_ar: a burst of 2 beats at 0x11000 has beats narrower tha"),
    ],
)
def test_a_broken_rule_is_caught(fault, error, message):
    with pytest.raises(error, match=f"{message}.* \\(copier, seed 1, cycle \\d+\\)$"):
        copy(fault=fault, stalls=HALF)


def test_an_address_that_is_none():
    with pytest.raises(ProtocolError, match="m_axi_ar: a burst of 2 beats at 0x11ff8 crosses a bo"):
        copy(place=0x11FF8 - 16)
    with pytest.raises(ProtocolError, match="m_axi_aw: a burst of 2 beats at 0x12ff8 crosses a bo"):
        copy(writes=[("target", 0x12FF8)])
    with pytest.raises(ProtocolError, match="m_axi_aw: a burst of 2 beats at 0x12004 begins insid"):
        copy(writes=[("target", 0x12004)])


def test_a_unit_that_does_not_wait_for_answers_is_caught():
    options = {"latency": 200, "settle": 8}
    assert_equal(copy(**options)[0], copied(program()))
    after, _ = copy(fault="EAGER", **options)
    assert_equal(after[: TARGET - BASE], copied(program())[: TARGET - BASE])
    assert (after != copied(program())).any()


def test_what_is_under_way_goes_on_in_the_next_run():
    options: dict[str, Any] = {"fault": "EAGER", "latency": 200}
    with Session() as session:
        # Its last write waits for the answer.
        copy(settle=0, session=session, **options)
        place = PLACE + 0x800
        after, result = copy(program(1), place=place, settle=300, session=session, **options)
    assert result.registers["reads"] == 21
    assert result.traffic["m_axi_aw"] == 1 and result.traffic["m_axi_b"] == 2
    expected = copied(program(1), place)
    last = slice(TARGET - BASE + 19 * BYTES, TARGET - BASE + 20 * BYTES)
    expected[last] = copied(program())[last]
    assert_equal(after, expected)


def test_runs_without_a_reset_between_them():
    with Session() as session:
        for turn, words in enumerate((program(3), program(9), program(2)), 1):
            stalls = HALF if turn == 2 else Stalls()
            after, result = copy(words, session=session, stalls=stalls)
            assert_equal(after, copied(words))
            assert result.registers["reads"] == (3, 12, 14)[turn - 1]


def test_a_reset_in_the_midst():
    after, result = copy(reset_after=50, stalls=HALF, latency=5)
    assert_equal(after, copied(program()))
    assert result.registers["reads"] == 20


@pytest.mark.parametrize("fault", ["", "DEAF"])
def test_an_abort_breaks_no_burst(fault):
    stopped = set()
    for cycle in range(30):
        stalls = HALF if cycle % 2 else Stalls()
        with Session() as session:
            options = {"session": session, "latency": 3, "stalls": stalls, "seed": cycle}
            _, result = copy(fault=fault, later=[(cycle, "control.abort", 1)], **options)
            assert result.registers["status.aborted"] == 1
            assert result.registers["status.done"] == result.registers["status.aborting"] == 0
            assert result.traffic["m_axi_r"] == 2 * result.traffic["m_axi_ar"]
            assert result.traffic["m_axi_b"] == result.traffic["m_axi_aw"]
            stopped.add(result.traffic["m_axi_ar"])
            after, result = copy(**options)
            assert_equal(after, copied(program()))
            assert result.registers["reads"] == 20
    assert len(stopped) > 2


def test_an_abort_in_the_midst_of_a_burst_is_caught():
    with pytest.raises(BenchError), Session() as session:
        for cycle in range(30):
            options = {"session": session, "seed": cycle, "stalls": HALF}
            copy(fault="HASTY", later=[(cycle, "control.abort", 1)], **options)
            copy(**options)


def test_what_does_not_come_to_an_end():
    pattern = (
        r"^irq stayed low for 90 cycles: m_axi_aw moved \d+ beats \(valid 0, ready 1\); .* "
        r"m_axi_r moved \d+ beats \(valid \d, ready \d\) \(copier, seed 1, cycle \d+\)"
    )
    with pytest.raises(WatchdogError, match=pattern):
        copy(cycles=90)
    with pytest.raises(
        WatchdogError, match=r"^no handshake for 30 cycles, and irq is low: m_axi_aw"
    ):
        memory = Memory(image=image(), base=BASE, latency=1000)
        run_design(
            copier(),
            inputs={},
            outputs={},
            writes=[("program_length", 1), ("control.start", 1)],
            memory=memory,
            irq_within=500,
            watchdog=30,
        )


def test_the_manifest_and_the_header_tell_of_the_master():
    manifest = copier().manifest
    assert manifest["masters"] == {"m_axi": {"data_bits": 64, "address_bits": 40, "id_bits": 1}}
    assert manifest["streams"] == {}
    assert re.search(r"^//   m_axi_awaddr +out +40  AXI4 memory$", copier().verilog, re.M)
    assert "masters" not in generate("approx_multiplier", ApproxParameters()).manifest


def test_mistakes():
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"place": BASE - 16}, "program_address must leave the program in memory, from 0x10000 on"),
        ({"place": BASE + SIZE - 16}, "program_address must leave the program in memory, from 0x1"),
        ({"words": [1 << 128]}, "program must be an integer from 0 to 3402823669209384634633"),
        ({"latency": 0}, "latency must be an integer from 1 to "),
        ({"bad": (1, -1)}, "bad must be an integer from 0 to "),
        ({"engine": "verilog"}, "a memory, or irq_within, takes the batch engine, not 'verilog'"),
        ({"cycles": 0}, "irq_within must be an integer from 1 to "),
    )
    for options, message in cases:
        with pytest.raises(UserError, match=re.escape(message)):
            copy(**options)
    frozen, signed = image(), image().view(np.int8)
    frozen.flags.writeable = False
    unfit: tuple[Any, ...] = (frozen, image()[::2], [1, 2])
    for wrong in unfit:
        with pytest.raises(UserError, match="image must be an array that can be written in place"):
            Memory(image=wrong)
    with pytest.raises(UserError, match="image must be an array of uint8"):
        Memory(image=signed)  # pyright: ignore[reportArgumentType]
    without = generate("approx_multiplier", ApproxParameters())
    memory = Memory(image=image())
    with pytest.raises(UserError, match="a memory takes a design with one AXI4 master: approx_mul"):
        run_design(without, inputs={}, outputs={}, memory=memory)
    with pytest.raises(UserError, match="memory must be of Memory"):
        wrong = image()
        run_design(copier(), inputs={}, outputs={}, memory=wrong)  # pyright: ignore[reportArgumentType]
