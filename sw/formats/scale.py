"""Scales of blocks: what the elements of a block share.

What a block format needs of its scale is the code of a block, given its largest magnitude, among
them that of NaN; and of a code an integer factor and an exponent.
"""

import bisect
import dataclasses
import functools
from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import choice, flag, number, whole
from ..errors import UserError
from ..parameters import table_record
from .element import Element, FloatElement
from .meaning import ByMeaning

__all__ = ["MX_RULES", "SCALES", "FloatScale", "MxScale", "PowerOfTwoScale", "read_scale"]

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

    def factor(self, code: Any) -> Any:
        """Return the integer factor of codes: 1."""
        return np.ones_like(code)

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


MX_RULES = ("floor", "ceil", "even", "rceil", "below")
NEVER = 1 << 23


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class MxScale(ByMeaning):
    """The power of two of MX, E8M0: ``2**(code - 127)``, the code 255 for NaN.

    Of the largest magnitude ``top`` of a block, with the exponent ``emax`` of the element's largest
    number, the code is ``floor(log2(top)) - emax + 127``, and one more where ``top`` reaches what
    the rule says; then it is clamped to 0..254:

    - ``floor`` (OCP MX 1.0, 6.3): nowhere; what lies beyond the largest number saturates.
    - ``ceil``: any ``top`` but a power of two.
    - ``even``: what is rounded up to the next power of two, to the bits of the element's fraction
      and half away from zero (torchao).
    - ``rceil`` (TransformerEngine, cuBLAS): ``top`` divided by the largest number, as the binary32
      product with the rounded reciprocal, is rounded up to a power of two.
    - ``below``: the largest number itself and what is beyond, so that stochastic rounding never
      saturates. Of E2M1 and 3/4 of a block it is ``floor`` of the block (Tseng et al., 2025).

    A block of zeros has the code 0. (The references have 255, the code of NaN, for 2**128, which
    only elements whose largest number is below 2 can ask for.)

    Parameters
    ----------
    rule : str
        See above.
    """

    rule: str = "floor"

    bits = 8
    bias = 127
    nan_code = 255
    lowest_code = 0
    highest_code = 254

    def __post_init__(self) -> None:
        """Check the rule."""
        choice("rule", self.rule, MX_RULES)

    @property
    def meaning(self) -> Hashable:
        """What decides the codes."""
        return self.rule

    def carry_from(self, element: Element, *, lowest: bool = False) -> int:
        """Return the least fraction of ``top`` with which the code is one more; 2**23: none.

        ``lowest``: where the code is 0 otherwise. There ``rceil`` has the quotient in a subnormal
        binary32, whose last place is coarser.
        """
        if self.rule == "floor":
            return NEVER
        if self.rule == "ceil":
            return 1
        if self.rule == "below":
            return element.largest * (1 << 24) // (1 << element.magnitude_bits) - NEVER
        if self.rule == "even":
            return NEVER - ((1 << 22) >> element.fraction_bits)
        return _quotient_carry(element, element.emax - self.bias if lowest else element.emax)

    def encode(
        self, element: Element, exponent: npt.NDArray[np.int64], fraction: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Return the codes of blocks, given the exponent of ``top`` and its 23 fraction bits."""
        code = exponent - element.emax + self.bias
        least = self.carry_from(element)
        lowest = self.carry_from(element, lowest=True)
        code = code + (fraction >= np.where(code == 0, lowest, least))
        return np.clip(code, self.lowest_code, self.highest_code)

    def factor(self, code: Any) -> Any:
        """Return the integer factor of codes: 1."""
        return np.ones_like(code)

    def exponent(self, code: Any) -> Any:
        """Return the exponents of codes."""
        return code - self.bias


@functools.lru_cache
def _quotient_carry(element: Element, exponent: int) -> int:
    """Return the least fraction with which the quotient of ``rceil`` passes a power of two."""
    one = np.float32(1)
    reciprocal = one / np.float32(element.largest / 2.0**element.places)

    def quotient(fraction: int) -> np.float32:
        return np.ldexp(np.float32(1 + fraction / NEVER), exponent) * reciprocal

    power = np.ldexp(one, exponent - element.emax)
    return bisect.bisect_right(range(NEVER), power, key=quotient)


_UE4M3 = FloatElement(exponent_bits=4, fraction_bits=3, specials="nan")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FloatScale(ByMeaning):
    """The scale of NVFP4: a small float without a sign, UE4M3, and a binary32 scale a tensor.

    The tensor's scale, ``S_enc``, brings its largest magnitude to ``largest`` times that of the
    elements (`sw.formats.tensor_scale`). A code is 0..126, 127 that of NaN.

    Parameters
    ----------
    four_over_six : bool
        Also tries the scale times 1.5, by which the largest element becomes 4 instead of 6, and
        keeps what has the smaller mean absolute error, the former where they are equal
        (TransformerEngine; Quartet II). ``largest`` is 256 instead of 448. Under stochastic
        rounding both are tried with the same random words.
    headroom : float
        What ``S_dec`` is multiplied by, 1 to 2: elements are smaller by it than the scales' codes
        allow, so that stochastic rounding of the largest saturates less (TetraJet-v2 and Quartet
        II: 17/16, which covers the rounding of a code).
    """

    four_over_six: bool = False
    headroom: float = 1.0

    bits = 8
    nan_code = 127
    lowest_code = 0
    highest_code = 126
    element = _UE4M3

    def __post_init__(self) -> None:
        """Check the options."""
        flag("four_over_six", self.four_over_six)
        headroom = float(np.float32(number("headroom", self.headroom, 1, 2)))
        object.__setattr__(self, "headroom", headroom)
        if self.four_over_six and headroom > 1:
            raise UserError(f"headroom must be 1 with four_over_six, not {headroom}")

    @property
    def meaning(self) -> Hashable:
        """What decides the codes."""
        return "ue4m3", self.four_over_six, self.headroom

    @property
    def largest(self) -> int:
        """The largest scale that a tensor's own asks for."""
        return 256 if self.four_over_six else 448

    def factor(self, code: Any) -> Any:
        """Return the significands of codes, integers of 4 bits."""
        code = np.asarray(code, np.int64)
        places = code & 7
        return np.where(code >= self.nan_code, 0, np.where(code > 7, places | 8, places))

    def exponent(self, code: Any) -> Any:
        """Return the exponents of the significands' last places."""
        return np.maximum(np.asarray(code, np.int64) >> 3, 1) - 1 - _UE4M3.places

    def value(self, code: Any) -> npt.NDArray[np.float32]:
        """Return the values of codes, that of NaN as 0."""
        return np.ldexp(self.factor(code).astype(np.float32), self.exponent(code))


SCALES: dict[str, "MxScale | FloatScale"] = {"e8m0": MxScale(), "ue4m3": FloatScale()}
"""Scales of small formats, by name."""


def read_scale(value: Any) -> "MxScale | FloatScale":
    """Return the scale for a name, a table of fields, or a scale.

    A table may have a ``preset``; one with fields of `FloatScale` is of NVFP4's.
    """
    fields = {field.name for field in dataclasses.fields(FloatScale)}
    return table_record(
        "scale", value, SCALES, lambda table: FloatScale if fields & set(table) else MxScale
    )
