"""Time of products of matrices by simulated multipliers, against native ones and a program in C."""

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

from sw.approx.fast import gemm
from sw.approx.product import Datapath
from sw.approx.table import make

from ..build import library

__all__ = ["SIZE", "scalar", "speed"]

SIZE = 512
BITS = 7
SOURCE = Path(__file__).with_name("scalar.c")


def scalar() -> Any:
    """Return ``gemm`` of ``scalar.c``, compiled with -O2."""
    path = library(SOURCE.read_text(encoding="utf-8"), "-x", "c", "-O2")
    function = ctypes.CDLL(str(path)).gemm
    function.argtypes = [*3 * [ctypes.c_void_p], *4 * [ctypes.c_int], ctypes.c_void_p]
    return function


def _least(call: Callable[[], object], times: int) -> float:
    """Return the least processor time of some calls, in seconds."""
    found = []
    for _ in range(times):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found)


def speed(size: int = SIZE) -> dict[str, float]:
    """Return milliseconds of ``size`` x ``size`` x ``size`` on one thread, and their ratios.

    Operands are normal random numbers, all of whose rows the fast loops take; a run through
    rectifiers would have zeros, which cost no more.
    """
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, size, size), np.float32)
    result = np.empty((size, size), np.float32)
    table = make("mbm", BITS)
    in_c = scalar()

    def by_c(entries: Any) -> None:
        pointers = [x.ctypes.data for x in (a, b, result)]
        in_c(*pointers, size, size, size, BITS, entries)

    mitchell = Datapath(name="mitchell", bits=BITS)
    calls: dict[str, tuple[Callable[[], object], int]] = {
        "native": (lambda: a @ b, 20),
        "table": (lambda: gemm(table, a, b), 5),
        "mitchell": (lambda: gemm(mitchell, a, b), 5),
        "c": (lambda: by_c(None), 1),
        "c_table": (lambda: by_c(table.entries.ctypes.data), 1),
    }
    with threadpoolctl.threadpool_limits(1):
        # The first calls compile.
        gemm(table, a[:1], b)
        gemm(mitchell, a[:1], b)
        seconds = {name: _least(*call) for name, call in calls.items()}
    return {
        **{f"{name}_ms": 1000 * value for name, value in seconds.items()},
        "table_over_native": seconds["table"] / seconds["native"],
        "mitchell_over_native": seconds["mitchell"] / seconds["native"],
        "c_over_table": seconds["c"] / seconds["table"],
        "c_table_over_table": seconds["c_table"] / seconds["table"],
    }
