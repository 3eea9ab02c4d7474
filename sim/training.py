"""Training whose products of blocks are computed by a circuit."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from sw.bfp.array import ArrayParameters
from sw.bfp.multimode import MultimodeParameters
from sw.bfp.quantize import Blocks
from sw.errors import UserError
from sw.train.data import Data
from sw.train.loop import Run, Settings, train

from .bench import Result
from .bfp import array, multimode

__all__ = ["Circuit", "Comparison", "compare", "show"]


class Circuit:
    """Multiplies blocks by the RTL; an engine of `sw.train.loop.train`.

    Formats of the multi-mode array's family go through it, others through an array of their own.

    Parameters
    ----------
    parameters : MultimodeParameters
        Of the multi-mode array.
    report : callable
        Gets the number of products done.
    """

    def __init__(
        self, parameters: MultimodeParameters, report: Callable[[int], None] = lambda done: None
    ) -> None:
        self.parameters = parameters
        self.report = report
        self.products = self.cycles = 0

    def __call__(self, a: Blocks, b: Blocks) -> npt.NDArray[np.float32]:
        """Return the product of (m, k) and (k, n)."""
        result: Result
        if {a.format, b.format} <= set(self.parameters.formats):
            [product], result = multimode.simulate(self.parameters, [(a, b)])
        else:
            # With a single lane every block is long enough for one partial sum a result.
            p = ArrayParameters(format=a.format, rows=4, columns=4, lanes=1)
            product, result = array.simulate(p, a, b)
        self.products += 1
        self.cycles += result.cycles
        self.report(self.products)
        return product


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
    table = Table("array", "values", "mismatches")
    for name, (values, wrong) in done.weights.items():
        table.add_row(name, f"{values:,}", f"[{'red' if wrong else 'green'}]{wrong}")
    out.print(table)
    words = f"{done.circuit.steps:,} steps, {done.products:,} products, {done.cycles:,} cycles"
    right = done.circuit.epochs[-1].accuracy
    out.print(f"{words}; test accuracy {right:.1%}", highlight=False)


def compare(
    data: Data,
    settings: Settings,
    parameters: MultimodeParameters,
    *,
    steps: int,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Comparison:
    """Train ``steps`` steps by the model, and through the circuit.

    ``report`` gets the products done and those of all steps.
    """
    if settings.arithmetic in ("binary32", "bfloat16"):
        raise UserError(f"arithmetic must have products of blocks, not {settings.arithmetic}")
    model = train(data, settings, steps=steps)
    total = model.steps * (3 * len(model.network.products) - 1)
    circuit = Circuit(parameters, lambda done: report(done, total))
    return Comparison(
        circuit=train(data, settings, engine=circuit, steps=steps),
        model=model,
        products=circuit.products,
        cycles=circuit.cycles,
    )
