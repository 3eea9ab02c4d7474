"""What tells that a training has no result: numbers that are not finite, a loss that stays."""

import math
from collections.abc import Sequence

from ..errors import DivergedError, StuckError
from .settings import Settings

__all__ = ["check_learnt", "diverged", "worse_than_guessing"]


def diverged(where: str, what: str, s: Settings) -> DivergedError:
    """Return the error of a number that is not finite."""
    return DivergedError(
        f"diverged in {where}: {what} is not finite; try a lower rate than {s.rate:g}, or a lower "
        f"momentum than {s.momentum:g}"
    )


def check_learnt(losses: Sequence[float], classes: int, s: Settings) -> None:
    """Raise `StuckError` if the last of two epochs or more is worse than the first and a guess.

    ``losses`` are the mean cross entropies of the epochs; a guess has ``log(classes)``.
    """
    guess = math.log(classes)
    if len(losses) > 1 and losses[-1] >= max(losses[0], guess):
        raise StuckError(
            f"nothing was learnt: the loss is {losses[0]:.4g} in epoch 1 and {losses[-1]:.4g} in "
            f"epoch {len(losses)}, where guessing has {guess:.4g}; try another rate than "
            f"{s.rate:g}, or another momentum than {s.momentum:g}"
        )


def worse_than_guessing(loss: float, classes: int) -> str:
    """Return a sentence, or nothing, on the mean cross entropy of the last epoch."""
    guess = math.log(classes)
    if loss < guess:
        return ""
    return (
        f"The loss of the last epoch, {loss:.4g}, is no better than that of guessing, {guess:.4g}"
    )
