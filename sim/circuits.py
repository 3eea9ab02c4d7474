"""Circuits in the training: they compute products, gradients, or which weights to track."""

import abc
import concurrent.futures
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sw.approx.array import ApproxArrayParameters
from sw.approx.product import Datapath
from sw.approx.table import Table
from sw.bfp.array import ArrayParameters
from sw.bfp.multimode_array import MultimodeParameters
from sw.formats.blocks import Blocks
from sw.sparse.quantile_estimator import QuantileParameters
from sw.sparse.tracking import Estimator, TrackingParameters
from sw.stochastic.gradient import Block
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.weights import Weights
from sw.train.arithmetic import compiled

from .approx import array as approx
from .bench import Result, Session
from .bfp import array
from .bfp import multimode_array as multimode
from .compare import MismatchError, assert_equal
from .sparse import quantile_estimator as quantile
from .stochastic import outer_product as outer

__all__ = ["ApproxCircuit", "BlockCircuit", "Circuit", "TrackingCircuit", "UpdateCircuit", "Watch"]

Floats = npt.NDArray[np.float32]


class Watch:
    """Counts values of a circuit that are not the model's, whatever becomes of them later.

    ``first`` tells of the first, or is empty; nothing that follows takes it back.
    """

    def __init__(self) -> None:
        self.missed = 0
        self.first = ""

    def see(self, what: str, got: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
        """Compare a result with the model's."""
        try:
            assert_equal(got, expected)
        except MismatchError as error:
            self.missed += error.count
            self.first = self.first or f"{what}: {error}"


class Circuit(abc.ABC):
    """Multiplies matrices by the RTL; an engine of `sw.train.loop.train`.

    ``report`` gets the number of products done; ``watch`` compares each.
    """

    def __init__(self) -> None:
        self.report: Callable[[int], None] = lambda done: None
        self.products = self.cycles = 0
        self.watch = Watch()

    def __call__(self, a: Any, b: Any) -> Floats:
        """Return the product of (m, k) and (k, n)."""
        product, cycles = self._multiply(a, b)
        self.products += 1
        self.cycles += cycles
        self.watch.see(f"product {self.products}", product, self._model(a, b))
        self.report(self.products)
        return product

    @abc.abstractmethod
    def _multiply(self, a: Any, b: Any) -> tuple[Floats, int]:
        """Return the product, and the cycles that it took."""

    @abc.abstractmethod
    def _model(self, a: Any, b: Any) -> Floats:
        """Return what the product should be."""


class BlockCircuit(Circuit):
    """Multiplies blocks.

    Formats of the multi-mode array's family go through it, others through an array of their own.
    """

    def __init__(self, parameters: MultimodeParameters) -> None:
        super().__init__()
        self.parameters = parameters

    def _multiply(self, a: Blocks, b: Blocks) -> tuple[Floats, int]:
        result: Result
        if all(map(self.parameters.takes, (a.format, b.format))):
            [product], result = multimode.simulate(self.parameters, [(a, b)])
        else:
            # With a single lane every block is long enough for one partial sum a result.
            p = ArrayParameters(format=a.format, rows=4, columns=4, lanes=1)
            product, result = array.simulate(p, a, b)
        return product, result.cycles

    def _model(self, a: Blocks, b: Blocks) -> Floats:
        return compiled("bfp").gemm(a, b)


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

    def _model(self, a: Floats, b: Floats) -> Floats:
        p = self.parameters
        fractions = self.table or Datapath(name=p.multiplier, bits=p.bits)
        return compiled("approx").gemm(fractions, a, b)


class UpdateCircuit(Session):
    """Computes batches of outer products by the RTL; an update engine of `sw.train.loop.train`.

    It is a session, so that the circuit's generators run on from one gradient to the next.
    """

    def __init__(self, parameters: OuterProductParameters) -> None:
        super().__init__()
        self.parameters = parameters
        self.model = Block(parameters, compiled("stochastic").outer_product)
        self.watch = Watch()
        self.gradients = self.cycles = 0
        self.report: Callable[[int], None] = lambda done: None

    def __call__(self, x: Floats, d: Floats, last: npt.NDArray[np.bool_]) -> Floats:
        """Return the results of batches."""
        results, run = outer.simulate(self.parameters, x, d, last=last, session=self)
        assert not isinstance(results, Weights)
        self.gradients += 1
        self.watch.see(f"gradient {self.gradients}", results, self.model(x, d, last))
        self.cycles += run.cycles
        self.report(self.gradients)
        return results


class TrackingCircuit(Session):
    """Finds the weights to track by the RTL's estimate; chooses for `sw.train.loop.train`.

    It is a session, so that the estimate goes on from one step to the next.
    """

    def __init__(self, parameters: TrackingParameters) -> None:
        super().__init__()
        self.tracking = parameters
        self.parameters: QuantileParameters | None = None
        self.watch = Watch()
        self.sets = self.cycles = self.decisions = 0
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
        self.sets += 1
        self.watch.see(f"choice {self.sets}", kept, self.model(values))
        self.decisions += values.size
        self.cycles += run.cycles
        self.report(self.sets)
        return kept
