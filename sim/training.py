"""Training of which circuits compute the products, the gradients or the weights to track."""

import abc
import concurrent.futures
import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table as Lines

from sw.approx import names
from sw.approx.array import TABLE, ApproxArrayParameters
from sw.approx.product import Datapath, Fractions
from sw.approx.table import Table
from sw.bfp.array import ArrayParameters
from sw.bfp.multimode import MultimodeParameters
from sw.bfp.quantize import Blocks
from sw.errors import UserError
from sw.formats import BFLOAT16
from sw.sparse.quantile import QuantileParameters
from sw.sparse.tracking import Estimator
from sw.stochastic.outer import Weights
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.train.arithmetic import compiled
from sw.train.data import Data
from sw.train.layers import Weighted
from sw.train.loop import Run, Settings, train
from sw.train.precision import Fixed, read
from sw.train.sparse import read as read_sparse
from sw.train.update import Essop
from sw.train.update import read as read_update

from .approx import array as approx
from .bench import Result, Session
from .bfp import array, multimode
from .sparse import quantile
from .stochastic import outer

__all__ = [
    "ApproxCircuit",
    "BlockCircuit",
    "Circuit",
    "Comparison",
    "TrackingCircuit",
    "UpdateCircuit",
    "compare",
    "configure",
    "show",
]

Floats = npt.NDArray[np.float32]
ArrayFields = MultimodeParameters | ApproxArrayParameters


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

    def __init__(self, parameters: QuantileParameters) -> None:
        super().__init__()
        self.parameters = parameters
        self.model = Estimator(parameters, compiled("sparse").estimate)
        self.sets = self.cycles = self.decisions = self.missed = 0
        self.report: Callable[[int], None] = lambda done: None

    def __call__(self, values: Floats) -> npt.NDArray[np.bool_]:
        """Return which weights of a step to track, given their importance."""
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


def configure(arithmetic: str, overrides: Iterable[str] = ()) -> ArrayFields:
    """Return the parameters of the array for an arithmetic by name; ``overrides`` as in `make`."""
    defaults: dict[str, Any] = {"rows": 2, "columns": 8}
    fractions = names.fractions(arithmetic)
    if fractions is None:
        defaults["family"] = "boosters" if arithmetic.startswith("boosters") else "flexblock"
        return MultimodeParameters.make(overrides=overrides, defaults=defaults)
    defaults |= _fields(fractions)
    short = fractions.bits <= BFLOAT16.fraction_bits
    defaults["format"] = "bfloat16" if short else "binary32"
    return ApproxArrayParameters.make(overrides=overrides, defaults=defaults)


def _fields(fractions: Fractions) -> dict[str, Any]:
    """Return the fields of an array that multiplies fractions so."""
    name = TABLE if isinstance(fractions, Table) else fractions.name
    return {"multiplier": name, "bits": fractions.bits}


def _circuit(arithmetic: str, parameters: ArrayFields) -> Circuit:
    """Return the circuit that trains in an arithmetic; `UserError` if the array has another."""
    fractions = names.fractions(arithmetic)
    precision = read(arithmetic, layers=1, epochs=1)
    each = precision.arithmetics.values() if isinstance(precision, Fixed) else ()
    if fractions is None and isinstance(parameters, MultimodeParameters):
        mixed = any(isinstance(one, (Datapath, Table)) for one in each)
        if arithmetic not in ("binary32", "bfloat16") and not mixed:
            return BlockCircuit(parameters)
    elif fractions is not None and isinstance(parameters, ApproxArrayParameters):
        for name, value in _fields(fractions).items():
            if getattr(parameters, name) != value:
                found = getattr(parameters, name)
                raise UserError(f"{name} must be that of {arithmetic}, {value}, not {found}")
        return ApproxCircuit(parameters, fractions if isinstance(fractions, Table) else None)
    raise UserError(
        f"arithmetic must have products of blocks, or all by one approximate multiplier, as the "
        f"array, not {arithmetic}"
    )


def _update(settings: Settings) -> UpdateCircuit | None:
    """Return the circuit that computes the gradients of weights, if they are not products."""
    update = read_update(settings.update, seed=settings.seed)
    if update is None:
        return None
    if isinstance(update, Essop):
        return UpdateCircuit(update.parameters)
    raise UserError(f"update must be exact or essop for a circuit, not {settings.update}")


def _tracking(settings: Settings) -> TrackingCircuit | None:
    """Return the circuit that finds the weights to track, if not all are."""
    sparse = read_sparse(settings.sparse, seed=settings.seed)
    if sparse is None:
        return None
    if sparse.parameters.threshold != "quantile":
        found = sparse.parameters.threshold
        raise UserError(f"threshold must be quantile for a circuit, not {found}")
    return TrackingCircuit(sparse.parameters.estimator)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """A training through the circuit and one by the model.

    ``products`` are those of the array, ``gradients`` those of the stochastic outer product,
    ``decisions`` those of the quantile estimator, which the model takes otherwise in ``missed``.
    """

    circuit: Run
    model: Run
    products: int
    gradients: int
    decisions: int
    missed: int
    cycles: int

    @property
    def weights(self) -> dict[str, tuple[int, int]]:
        """Values of each array, and how many of them differ in any bit."""
        pairs: dict[str, tuple[int, int]] = {}
        for name, mine in self.circuit.network.arrays.items():
            theirs: Any = self.model.network.arrays[name]
            pairs[name] = mine.size, int((mine.view("u4") != theirs.view("u4")).sum())
        return pairs

    @property
    def mismatches(self) -> int:
        """Values of all arrays, and decisions, that differ."""
        return sum(wrong for _, wrong in self.weights.values()) + self.missed


def show(done: Comparison, out: Console) -> None:
    """Print how the weights compare, and what it took."""
    table = Lines("array", "values", "mismatches")
    for name, (values, wrong) in done.weights.items():
        table.add_row(name, f"{values:,}", f"[{'red' if wrong else 'green'}]{wrong}")
    if done.decisions:
        wrong = f"[{'red' if done.missed else 'green'}]{done.missed}"
        table.add_row("tracked", f"{done.decisions:,}", wrong)
    out.print(table)
    words = f"{done.circuit.steps:,} steps, {done.products:,} products, "
    words += f"{done.gradients:,} stochastic gradients, {done.cycles:,} cycles"
    right = done.circuit.epochs[-1].accuracy
    out.print(f"{words}; test accuracy {right:.1%}", highlight=False)


def compare(
    data: Data,
    settings: Settings,
    parameters: ArrayFields,
    *,
    steps: int,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Comparison:
    """Train ``steps`` steps by the model, and through the circuit.

    Gradients of weights by ``essop`` go through a circuit of their own, the choice of the weights
    to track through another, and all other products through the array, unless they are binary32's
    or bfloat16's and there is one of the others. ``parameters`` are as of `configure`; ``report``
    gets the products, gradients and choices done and those of all steps.
    """
    update, tracking = _update(settings), _tracking(settings)
    plain = settings.arithmetic in ("binary32", "bfloat16")
    spared = plain and (update or tracking)
    circuit = None if spared else _circuit(settings.arithmetic, parameters)
    model = train(data, settings, steps=steps)
    each = model.network.products
    weighted = sum(isinstance(product, Weighted) for product in each) if update else 0
    products = 3 * len(each) - 1 - weighted if circuit else 0
    total = model.steps * (products + weighted + bool(tracking))

    def told(_: int) -> None:
        done = (circuit.products if circuit else 0) + (update.gradients if update else 0)
        report(done + (tracking.sets if tracking else 0), total)

    parts = [part for part in (circuit, update, tracking) if part]
    for part in parts:
        part.report = told
    with update or contextlib.nullcontext(), tracking or contextlib.nullcontext():
        done = train(
            data, settings, engine=circuit, update_engine=update, choose=tracking, steps=steps
        )
    return Comparison(
        circuit=done,
        model=model,
        products=circuit.products if circuit else 0,
        gradients=update.gradients if update else 0,
        decisions=tracking.decisions if tracking else 0,
        missed=tracking.missed if tracking else 0,
        cycles=sum(part.cycles for part in parts),
    )
