"""Block formats: elements of integers or small floats, a scale that blocks share, their shape."""

import abc
import dataclasses
import functools
from collections.abc import Hashable, Mapping
from typing import Any, Self

from ..checks import choice, line, whole
from ..errors import UserError
from ..parameters import table_fields
from .element import ELEMENTS, Element, IntegerElement, read_element
from .meaning import ByMeaning
from .scale import SCALES, FloatScale, MxScale, PowerOfTwoScale, read_scale
from .shape import BlockShape

__all__ = ["ROUNDINGS", "BfpFormat", "BlockFormat", "MxFormat"]

ROUNDINGS = ("truncate", "nearest_even", "nearest_away", "stochastic")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class BlockFormat(ByMeaning, abc.ABC):
    """A block format: elements that share a scale per block.

    It is an ``element``, a ``scale`` and a ``shape``: what an element of the integer ``q`` in a
    block of the scale code ``c`` is worth is ``q * factor(c) * 2**last_place(c)``. Formats are
    equal if they hold the same numbers in the same codes, whatever their names.

    Parameters
    ----------
    name : str
        For messages and file headers.
    block : tuple of int
        Of the shape, see `BlockShape`; also a length, or a text such as ``8x8``.
    rounding : str
        ``truncate`` (toward zero), ``nearest_even``, ``nearest_away`` (ties away from zero) or
        ``stochastic``.
    random_bits : int
        Random bits per element under stochastic rounding, 1..24.
    """

    name: str = "custom"
    block: tuple[int, ...] = (16,)
    rounding: str = "nearest_even"
    random_bits: int = 8

    def __post_init__(self) -> None:
        """Check what all formats have."""
        line("name", self.name)
        object.__setattr__(self, "block", BlockShape.read(self.block).sides)
        choice("rounding", self.rounding, ROUNDINGS)
        whole("random_bits", self.random_bits, 1, 24)

    @property
    def meaning(self) -> Hashable:
        """What decides the numbers that the format holds, and their codes."""
        random_bits = self.random_bits if self.rounding == "stochastic" else 0
        return self.element, self.scale, self.block, self.rounding, random_bits

    def changed(self, fields: Mapping[str, Any]) -> Self:
        """Return a copy with some fields changed, given as a table."""
        table = table_fields(type(self), "format", fields)
        return dataclasses.replace(self, **table)

    @property
    @abc.abstractmethod
    def element(self) -> Element:
        """What the codes of elements mean."""

    @property
    @abc.abstractmethod
    def scale(self) -> Any:
        """What the elements of a block share."""

    @functools.cached_property
    def shape(self) -> BlockShape:
        """The extents of a block."""
        return BlockShape(self.block)

    @property
    @abc.abstractmethod
    def exponent_bits(self) -> int:
        """Bits of a scale's code."""

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
        """Elements that share a scale."""
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

    def factor(self, code: Any) -> Any:
        """Return the integer factors of codes of scales."""
        return self.scale.factor(code)

    @abc.abstractmethod
    def last_place(self, code: Any) -> Any:
        """Return of codes of scales what power of two an element of the integer 1 is worth."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class BfpFormat(BlockFormat):
    """Block floating point: integers that share a power of two.

    With ``m = magnitude_bits`` an element of the integer ``q`` in a block of the exponent ``E`` is
    ``q * 2**(E - m)``. A magnitude that rounds beyond ``largest`` clamps to it; a quantizer makes
    ``-2**m`` unless the format is ``symmetric``, and all that computes takes it. Quantizers give +0
    for what is negative and becomes zero, as FlexBlock's simulator does. Formats may be equal
    however their bits are counted.

    Parameters
    ----------
    name, block, rounding, random_bits
        As of `BlockFormat`.
    mantissa_bits, sign_inside, symmetric, twos_complement
        Of the element, see `IntegerElement`.
    exponent_bits, exponent_rule, exponent_floor
        Of the scale, see `PowerOfTwoScale`.
    """

    mantissa_bits: int = 8
    sign_inside: bool = True
    exponent_bits: int = 8  # pyright: ignore[reportIncompatibleMethodOverride]
    exponent_rule: str = "floor"
    exponent_floor: int | None = None
    symmetric: bool = True
    twos_complement: bool | None = None

    def __post_init__(self) -> None:
        """Check every field: most by making the parts."""
        super().__post_init__()
        _ = self.element, self.scale

    @functools.cached_property
    def element(self) -> IntegerElement:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The integers of a block, and their codes."""
        return self._part(IntegerElement)

    @functools.cached_property
    def scale(self) -> PowerOfTwoScale:  # pyright: ignore[reportIncompatibleMethodOverride]
        """What the elements of a block share."""
        return self._part(PowerOfTwoScale)

    def _part(self, part: Any) -> Any:
        """Make a part of the fields that it has in common with the format."""
        return part(**{f.name: getattr(self, f.name) for f in dataclasses.fields(part)})

    @property
    def exponent_bias(self) -> int:
        """The scale's code of ``E = 1``."""
        return self.scale.bias

    def last_place(self, code: Any) -> Any:
        """Return ``E - m`` of codes of scales."""
        return self.scale.exponent(code) - self.magnitude_bits


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class MxFormat(BlockFormat):
    """A format of today: small floats, or 8-bit integers, under a scale of 8 bits (MX, NVFP4).

    A magnitude that rounds beyond the largest saturates; floats keep the sign of what becomes zero.
    A block that holds a NaN or an infinity has the scale's code of NaN, and elements of the
    element's, or 0 if it has none.

    Parameters
    ----------
    name, block, rounding, random_bits
        As of `BlockFormat`.
    element : FloatElement, IntegerElement, str or table
        See `sw.formats.element`, a name of `ELEMENTS` or fields.
    scale : MxScale, FloatScale, str or table
        See `sw.formats.scale`, a name of `SCALES` or fields.
    """

    # Fields that take the place of the base's properties.
    element: Element = ELEMENTS["e4m3"]  # pyright: ignore[reportIncompatibleMethodOverride]
    scale: MxScale | FloatScale = SCALES["e8m0"]  # pyright: ignore[reportIncompatibleMethodOverride]
    block: tuple[int, ...] = (32,)

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        object.__setattr__(self, "element", read_element(self.element))
        object.__setattr__(self, "scale", read_scale(self.scale))
        if getattr(self.scale, "four_over_six", False) and self.element != ELEMENTS["e2m1"]:
            raise UserError("scale.four_over_six must be false where element is not e2m1, not True")

    def changed(self, fields: Mapping[str, Any]) -> "MxFormat":
        """Return a copy with some fields changed; tables of parts keep their other fields."""
        own = {"element": self.element, "scale": self.scale}
        parts = {
            name: {"preset": part} | dict(fields[name])
            for name, part in own.items()
            if isinstance(fields.get(name), Mapping)
        }
        return super().changed({**fields, **parts})

    @property
    def exponent_bits(self) -> int:
        """Bits of a scale's code."""
        return self.scale.bits

    @property
    def has_tensor_scale(self) -> bool:
        """Whether a tensor has a scale of its own."""
        return isinstance(self.scale, FloatScale)

    def last_place(self, code: Any) -> Any:
        """Return of codes of scales what power of two an element of the integer 1 is worth."""
        return self.scale.exponent(code) - self.element.places
