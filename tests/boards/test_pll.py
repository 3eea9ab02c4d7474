"""Settings of clock generators: within the vendors' limits, and as near as stated."""

from fractions import Fraction

import pytest

from boards.dividers import LIMITS, Dividers, divide, reachable
from boards.pll import models
from hw.cells import primitive_ports
from sw.errors import UserError

OSCILLATORS = {"ecp5": (25, 48), "ice40": (12,), "gw1n": (27,), "gw2a": (27,), "xilinx": (100,)}


# As ecppll of Project Trellis and icepll of Project IceStorm give them; those of Gowin and Xilinx
# by hand: 27 MHz * 2 and its oscillator at 16 times that, 100 MHz * 12 / 24.
@pytest.mark.parametrize(
    ("kind", "reference", "clock", "dividers", "oscillator"),
    [
        ("ecp5", 25, 50, (1, 2, 12), 600),
        ("ecp5", 25, 40, (5, 8, 15), 600),
        ("ecp5", 48, 60, (4, 5, 10), 600),
        ("ice40", 12, 24, (1, 64, 32), 768),
        ("ice40", 12, 30, (1, 80, 32), 960),
        ("gw1n", 27, 54, (1, 2, 16), 864),
        ("xilinx", 100, 50, (1, 12, 24), 1200),
    ],
)
def test_known_settings(kind, reference, clock, dividers, oscillator):
    found = divide(kind, Fraction(reference), clock)
    assert found is not None
    assert (found.input, found.feedback, found.output) == dividers
    assert (found.oscillator, found.clock) == (oscillator, clock)


def test_a_clock_within_half_a_per_cent_is_taken_and_told_exactly():
    found = divide("gw2a", Fraction(27), 50)
    assert found is not None
    assert found.clock == Fraction(27 * 13, 7)


def test_the_oscillators_own_clock_needs_no_loop():
    assert divide("ecp5", Fraction(25), 25) is None
    assert divide("ice40", Fraction(12), 12.0) is None


@pytest.mark.parametrize(
    ("kind", "reference"), [(k, r) for k, found in OSCILLATORS.items() for r in found]
)
def test_every_setting_is_within_the_vendors_limits(kind, reference):
    limits = LIMITS[kind]
    found = reachable(kind, Fraction(reference))
    assert len(found) > 50
    assert [d.clock for d in found] == sorted({d.clock for d in found})
    for d in found:
        assert limits.detector[0] <= d.detector <= limits.detector[1]
        assert limits.oscillator[0] <= d.oscillator <= limits.oscillator[1]
        assert limits.output[0] <= d.clock <= limits.output[1]
        assert d.input in limits.inputs
        assert d.feedback in limits.feedbacks
        assert d.output in limits.outputs


def test_limits_would_be_seen_to_be_broken():
    limits = LIMITS["ecp5"]
    slow = Dividers(kind="ecp5", reference=Fraction(25), input=1, feedback=2, output=6)
    assert slow.oscillator == 300 < limits.oscillator[0]
    assert slow not in reachable("ecp5", Fraction(25))


@pytest.mark.parametrize(
    ("kind", "reference", "clock", "message"),
    [
        ("ice40", 12, 20, "20 MHz cannot be made of 12 MHz, the nearest are 19.875 and 20.25 MHz"),
        ("ice40", 12, 11, "11 MHz cannot be made of 12 MHz, the nearest is 16.125 MHz"),
        ("ecp5", 25, 500, "500 MHz cannot be made of 25 MHz, the nearest is 400 MHz"),
    ],
)
def test_a_clock_that_cannot_be_made_is_told_with_the_nearest(kind, reference, clock, message):
    with pytest.raises(UserError) as error:
        divide(kind, Fraction(reference), clock)
    assert str(error.value) == f"clock {message}; without a PLL it is {reference}"


@pytest.mark.parametrize("clock", [-1, 0, 1e9, float("nan"), float("inf")])
def test_a_clock_is_a_number(clock):
    with pytest.raises(
        UserError, match=f"^clock must be a number of MHz above 0 and below 10,000, not {clock}$"
    ):
        divide("ecp5", Fraction(25), clock)


@pytest.mark.parametrize("family", ["ecp5", "ice40", "gowin", "xilinx"])
def test_models_pass_the_clock_and_are_locked(family):
    text = models(family).read_text("utf-8")
    primitives = primitive_ports(models(family))
    assert any("output" in (p.get("LOCK"), p.get("LOCKED")) for p in primitives.values())
    assert "1'b1" in text
