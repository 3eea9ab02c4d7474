"""Circuits in the training: they compute products, gradients, or which weights to track."""

import abc
import concurrent.futures
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sw.approx.array import ApproxArrayParameters
from sw.approx.table import Table
from sw.bfp.array import ArrayParameters
from sw.bfp.multimode import MultimodeParameters
from sw.bfp.quantize import Blocks
from sw.sparse.quantile import QuantileParameters
from sw.sparse.tracking import Estimator, TrackingParameters
from sw.stochastic.outer import Weights
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.train.arithmetic import compiled

from .approx import array as approx
from .bench import Result, Session
from .bfp import array, multimode
from .sparse import quantile
from .stochastic import outer

__all__ = ["ApproxCircuit", "BlockCircuit", "Circuit", "TrackingCircuit", "UpdateCircuit"]

Floats = npt.NDArray[np.float32]


class Circuit(abc.ABC):
    """Multiplies matrices by the RTL; an engine of `sw.train.loop.train`.

    ``report`` gets the number of products done.
    """

    def __init__(self) -> None:
        self.report: Callable[[int], None] = lambda done: None
        self.products = self.cycles = 0

    def __call__(self, a: Any, b: Any) -> Floats:
        """Return the product of (m, k) and (k, n)."""
        product, cycles = self._multiply(a, b)
        self.products += 1
        self.cycles += cycles
        self.report(self.products)
        return product

    @abc.abstractmethod
    def _multiply(self, a: Any, b: Any) -> tuple[Floats, int]:
        """Return the product, and the cycles that it took."""


class BlockCircuit(Circuit):
    """Multiplies blocks.

    Formats of the multi-mode array's family go through it, others through an array of their own.
    """

    def __init__(self, parameters: MultimodeParameters) -> None:
        super().__init__()
        self.parameters = parameters

    def _multiply(self, a: Blocks, b: Blocks) -> tuple[Floats, int]:
        result: Result
        if {a.format, b.format} <= set(self.parameters.formats):
            [product], result = multimode.simulate(self.parameters, [(a, b)])
        else:
            # With a single lane every block is long enough for one partial sum a result.
            p = ArrayParameters(format=a.format, rows=4, columns=4, lanes=1)
            product, result = array.simulate(p, a, b)
        return product, result.cycles


class ApproxCircuit(Circuit):
    """Multiplies binary32 matrices by approximate multipliers.

    The rows of a product are shared out to as many simulations as there are cores.
    """

    def __init__(self, parameters: ApproxArrayParameters, table: Table | None = None) -> None:
        super().__init__()
        self.parameters = parameters
        self.table = table

    def _multiply(self, a: Floats, b: Floats) -> tuple[Floats, int]:
        side = self.parameters.tile_rows
        tiles = -(-len(a) // side)
        step = side * -(-tiles // (os.cpu_count() or 1))
        parts = [a[start : start + step] for start in range(0, len(a), step)]

        def one(part: Floats) -> tuple[Floats, Result]:
            return approx.simulate(self.parameters, part, b, self.table)

        with concurrent.futures.ThreadPoolExecutor(len(parts)) as pool:
            done = list(pool.map(one, parts))
        product = np.concatenate([part for part, _ in done])
        return product, sum(result.cycles for _, result in done)


class UpdateCircuit(Session):
    """Computes batches of outer products by the RTL; an update engine of `sw.train.loop.train`.

    It is a session, so that the circuit's generators run on from one gradient to the next.
    """

    def __init__(self, parameters: OuterProductParameters) -> None:
        super().__init__()
        self.parameters = parameters
        self.gradients = self.cycles = 0
        self.report: Callable[[int], None] = lambda done: None

    def __call__(self, x: Floats, d: Floats, last: npt.NDArray[np.bool_]) -> Floats:
        """Return the results of batches."""
        results, run = outer.simulate(self.parameters, x, d, last=last, session=self)
        assert not isinstance(results, Weights)
        self.gradients += 1
        self.cycles += run.cycles
        self.report(self.gradients)
        return results


class TrackingCircuit(Session):
    """Finds the weights to track by the RTL's estimate; chooses for `sw.train.loop.train`.

    It is a session, so that the estimate goes on from one step to the next. ``missed`` counts
    weights that the model takes otherwise.
    """

    def __init__(self, parameters: TrackingParameters) -> None:
        super().__init__()
        self.tracking = parameters
        self.parameters: QuantileParameters | None = None
        self.sets = self.cycles = self.decisions = self.missed = 0
        self.report: Callable[[int], None] = lambda done: None

    def __call__(self, values: Floats) -> npt.NDArray[np.bool_]:
        """Return which weights of a step to track, given their importance."""
        if self.parameters is None:
            self.parameters = self.tracking.started(values)
            self.model = Estimator(self.parameters, compiled("sparse").estimate)
        fill = -values.size % self.parameters.lanes
        present, x = (np.pad(each, (0, fill)) for each in (np.ones(values.size, bool), values))
        beats = -1, self.parameters.lanes
        last = np.zeros(len(x) // self.parameters.lanes, bool)
        last[-1] = True
        found, run = quantile.simulate(
            self.parameters,
            x.reshape(beats),
            present=present.reshape(beats),
            last=last,
            session=self,
        )
        kept = found.ravel()[: values.size]
        self.missed += int((kept != self.model(values)).sum())
        self.decisions += values.size
        self.cycles += run.cycles
        self.sets += 1
        self.report(self.sets)
        return kept
