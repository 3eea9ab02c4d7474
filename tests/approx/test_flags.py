"""What the multipliers' status bits say of one pair among others of which they say nothing."""

import numpy as np
import pytest

from sim.approx import amsim_multiplier as amsim
from sim.approx import multiplier
from sw.approx.table import make

from .side_by_side import STALLS
from .test_amsim import EACH
from .test_multiplier import UNIT

TABLED = EACH[2]
ZERO, SUBNORMAL, LEAST, HALF, ONE, LARGEST, INFINITY, NAN = (
    *(0x0000, 0x0001, 0x0080),
    *(0x3F00, 0x3F80, 0x7F7F),
    *(0x7F80, 0x7FC0),
)
MINUS = 0x8000
CASES = [
    (NAN, ONE, {"nan"}),
    (ZERO, NAN | MINUS, {"nan"}),
    (INFINITY, ZERO, {"nan"}),
    (INFINITY, ONE, {"overflow"}),
    (ONE | MINUS, INFINITY, {"overflow"}),
    (LARGEST, LARGEST, {"overflow"}),
    (LEAST, LEAST, {"underflow"}),
    (LEAST | MINUS, HALF, {"underflow"}),
    (ZERO, ONE, set()),
    (LARGEST, ZERO | MINUS, set()),
    (ONE, SUBNORMAL, set()),
    (ONE, ONE | MINUS, set()),
    (LEAST, ONE, set()),
    (LARGEST, HALF, set()),
]


def _set(unit: str, a: np.ndarray, b: np.ndarray, **options) -> set[str]:
    """The bits of status that a run sets."""
    if unit == "approx_multiplier":
        _, result = multiplier.simulate(UNIT, a, b, **options)
    else:
        _, result = amsim.simulate(TABLED, make("mitchell", 2), a, b, **options)
    status = {name.partition(".")[2]: v for name, v in result.registers.items() if "status" in name}
    return {name for name, value in status.items() if value}


@pytest.mark.parametrize("unit", ["approx_multiplier", "amsim_multiplier"])
def test_the_flags_of_one_pair(unit):
    lanes = (UNIT if unit == "approx_multiplier" else TABLED).lanes
    for a, b, flags in CASES:
        for other in (ZERO, ONE):
            for lane in range(lanes):
                pairs = np.full((2, 5 * lanes), other)
                pairs[:, 2 * lanes + lane] = a, b
                for stalls in (None, STALLS):
                    context = (f"{a:04x} {b:04x}", other, lane, stalls)
                    assert _set(unit, *pairs, stalls=stalls) == flags, context
