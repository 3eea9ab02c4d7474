"""Long work in as many processes as cores."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

__all__ = ["in_processes"]

R = TypeVar("R")


def _quiet() -> None:
    """Leave an interrupt to the process that waits for the results."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def in_processes(
    function: Callable[..., R], jobs: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[int, R]]:
    """Give the number of each job, and what a function of its arguments returned, as they end."""
    if not jobs:
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(os.cpu_count(), mp_context=context, initializer=_quiet)
    try:
        futures = {pool.submit(function, *job): number for number, job in enumerate(jobs)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        # After an interrupt nothing waits for what still runs.
        for worker in multiprocessing.active_children():
            worker.terminate()
        pool.shutdown(wait=True, cancel_futures=True)
