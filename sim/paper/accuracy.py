"""Accuracies after training, several seeds of each arithmetic, in as many processes as cores."""

import dataclasses
import functools
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

import numpy as np

from sw.train.data import Data, load
from sw.train.loop import train
from sw.train.settings import Settings

from .kept import Kept

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


def _quiet() -> None:
    """Leave an interrupt to the process that waits for the results."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
    if missing:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(os.cpu_count(), mp_context=context, initializer=_quiet)
        try:
            futures = {pool.submit(_train, c, fields(a), s): (c, a, s) for c, a, s in missing}
            for future in as_completed(futures):
                case, arithmetic, seed = job = futures[future]
                known[job] = future.result()
                kept.store(
                    "curve", known[job], case=repr(case), fields=fields(arithmetic), seed=seed
                )
                report(len(known), len(jobs), f"{case.name}, {arithmetic}: {known[job][-1]:.1%}")
        finally:
            # After an interrupt nothing waits for what still runs.
            for worker in multiprocessing.active_children():
                worker.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
    return [
        Accuracy(
            case=c,
            arithmetic=a,
            curves=tuple(tuple(known[c, a, s]) for s in range(1, seeds + 1)),
        )
        for c in cases
        for a in arithmetics
    ]
