"""Floats cut to the bits that matter in a block, and comparisons with constants."""

from amaranth.hdl import Cat, Const, Value
from amaranth.lib import data

from sw.formats import BlockFormat, FloatFormat

__all__ = ["TruncatedFloat", "at_least"]


class TruncatedFloat(data.StructLayout):
    """A float cut to the bits that can matter once its block's exponent is known.

    ``fraction`` holds the upper fraction bits; ``sticky``, in a format rounded to nearest even that
    drops some, whether any of those is set. (Ties away from zero need no sticky bit.)
    """

    def __init__(self, format: BlockFormat, source: FloatFormat) -> None:
        guards = {"truncate": 0, "stochastic": format.random_bits}
        self.guard_bits = guards.get(format.rounding, 1)
        bits = min(source.fraction_bits, format.element.fraction_bits + self.guard_bits)
        sticky = format.rounding == "nearest_even" and bits < source.fraction_bits
        self.source = source
        super().__init__(
            {"sticky": int(sticky), "fraction": bits, "exponent": source.exponent_bits, "sign": 1}
        )

    def of(self, value: Value) -> Value:
        """Return what is left of a float."""
        fraction, dropped = value[: self.source.fraction_bits], self.source.fraction_bits
        dropped -= self["fraction"].width
        sticky = fraction[:dropped].any() if self["sticky"].width else Const(0, 0)
        return Cat(sticky, value[dropped:])


def at_least(value: Value, least: int) -> Value:
    """Return whether an unsigned ``value`` reaches ``least``, without a carry chain."""
    if not 0 < least < 1 << len(value):
        return Const(least <= 0, 1)
    reaches: Value = Const(1, 1)
    for place in range(len(value)):
        bit = value[place]
        reaches = bit & reaches if least >> place & 1 else bit | reaches
    return reaches
