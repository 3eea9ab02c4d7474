"""Status bits, counters and commands of each unit, one event at a time."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from sim.bench import Result, Stalls, run
from sim.bfp import array, dot
from sim.compare import assert_equal
from sim.directed import Directed
from sim.formats import converter
from sim.registers import readable
from sw.bfp.array import matmul as model
from sw.formats.blocks import Blocks
from sw.formats.converter import convert
from sw.formats.quantize import quantize
from tests.small import ARRAY, CONVERTER, DIRECTED, DOT, FORMAT, PARAMETERS

BEATS = Directed.BEATS
*JOB, START = DIRECTED["bfp_array"].writes


def _inputs(unit: str) -> dict[str, Any]:
    """Return the input streams of a unit, as its manifest has them."""
    streams = generate(unit, PARAMETERS[unit]).manifest["streams"]
    return {name: stream for name, stream in streams.items() if stream["direction"] == "in"}


def _stalls(unit: str) -> list[str]:
    """Return the registers that count what a unit waits for, inputs and then its output."""
    registers = generate(unit, PARAMETERS[unit]).manifest["registers"]
    return [r["name"] for r in registers if r["name"].endswith("_stalls")]


# Units that count two kinds of waiting independently of each other.
COUNTING = [unit for unit, given in DIRECTED.items() if given.independent and _stalls(unit)]
PACKETS = [(unit, stream) for unit, given in DIRECTED.items() for stream in given.packets]
PADDED = [(u, name) for u in DIRECTED for name, s in _inputs(u).items() if s["bits"] % 8]


def _run(
    unit: str,
    *,
    last: dict[str, np.ndarray] | None = None,
    padding: str = "",
    **options: Any,
) -> Result:
    """Stream zeros; ``padding`` names a stream whose first beat has a padding bit set."""
    given = DIRECTED[unit]
    design = generate(unit, PARAMETERS[unit])
    inputs = {
        name: np.zeros((given.given(name), stream["bytes"]), np.uint8)
        for name, stream in _inputs(unit).items()
    }
    if padding:
        inputs[padding][0, -1] |= 128
    return run(
        design,
        inputs=inputs,
        outputs={"m_axis": given.outputs},
        last=last,
        writes=options.pop("writes", given.writes),
        reads=readable(design.manifest),
        **options,
    )


def _set(result: Result) -> set[str]:
    """The bits of status that are set."""
    status = {name.partition(".")[2]: v for name, v in result.registers.items() if "status" in name}
    return {name for name, value in status.items() if value} - {"done"}


def _ends(beats: Iterable[int], count: int = BEATS) -> np.ndarray:
    last = np.zeros(count, np.uint8)
    last[list(beats)] = 1
    return last


@pytest.mark.parametrize(("unit", "stream"), PACKETS)
def test_tlast_inside_a_block_or_tile_is_a_framing_error(unit, stream):
    packet, count = DIRECTED[unit].packets[stream], DIRECTED[unit].given(stream)
    ends = _ends(range(packet - 1, count, packet), count)
    assert _set(_run(unit, last={stream: ends})) == set()
    for inside in range(packet - 1):
        assert _set(_run(unit, last={stream: _ends([inside], count)})) == {"framing"}


@pytest.mark.parametrize(("unit", "stream"), PADDED)
def test_a_padding_bit_is_a_framing_error(unit, stream):
    assert _set(_run(unit, padding=stream)) == {"framing"}


@pytest.mark.parametrize("unit", COUNTING)
def test_idle_inputs_and_back_pressure_count_apart(unit):
    own, other = _stalls(unit)
    plain = _run(unit)
    idle = _run(unit, stalls=Stalls(idle=0.5))
    # Of less some seeds let the few results of a dot product leave in time.
    pressed = _run(unit, stalls=Stalls(back_pressure=0.95), seed=4)
    assert plain.registers[other] == idle.registers[other] == 0
    assert pressed.registers[other] > 0
    assert idle.registers[own] > plain.registers[own]
    if own == "input_stalls":
        # It takes a beat in every cycle, so that those without are all that the run is longer by.
        added = idle.simulated - plain.simulated
        assert idle.registers[own] - plain.registers[own] == added
        # It has room for all beats, or for some.
        assert pressed.registers[own] > plain.registers[own] or DIRECTED[unit].holds_all
        if DIRECTED[unit].one_enable:
            # One register moves all of it: a cycle that waits for the output does not for inputs.
            added = sum(pressed.registers[name] - plain.registers[name] for name in (own, other))
            assert added == pressed.simulated - plain.simulated
    elif own != "vector_stalls":
        assert pressed.registers[own] == plain.registers[own]


def test_a_refused_start_is_told_and_changes_nothing():
    for k in range(3):
        sizes = [(name, 0 if i == k else value) for i, (name, value) in enumerate(JOB)]
        result = _run("bfp_array", writes=(*sizes, START, *JOB, START))
        assert _set(result) == {"refused"}
    a, b = _operands()
    for commands in ((START, START), (START, START, START)):
        product, result = array.simulate(ARRAY, a, b, commands=commands)
        assert_equal(product, model(ARRAY, a, b))
        assert _set(result) == {"refused"}
        assert result.registers["status.done"] == 1
        assert result.registers["beats"] == BEATS


def _operands() -> tuple[Blocks, Blocks]:
    x = np.random.default_rng(1).standard_normal((5, 12)).astype(np.float32)
    words = np.zeros(x.shape, int)
    a = quantize(x[:4], FORMAT, axis=1, random=words[:4])
    return a, quantize(x[4:].T.copy(), FORMAT, axis=0, random=words[4:].T)


def test_clear_before_the_first_beat():
    clear = ("control.clear", 1)
    a, b = _operands()
    counts = {}
    for commands in ((START,), (START, START), (START, START, clear), (START, clear)):
        product, result = array.simulate(ARRAY, a, b, commands=commands)
        assert_equal(product, model(ARRAY, a, b))
        assert _set(result) == ({"refused"} if commands[-2:] == (START, START) else set())
        stalls = result.registers["operand_stalls"]
        assert result.registers["cycles"] - stalls == result.cycles
        counts[commands] = stalls
    # The wait for operands counts from the latest start or clear on.
    assert len({counts[START,], counts[START, START, clear], counts[START, clear]}) == 1
    assert counts[START, START] > counts[START,]


def test_flags_of_the_dot_product():
    x = np.ones((3, 4), np.float32)
    words = np.zeros(x.shape, int)
    large = quantize(np.full_like(x, 1e30), FORMAT, random=words)
    plain = quantize(x, FORMAT, random=words)
    x[1, 2] = np.nan
    for a, b, flags in (
        (plain, plain, set()),
        (large, plain, set()),
        (large, large, {"overflow"}),
        (quantize(x, FORMAT, random=words), plain, {"nan"}),
    ):
        _, result = dot.simulate(DOT, a, b)
        assert _set(result) == flags
        assert result.registers["blocks"] == 3


def test_counts_of_the_converter():
    x = np.array([[1, 1, 1, 1], [1, 2.0**-9, 0, -(2.0**-9)], [0, 0, 0, 2.0**-9]], np.float32)
    (_, _, zero_set), result = converter.simulate(CONVERTER, x)
    # Zeros count too, in a block that has another element.
    assert zero_set == convert(CONVERTER, x)[2].sum() == 6
    assert result.registers["elements"] == 12
    assert _set(result) == set()
    x[2, 1] = np.inf
    assert _set(converter.simulate(CONVERTER, x)[1]) == {"nan"}
