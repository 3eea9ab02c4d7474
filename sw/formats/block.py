"""Block floating-point formats."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from ..checks import choice, flag, line, shown, whole
from ..errors import UserError
from ..parameters import Checked, preset_and_fields, table_fields, tight

__all__ = ["BLOCK_FORMATS", "BOX_FORMATS", "MOST_BLOCK", "ROUNDINGS", "BlockFormat"]

EXPONENT_RULES = ("floor", "ceil")
ROUNDINGS = ("truncate", "nearest_even", "nearest_away", "stochastic")

MOST_BLOCK, MOST_SIDE = 1 << 16, 1 << 10  # elements of a block or box, or of a square's side
MOST_AXES = 8


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class BlockFormat(Checked):
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

    Elements are stored and sent as sign and magnitude, ``-(2**m - 1) .. 2**m - 1``, or in two's
    complement, ``-2**m .. 2**m - 1``, in ``element_bits`` bits either way. A magnitude that rounds
    beyond ``largest`` clamps to it; a quantizer makes ``-2**m`` unless the format is
    ``symmetric``, and all that computes takes it. A zero has no sign: quantizers give +0 for what
    is negative and becomes zero, as FlexBlock's simulator does, and a -0 on the wire is read as 0.

    Formats are equal if they hold the same numbers in the same codes, whatever their names and
    however their bits are counted.

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
        ``(n,)``: n elements along the reduction; ``(b, b)``: a square tile of a matrix; else a box
        of a tensor's last axes, such as ``(1, 24, 3, 3)``, which no matrix product takes.
    rounding : str
        ``truncate`` (toward zero), ``nearest_even``, ``nearest_away`` (ties away from zero) or
        ``stochastic``.
    random_bits : int
        Random bits per element under stochastic rounding, 1..24.
    symmetric : bool
        Whether quantizers leave out the most negative code of two's complement.
    twos_complement : bool or None
        Whether elements are in two's complement; None where the format is not symmetric.
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
    twos_complement: bool | None = None

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
        if self.twos_complement is not None:
            flag("twos_complement", self.twos_complement)
        if not (self.symmetric or self.in_twos_complement):
            raise UserError("symmetric must be true where twos_complement is false, not False")

    @staticmethod
    def _shape(block: Any) -> tuple[int, ...]:
        """Read ``16``, ``"8x8"``, ``[16]`` or ``(8, 8)``."""
        sides: Any = block
        if isinstance(block, str):
            sides = [int(s) if s.isdecimal() and len(s) < 6 else s for s in block.split("x")]
        elif isinstance(block, int):
            sides = [block]
        good = isinstance(sides, (list, tuple)) and 1 <= len(sides) <= MOST_AXES
        good = good and all(isinstance(s, int) and not isinstance(s, bool) for s in sides)
        good = good and all(s >= 1 for s in sides)
        square = good and len(sides) == 2 and sides[0] == sides[1]
        good = good and math.prod(sides) <= (MOST_SIDE**2 if square else MOST_BLOCK)
        if not good:
            raise UserError(
                f"block must be a length (16), a square (8x8) or a box (1x24x3x3) of at most "
                f"{MOST_BLOCK} elements ({MOST_SIDE}x{MOST_SIDE} a square), not {shown(block)}"
            )
        return tuple(sides)

    @property
    def _numbers(self) -> tuple[Any, ...]:
        """What decides the numbers that the format holds, and their codes."""
        random = self.rounding, self.random_bits if self.rounding == "stochastic" else 0
        exponent = self.exponent_bits, self.exponent_rule, self.lowest_code
        wire = self.magnitude_bits, self.symmetric, self.in_twos_complement
        return *wire, *exponent, *random, self.block

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BlockFormat) and self._numbers == other._numbers

    def __hash__(self) -> int:
        return hash(self._numbers)

    @classmethod
    def read(cls, value: "BlockFormat | str | Mapping[str, Any]") -> "BlockFormat":
        """Return the format for a preset's name, a table of fields, or a format.

        A name may have fields behind it, ``hbfp4:block=8:rounding=truncate``, a table a ``preset``.
        """
        if isinstance(value, BlockFormat):
            return value
        if isinstance(value, str):
            presets = BLOCK_FORMATS | BOX_FORMATS
            preset, named = preset_and_fields("format", value := tight(value), presets)
            if not named:
                return presets[preset]
            fields = table_fields(cls, "format", {"name": value} | named)
            return dataclasses.replace(presets[preset], **fields)
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
    def in_twos_complement(self) -> bool:
        """Whether elements are in two's complement; else they are sign and magnitude."""
        return not self.symmetric if self.twos_complement is None else self.twos_complement

    @property
    def largest(self) -> int:
        """The largest magnitude of a positive element."""
        return (1 << self.magnitude_bits) - 1

    @property
    def most_negative(self) -> int:
        """The most negative element that has a code."""
        return -self.largest - self.in_twos_complement

    @property
    def lowest(self) -> int:
        """The most negative element that a quantizer makes."""
        return -self.largest - (not self.symmetric)

    @property
    def block_elements(self) -> int:
        """Elements that share an exponent."""
        return math.prod(self.block)

    @property
    def is_box(self) -> bool:
        """Whether blocks are boxes: neither along one axis nor square."""
        return len(self.block) > 2 or len(set(self.block)) > 1

    @property
    def reduction(self) -> int:
        """Elements of a block along the reduction of a matrix product.

        Raises `UserError` for boxes, which lie along none.
        """
        if self.is_box:
            raise UserError(
                "block must be a length (16) or a square (8x8) where matrices are multiplied, not "
                f"the box {'x'.join(map(str, self.block))} of {self.name}"
            )
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


def _flexblock(bits: int, channels: int) -> dict[str, BlockFormat]:
    """Return a FlexBlock mode: flat; with the sign inside; of matrices; in boxes."""
    name = f"fb{bits + 8}"
    flat = BlockFormat(
        name=name,
        mantissa_bits=bits,
        sign_inside=False,
        exponent_rule="floor",
        block=(channels * 9,),
        rounding="truncate",
    )
    others = {
        f"{name}_sign_inside": {"sign_inside": True},
        f"{name}_linear": {"block": (channels,)},
        f"{name}_box": {"block": (1, channels, 3, 3)},
    }
    made = {n: dataclasses.replace(flat, name=n, **fields) for n, fields in others.items()}
    return {name: flat} | made


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


_FLEXBLOCK = _flexblock(4, 24) | _flexblock(8, 12) | _flexblock(16, 6)

BLOCK_FORMATS: dict[str, BlockFormat] = {
    **{name: format for name, format in _FLEXBLOCK.items() if not format.is_box},
    **(_hbfp(4) | _hbfp(6) | _hbfp(8) | _hbfp(12)),
    "msfp12": BlockFormat(name="msfp12", mantissa_bits=3, sign_inside=False),
    "msfp16": BlockFormat(name="msfp16", mantissa_bits=7, sign_inside=False),
    "mxint8": BlockFormat(name="mxint8", block=(32,), twos_complement=True),
}
"""Presets by name.

FlexBlock (arXiv 2203.06673): the sign stands beside the 4, 8 or 16 bits in the authors' simulator;
``_sign_inside`` is the reading that would make 12, 16 and 24 bits with the exponent's 8. Groups of
216, 108 and 54 elements hold 864 mantissa bits; ``_linear`` are those of 24, 12 and 6 channels
that its boxes leave of matrices and of 1 x 1 kernels. HBFP (arXiv 2211.10737): mantissa bits
include the sign, 10 exponent bits, 64 elements, stochastic rounding; the epsilon of the authors'
emulator becomes the exponent floor of -26. No wire is published; the authors' circuits take
mantissas in two's complement (``twos_complement``). MSFP (NeurIPS 2020): sign and 3 or 7 magnitude
bits, 16 elements. MXINT8 (OCP MX 1.0): 32 elements in two's complement; quantizers make no -2.
"""

BOX_FORMATS = {name: format for name, format in _FLEXBLOCK.items() if format.is_box}
"""Presets of boxes: FlexBlock's groups on tensors, rows x channels x 3 x 3, smaller at the ends."""
