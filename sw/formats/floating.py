"""Floating-point formats."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ..checks import known, line, whole
from ..parameters import Checked, table_fields

__all__ = ["BFLOAT16", "BINARY16", "BINARY32", "FLOAT_FORMATS", "FloatFormat", "float_name"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatFormat(Checked):
    """An IEEE-754 binary interchange format: sign, biased exponent, fraction with a hidden one.

    Subnormals are read as signed zeros everywhere in Gradgate.

    Parameters
    ----------
    name : str
        For messages and file headers; formats of other names are equal if their widths are.
    exponent_bits : int
        2..8; binary32 holds the values of every format.
    fraction_bits : int
        2..23.
    """

    name: str = dataclasses.field(default="custom", compare=False)
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
            return known("format", float_name(value), FLOAT_FORMATS)
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


def float_name(name: Any) -> Any:
    """Return IEEE's name, ``binary32``, for the field's, ``fp32``; others stay."""
    return BINARY32.name if isinstance(name, str) and name == "fp32" else name
