"""Training of which circuits compute the products, the gradients or the weights to track."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console
from rich.table import Table as Lines

from sw.approx import names
from sw.approx.array import TABLE, ApproxArrayParameters
from sw.approx.product import Datapath, Fractions
from sw.approx.table import Table
from sw.bfp.epoch_schedule import MOST_EPOCHS
from sw.bfp.multimode_array import MultimodeParameters
from sw.core.products import PASSES
from sw.errors import UserError
from sw.formats import BFLOAT16, FLOAT_FORMATS, BlockFormat
from sw.train.arithmetic import Arithmetic
from sw.train.data import Data
from sw.train.layers import Weighted
from sw.train.loop import Run, train
from sw.train.recipe import Recipe
from sw.train.recipes import plain
from sw.train.settings import Settings
from sw.train.sparse import read as read_sparse
from sw.train.spec import read
from sw.train.update import Essop
from sw.train.update import read as read_update

from .circuits import ApproxCircuit, BlockCircuit, Circuit, TrackingCircuit, UpdateCircuit
from .recipe_circuit import RecipeCircuit, check_recipe

__all__ = ["Comparison", "check", "compare", "configure", "show", "spared"]

ArrayFields = MultimodeParameters | ApproxArrayParameters


def configure(arithmetic: str, overrides: Iterable[str] = ()) -> ArrayFields:
    """Return the parameters of the array for an arithmetic by name; ``overrides`` as in `make`.

    Raises `UserError` for overrides of an array through which no product goes.
    """
    defaults: dict[str, Any] = {"rows": 2, "columns": 8}
    fractions = names.fractions(arithmetic)
    if fractions is None:
        defaults["family"] = "boosters" if arithmetic.startswith("boosters") else "flexblock"
        given = tuple(overrides)
        parameters = MultimodeParameters.make(overrides=given, defaults=defaults)
        each = _arithmetics(arithmetic)
        blocks = (one for one in each if isinstance(one, BlockFormat))
        recipes = any(isinstance(one, Recipe) for one in each)
        if given and (recipes or not any(map(parameters.takes, blocks))):
            raise UserError(
                f"--set is of bfp_multimode_array in the family {parameters.family}, through which "
                f"no products in {arithmetic} go"
            )
        return parameters
    defaults |= _fields(fractions)
    short = fractions.bits <= BFLOAT16.fraction_bits
    defaults["format"] = "bfloat16" if short else "binary32"
    return ApproxArrayParameters.make(overrides=overrides, defaults=defaults)


def _fields(fractions: Fractions) -> dict[str, Any]:
    """Return the fields of an array that multiplies fractions so."""
    name = TABLE if isinstance(fractions, Table) else fractions.name
    return {"multiplier": name, "bits": fractions.bits}


def _arithmetics(text: str) -> tuple[Arithmetic, ...]:
    """Return all that products may be computed in."""
    precision = read(text, layers=None, epochs=MOST_EPOCHS)
    return (*precision.places.arithmetics.values(), *precision.formats)


def _circuit(arithmetic: str, parameters: ArrayFields) -> Circuit | RecipeCircuit:
    """Return the circuit that trains in an arithmetic; `UserError` if the array has another."""
    fractions = names.fractions(arithmetic)
    each = _arithmetics(arithmetic)
    if fractions is None and isinstance(parameters, MultimodeParameters):
        mixed = any(isinstance(one, (Datapath, Table)) for one in each)
        if any(isinstance(one, Recipe) for one in each) and not mixed:
            _check_recipes(arithmetic)
            return RecipeCircuit()
        if any(isinstance(one, BlockFormat) for one in each) and not mixed:
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


def _check_recipes(text: str) -> None:
    """Raise `UserError` for a product by a recipe, or in blocks beside it, that no circuit has."""
    precision = read(text, layers=None, epochs=MOST_EPOCHS)
    given = precision.places.arithmetics
    for (layer, which), one in given.items():
        recipe = plain(one) if isinstance(one, BlockFormat) else one
        if isinstance(recipe, Recipe):
            rest = [each for each in PASSES if (layer, each) not in given]
            check_recipe(recipe, [which] if which else rest)
    for format in precision.formats:
        check_recipe(plain(format), PASSES)


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
    if sparse.parameters.scope != "all":
        raise UserError(f"scope must be all for a circuit, not {sparse.parameters.scope}")
    return TrackingCircuit(sparse.parameters)


def spared(settings: Settings) -> bool:
    """Return whether no product needs an array: only gradients or choices go through circuits."""
    plain = settings.arithmetic in FLOAT_FORMATS
    return plain and (settings.update != "exact" or settings.sparse != "none")


def _circuits(
    settings: Settings, parameters: ArrayFields
) -> tuple[Circuit | RecipeCircuit | None, UpdateCircuit | None, TrackingCircuit | None]:
    """Return what computes products, gradients of weights, and the choice of those to track."""
    update, tracking = _update(settings), _tracking(settings)
    circuit = None if spared(settings) else _circuit(settings.arithmetic, parameters)
    return circuit, update, tracking


def check(data: Data, settings: Settings, parameters: ArrayFields) -> None:
    """Raise `UserError` for what `compare` would refuse, before anything is trained."""
    _circuits(settings, parameters)
    train(data, settings, steps=0)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """A training through the circuit and one by the model.

    ``products`` are those of the array, ``gradients`` those of the stochastic outer product,
    ``decisions`` those of the quantile estimator, ``quantizations`` and ``transforms`` those of
    operands by a recipe. ``missed`` counts the values of all of these that were not the model's for
    the same operands, though the weights be right in the end, and ``first`` tells of the first.
    """

    circuit: Run
    model: Run
    products: int
    gradients: int
    decisions: int
    missed: int
    first: str
    cycles: int
    quantizations: int = 0
    transforms: int = 0

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
        """Values of all arrays, and of results on the way, that differ."""
        return sum(wrong for _, wrong in self.weights.values()) + self.missed


def show(done: Comparison, out: Console) -> None:
    """Print how the weights compare, and what it took."""
    table = Lines("array", "values", "mismatches")
    for name, (values, wrong) in done.weights.items():
        table.add_row(name, f"{values:,}", f"[{'red' if wrong else 'green'}]{wrong}")
    wrong = f"[{'red' if done.missed else 'green'}]{done.missed}"
    table.add_row("on the way", "", wrong)
    out.print(table)
    if done.first:
        out.print(f"first on the way: {done.first}", highlight=False, markup=False)
    words = f"{done.circuit.steps:,} steps, {done.products:,} products, "
    if done.quantizations:
        words += f"{done.quantizations:,} quantizations, {done.transforms:,} transforms, "
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
    or bfloat16's and there is one of the others. By a recipe the operands are quantized and
    transformed through circuits too. ``parameters`` are as of `configure`; ``report``
    gets the products, gradients and choices done and those of all steps.
    """
    circuit, update, tracking = _circuits(settings, parameters)
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
    recipe = circuit if isinstance(circuit, RecipeCircuit) else None
    with contextlib.ExitStack() as sessions:
        for part in filter(None, (recipe, update, tracking)):
            sessions.enter_context(part)
        done = train(
            data, settings, engine=circuit, update_engine=update, choose=tracking, steps=steps
        )
    return Comparison(
        circuit=done,
        model=model,
        products=circuit.products if circuit else 0,
        gradients=update.gradients if update else 0,
        decisions=tracking.decisions if tracking else 0,
        quantizations=recipe.quantizations if recipe else 0,
        transforms=recipe.transforms if recipe else 0,
        missed=sum(part.watch.missed for part in parts),
        first=next((part.watch.first for part in parts if part.watch.first), ""),
        cycles=sum(part.cycles for part in parts),
    )
