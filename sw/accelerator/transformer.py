"""The layers of a transformer's stages."""

import math
from collections.abc import Sequence

from ..train import attention
from .attention import Attention
from .heads import Heads
from .layer import Layer
from .mean import Mean
from .operations import Matrix
from .positions import Positions
from .projection import Gather, Projection
from .shared import Shared
from .stages import Gathered, Projected, Stage
from .strided import Strided

__all__ = ["TOKEN_PARTS", "rows_as_tokens", "token_layer"]

TOKEN_PARTS = (
    Gathered,
    Projected,
    attention.MeanToken,
    attention.Positions,
    attention.SelfAttention,
)
"""What `token_layer` makes layers of."""


def rows_as_tokens(pixels: Matrix) -> Strided:
    """Return square images, of a row a pixel, as (pixels of a line, lines * samples)."""
    side, sample, values = math.isqrt(pixels.rows), pixels.stride, pixels.values
    words = (side, side * sample), (pixels.words, values)
    return Strided(
        pixels.tensor,
        side,
        side * pixels.words,
        values,
        down=((side, sample),),
        beside=words,
    )


def token_layer(stage: Stage, read: Sequence[Layer], words: int, shared: Shared) -> Layer:
    """Return the layer of a stage.

    Parameters
    ----------
    stage : Stage
        Of `TOKEN_PARTS`.
    read : sequence of Layer
        Whose outputs it reads.
    words : int
        Of the samples of a feature.
    shared : Shared
        What layers have in common.
    """
    part, (below, *_) = stage.part, read
    if isinstance(part, attention.Positions):
        return Positions(stage, below, shared)
    if isinstance(part, attention.MeanToken):
        return Mean(below, words)
    inner = part.attention if isinstance(part, Gathered | Projected) else part
    assert isinstance(inner, attention.SelfAttention)
    heads = Heads.of(inner, words * below.y.values, below.y.values)
    if isinstance(part, Projected):
        return Projection(stage, below, heads, shared)
    if isinstance(part, Gathered):
        assert isinstance(below, Attention)
        return Gather(stage, below, below.slopes, heads, shared)
    projections = [each for each in read if isinstance(each, Projection)]
    return Attention(stage, projections, heads, shared)
