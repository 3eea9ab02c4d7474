"""The step of sparse training: which weights are tracked, and what the others fall back to.

Of Procrustes (Yang et al., MICRO 2020, arXiv 2009.10976) and, where the threshold is exact, of
DropBack (Golub et al., arXiv 1806.06949). A weight that is not tracked is its initial value, which
is made anew at each use, times a decay. A step of the descent has one decay, at all uses: its
products see it, and how far a weight moved is counted from it. In the published code the decay
comes first (`measured`), so that a weight that is not tracked has moved by the decay alone:
nearly all that are tracked after the second step are then those that were largest at first. Where
there is a momentum, as in nine configurations of that code, that of a weight that is not tracked is
zero here; there it stays. There biases and batch normalization are tracked too, here never.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..arrays import Flags, Floats, Integers
from ..checks import array, choice, number, whole
from ..formats import binary32
from ..parameters import Parameters
from .multiplicative import Scan, scan
from .quantile_estimator import Estimates, QuantileParameters, estimate
from .weight_regenerator import RegeneratorParameters

__all__ = [
    "THRESHOLDS",
    "Choice",
    "Estimator",
    "Multiplicative",
    "TrackingParameters",
    "importance",
    "largest",
    "settle",
]

THRESHOLDS = ("quantile", "multiplicative", "exact")
"""How the weights to track are found: by `Estimator` in one pass, as circuits do it; by
`Multiplicative`, as the authors' software does; or by `largest` with a sort."""

BETWEEN = ("restart", "carry", "mean")
SCANS = ("forward", "reversed")
SCOPES = ("all", "layer")
MEASURED = ("before", "after")

Choice = Callable[[Floats], Flags]
"""Returns which weights are tracked, given the importance of each, in one dimension."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrackingParameters(Parameters):
    """Parameters of sparse training.

    Parameters
    ----------
    keep : float
        Share of the weights that is to be tracked, above 0 and below 1.
    decay : float
        By which initial values are multiplied in each step but the first, 0 to 1.
    threshold : str
        Of `THRESHOLDS`.
    initial : float or None
        First estimate; None for the exact quantile of the first step of training, see `started`.
    lanes, step, guard, delay, between
        Of the estimator, see `QuantileParameters`; ``multiplicative`` moves by ``2**-step`` of
        itself and has no lanes, guard and delay. A step of training is a packet. By
        default the estimate goes on from one to the next (``carry``), and by smaller steps: a
        network of few weights has it neither converge from far away in a single packet, nor stay
        there. ``restart``: each step starts from `initial`; ``mean``, of ``multiplicative`` only:
        from the running mean of the estimates, see `memory`.
    memory : float
        Under ``between="mean"``: share of a step's first estimate in the next one's, 0 to 1; the
        rest is the mean of the step's estimates.
    scan : str
        Whether weights are scanned from the first to the last (``forward``), or ``reversed``.
    scope : str
        Whether `keep` is a share of all weights (``all``), or of those of each ``layer``, which
        then has an estimate of its own.
    measured : str
        Whether a weight's importance is its distance from its initial value times the decay
        ``before`` or ``after`` this step's decay; after, it also falls back to that, and the first
        step has none.
    words, rounds, least, seed
        Of the initial values, see `sw.sparse.weight_regenerator`.
    """

    PRESETS: ClassVar = {
        "procrustes": {},
        "dropback": {"threshold": "exact"},
        "published": {
            "threshold": "multiplicative",
            "step": 20,
            "initial": 0.01,
            "between": "restart",
            "scan": "reversed",
            "measured": "after",
        },
    }

    keep: float = 0.1
    decay: float = 0.9
    threshold: str = "quantile"
    lanes: int = QuantileParameters.lanes
    step: int = 12
    guard: int = QuantileParameters.guard
    delay: int = QuantileParameters.delay
    initial: float | None = None
    between: str = "carry"
    memory: float = 0.1
    scan: str = "forward"
    scope: str = "all"
    measured: str = "before"
    words: int = RegeneratorParameters.words
    rounds: int = RegeneratorParameters.rounds
    least: float = RegeneratorParameters.least
    seed: int = 1

    def __post_init__(self) -> None:
        """Check every field; those of the estimator and of initial values check their own."""
        number("decay", self.decay, 0, 1)
        choice("threshold", self.threshold, THRESHOLDS)
        whole("seed", self.seed, 0, 2**32 - 1)
        choice("between", self.between, BETWEEN[: 2 + (self.threshold == "multiplicative")])
        number("memory", self.memory, 0, 1)
        choice("scan", self.scan, SCANS)
        choice("scope", self.scope, SCOPES)
        choice("measured", self.measured, MEASURED)
        _ = self.estimator, self.regenerator

    @property
    def estimator(self) -> QuantileParameters:
        """The estimator of the threshold, for a first step of which nothing is known."""
        return QuantileParameters(
            lanes=self.lanes,
            keep=self.keep,
            step=self.step,
            guard=self.guard,
            delay=self.delay,
            initial=QuantileParameters.initial if self.initial is None else self.initial,
            between="carry" if self.between == "mean" else self.between,
        )

    def chooser(self, values: Floats, fast: Any) -> Choice:
        """Return what chooses; the first packet is ``values``, ``fast`` is `sw.sparse.fast`."""
        if self.threshold == "exact":
            return partial(largest, self.keep)
        started = self.started(values)
        if self.threshold == "quantile":
            return Estimator(started, fast.estimate)
        return Multiplicative(self, started.initial, fast.scan)

    def started(self, values: Floats) -> QuantileParameters:
        """Return the estimator whose first packet is ``values``.

        Without `initial` its first estimate is the largest value that `largest` would not keep, or
        the nearest that an estimator can have. A fixed one would be as good only by chance: values
        grow with the rate of learning, and where none is above it the initial weights decay to
        nothing before it has decreased.
        """
        if self.initial is not None:
            return self.estimator
        size = np.sort(np.abs(values))
        quantile = float(size[max(0, size.size - 1 - kept_of(self.keep, size.size))])
        limits = np.finfo(np.float32)
        quantile = min(max(quantile, float(limits.tiny)), float(limits.max))
        return self.estimator.replace(initial=quantile)

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
        Initial values times the decay: of the step, from which those that were not tracked started;
        or, measured after the decay, of the next one.
    """
    return np.abs(binary32.add(weights, -array("fallback", fallback, "float32")))


def settle(weights: Floats, mask: Flags, fallback: Floats) -> Floats:
    """Return weights for the next step: those not kept are their fallback in it."""
    return np.where(mask, binary32.flush(weights), fallback)


def largest(keep: float, values: Floats) -> Flags:
    """Return which values are the ``keep`` of all that are largest.

    They are the nearest number of them, at least one. Of equal ones the first are; a NaN is the
    largest of all.
    """
    values = array("values", values, "float32").ravel()
    number("keep", keep, 0, 1)
    kept = np.zeros(values.size, np.bool_)
    size = np.abs(values).view(np.uint32).astype(np.int64)
    kept[np.argsort(-size, kind="stable")[: kept_of(keep, values.size)]] = True
    return kept


def kept_of(keep: float, count: int) -> int:
    """Return how many of ``count`` values a share is: the nearest number, at least one."""
    return max(1, round(keep * count))


class Estimator:
    """Chooses by an estimate of the threshold, which may go on from step to step; a `Choice`.

    Parameters
    ----------
    parameters : QuantileParameters
        Of the estimator.
    model : callable
        `sw.sparse.quantile_estimator.estimate`, or its like that is compiled.
    """

    def __init__(
        self, parameters: QuantileParameters, model: Callable[..., Estimates] = estimate
    ) -> None:
        self.parameters = parameters
        self.model = model
        self.state: Integers | None = None

    def __call__(self, values: Floats) -> Flags:
        """Return which values of a packet are above the estimate."""
        last = np.zeros(-(-values.size // self.parameters.lanes), np.bool_)
        last[-1] = True
        found = self.model(self.parameters, values, last=last, start=self.state)
        self.state = found.state
        return found.mask


class Multiplicative:
    """Chooses by an estimate of the threshold that moves by a share of itself; a `Choice`.

    Parameters
    ----------
    parameters : TrackingParameters
        Of the tracking.
    first : float
        First estimate.
    model : callable
        `sw.sparse.multiplicative.scan`, or its like that is compiled.
    """

    def __init__(
        self, parameters: TrackingParameters, first: float, model: Callable[..., Scan] = scan
    ) -> None:
        self.parameters = parameters
        self.first = first
        self.model = model

    def __call__(self, values: Floats) -> Flags:
        """Return which values of a packet are above the estimate."""
        p = self.parameters
        found = self.model(values, keep=p.keep, rate=2.0**-p.step, first=self.first)
        if p.between == "carry":
            self.first = found.last
        elif p.between == "mean":
            self.first = p.memory * self.first + (1 - p.memory) * found.mean
        return found.mask
