"""Weights from which an outer product subtracts its results: in fp32 or in blocks."""

import dataclasses

import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..checks import array, instance, whole
from ..errors import UserError
from ..formats import binary32
from ..formats.blocks import Blocks
from ..formats.quantize import dequantize, quantize_groups
from .bits import MOST_FIRST
from .outer_parameters import OuterProductParameters

__all__ = ["Weights", "subtract", "to_blocks"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """Weights in blocks along the columns.

    Parameters
    ----------
    mantissa : array of int32, (batches, rows, columns)
    exponent : array of int32, (batches, rows, columns / elements of a block)
        Exponent codes.
    """

    mantissa: npt.NDArray[np.int32]
    exponent: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        """Check the axes."""
        for name in ("mantissa", "exponent"):
            checked = array(name, getattr(self, name), "integer", shape=(..., "columns"))
            object.__setattr__(self, name, checked)


def subtract(p: OuterProductParameters, weights: Floats | Weights, results: Floats) -> Floats:
    """Return weights less results in binary32, both (batches, rows, columns).

    Weights in blocks are rounded to binary32 first.
    """
    instance("p", p, OuterProductParameters)
    format = p.weight_format
    if isinstance(weights, Weights) != (format is not None) or p.weights == "none":
        wanted = format.name if format else p.weights
        raise UserError(f"weights must be those of {wanted}, not {type(weights).__name__}")
    results = array("results", results, "float32", shape=("batches", p.rows, p.columns))
    plain: npt.ArrayLike
    if isinstance(weights, Weights):
        assert format is not None
        blocks = Blocks.of(weights.mantissa, weights.exponent, format, axis=-1)
        plain = dequantize(blocks)
    else:
        plain = weights
    return binary32.add(array("weights", plain, "float32", shape=results.shape), -results)


def to_blocks(p: OuterProductParameters, weights: Floats, *, first: int = 0) -> Weights:
    """Return binary32 weights, (batches, rows, columns), in their blocks along the columns.

    Under stochastic rounding each weight uses a random word (`OuterProductParameters.stream`), of
    which ``first`` were used before.
    """
    instance("p", p, OuterProductParameters)
    format = p.weight_format
    if format is None:
        raise UserError(f"weights must be of a format of blocks, not {p.weights}")
    weights = array("weights", weights, "float32", shape=("batches", p.rows, p.columns))
    first = whole("first", first, 0, MOST_FIRST)
    blocks = weights.reshape(-1, format.block_elements)
    words: npt.ArrayLike = 0
    if format.rounding == "stochastic":
        stream = dataclasses.replace(p.stream, first=first)
        words = stream.draw(blocks.shape, format.random_bits)
    element, code, _ = quantize_groups(blocks, format, words)
    mantissa = format.element.decode(element).reshape(weights.shape)
    return Weights(mantissa=mantissa, exponent=code.reshape(*weights.shape[:2], -1))
