"""Training whose products are computed by a circuit."""

import abc
import concurrent.futures
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
from sw.train.data import Data
from sw.train.loop import Run, Settings, train
from sw.train.precision import Fixed, read

from .approx import array as approx
from .bench import Result
from .bfp import array, multimode

__all__ = [
    "ApproxCircuit",
    "BlockCircuit",
    "Circuit",
    "Comparison",
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


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """A training through the circuit and one by the model."""

    circuit: Run
    model: Run
    products: int
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
        """Values of all arrays that differ."""
        return sum(wrong for _, wrong in self.weights.values())


def show(done: Comparison, out: Console) -> None:
    """Print how the weights compare, and what it took."""
    table = Lines("array", "values", "mismatches")
    for name, (values, wrong) in done.weights.items():
        table.add_row(name, f"{values:,}", f"[{'red' if wrong else 'green'}]{wrong}")
    out.print(table)
    words = f"{done.circuit.steps:,} steps, {done.products:,} products, {done.cycles:,} cycles"
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

    ``parameters`` are as of `configure`; ``report`` gets the products done and those of all steps.
    """
    circuit = _circuit(settings.arithmetic, parameters)
    model = train(data, settings, steps=steps)
    total = model.steps * (3 * len(model.network.products) - 1)
    circuit.report = lambda done: report(done, total)
    return Comparison(
        circuit=train(data, settings, engine=circuit, steps=steps),
        model=model,
        products=circuit.products,
        cycles=circuit.cycles,
    )
