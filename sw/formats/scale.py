"""Scales of blocks: what the elements of a block share.

What a block format needs of its scale is what `PowerOfTwoScale` has: codes from the largest
magnitude of a block, among them those of zeros and of NaN, and the exponent of a code.
"""

import dataclasses
from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import choice, whole
from .meaning import ByMeaning

__all__ = ["PowerOfTwoScale"]

EXPONENT_RULES = ("floor", "ceil")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class PowerOfTwoScale(ByMeaning):
    """A power of two ``2**E``, sent as the code ``E - 1 + bias``.

    ``E`` follows from the largest magnitude of the block, ``top``:

    - rule ``floor`` (FlexBlock, MSFP, MX): ``E = floor(log2(top)) + 1``: the largest element has
      its leading one in the top magnitude bit;
    - rule ``ceil`` (HBFP): ``E = ceil(log2(top))``: as ``floor``, but a power of two is met
      exactly by ``2**E`` and so clamps to ``(1 - 2**-m) * top``. (The authors' emulator adds 1e-8
      to ``top`` in binary32, and so does not clamp powers of two of 1/8 and below.)

    The code is clamped to ``lowest_code..highest_code`` (under ``floor`` and 8 bits it is the
    largest binary32 exponent field). A block without a non-zero element has the lowest code. The
    code of all ones marks a block that holds a NaN or an infinity; each of its elements is NaN.

    Scales are equal if they have the same codes by the same rule.

    Parameters
    ----------
    exponent_bits : int
        Bits of a code, 4..10.
    exponent_rule : str
        ``floor`` or ``ceil``, see above.
    exponent_floor : int or None
        The lowest ``E``; None for the lowest that ``exponent_bits`` allow.
    """

    exponent_bits: int
    exponent_rule: str
    exponent_floor: int | None

    def __post_init__(self) -> None:
        """Check every field."""
        whole("exponent_bits", self.exponent_bits, 4, 10)
        choice("exponent_rule", self.exponent_rule, EXPONENT_RULES)
        if self.exponent_floor is not None:
            lowest, highest = self.exponent(0), self.exponent(self.highest_code)
            whole("exponent_floor", self.exponent_floor, lowest, highest)

    @property
    def meaning(self) -> Hashable:
        """What decides the codes."""
        return self.exponent_bits, self.exponent_rule, self.lowest_code

    @property
    def bias(self) -> int:
        """The code of ``E = 1``, the block whose largest element lies in 1.0 .. 2.0."""
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def lowest_code(self) -> int:
        """The smallest code, also that of a block of zeros."""
        return 0 if self.exponent_floor is None else self.exponent_floor - self.exponent(0)

    @property
    def highest_code(self) -> int:
        """The largest code of a finite block."""
        return self.nan_code - 1

    @property
    def nan_code(self) -> int:
        """The code of a block that holds a NaN or an infinity."""
        return (1 << self.exponent_bits) - 1

    def exponent(self, code: Any) -> Any:
        """Return ``E`` of codes, an integer or an array."""
        return code + 1 - self.bias

    def encode(
        self, log2: npt.NDArray[np.int64], exact: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Return the codes of blocks, given ``floor(log2(top))``.

        ``exact`` tells whether ``top`` is that power of two.
        """
        code = log2 + self.bias
        if self.exponent_rule == "ceil":
            code = code - exact
        return np.clip(code, self.lowest_code, self.highest_code)
