"""Pipeline stages of dot products, which circuits are built by and cycle models read."""

import dataclasses
from typing import Any

from ..formats import BINARY32, BlockFormat, MxFormat
from ..formats.binary32 import ADDER_LATENCY, FROM_INTEGER_LATENCY
from ..formats.element import FloatElement
from ..stages import (
    DSP_LATENCY,
    DSP_PAIR_LATENCY,
    Schedule,
    dsp_pair_fits,
    float_product,
    multiplier_schedule,
)

__all__ = [
    "COMPOSER_LATENCY",
    "LEAST_SPACING",
    "ComposedStages",
    "DotStages",
    "FloatStages",
    "SumStages",
    "compare_latency",
    "counts_apart",
    "has_tensor_scale",
    "value_latency",
]

COMPOSER_LATENCY = 3
"""Cycles from sums of digit products to the sum of a mode's products."""

FACTOR_LATENCY = 2
"""Cycles in which a block's sum is multiplied by the significands of its scales."""

WIDE_BITS = 32
"""Bits of a sum up to which its leading zeros are counted and taken off in one cycle."""

MAXIMUM_LEVELS = {"generic": 2, "ecp5": 2, "xilinx": 4}
"""Levels of comparisons of a few bits in a cycle."""

LEAST_SPACING = 8
"""Cycles from a sum's addition to the next one of the same result, at least."""


def has_tensor_scale(format: BlockFormat) -> bool:
    """Return whether scales of blocks have significands, and tensors a scale of their own."""
    return isinstance(format, MxFormat) and format.has_tensor_scale


def counts_apart(parameters: Any) -> bool:
    """Return whether leading zeros of a block's sum of floats, if wide, take a cycle."""
    floats = isinstance(parameters.format.element, FloatElement)
    return floats and parameters.sum_bits > WIDE_BITS


def value_latency(parameters: Any) -> int:
    """Return the cycles from a block's sum to its value in binary32, of `DotParameters`.

    They are a register, the significands of scales that have one, and the conversion.
    """
    factors = has_tensor_scale(parameters.format) * FACTOR_LATENCY
    return 1 + factors + FROM_INTEGER_LATENCY + counts_apart(parameters)


def compare_latency(bits: int) -> int:
    """Return the cycles of a bit-serial comparison with thresholds of ``bits`` bits."""
    return bits + 1


@dataclasses.dataclass(frozen=True)
class DotStages:
    """Stages of a dot product: how a beat's products are formed and added, and a block's sums."""

    parameters: Any
    """`DotParameters`, which read these stages themselves."""

    @property
    def signed(self) -> bool:
        """Whether elements are in two's complement; else their magnitudes are multiplied."""
        return self.parameters.format.in_twos_complement

    @property
    def width(self) -> int:
        """Bits that are multiplied."""
        return self.parameters.format.magnitude_bits + self.signed

    @property
    def paired(self) -> bool:
        """Whether a DSP block multiplies for two lanes."""
        return self.parameters.multiplier == "dsp" and dsp_pair_fits(self.width, self.signed)

    @property
    def tree_levels(self) -> int:
        """Levels of the adder tree, and one for the constants."""
        products = -(-self.parameters.lanes // (1 + self.paired))
        return (products - 1).bit_length() + 1

    def schedule(self) -> Schedule:
        """Return the registers up to a product."""
        if self.paired:
            return Schedule(latency=DSP_PAIR_LATENCY)
        if self.parameters.multiplier == "dsp":
            return Schedule(latency=DSP_LATENCY)
        return multiplier_schedule(self.width, self.signed, self.parameters.target)

    @property
    def product_sum(self) -> int:
        """Enabled cycles from registered operands to the sum of their products."""
        if isinstance(self.parameters.format.element, FloatElement):
            return FloatStages(self.parameters).latency
        return self.schedule().tree(self.tree_levels).latency + 1

    @property
    def products(self) -> int:
        """Enabled cycles from a beat to its sum of products: one more, for a register."""
        return 1 + self.product_sum

    @property
    def block(self) -> int:
        """Enabled cycles from a beat to the sum of its block, which several are accumulated to."""
        return self.products + (self.parameters.beats > 1)

    @property
    def value(self) -> int:
        """Enabled cycles from a beat to that sum in binary32."""
        return self.block + value_latency(self.parameters)


@dataclasses.dataclass(frozen=True)
class FloatStages:
    """Stages of the sum of a beat's products of floats."""

    parameters: Any
    """`DotParameters`."""

    @property
    def product(self) -> int:
        """Enabled cycles from registered operands to a product of significands, a register."""
        width = self.parameters.format.element.fraction_bits + 1
        return multiplier_schedule(width, False, self.parameters.target).latency + 1

    @property
    def maximum_levels(self) -> int:
        """Levels in a cycle of the tree of the largest exponent."""
        return MAXIMUM_LEVELS[self.parameters.target]

    @property
    def maximum(self) -> int:
        """Enabled cycles of that tree, under a window; a product is moved in part meanwhile."""
        levels = self.tree_levels - 1 if self.parameters.alignment else 0
        return max(1, -(-levels // self.maximum_levels))

    @property
    def tree_levels(self) -> int:
        """Levels of the adder tree, and one for the constants."""
        return (self.parameters.lanes - 1).bit_length() + 1

    def schedule(self) -> Schedule:
        """Return the registers up to a product that is moved to its place."""
        return Schedule(latency=self.product + self.maximum + 1)

    @property
    def total(self) -> int:
        """Enabled cycles to the sum of the products, as they were moved."""
        return self.schedule().tree(self.tree_levels).latency + 1

    @property
    def latency(self) -> int:
        """Enabled cycles to the sum in its place, which has a register under a window."""
        return self.total + bool(self.parameters.alignment)


@dataclasses.dataclass(frozen=True)
class SumStages(DotStages):
    """Stages of a column of the array, whose fp32 adders are behind the dot products.

    Parameters
    ----------
    levels : int
        Of the pairwise addition of the interleaved accumulators.
    """

    levels: int

    def sum(self, level: int) -> int:
        """Return the cycles to the sum that enters a level of the pairwise addition."""
        return self.value + (1 + level) * ADDER_LATENCY

    @property
    def result(self) -> int:
        """To the result in front of the column's register."""
        return self.sum(self.levels)

    @property
    def tensor_scale(self) -> int:
        """Enabled cycles of the product with the scales of tensors, behind that register."""
        if not has_tensor_scale(self.parameters.format):
            return 0
        return float_product(BINARY32.fraction_bits, self.parameters.target)


@dataclasses.dataclass(frozen=True)
class ComposedStages:
    """Stages of a column of the multi-mode array, whose results share an adder."""

    digits: Any
    """`DotParameters` of the sum of the products of a pair of digits."""

    @property
    def products(self) -> int:
        """Enabled cycles from operands to their sums of digit products."""
        return DotStages(self.digits).products

    @property
    def hold(self) -> int:
        """Enabled cycles from a block's last operands to its totals, behind an accumulator."""
        return self.products + 1

    @property
    def value(self) -> int:
        """Enabled cycles from the choice of a result to its block's sum in binary32."""
        return COMPOSER_LATENCY + FROM_INTEGER_LATENCY

    @property
    def read(self) -> int:
        """Enabled cycles from the choice of a result to the address of its partial sum."""
        return self.value - 1

    @property
    def write(self) -> int:
        """Enabled cycles from the choice of a result to its new partial sum."""
        return self.value + ADDER_LATENCY

    @property
    def result(self) -> int:
        """Enabled cycles from the choice of a result to it in the column's register."""
        return self.write + 1
