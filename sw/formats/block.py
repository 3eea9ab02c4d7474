"""Block floating-point formats: an element, a scale that blocks share, and the shape of a block."""

import dataclasses
import functools
from collections.abc import Hashable, Mapping
from typing import Any

from ..checks import choice, line, whole
from ..errors import UserError
from ..grammar import preset_and_fields, tight
from ..parameters import table_fields
from .element import IntegerElement
from .meaning import ByMeaning
from .scale import PowerOfTwoScale
from .shape import BlockShape

__all__ = ["BLOCK_FORMATS", "BOX_FORMATS", "ROUNDINGS", "BlockFormat"]

ROUNDINGS = ("truncate", "nearest_even", "nearest_away", "stochastic")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class BlockFormat(ByMeaning):
    """A block floating-point format: elements that share a scale per block.

    It is an ``element``, a ``scale`` and a ``shape``, whose fields are its own. With
    ``m = magnitude_bits`` an element of the integer ``q`` in a block of the exponent ``E`` is
    ``q * 2**(E - m)``. A magnitude that rounds beyond ``largest`` clamps to it; a quantizer makes
    ``-2**m`` unless the format is ``symmetric``, and all that computes takes it. Quantizers give +0
    for what is negative and becomes zero, as FlexBlock's simulator does.

    Formats are equal if they hold the same numbers in the same codes, whatever their names and
    however their bits are counted.

    Parameters
    ----------
    name : str
        For messages and file headers.
    mantissa_bits, sign_inside, symmetric, twos_complement
        Of the element, see `IntegerElement`.
    exponent_bits, exponent_rule, exponent_floor
        Of the scale, see `PowerOfTwoScale`.
    block : tuple of int
        Of the shape, see `BlockShape`; also a length, or a text such as ``8x8``.
    rounding : str
        ``truncate`` (toward zero), ``nearest_even``, ``nearest_away`` (ties away from zero) or
        ``stochastic``.
    random_bits : int
        Random bits per element under stochastic rounding, 1..24.
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
        """Check every field: most by making the parts."""
        line("name", self.name)
        _ = self.element, self.scale
        object.__setattr__(self, "block", BlockShape.read(self.block).sides)
        choice("rounding", self.rounding, ROUNDINGS)
        whole("random_bits", self.random_bits, 1, 24)

    @functools.cached_property
    def element(self) -> IntegerElement:
        """The integers of a block, and their codes."""
        return self._part(IntegerElement)

    @functools.cached_property
    def scale(self) -> PowerOfTwoScale:
        """What the elements of a block share."""
        return self._part(PowerOfTwoScale)

    @functools.cached_property
    def shape(self) -> BlockShape:
        """The extents of a block."""
        return BlockShape(self.block)

    def _part(self, part: Any) -> Any:
        """Make a part of the fields that it has in common with the format."""
        return part(**{f.name: getattr(self, f.name) for f in dataclasses.fields(part)})

    @property
    def meaning(self) -> Hashable:
        """What decides the numbers that the format holds, and their codes."""
        random_bits = self.random_bits if self.rounding == "stochastic" else 0
        return self.element, self.scale, self.block, self.rounding, random_bits

    @classmethod
    def read(cls, value: "BlockFormat | str | Mapping[str, Any]") -> "BlockFormat":
        """Return the format for a preset's name, a table of fields, or a format.

        A name may have fields behind it, ``hbfp4:block=8:rounding=truncate``, a table a ``preset``.
        """
        if isinstance(value, BlockFormat):
            return value
        if isinstance(value, str):
            presets = BLOCK_FORMATS | BOX_FORMATS
            preset, named = preset_and_fields("format", value, presets)
            if not named:
                return presets[preset]
            fields = table_fields(cls, "format", {"name": tight(value)} | named)
            return dataclasses.replace(presets[preset], **fields)
        fields = table_fields(cls, "format", value, "preset")
        base = fields.pop("preset", None)
        if base is None:
            return cls(**fields)
        return dataclasses.replace(cls.read(base), **{"name": f"{base}*"} | fields)

    @property
    def magnitude_bits(self) -> int:
        """Bits of a magnitude, without the sign: ``m``."""
        return self.element.magnitude_bits

    @property
    def element_bits(self) -> int:
        """Bits in which an element is stored and sent, sign included."""
        return self.element.bits

    @property
    def in_twos_complement(self) -> bool:
        """Whether elements are in two's complement; else they are sign and magnitude."""
        return self.element.in_twos_complement

    @property
    def largest(self) -> int:
        """The largest magnitude of a positive element."""
        return self.element.largest

    @property
    def most_negative(self) -> int:
        """The most negative element that has a code."""
        return self.element.most_negative

    @property
    def lowest(self) -> int:
        """The most negative element that a quantizer makes."""
        return self.element.lowest

    @property
    def block_elements(self) -> int:
        """Elements that share an exponent."""
        return self.shape.elements

    @property
    def is_box(self) -> bool:
        """Whether blocks are boxes: neither along one axis nor square."""
        return self.shape.is_box

    @property
    def reduction(self) -> int:
        """Elements of a block along the reduction of a matrix product.

        Raises `UserError` for boxes, which lie along none.
        """
        if self.is_box:
            raise UserError(
                "block must be a length (16) or a square (8x8) where matrices are multiplied, not "
                f"the box {self.shape.text} of {self.name}"
            )
        return self.block[0]

    @property
    def exponent_bias(self) -> int:
        """The scale's code of ``E = 1``."""
        return self.scale.bias

    @property
    def lowest_code(self) -> int:
        """The scale's smallest code, also that of a block of zeros."""
        return self.scale.lowest_code

    @property
    def highest_code(self) -> int:
        """The scale's largest code of a finite block."""
        return self.scale.highest_code

    @property
    def nan_code(self) -> int:
        """The scale's code of a block that holds a NaN or an infinity."""
        return self.scale.nan_code

    def last_place(self, code: Any) -> Any:
        """Return ``E - m`` of codes of scales: an element of the integer 1 is 2 to this power."""
        return self.scale.exponent(code) - self.magnitude_bits


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
