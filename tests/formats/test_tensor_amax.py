"""The largest magnitude of a tensor, in RTL and as a netlist, against its model."""

import numpy as np
import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.formats.maximum import Maximum
from hw.formats.tensor_amax import TensorAmaxUnit
from sim.formats.tensor_amax import regress, simulate
from sw.errors import UserError
from sw.formats import FLOAT_FORMATS
from sw.formats.tensor_amax import TensorAmaxParameters
from sw.formats.tensor_amax import tensor_amax as model
from tests.bus import Bus
from tests.bus import simulate as drive

from ..faults import STALLS, Fault, assert_caught
from ..small import PARAMETERS

SMALL: TensorAmaxParameters = PARAMETERS["tensor_amax"]
WIDE = TensorAmaxParameters(lanes=3)


@pytest.mark.parametrize("source", FLOAT_FORMATS)
@pytest.mark.parametrize("lanes", [1, 5])
def test_results_and_cycles(source, lanes):
    p = TensorAmaxParameters(lanes=lanes, source=source)
    assert regress(p, blocks=60, seed=1).message == ""
    assert regress(p, blocks=60, seed=2, stalls=STALLS).message == ""


def test_by_hand():
    tensors = [
        [0.5, -3.0, 2.0],
        [np.nan, 1.0, -np.inf],
        [np.inf, np.nan],
        [-0.0, 1e-40],
        [-(2.0**-126)],
        [3.4028235e38, np.inf, -1.0, 0.0, 0.0],
    ]
    values = [np.array(x, np.float32) for x in tensors]
    expected = np.array([3, 1, 0, 0, 2.0**-126, 3.4028235e38], np.float32)
    assert [model(WIDE, x) for x in values] == expected.tolist()
    found, result = simulate(WIDE, values)
    assert (found.view(np.uint32) == expected.view(np.uint32)).all()
    assert result.registers["tensors"] == 6
    assert result.registers["elements"] == 21


def test_every_pattern_of_binary16():
    bits = np.arange(1 << 16, dtype=np.uint16)
    x = bits.view(np.float16).astype(np.float32)
    found, result = simulate(SMALL.replace(lanes=1), list(x[:, None]))
    size = np.abs(x)
    plain = np.isfinite(size) & (size >= 2.0**-14)
    assert (found.view(np.uint32) == np.where(plain, size, 0).view(np.uint32)).all()
    assert result.registers["status.nan"] == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.0])
def test_what_is_not_finite_is_told_in_every_place(value):
    for place in range(9):
        x = np.ones(9, np.float32)
        x[place] = value
        assert simulate(WIDE, [x])[1].registers["status.nan"] == (not np.isfinite(value))


def test_a_reset_inside_a_tensor():
    for cycles in (1, 30, 200):
        assert regress(SMALL, blocks=20, seed=5, reset_after=cycles, stalls=STALLS).message == ""


def test_clear_leaves_a_tensor_and_clears_its_counters_and_flags():
    async def bench(bus: Bus) -> None:
        await bus.reset()
        await bus.tick()
        bus.set("m_axis_tready", 1)
        # 1024 and a NaN; then 0 and 1, the last.
        for beat, last in ((0x7E006400, 0), (0x3C000000, 1)):
            bus.set("s_axis_tdata", beat)
            bus.set("s_axis_tlast", last)
            bus.set("s_axis_tvalid", 1)
            await bus.tick()
            bus.set("s_axis_tvalid", 0)
            if not last:
                await bus.tick(8)
                assert await bus.read("status") == 1 << bus.fields["status.nan"][0]
                assert await bus.read("elements") == 2
                await bus.write("control.clear", 1)
                assert await bus.read("status") == await bus.read("elements") == 0
                assert await bus.read("tensors") == 0
        while not bus.get("m_axis_tvalid"):
            await bus.tick()
        assert bus.get("m_axis_tdata") == np.float32(1024).view(np.uint32)
        assert bus.get("m_axis_tlast") == 1
        await bus.tick(4)
        assert await bus.read("elements") == 2
        assert await bus.read("tensors") == 1

    drive("tensor_amax", SMALL, bench)


@pytest.mark.parametrize("p", [SMALL, SMALL.replace(lanes=3)], ids=["two", "three"])
def test_netlist(p):
    gates = netlist(generate("tensor_amax", p), "gates")
    assert regress(p, blocks=40, seed=6, stalls=STALLS, netlist=gates).message == ""


def test_refused():
    with pytest.raises(UserError, match="^lanes must be an integer from 1 to 256, not 0$"):
        TensorAmaxParameters(lanes=0)
    with pytest.raises(UserError, match="^source must be one of .*, not 'fp8'$"):
        TensorAmaxParameters(source="fp8")
    with pytest.raises(UserError, match="^x must hold values of bfloat16, not 1.0039062"):
        model(TensorAmaxParameters(source="bfloat16"), np.array([1 + 2.0**-8], np.float32))


FAULTS = {
    # What is larger stands there in every cycle.
    "a tensor begins with the one before": Fault(
        TensorAmaxUnit, lambda s: s.so_far.eq(s.larger), "amax"
    ),
    "the latest beat counts alone": Fault(
        TensorAmaxUnit, lambda s: s.larger.eq(s.maximum.o), "amax"
    ),
    "the first lane wins": Fault(
        Maximum, lambda s: s.winner_0_0.eq(s.i[: s.winner_0_0.shape().width]), "amax"
    ),
    "nothing told of a NaN": Fault(TensorAmaxUnit, lambda s: s.flags.nan.eq(0), "status.nan"),
    "stalls without a stall": Fault(
        TensorAmaxUnit, lambda s: s.output_stalls_event.eq(1), "output_stalls"
    ),
}


def test_without_faults():
    assert regress(WIDE, blocks=150, seed=8).message == ""


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    assert_caught(regress, "tensor_amax", WIDE, FAULTS[name], blocks=150, seed=8)
