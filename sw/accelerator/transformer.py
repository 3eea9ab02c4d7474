"""The layers of a transformer's stages."""

import math
from collections.abc import Sequence

from ..train import attention
from .attention import Mix, Scores
from .heads import Heads
from .layer import Layer
from .mean import Mean
from .operations import Matrix
from .positions import Positions
from .projection import Gather, Projection
from .shared import Shared
from .stages import Gathered, Mixed, Projected, Scored, Stage
from .strided import Strided

__all__ = ["TOKEN_PARTS", "rows_as_tokens", "token_layer"]

TOKEN_PARTS = (
    Gathered,
    Mixed,
    Projected,
    Scored,
    attention.MeanToken,
    attention.Positions,
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
    assert isinstance(part, Gathered | Mixed | Projected | Scored)
    values = below.y.values
    heads = Heads.of(part.attention, words * values, values, shared.panels)
    projections = [each for each in read if isinstance(each, Projection)]
    if isinstance(part, Projected):
        return Projection(stage, below, heads, shared)
    if isinstance(part, Scored):
        return Scores(stage, projections, heads, shared)
    if isinstance(part, Mixed):
        [value] = projections
        assert isinstance(below, Scores)
        return Mix(stage, below, value, heads, shared)
    assert isinstance(below, Mix)
    return Gather(stage, below, below.slopes, heads, shared)
