"""Linear feedback shift registers of maximal length, 8 to 32 bits, in both forms."""

import dataclasses
import functools
import math

from ..checks import choice, whole
from ..lfsr import Linear
from ..parameters import Checked

__all__ = ["FORMS", "LEAST_WIDTH", "MOST_WIDTH", "TAPS", "Lfsr"]

FORMS = ("fibonacci", "galois")

TAPS = {
    8: (8, 6, 5, 4),
    9: (9, 5),
    10: (10, 7),
    11: (11, 9),
    12: (12, 6, 4, 1),
    13: (13, 4, 3, 1),
    14: (14, 5, 3, 1),
    15: (15, 14),
    16: (16, 15, 13, 4),
    17: (17, 14),
    18: (18, 11),
    19: (19, 6, 2, 1),
    20: (20, 17),
    21: (21, 19),
    22: (22, 21),
    23: (23, 18),
    24: (24, 23, 22, 17),
    25: (25, 22),
    26: (26, 6, 2, 1),
    27: (27, 5, 2, 1),
    28: (28, 25),
    29: (29, 27),
    30: (30, 6, 4, 1),
    31: (31, 28),
    32: (32, 22, 2, 1),
}
"""Exponents of a primitive polynomial of each degree, its constant term left out.

P. Alfke, "Efficient Shift Registers, LFSR Counters, and Long Pseudo-Random Sequence Generators",
Xilinx application note 052, 1996, table 3.
"""

MOST_STEPS = 1 << 128
"""More than any run has."""

LEAST_WIDTH, MOST_WIDTH = min(TAPS), max(TAPS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lfsr(Checked):
    """A shift register that steps through all ``2**width - 1`` states but zero.

    A step moves the state one place up. In the Fibonacci form the parity of the tapped places,
    counted from 1, enters at the bottom; in the Galois form the bit that leaves at the top is added
    to the places above the tapped ones, and enters at the bottom.

    Parameters
    ----------
    width : int
        Bits of the state, 8..32.
    form : str
        ``fibonacci`` or ``galois``.
    """

    width: int
    form: str = "fibonacci"

    def __post_init__(self) -> None:
        """Check every field."""
        whole("width", self.width, LEAST_WIDTH, MOST_WIDTH)
        choice("form", self.form, FORMS)

    @property
    def period(self) -> int:
        """Steps after which a state returns."""
        return (1 << self.width) - 1

    @property
    def leap(self) -> int:
        """Steps from one random word to the next.

        The least number of at least ``width``, so that no bit stays, that has no divisor in common
        with the period, so that the words have that period too.
        """
        leap = self.width
        while math.gcd(leap, self.period) > 1:
            leap += 1
        return leap

    def step(self, state: int) -> int:
        """Return the state that follows."""
        whole("state", state, 1, self.period)
        up = state << 1 & self.period
        if self.form == "fibonacci":
            return up | sum(state >> tap - 1 & 1 for tap in TAPS[self.width]) & 1
        out = state >> self.width - 1
        return up ^ out * (1 | sum(1 << tap for tap in TAPS[self.width][1:]))

    @functools.cached_property
    def linear(self) -> Linear:
        """The steps as matrices."""
        return Linear(tuple(self.step(1 << bit) for bit in range(self.width)))

    def jump(self, state: int, steps: int) -> int:
        """Return the state ``steps`` steps after ``state``, or before it if negative."""
        whole("state", state, 1, self.period)
        steps = whole("steps", steps, -MOST_STEPS, MOST_STEPS)
        return self.linear.jump(state, steps % self.period)
