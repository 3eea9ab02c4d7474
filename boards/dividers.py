"""The dividers of the phase-locked loops that make the requested clock of a board's oscillator."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from sw.checks import is_number, shown
from sw.errors import UserError

__all__ = ["LIMITS", "Dividers", "Limits", "divide", "reachable"]

MOST = 10_000

TOLERANCE = Fraction(5, 1000)
"""How far a clock may be from the one requested, relatively."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a kind of loop can do; frequencies in MHz, lowest and highest.

    Parameters
    ----------
    detector, oscillator, output : tuple of float
        Of the phase detector, the loop's oscillator and the clock made.
    inputs, feedbacks : range
        Dividers before the detector and in the feedback.
    outputs : iterable of int
        Dividers after the oscillator.
    after : bool
        Whether the feedback is taken after the output's divider.
    """

    detector: tuple[float, float]
    oscillator: tuple[float, float]
    output: tuple[float, float]
    inputs: range
    feedbacks: range
    outputs: Sequence[int]
    after: bool


def _to(most: int) -> range:
    return range(1, most + 1)


_ICE40 = (2, 4, 8, 16, 32, 64)
_GOWIN = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)

# Lattice: ECP5 and ECP5-5G Family Data Sheet, FPGA-DS-02012; iCE40 UltraPlus Family Data Sheet,
# FPGA-DS-02008. Gowin: GW1NR series Data Sheet, DS117, C6/I5; GW2AR series Data Sheet, DS226,
# C8/I7. Xilinx: Artix-7 FPGAs Data Sheet, DS181, PLL, speed grade -1.
LIMITS: Mapping[str, Limits] = {
    "ecp5": Limits((3.125, 400), (400, 800), (3.125, 400), _to(128), _to(80), _to(128), True),
    "ice40": Limits((10, 133), (533, 1066), (16, 275), _to(16), _to(128), _ICE40, False),
    "gw1n": Limits((3, 400), (400, 1200), (3.125, 600), _to(64), _to(64), _GOWIN, True),
    "gw2a": Limits((3, 500), (500, 1250), (3.90625, 625), _to(64), _to(64), _GOWIN, True),
    "xilinx": Limits((19, 450), (800, 1600), (6.25, 800), _to(56), range(2, 65), _to(128), False),
}
"""Loops by family or, where that has several, by series."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dividers:
    """Settings of a loop: ``reference`` is its input in MHz, the others are what they divide by."""

    kind: str
    reference: Fraction
    input: int
    feedback: int
    output: int

    @property
    def detector(self) -> Fraction:
        """MHz of the phase detector."""
        return self.reference / self.input

    @property
    def oscillator(self) -> Fraction:
        """MHz of the loop's oscillator."""
        after = LIMITS[self.kind].after
        return self.detector * self.feedback * (self.output if after else 1)

    @property
    def clock(self) -> Fraction:
        """MHz of the clock made."""
        return self.oscillator / self.output


def _within(value: Fraction, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


@functools.cache
def reachable(kind: str, reference: Fraction) -> tuple[Dividers, ...]:
    """Return for each clock that a loop can make its best settings, the lowest clock first.

    Of settings for one clock those with the highest frequency at the phase detector are best, and
    of these the one with its oscillator nearest to the middle of its range.
    """
    limits = LIMITS[kind]
    middle = Fraction(sum(limits.oscillator)) / 2
    best: dict[Fraction, Dividers] = {}
    for setting in _settings(kind, limits, reference):
        old = best.get(setting.clock)
        if old is None or (setting.input, abs(setting.oscillator - middle)) < (
            old.input,
            abs(old.oscillator - middle),
        ):
            best[setting.clock] = setting
    return tuple(best[clock] for clock in sorted(best))


def _settings(kind: str, limits: Limits, reference: Fraction) -> Iterator[Dividers]:
    low, high = map(Fraction, limits.oscillator)
    for before in limits.inputs:
        detector = reference / before
        if not _within(detector, limits.detector):
            continue
        for feedback in limits.feedbacks:
            loop = detector * feedback
            if not limits.after and not low <= loop <= high:
                continue
            for after in limits.outputs:
                if limits.after and not low <= loop * after <= high:
                    continue
                if _within(loop if limits.after else loop / after, limits.output):
                    chosen = {"input": before, "feedback": feedback, "output": after}
                    yield Dividers(kind=kind, reference=reference, **chosen)


def divide(kind: str, reference: Fraction, clock: float) -> Dividers | None:
    """Return settings that make a clock, in MHz; None if it is the oscillator's own.

    Raises `UserError`, which names the nearest clocks that can be made, if none is within half a
    per cent.
    """
    if not is_number(clock) or not 0 < clock < MOST:
        found = shown(clock)
        raise UserError(f"clock must be a number of MHz above 0 and below {MOST:,}, not {found}")
    wanted = Fraction(clock).limit_denominator(10**6)
    if wanted == reference:
        return None
    known = reachable(kind, reference)
    nearest = min(known, key=lambda setting: (abs(setting.clock - wanted), setting.input))
    if abs(nearest.clock - wanted) <= TOLERANCE * wanted:
        return nearest
    below = max((s.clock for s in known if s.clock < wanted), default=None)
    above = min((s.clock for s in known if s.clock > wanted), default=None)
    words = [f"{float(each):.6g}" for each in (below, above) if each is not None]
    own = f"; without a PLL it is {float(reference):g}"
    raise UserError(
        f"clock {clock:g} MHz cannot be made of {float(reference):g} MHz, "
        f"the nearest {'is' if len(words) == 1 else 'are'} {' and '.join(words)} MHz{own}"
    )
