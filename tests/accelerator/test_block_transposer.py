"""The block transposer against NumPy's transpose."""

import numpy as np
import pytest

from hw.accelerator.transposer import BlockTransposer

from ..faults import Fault, planted
from ..stream.drive import drive

SHAPES = [(4, 1, 8), (4, 2, 12), (1, 4, 3), (2, 4, 2)]


def beats(values: np.ndarray) -> list[int]:
    return [int.from_bytes(beat.astype("<u4").tobytes(), "little") for beat in values]


@pytest.mark.parametrize(("idle", "pressure"), [(0.0, 0.0), (0.4, 0.1), (0.2, 0.5)])
@pytest.mark.parametrize(("lanes", "parts", "reduction"), SHAPES)
def test_blocks(lanes, parts, reduction, idle, pressure):
    blocks = 5
    rng = np.random.default_rng(lanes)
    x = rng.integers(0, 1 << 32, (blocks, reduction, lanes * parts), np.uint32)
    given, expected = beats(x.reshape(-1, lanes)), beats(x.swapaxes(1, 2).reshape(-1, lanes))
    dut = BlockTransposer(lanes=lanes, parts=parts, reduction=reduction)
    found, cycles, _ = drive(
        dut, {"i": given}, {"o": len(expected)}, seed=3, idle=idle, pressure=pressure
    )
    assert found["o"] == expected
    if not idle and not pressure:
        # A block goes in while the one before leaves.
        assert cycles == (blocks + 1) * reduction * parts + 3


FAULTS = {
    "halves are not exchanged": lambda s: s.write_half.eq(0),
    "a block enters while both halves are full": lambda s: s.i.ready.eq(1),
    "rows are not turned back": lambda s: s.back_0.eq(0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name):
    with planted(Fault(BlockTransposer, FAULTS[name])), pytest.raises(AssertionError):
        test_blocks(4, 2, 12, 0.2, 0.5)
