"""The factors by which REALM reduces the error of Mitchell's product."""

import functools

import numpy as np
import numpy.typing as npt

from ..checks import one_of

__all__ = ["FACTOR_BITS", "SEGMENTS", "exact_factors", "factors"]

SEGMENTS = (4, 8, 16)
"""Segments of a power-of-two interval, along each operand."""

FACTOR_BITS = 6
"""Fraction bits of a factor. An inference: with 16 segments they give the published best errors."""


def exact_factors(segments: int) -> npt.NDArray[np.float64]:
    """Return the factor of each pair of segments, (segments, segments), that leaves no bias.

    REALM (Saadat, Javaid, Ignjatovic and Parameswaran, DATE 2020) adds to Mitchell's product a
    constant for each pair of segments of the fractions x and y. Here it is the integral of the
    relative error over the pair, divided by the integral of 1 / ((1 + x)(1 + y)), so that the mean
    relative error of the pair is 0. The error is x y where x + y < 1, and (1 - x)(1 - y) elsewhere.
    """
    one_of("segments", segments, SEGMENTS)
    edges = np.arange(segments + 1) / segments
    nodes, weights = np.polynomial.legendre.leggauss(24)
    # Inside a pair of segments no corner of the error lies on a line of constant y.
    y = edges[:-1, None] + (nodes + 1) / (2 * segments)
    weights = weights / (2 * segments) / (1 + y)
    low, high = (x[:, None, None] for x in (edges[:-1], edges[1:]))
    bend = np.clip(1 - y, low, high)
    below = (bend - np.log1p(bend)) - (low - np.log1p(low))
    above = (2 * np.log1p(high) - high) - (2 * np.log1p(bend) - bend)
    error = ((below * y + above * (1 - y)) * weights).sum(-1)
    scale = np.log((1 + edges[1:]) / (1 + edges[:-1]))
    return error / np.multiply.outer(scale, scale)


def factors(segments: int) -> npt.NDArray[np.int64]:
    """Return `exact_factors` rounded to units of ``2**-FACTOR_BITS``."""
    return _factors(one_of("segments", segments, SEGMENTS))


@functools.cache
def _factors(segments: int) -> npt.NDArray[np.int64]:
    return np.floor(exact_factors(segments) * (1 << FACTOR_BITS) + 0.5).astype(np.int64)
