"""The step of sparse training: which weights are tracked, and what the others fall back to.

Of Procrustes (Yang et al., MICRO 2020, arXiv 2009.10976) and, where the threshold is exact, of
DropBack (Golub et al., arXiv 1806.06949). A weight that is not tracked is its initial value, which
is made anew at each use, times a decay. A step of the descent has one decay, at all uses: its
products see it, and how far a weight moved is counted from it; in the published code the decay
comes first, so that a weight that is not tracked has moved by what the decay took. That code has no
momentum; where there is one, that of a weight that is not tracked is zero.
"""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from .. import binary32
from ..checks import choice, number, whole
from ..parameters import Parameters
from .quantile import Estimates, Integers, QuantileParameters, estimate
from .regenerate import RegeneratorParameters

__all__ = [
    "THRESHOLDS",
    "Choice",
    "Estimator",
    "TrackingParameters",
    "importance",
    "largest",
    "settle",
]

THRESHOLDS = ("quantile", "exact")
"""How the weights to track are found: by `Estimator` in one pass, or by `largest` with a sort."""

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Choice = Callable[[Floats], Bits]
"""Returns which weights are tracked, given the importance of each, in one dimension."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrackingParameters(Parameters):
    """Parameters of sparse training.

    Parameters
    ----------
    keep : float
        Share of the weights that is to be tracked, above 0 and below 1. An estimated threshold is
        too low at first, so that more are tracked: of the MLP on digits 27 % at most, and 11 %
        after a hundred steps, where 10 % are wanted.
    decay : float
        By which initial values are multiplied in each step but the first, 0 to 1.
    threshold : str
        Of `THRESHOLDS`.
    lanes, step, guard, delay, initial, between
        Of the estimator, see `QuantileParameters`. A step of training is a packet. Unless told
        otherwise the estimate goes on from one to the next, and by smaller steps: a network of few
        weights has it neither come near from far away in a single packet, nor stay there.
    words, rounds, least, seed
        Of the initial values, see `sw.sparse.regenerate`.
    """

    PRESETS: ClassVar = {"procrustes": {}, "dropback": {"threshold": "exact"}}

    keep: float = 0.1
    decay: float = 0.9
    threshold: str = "quantile"
    lanes: int = QuantileParameters.lanes
    step: int = 12
    guard: int = QuantileParameters.guard
    delay: int = QuantileParameters.delay
    initial: float = QuantileParameters.initial
    between: str = "carry"
    words: int = RegeneratorParameters.words
    rounds: int = RegeneratorParameters.rounds
    least: float = RegeneratorParameters.least
    seed: int = 1

    def __post_init__(self) -> None:
        """Check every field; those of the estimator and of initial values check their own."""
        number("decay", self.decay, 0, 1)
        choice("threshold", self.threshold, THRESHOLDS)
        whole("seed", self.seed, 0, 2**32 - 1)
        _ = self.estimator, self.regenerator

    @property
    def estimator(self) -> QuantileParameters:
        """The estimator of the threshold."""
        return QuantileParameters(
            lanes=self.lanes,
            keep=self.keep,
            step=self.step,
            guard=self.guard,
            delay=self.delay,
            initial=self.initial,
            between=self.between,
        )

    @property
    def regenerator(self) -> RegeneratorParameters:
        """What makes the initial values."""
        return RegeneratorParameters(
            lanes=self.lanes, words=self.words, rounds=self.rounds, least=self.least
        )


def importance(weights: Floats, fallback: Floats) -> Floats:
    """Return how far weights are from what they fall back to, in binary32 as the circuits have it.

    Parameters
    ----------
    weights : array of float32
        After a step of the descent.
    fallback : array of float32
        Initial values times the decay of the step, from which those that were not tracked started.
    """
    return np.abs(binary32.add(weights, -fallback))


def settle(weights: Floats, keep: Bits, fallback: Floats) -> Floats:
    """Return weights for the next step: those not kept are their fallback in it."""
    return np.where(keep, binary32.flush(weights), fallback)


def largest(keep: float, values: Floats) -> Bits:
    """Return which values are the ``keep`` of all that are largest.

    They are the nearest number of them, at least one. Of equal ones the first are; a NaN is the
    largest of all.
    """
    kept = np.zeros(values.size, np.bool_)
    size = np.abs(values).view(np.uint32).astype(np.int64)
    kept[np.argsort(-size, kind="stable")[: max(1, round(keep * values.size))]] = True
    return kept


class Estimator:
    """Chooses by an estimate of the threshold, which may go on from step to step; a `Choice`.

    Parameters
    ----------
    parameters : QuantileParameters
        Of the estimator.
    model : callable
        `sw.sparse.quantile.estimate`, or its like that is compiled.
    """

    def __init__(
        self, parameters: QuantileParameters, model: Callable[..., Estimates] = estimate
    ) -> None:
        self.parameters = parameters
        self.model = model
        self.state: Integers | None = None

    def __call__(self, values: Floats) -> Bits:
        """Return which values of a packet are above the estimate."""
        last = np.zeros(-(-values.size // self.parameters.lanes), np.bool_)
        last[-1] = True
        found = self.model(self.parameters, values, last=last, start=self.state)
        self.state = found.state
        return found.keep
