"""Classes of floating-point values: NaN, infinite, zero."""

import dataclasses

from amaranth.hdl import Cat, Module, Signal, Value

from sw.formats import BINARY32, FloatFormat

from ..base.pipeline import wire

__all__ = ["FloatClass", "ProductClass", "classify", "classify_product"]


@dataclasses.dataclass(frozen=True)
class FloatClass:
    """Class of a floating-point value, combinational.

    Parameters
    ----------
    special : Value
        The exponent is all ones: an infinity or a NaN.
    zero : Value
        The exponent is 0: a zero or a subnormal, which counts as a zero.
    fraction : Value
        The fraction is not 0.
    """

    special: Value
    zero: Value
    fraction: Value

    @property
    def nan(self) -> Value:
        """A NaN."""
        return self.special & self.fraction

    @property
    def infinite(self) -> Value:
        """An infinity."""
        return self.special & ~self.fraction


def classify(value: Value, format: FloatFormat = BINARY32) -> FloatClass:
    """Return the class of a value of ``format``."""
    point = format.fraction_bits
    exponent = value[point:-1]
    return FloatClass(special=exponent.all(), zero=exponent == 0, fraction=value[:point].any())


@dataclasses.dataclass(frozen=True)
class ProductClass:
    """Class of a product as its operands decide on it; at most one of the first two is set.

    Parameters
    ----------
    special : Signal
        An infinity or a NaN: an operand is special.
    zero : Signal
        A zero: an operand is zero, none is special.
    nan : Signal
        A NaN: an operand is, or infinity meets zero.
    """

    special: Signal
    zero: Signal
    nan: Signal


def classify_product(m: Module, a: Value, b: Value, format: FloatFormat) -> ProductClass:
    """Return the class of the product of two values of ``format``; combinational."""
    classes = [classify(value, format) for value in (a, b)]
    special = wire(m, "special", 2, Cat(each.special for each in classes))
    zero = wire(m, "zero", 2, Cat(each.zero for each in classes))
    fraction = wire(m, "fraction", 2, Cat(each.fraction for each in classes))
    return ProductClass(
        special=wire(m, "any_special", 1, special.any()),
        zero=wire(m, "only_zero", 1, zero.any() & ~special.any()),
        nan=wire(m, "nan", 1, (special & (fraction | zero[::-1])).any()),
    )
