"""Number formats: IEEE-style floating point and block floating point (BFP).

The only place for widths, biases and conventions; models and circuits both read them here.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from .checks import choice, flag, line, unknown, whole
from .errors import UserError
from .parameters import table_fields

__all__ = [
    "BFLOAT16",
    "BINARY16",
    "BINARY32",
    "BLOCK_FORMATS",
    "FLOAT_FORMATS",
    "MOST_BLOCK",
    "BlockFormat",
    "FloatFormat",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatFormat:
    """An IEEE-754 binary interchange format: sign, biased exponent, fraction with a hidden one.

    Subnormals are read as signed zeros everywhere in Gradgate.

    Parameters
    ----------
    name : str
        For messages and file headers.
    exponent_bits : int
        2..8; binary32 holds the values of every format.
    fraction_bits : int
        2..23.
    """

    name: str = "custom"
    exponent_bits: int
    fraction_bits: int

    def __post_init__(self) -> None:
        """Check every field."""
        line("name", self.name)
        whole("exponent_bits", self.exponent_bits, 2, 8)
        whole("fraction_bits", self.fraction_bits, 2, 23)

    @classmethod
    def read(cls, value: "FloatFormat | str | Mapping[str, Any]") -> "FloatFormat":
        """Return the format for a preset's name, a table of fields, or a format."""
        if isinstance(value, FloatFormat):
            return value
        if isinstance(value, str):
            if value not in FLOAT_FORMATS:
                raise unknown("format", value, FLOAT_FORMATS)
            return FLOAT_FORMATS[value]
        return cls(**table_fields(cls, "format", value))

    @property
    def width(self) -> int:
        """Bits of one value."""
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def bias(self) -> int:
        """The exponent field of 1.0."""
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def exponent_ones(self) -> int:
        """The exponent field of infinity and NaN."""
        return (1 << self.exponent_bits) - 1


BINARY32 = FloatFormat(name="binary32", exponent_bits=8, fraction_bits=23)
BFLOAT16 = FloatFormat(name="bfloat16", exponent_bits=8, fraction_bits=7)
BINARY16 = FloatFormat(name="binary16", exponent_bits=5, fraction_bits=10)

FLOAT_FORMATS = {f.name: f for f in (BINARY32, BFLOAT16, BINARY16)}

EXPONENT_RULES = ("floor", "ceil")
ROUNDINGS = ("truncate", "nearest_even", "stochastic")

MOST_BLOCK, MOST_SIDE = 1 << 16, 1 << 10  # elements along the reduction, or of a square's side


@dataclasses.dataclass(frozen=True, kw_only=True)
class BlockFormat:
    """A block floating-point format: integers that share one power of two per block.

    With ``m = magnitude_bits`` an element is ``q * 2**(E - m)`` where ``q`` is an integer, and the
    block's exponent ``E`` follows from the largest magnitude in the block, ``top``:

    - rule ``floor`` (FlexBlock, MSFP, MX): ``E = floor(log2(top)) + 1``: the largest element has
      its leading one in the top magnitude bit;
    - rule ``ceil`` (HBFP): ``E = ceil(log2(top))``: as ``floor``, but a power of two is met
      exactly by ``2**E`` and so clamps to ``(1 - 2**-m) * top``. (The authors' emulator adds 1e-8
      to ``top`` in binary32, and so does not clamp powers of two of 1/8 and below.)

    ``E`` is held as the code ``E - 1 + exponent_bias``, clamped to ``lowest_code..highest_code``
    (under ``floor`` and 8 bits this is the largest binary32 exponent field). A block without a
    non-zero element has the lowest code. The code of all ones marks a block that holds a NaN or an
    infinity; each of its elements reads as NaN.

    A magnitude that rounds beyond ``largest`` clamps to it. ``symmetric`` formats have codes
    ``-(2**m - 1) .. 2**m - 1`` and are stored as sign and magnitude; others have ``-2**m`` too and
    are stored in two's complement. Either takes ``element_bits`` bits.

    Parameters
    ----------
    name : str
        For messages and file headers.
    mantissa_bits : int
        Bits of a mantissa, 2..24, as the format's authors count them.
    sign_inside : bool
        Whether ``mantissa_bits`` counts the sign.
    exponent_bits : int
        Bits of the shared exponent, 4..10.
    exponent_rule : str
        ``floor`` or ``ceil``, see above.
    exponent_floor : int or None
        The lowest ``E``; None for the lowest that ``exponent_bits`` allow.
    block : tuple of int
        ``(n,)``: n elements along the reduction; ``(b, b)``: a square tile of a matrix.
    rounding : str
        ``truncate`` (toward zero), ``nearest_even`` or ``stochastic``.
    random_bits : int
        Random bits per element under stochastic rounding, 1..24.
    symmetric : bool
        Whether the most negative code is left out.
    """

    name: str = "custom"
    mantissa_bits: int = 8
    sign_inside: bool = True
    exponent_bits: int = 8
    exponent_rule: str = "floor"
    exponent_floor: int | None = None
    block: tuple[int, ...] = (16,)
    rounding: str = "nearest_even"
    random_bits: int = 8
    symmetric: bool = True

    def __post_init__(self) -> None:
        """Check every field."""
        line("name", self.name)
        whole("mantissa_bits", self.mantissa_bits, 2, 24)
        flag("sign_inside", self.sign_inside)
        whole("exponent_bits", self.exponent_bits, 4, 10)
        choice("exponent_rule", self.exponent_rule, EXPONENT_RULES)
        if self.exponent_floor is not None:
            whole("exponent_floor", self.exponent_floor, self._lowest, self._highest)
        object.__setattr__(self, "block", self._shape(self.block))
        choice("rounding", self.rounding, ROUNDINGS)
        whole("random_bits", self.random_bits, 1, 24)
        flag("symmetric", self.symmetric)

    @staticmethod
    def _shape(block: Any) -> tuple[int, ...]:
        """Read ``16``, ``"8x8"``, ``[16]`` or ``(8, 8)``."""
        sides: Any = block
        if isinstance(block, str):
            sides = [int(s) if s.isdecimal() and len(s) < 6 else s for s in block.split("x")]
        elif isinstance(block, int):
            sides = [block]
        good = isinstance(sides, (list, tuple)) and len(sides) in (1, 2)
        good = good and all(isinstance(s, int) and not isinstance(s, bool) for s in sides)
        most = MOST_BLOCK if good and len(sides) == 1 else MOST_SIDE
        good = good and all(1 <= s <= most for s in sides) and len(set(sides)) == 1
        if not good:
            raise UserError(f"block must be a length (16) or a square (8x8), not {block!r}")
        return tuple(sides)

    @classmethod
    def read(cls, value: "BlockFormat | str | Mapping[str, Any]") -> "BlockFormat":
        """Return the format for a preset's name, a table of fields, or a format.

        A table may name a ``preset`` whose fields it changes.
        """
        if isinstance(value, BlockFormat):
            return value
        if isinstance(value, str):
            if value not in BLOCK_FORMATS:
                raise unknown("format", value, BLOCK_FORMATS)
            return BLOCK_FORMATS[value]
        fields = table_fields(cls, "format", value, "preset")
        base = fields.pop("preset", None)
        if base is None:
            return cls(**fields)
        return dataclasses.replace(cls.read(base), **{"name": f"{base}*"} | fields)

    @property
    def magnitude_bits(self) -> int:
        """Bits of a magnitude, without the sign: ``m``."""
        return self.mantissa_bits - self.sign_inside

    @property
    def element_bits(self) -> int:
        """Bits in which an element is stored and sent, sign included."""
        return self.magnitude_bits + 1

    @property
    def largest(self) -> int:
        """The largest magnitude of a positive element."""
        return (1 << self.magnitude_bits) - 1

    @property
    def most_negative(self) -> int:
        """The most negative element."""
        return -self.largest - (not self.symmetric)

    @property
    def block_elements(self) -> int:
        """Elements that share an exponent."""
        return self.block[0] ** len(self.block)

    @property
    def reduction(self) -> int:
        """Elements of a block along the reduction of a matrix product."""
        return self.block[0]

    @property
    def exponent_bias(self) -> int:
        """The code of ``E = 1``, the block whose largest element lies in 1.0 .. 2.0."""
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def _lowest(self) -> int:
        return 1 - self.exponent_bias

    @property
    def _highest(self) -> int:
        return self.nan_code - 1 + self._lowest

    @property
    def lowest_code(self) -> int:
        """The smallest exponent code, also that of a block of zeros."""
        return 0 if self.exponent_floor is None else self.exponent_floor - self._lowest

    @property
    def highest_code(self) -> int:
        """The largest exponent code of a finite block."""
        return self.nan_code - 1

    @property
    def nan_code(self) -> int:
        """The exponent code of a block that holds a NaN or an infinity."""
        return (1 << self.exponent_bits) - 1


def _flexblock(bits: int, group: int) -> dict[str, BlockFormat]:
    """Both readings of a FlexBlock mode: sign beside the mantissa, or inside it."""
    name = f"fb{bits + 8}"
    beside = BlockFormat(
        name=name,
        mantissa_bits=bits,
        sign_inside=False,
        exponent_rule="floor",
        block=(group,),
        rounding="truncate",
    )
    inside = dataclasses.replace(beside, name=f"{name}_sign_inside", sign_inside=True)
    return {beside.name: beside, inside.name: inside}


def _hbfp(bits: int) -> dict[str, BlockFormat]:
    """HBFP with blocks of 64 along the reduction, and with the same 64 as a square tile."""
    flat = BlockFormat(
        name=f"hbfp{bits}",
        mantissa_bits=bits,
        exponent_bits=10,
        exponent_rule="ceil",
        exponent_floor=-26,
        block=(64,),
        rounding="stochastic",
    )
    square = dataclasses.replace(flat, name=f"{flat.name}_8x8", block=(8, 8))
    return {flat.name: flat, square.name: square}


BLOCK_FORMATS: dict[str, BlockFormat] = {
    **_flexblock(4, 216),
    **_flexblock(8, 108),
    **_flexblock(16, 54),
    **(_hbfp(4) | _hbfp(6) | _hbfp(8) | _hbfp(12)),
    "msfp12": BlockFormat(name="msfp12", mantissa_bits=3, sign_inside=False),
    "msfp16": BlockFormat(name="msfp16", mantissa_bits=7, sign_inside=False),
    "mxint8": BlockFormat(name="mxint8", block=(32,)),
}
"""Presets by name.

FlexBlock (arXiv 2203.06673): groups of 216, 108 and 54 elements, 864 mantissa bits each; whether
the sign is counted inside the 4, 8 or 16 bits is not published, so both are here. HBFP (arXiv
2211.10737): mantissa bits include the sign, 10 exponent bits, 64 elements, stochastic rounding;
the epsilon of the authors' emulator becomes the exponent floor of -26. MSFP (NeurIPS 2020): sign
and 3 or 7 magnitude bits, 16 elements. MXINT8 (OCP MX 1.0): 32 elements, 127/64 the largest.
"""
