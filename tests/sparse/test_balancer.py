"""The load balancer in RTL and as a netlist against its model, on every bit."""

from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.units import UNITS
from sim.bench import run
from sim.compare import assert_equal
from sim.registers import readable
from sim.sparse.load_balancer import balance, regress, simulate
from sim.streams import pack
from sw.sparse.load_balancer import BalancerParameters
from sw.sparse.load_balancer import balance as model

from .stimuli import STALLS, assert_agrees

DESIGNS: dict[str, dict[str, Any]] = {
    "halves": {"pe_rows": 4, "pointer_bits": 12, "count_bits": 5},
    "quarters": {"pe_rows": 3, "subtiles": 4, "pointer_bits": 16, "count_bits": 6},
    "in order": {"pe_rows": 5, "subtiles": 1},
    "one PE row": {"pe_rows": 1, "count_bits": 20},
    "quarters of one PE row": {"pe_rows": 1, "subtiles": 4},
    "one subtile": {"pe_rows": 1, "subtiles": 1, "pointer_bits": 4, "count_bits": 1},
    "32 PE rows": {"pe_rows": 32, "count_bits": 8},
}


def parameters(name: str) -> BalancerParameters:
    return BalancerParameters(**DESIGNS[name])


@pytest.mark.parametrize("name", DESIGNS)
def test_random_waves(name):
    assert_agrees(regress, parameters(name), blocks=200, stalled=40)


@pytest.mark.parametrize("name", ["halves", "quarters"])
def test_zeros_and_ones(name):
    # Counts that are 0 or 1, or, as the order is all that matters, 0 or many: all of them.
    p = parameters(name)
    bits = np.arange(1 << p.keys)[:, None] >> np.arange(p.keys) & 1
    ends = (bits << p.count_bits - 1).cumsum(1)
    subtiles, _ = balance(p, np.concatenate([np.zeros_like(ends[:, :1]), ends], axis=1))
    assert_equal(subtiles, model(p, bits))


@pytest.mark.parametrize("name", DESIGNS)
def test_equal_and_empty_pieces(name):
    p = parameters(name)
    most = min((1 << p.count_bits) - 1, ((1 << p.pointer_bits) - 1) // p.keys)
    steps = np.array([0, 1, most, 0])[:, None]
    subtiles, totals = balance(p, steps * np.arange(p.pointers), stalls=STALLS)
    assert_equal(subtiles, model(p, np.broadcast_to(steps, (4, p.keys))))
    assert_equal(totals, np.broadcast_to(steps * p.subtiles, totals.shape))


@pytest.mark.parametrize("name", DESIGNS)
def test_a_wave_each_period(name):
    p = parameters(name)
    pointers = np.zeros((30, p.pointers), int)
    few, many = (simulate(p, part)[1] for part in (pointers[:10], pointers))
    assert many.cycles - few.cycles == 20 * p.period
    assert many.registers["output_stalls"] == 0


def test_first_line_after_the_latency():
    p = parameters("halves")
    latency = UNITS["load_balancer"].top(p).latency
    stamps = simulate(p, np.zeros((1, p.pointers), int))[1].stamps
    assert stamps["m_axis"][0] - stamps["s_axis"][1] == latency == 3


@pytest.mark.parametrize("name", ["halves", "quarters"])
def test_reset_starts_anew(name):
    p = parameters(name)
    for cycles in (3, 50, 201):
        assert regress(p, seed=5, blocks=80, reset_after=cycles, stalls=STALLS).message == ""


def test_netlist():
    p = BalancerParameters(pe_rows=2, pointer_bits=8, count_bits=3)
    gates = netlist(generate("load_balancer", p), "gates")
    assert regress(p, seed=6, blocks=100, stalls=STALLS, netlist=gates).message == ""


def test_cocotb():
    options: dict[str, Any] = {"engine": "cocotb", "simulator": "icarus", "stalls": STALLS}
    assert regress(parameters("quarters"), seed=8, blocks=20, **options).message == ""


def test_flags():
    p = parameters("one subtile")
    for pointers, flags in (
        ([[1, 2]], {}),
        ([[2, 1]], {"decreasing"}),
        ([[1, 3]], {"saturated"}),
        # The first pointer of a pass has none before it.
        ([[5, 5], [0, 1], [9, 9]], {}),
    ):
        found = simulate(p, pointers)[1].registers
        names = {name for name in ("decreasing", "saturated") if found[f"status.{name}"]}
        assert names == set(flags)
    assert framing([0, 1, 0, 1]) == 0
    for last in ([0, 0, 1, 0], [1, 1, 0, 1], [0, 0, 0, 1]):
        assert framing(last) == 1


def framing(last: list[int]) -> int:
    """Return the flag ``framing`` of two passes with these tlast."""
    design = generate("load_balancer", parameters("one subtile"))
    beats = pack(design.manifest["streams"]["s_axis"], {"pointer": np.zeros((4, 1), int)})
    result = run(
        design,
        inputs={"s_axis": beats},
        last={"s_axis": np.array(last)},
        outputs={"m_axis": 2},
        reads=readable(design.manifest),
    )
    assert result.last["m_axis"].tolist() == [1, 1]
    return result.registers["status.framing"]


def test_clear():
    # A flag and counters of the passes before it.
    pointers = np.array([[2, 1]] + 60 * [[1, 2]])
    plain, found = (
        simulate(parameters("one subtile"), pointers, stalls=STALLS, later=later)[1].registers
        for later in ([], [(40, "control.clear", 1)])
    )
    assert (plain["status.decreasing"], found["status.decreasing"]) == (1, 0)
    for name in ("passes", "input_stalls", "output_stalls"):
        assert 0 < found[name] < plain[name]
