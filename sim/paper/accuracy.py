"""Accuracies after training, several seeds of each arithmetic, in as many processes as cores."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sw.train.data import Data, load
from sw.train.loop import train
from sw.train.settings import Settings

from .kept import Kept
from .workers import in_processes

__all__ = ["Accuracy", "Case", "accuracies"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A network, the data that it learns, and what differs from the settings' defaults."""

    model: str
    data: str
    fields: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """Data and model."""
        return f"{self.data} {self.model}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Test accuracies of one arithmetic in one case, a curve over the epochs for each seed."""

    case: Case
    arithmetic: str
    curves: tuple[tuple[float, ...], ...]

    @property
    def values(self) -> tuple[float, ...]:
        """Those after the last epoch."""
        return tuple(curve[-1] for curve in self.curves)

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return float(np.mean(self.values))

    @property
    def error(self) -> float:
        """Standard error of the mean; 0 of one seed."""
        count = len(self.values)
        return float(np.std(self.values, ddof=1) / count**0.5) if count > 1 else 0.0


@functools.cache
def _data(name: str) -> Data:
    return load(name)


def _arithmetic(name: str) -> dict[str, Any]:
    """Return the field of the settings that an arithmetic is."""
    return {"arithmetic": name}


def _train(case: Case, fields: dict[str, Any], seed: int) -> list[float]:
    """Train once, return the accuracy after each epoch; runs in a process of its own."""
    settings = Settings(model=case.model, seed=seed, **dict(case.fields), **fields)
    return [epoch.accuracy for epoch in train(_data(case.data), settings).epochs]


def accuracies(
    cases: Sequence[Case],
    arithmetics: Sequence[str],
    seeds: int,
    *,
    kept: Kept,
    fields: Callable[[str], dict[str, Any]] = _arithmetic,
    report: Callable[[int, int, str], None] = lambda done, total, last: None,
) -> list[Accuracy]:
    """Train every case in every arithmetic.

    ``fields`` returns those of the settings that an arithmetic of that name sets; ``report`` gets
    runs done, all runs and the last one.
    """
    jobs = [(c, a, s) for c in cases for a in arithmetics for s in range(1, seeds + 1)]
    known: dict[Any, list[float]] = {}
    for case, arithmetic, seed in jobs:
        value = kept.load("curve", case=repr(case), fields=fields(arithmetic), seed=seed)
        if value is not None:
            known[case, arithmetic, seed] = value
    report(len(known), len(jobs), "kept from before" if known else "")
    missing = [job for job in jobs if job not in known]
    runs = [(case, fields(arithmetic), seed) for case, arithmetic, seed in missing]
    for number, curve in in_processes(_train, runs):
        case, arithmetic, _ = missing[number]
        _, given, seed = runs[number]
        known[case, arithmetic, seed] = curve
        kept.store("curve", curve, case=repr(case), fields=given, seed=seed)
        report(len(known), len(jobs), f"{case.name}, {arithmetic}: {curve[-1]:.1%}")
    return [
        Accuracy(
            case=c,
            arithmetic=a,
            curves=tuple(tuple(known[c, a, s]) for s in range(1, seeds + 1)),
        )
        for c in cases
        for a in arithmetics
    ]
