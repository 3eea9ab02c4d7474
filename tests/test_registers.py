"""Status bits, counters and commands of each unit, one event at a time."""

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.flow.emit import generate
from hw.units import UNITS
from sim.bench import Result, Stalls, run
from sim.bfp import array, converter, dot
from sim.compare import assert_equal
from sim.registers import readable
from sw.bfp.array import matmul as model
from sw.bfp.converter import convert
from sw.bfp.quantize import Blocks, quantize
from tests.small import (
    ARRAY,
    CONVERTER,
    DOT,
    ENTRIES,
    FORMAT,
    MULTIPLIER,
    OUTER,
    STOCHASTIC,
    TABLED,
    TRANSPOSER,
)

# Twelve beats: two tiles of three blocks, or six blocks.
JOB = (("tile_rows", 2), ("tile_columns", 1), ("blocks", 3))
START = ("control.start", 1)
BEATS = 12
CASES = {
    "bfp_array": (ARRAY, (*JOB, START), 4),
    "bfp_dot": (DOT, (), 6),
    "bfp_converter": (CONVERTER, (), 12),
    "bfp_transposer": (TRANSPOSER, (), 12),
    "approx_multiplier": (MULTIPLIER, (), 12),
    "amsim_multiplier": (TABLED, (("load", 1),), 12),
    "stochastic_converter": (STOCHASTIC, (), 12),
    "outer_product": (OUTER, (), 24),
}
STALLS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("bfp_array", "bfp_dot"), ("operand_stalls", "result_stalls")),
    "amsim_multiplier": ("table_stalls", "output_stalls"),
    "outer_product": ("vector_stalls", "result_stalls"),
}
INPUTS = [
    ("bfp_array", "s_axis_a"),
    ("bfp_array", "s_axis_b"),
    ("bfp_dot", "s_axis_a"),
    ("bfp_dot", "s_axis_b"),
    ("bfp_transposer", "s_axis"),
    ("bfp_converter", "s_axis"),
    ("stochastic_converter", "s_axis"),
]
PADDED = [
    *INPUTS[:5],
    ("approx_multiplier", "s_axis"),
    ("amsim_multiplier", "s_axis"),
    ("amsim_multiplier", "s_axis_table"),
]


def _beats(stream: str) -> int:
    return ENTRIES if stream == "s_axis_table" else BEATS


def _run(
    unit: str,
    *,
    last: dict[str, np.ndarray] | None = None,
    padding: str = "",
    **options: Any,
) -> Result:
    """Stream zeros; ``padding`` names a stream whose first beat has a padding bit set."""
    parameters, writes, outputs = CASES[unit]
    design = generate(unit, parameters)
    inputs = {
        name: np.zeros((_beats(name), stream["bytes"]), np.uint8)
        for name, stream in design.manifest["streams"].items()
        if stream["direction"] == "in"
    }
    if padding:
        inputs[padding][0, -1] |= 128
    return run(
        design,
        inputs=inputs,
        outputs={"m_axis": outputs},
        last=last,
        writes=options.pop("writes", writes),
        reads=readable(design.manifest),
        **options,
    )


def _set(result: Result) -> set[str]:
    """The bits of status that are set."""
    status = {name.partition(".")[2]: v for name, v in result.registers.items() if "status" in name}
    return {name for name, value in status.items() if value} - {"done"}


def _ends(*beats: int) -> np.ndarray:
    last = np.zeros(BEATS, np.uint8)
    last[list(beats)] = 1
    return last


@pytest.mark.parametrize(("unit", "stream"), INPUTS)
def test_tlast_inside_a_block_or_tile_is_a_framing_error(unit, stream):
    tile = 6 if unit == "bfp_array" else 2
    ends = range(tile - 1, BEATS, tile)
    assert _set(_run(unit, last={stream: _ends(*ends)})) == set()
    for inside in range(tile - 1):
        assert _set(_run(unit, last={stream: _ends(inside)})) == {"framing"}


@pytest.mark.parametrize(("unit", "stream"), PADDED)
def test_a_padding_bit_is_a_framing_error(unit, stream):
    assert _set(_run(unit, padding=stream)) == {"framing"}


@pytest.mark.parametrize("unit", CASES)
def test_idle_inputs_and_back_pressure_count_apart(unit):
    own, other = STALLS.get(unit, ("input_stalls", "output_stalls"))
    plain = _run(unit)
    idle = _run(unit, stalls=Stalls(idle=0.5))
    pressed = _run(unit, stalls=Stalls(back_pressure=0.8))
    assert plain.registers[other] == idle.registers[other] == 0
    assert pressed.registers[other] > 0
    assert idle.registers[own] > plain.registers[own]
    if own == "input_stalls":
        # It takes a beat in every cycle, so that those without are all that the run is longer by.
        added = idle.simulated - plain.simulated
        assert idle.registers[own] - plain.registers[own] == added
        # It has room for all beats, or for some.
        assert pressed.registers[own] > plain.registers[own]
        if unit == "approx_multiplier":
            # One register moves all of it: a cycle that waits for products does not wait for pairs.
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
    for commands in ((START, START), (START, START, START, ("tile_rows", 2))):
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


@pytest.mark.parametrize("unit", CASES)
def test_clear_after_the_streams(unit):
    # In Amaranth's simulator, which takes commands at any time. First all bits of the data are one:
    # NaN, and padding bits that are set; then elements 1 and 0. All beats but entries have tlast.
    parameters, writes, outputs = CASES[unit]
    top = UNITS[unit].top(parameters)
    jobs = top.core.JOBS
    addresses = {register.name: 4 * i for i, register in enumerate(top.registers)}
    commands = {"control.start": ("control", 1), "control.clear": ("control", 2 if jobs else 1)}
    counters = [r.name for r in top.core.registers if r.access == "ro" and r.name != "table"]
    sources = [name for name in top.streams if name.startswith("s")]

    async def tick(ctx: Any) -> None:
        for clock in (1, 0):
            ctx.set(top.aclk, clock)
            await ctx.delay(1e-8)

    async def access(ctx: Any, kind: str, name: str, value: int = 0) -> int:
        name, value = commands.get(name, (name, value))
        ctx.set(getattr(top, f"s_axi_a{kind}addr"), addresses[name])
        requests = [f"a{kind}"] + ["w"] * (kind == "w")
        answer = "b" if kind == "w" else "r"
        ctx.set(top.s_axi_wdata, value)
        ctx.set(top.s_axi_wstrb, 15)
        for channel in requests:
            ctx.set(getattr(top, f"s_axi_{channel}valid"), 1)
        ctx.set(getattr(top, f"s_axi_{answer}ready"), 1)
        while not ctx.get(getattr(top, f"s_axi_{answer}valid")):
            taken = [c for c in requests if ctx.get(getattr(top, f"s_axi_{c}ready"))]
            await tick(ctx)
            for channel in taken:
                ctx.set(getattr(top, f"s_axi_{channel}valid"), 0)
        data = ctx.get(top.s_axi_rdata)
        await tick(ctx)
        ctx.set(getattr(top, f"s_axi_{answer}ready"), 0)
        return data

    async def stream(ctx: Any) -> None:
        left = {name: _beats(name) for name in sources}
        given = cycle = 0
        while given < outputs:
            cycle += 1
            for i, name in enumerate(sources):
                # One operand comes later than the other, both later than they could be taken.
                ctx.set(getattr(top, f"{name}_tvalid"), left[name] > 0 and cycle > 5 + 3 * i)
                last = name != "s_axis_table" or left[name] == 1
                ctx.set(getattr(top, f"{name}_tlast"), last)
                data = -1 if left[name] > BEATS // 2 else 0x3F800000
                ctx.set(getattr(top, f"{name}_tdata"), data)
            ctx.set(top.m_axis_tready, cycle > 80)
            for name in sources:
                shake = (getattr(top, f"{name}_t{s}") for s in ("valid", "ready"))
                left[name] -= all([ctx.get(s) for s in shake])
            given += ctx.get(top.m_axis_tvalid) and ctx.get(top.m_axis_tready)
            await tick(ctx)

    async def bench(ctx: Any) -> None:
        await tick(ctx)
        ctx.set(top.aresetn, 1)
        for name, value in (*writes, *writes[-1:]):
            await access(ctx, "w", name, value)
        await stream(ctx)
        rare = {"busy", "overflow", "underflow"}
        for _ in range(4):
            await tick(ctx)
        status = await access(ctx, "r", "status")
        names = [*(["busy", "done"] if jobs else []), *top.core.FLAGS]
        assert {n for i, n in enumerate(names) if status >> i & 1} == set(names) - rare
        for name in counters:
            value = await access(ctx, "r", name)
            assert value > 0, name
        await access(ctx, "w", "control.clear")
        state = 2 if jobs else 0  # done
        assert await access(ctx, "r", "status") == state
        for name in counters:
            value = await access(ctx, "r", name)
            # Those without jobs go on to wait for elements.
            waits = name in ("input_stalls", "vector_stalls")
            assert 0 < value < 40 if waits else value == 0, name
        if jobs:
            for name, value in (("blocks", 0), START):
                await access(ctx, "w", name, value)
            assert await access(ctx, "r", "status") == state + (1 << names.index("refused"))

    simulator = Simulator(top)
    simulator.add_testbench(bench)
    simulator.run()
