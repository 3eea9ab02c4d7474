"""Cycles of the engines' operations, if nothing stalls them.

Each is from the cycle in which an operation is granted its tokens to that in which it gives tokens.
"""

from collections.abc import Mapping

from ..checks import instance
from ..formats import BINARY32
from ..formats.binary32 import ADDER_LATENCY
from ..formats.stages import QUOTIENT_BITS, SCALE_PRODUCT
from ..formats.tensor_amax import TensorAmaxParameters
from ..stages import float_product
from .functions import LATENCY
from .instructions import LANE_OPS, REDUCTIONS
from .parameters import AcceleratorParameters
from .vector import PARTIALS

__all__ = [
    "ADDING",
    "AHEAD",
    "FACTOR",
    "SCALAR",
    "fold_levels",
    "lane_latency",
    "product_cycles",
    "first_element",
    "quantize_cycles",
    "search_cycles",
    "reduction_latency",
    "sum_levels",
    "vector_cycles",
]

AHEAD = 16
"""Instructions that wait in front of each engine."""

READ = 5
"""From the start of a reader to its first word."""

_MULTIPLYING = ("mul", "scale", "axpy")
ADDING = ("add", "sub", "axpy", "shift")
"""Lane operations that end with an addition."""


def lane_latency(p: AcceleratorParameters, op: str) -> int:
    """Return the cycles of a lane's operation."""
    product = float_product(BINARY32.fraction_bits, p.target) if op in _MULTIPLYING else 0
    total = ADDER_LATENCY if op in ADDING else 0
    return 1 + (product + total or 2)


def sum_levels(p: AcceleratorParameters) -> list[int]:
    """Return the additions of each level of pairs in which a lane's partial sums are added."""
    count = PARTIALS * p.vector_beats
    return [count >> 1, count >> 2, count >> 3]


def fold_levels(p: AcceleratorParameters) -> tuple[list[int], list[int]]:
    """Return the operations of a lane of each level of pairs of lanes, and of beats."""
    beats = p.vector_beats
    lanes = [beats] * (p.vector_width - 1).bit_length()
    return lanes, [beats >> n for n in range(1, beats.bit_length())]


def reduction_latency(p: AcceleratorParameters, reduction: str, *, fold: bool) -> int:
    """Return the cycles from the last beat of a group to that of a reduction's result."""
    lanes, beats = fold_levels(p)
    levels = sum_levels(p) if reduction == "sum" else []
    levels += lanes + beats if fold else []
    # A level begins when the results of the one before are there.
    wait = 1 + (ADDER_LATENCY if reduction == "sum" else 0)
    # Results of more than one beat are read from a memory.
    result = p.vector_beats if p.vector_beats > 1 else 0
    return wait + 1 + sum(level + wait for level in levels) + result


def vector_cycles(parameters: AcceleratorParameters, fields: Mapping[str, int]) -> int:
    """Return the cycles of ``vec.map`` with these fields."""
    p = instance("parameters", parameters, AcceleratorParameters)
    op, reduction = LANE_OPS[fields["lane"]], REDUCTIONS[fields["reduce"]]
    inner, outer, latency = fields["inner"], fields["outer"], lane_latency(p, op)
    first, interval = 1 if op == "fill" else READ, 1
    if op == "function":
        # The values of a beat go through one unit.
        interval, first = p.vector_width, first + LATENCY + 1 + p.vector_width
    elif op in ADDING and reduction == "sum":
        # Lanes have one adder for both.
        interval = 2
    words = first + (inner * outer * p.vector_beats - 1) * interval + 1
    if reduction == "none":
        return words + latency + 2
    # No beat is taken up to a group's result, but a function goes on with the next one.
    result = 1 + latency + reduction_latency(p, reduction, fold=bool(fields["fold"]))
    return words + (outer - 1) * (max(interval, 1 + result) - interval) + result + 1


SCALAR = READ + 2
"""Of ``vec.scalar``."""


def quantize_cycles(parameters: AcceleratorParameters, fields: Mapping[str, int]) -> int:
    """Return the cycles of ``quant.quantize`` with these fields."""
    p = instance("parameters", parameters, AcceleratorParameters)
    timing, beats = p.converter.timing, p.converter.beats
    rows = p.values if fields["transposed"] else 1
    blocks = fields["outer"] * fields["blocks"] * rows
    return first_element(p, fields) + blocks * beats + timing.latency + timing.drain


def first_element(p: AcceleratorParameters, fields: Mapping[str, int]) -> int:
    """Return the cycles of ``quant.quantize`` before its first element is quantized."""
    # A block of as many rows as a word has values is stored before it leaves.
    stored = p.values * p.converter.beats + 2 if fields["transposed"] else 0
    return READ + 2 + stored


def search_cycles(parameters: AcceleratorParameters, fields: Mapping[str, int]) -> int:
    """Return the cycles of ``quant.amax`` with these fields."""
    p = instance("parameters", parameters, AcceleratorParameters)
    latency = TensorAmaxParameters(lanes=p.values).timing.latency
    return fields["inner"] * fields["outer"] + READ + latency + 2


FACTOR = READ + SCALE_PRODUCT + QUOTIENT_BITS + 4
"""Of ``prod.alpha``."""


def product_cycles(parameters: AcceleratorParameters, fields: Mapping[str, int]) -> int:
    """Return the cycles of ``prod.multiply`` with these fields."""
    p = instance("parameters", parameters, AcceleratorParameters)
    tiles = (fields["more"] + 1) * p.array.tiles(fields["m"], fields["n"])
    return p.array.timing.job(tiles, fields["blocks"] * p.beats) + READ + 2
