"""Plots of the tables beside the papers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sim.costs.density import DensityRow
from sw.approx.errors import Errors
from sw.cli import whole_file

from .accuracy import Accuracy

__all__ = [
    "accuracy",
    "by_length",
    "curves",
    "density",
    "errors",
    "faster",
    "lengths",
    "pareto",
    "utilization",
]


def density(
    path: Path, rows: Sequence[DensityRow], published: Mapping[tuple[int, int, str], float]
) -> Path:
    """Draw densities over the tile side, by the paper's areas and by our gates."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    both = figure.subplots(1, 2)
    for axes, against in zip(both, ("binary32", "bfloat16"), strict=True):
        for i, width in enumerate(sorted({row.width for row in rows})):
            mine = [row for row in rows if (row.width, row.against) == (width, against)]
            sides = [row.side for row in mine]
            name = f"HBFP{width}"
            axes.plot(sides, [r.published for r in mine], f"C{i}--", label=f"{name}, paper's areas")
            axes.plot(sides, [r.own for r in mine], f"C{i}-o", ms=3, label=f"{name}, own gates")
        axes.plot([16], [published[4, 16, against]], "k*", ms=10, label="paper's abstract")
        axes.set_xscale("log", base=2)
        axes.set_xlabel("tile side")
        axes.set_title(f"density against {against}", fontsize=10)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    both[1].legend(fontsize=6, loc="lower right")
    return _save(figure, path)


def utilization(path: Path, formats: Sequence[str], shares: Mapping[str, Any]) -> Path:
    """Draw the slots used by each network in each format."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    for i, form in enumerate(formats):
        places = np.arange(len(shares)) + (i - 1) * 0.27
        axes.bar(places, [100 * f["whole"][i] for f in shares.values()], 0.25, label=form)
    axes.set_xticks(np.arange(len(shares)), list(shares))
    axes.set_ylabel("slots used, %")
    axes.axhline(95, color="k", lw=0.7, ls=":")
    axes.legend(loc="lower left")
    return _save(figure, path)


def accuracy(path: Path, rows: Sequence[Accuracy]) -> Path:
    """Draw each case's accuracies as points from binary32's."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    cases = list(dict.fromkeys(row.case for row in rows))
    all_axes = figure.subplots(1, len(cases), squeeze=False)[0]
    for axes, case in zip(all_axes, cases, strict=True):
        mine = [row for row in rows if row.case == case]
        exact = 100 * next(row.mean for row in mine if row.arithmetic == "binary32")
        names = [row.arithmetic for row in mine]
        points = [100 * row.mean - exact for row in mine]
        axes.barh(names, points, xerr=[100 * row.error for row in mine], color="C0", height=0.6)
        axes.axvline(-1, color="C3", lw=0.8, ls="--")
        axes.axvline(0, color="k", lw=0.8)
        axes.invert_yaxis()
        axes.set_xlabel(f"points from binary32's {exact:.1f} %")
        axes.set_title(case.name, fontsize=10)
        axes.tick_params(labelsize=8)
    return _save(figure, path)


def curves(path: Path, rows: Sequence[Accuracy]) -> Path:
    """Draw the mean of each arithmetic's accuracy after each epoch, and what it ends with."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    exact = 100 * next(row.mean for row in rows if row.arithmetic == "binary32")
    for i, row in enumerate(rows):
        means = 100 * np.mean(row.curves, 0)
        epochs = np.arange(1, len(means) + 1)
        style = {"color": "k", "lw": 2} if row.arithmetic == "binary32" else {"color": f"C{i}"}
        left.plot(epochs, means, "-o", ms=3, label=row.arithmetic, **style)
        right.errorbar(
            100 * row.mean - exact, i, xerr=100 * row.error, fmt="o", color=style["color"]
        )
    left.set_xlabel("epoch")
    left.set_ylabel("test accuracy, %")
    left.legend(fontsize=7)
    left.grid(alpha=0.3)
    right.axvline(-1, color="C3", lw=0.8, ls="--")
    right.axvline(0, color="k", lw=0.8)
    right.set_yticks(range(len(rows)), [row.arithmetic for row in rows], fontsize=8)
    right.invert_yaxis()
    right.set_xlabel(f"points from binary32's {exact:.2f} %")
    figure.suptitle(rows[0].case.name, fontsize=10)
    return _save(figure, path)


def errors(path: Path, found: Mapping[str, Errors]) -> Path:
    """Draw the distribution of each multiplier's errors."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    for name, each in found.items():
        # Classes of half a percent; the first begins at a multiple of that.
        places = np.floor(200 * (each.edges[:-1] + each.edges[1:]) / 2).astype(int)
        first = places.min()
        shares = np.bincount(places - first, each.shares)
        edges = (first + np.arange(len(shares) + 1)) / 2
        axes.stairs(100 * shares, edges, label=name)
    axes.set_xlabel("relative error, %")
    axes.set_ylabel("share of products, %")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.01)
    axes.legend(fontsize=7)
    axes.grid(alpha=0.3)
    return _save(figure, path)


def lengths(
    path: Path, found: Mapping[str, Mapping[int, float]], ideal: Mapping[int, float]
) -> Path:
    """Draw the errors of updates over the length of streams, of each way to share words."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for share, errors in found.items():
        axes.plot(list(errors), list(errors.values()), "-o", ms=3, label=share)
    axes.plot(list(ideal), list(ideal.values()), "k*", ms=8, label="ideal random numbers")
    axes.set_xscale("log", base=2)
    axes.set_xticks(places := sorted({n for e in found.values() for n in e}), map(str, places))
    axes.set_yscale("log")
    axes.set_xlabel("bits of a stream")
    axes.set_ylabel("relative error of an update")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    return _save(figure, path)


def by_length(path: Path, rows: Sequence[Accuracy], length_of: Mapping[str, int]) -> Path:
    """Draw each case's accuracies over the length of streams, as points from binary32's."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for i, case in enumerate(dict.fromkeys(row.case for row in rows)):
        exact = next(row for row in rows if row.case == case and row.arithmetic == "binary32")
        mine = [row for row in rows if row.case == case and row.arithmetic in length_of]
        axes.errorbar(
            [length_of[row.arithmetic] for row in mine],
            [100 * (row.mean - exact.mean) for row in mine],
            [100 * row.error for row in mine],
            fmt="-o",
            ms=4,
            capsize=3,
            color=f"C{i}",
            label=f"{case.name}, binary32: {100 * exact.mean:.2f} ± {100 * exact.error:.2f} %",
        )
    axes.axhline(-1, color="C3", lw=0.8, ls="--")
    axes.axhline(0, color="k", lw=0.8)
    axes.set_xscale("log", base=2)
    axes.set_xticks(places := sorted(length_of.values()), map(str, places))
    axes.set_xlabel("bits of a stream")
    axes.set_ylabel("test accuracy, points from binary32's")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    return _save(figure, path)


def faster(path: Path, rows: Sequence[Mapping[str, Any]], published: float) -> Path:
    """Draw how many times faster networks are trained, balanced and in order."""
    figure = Figure(figsize=(7, 0.6 + 0.35 * len(rows)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(rows))
    for shift, key, label in ((-0.2, "all", "balanced"), (0.2, "in order", "in order")):
        axes.barh(places + shift, [row[key] for row in rows], 0.38, label=label)
    names = [
        f"{row['network']}, {row['fewer']:.3g} x fewer weights, {row['active']:.2g} active"
        for row in rows
    ]
    axes.set_yticks(places, names, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("times faster than dense")
    axes.axvline(published, color="k", lw=0.7, ls=":", label="published, at most")
    axes.legend(loc="lower right", fontsize=7)
    return _save(figure, path)


POINTS = 4.0
"""Below the best accuracy, down to which a picture of accuracies over gates goes."""


def pareto(path: Path, points: Mapping[str, Mapping[str, tuple[float, Accuracy]]]) -> Path:
    """Draw each case's accuracies over the gates of a multiply-add, and the front of the best.

    What is more than `POINTS` below the best one stands at the lower end, with its figure.
    """
    figure = Figure(figsize=(13, 6), layout="constrained")
    all_axes = figure.subplots(1, len(points), squeeze=False)[0]
    for axes, (case, found) in zip(all_axes, points.items(), strict=True):
        front, best = [], -np.inf
        top = 100 * max(row.mean for _, row in found.values())
        least = max(top - POINTS, 100 * min(row.mean for _, row in found.values()))
        texts = []
        for name, (gates, row) in sorted(
            found.items(), key=lambda item: (item[1][0], -item[1][1].mean)
        ):
            accuracy = 100 * row.mean
            below = accuracy < least
            error = 0 if below else 100 * row.error
            style = {"marker": "v" if below else "o", "ms": 5, "color": "C0"}
            axes.errorbar(gates, max(accuracy, least), yerr=error, **style)
            text = f"{name}: {accuracy:.1f}" if below else name
            texts.append((text, gates, max(accuracy, least)))
            if accuracy > best:
                best = accuracy
                front.append((gates, accuracy))
        axes.step(
            *zip(*front, strict=True), where="post", color="C3", lw=1, label="best for its gates"
        )
        axes.set_xscale("log")
        axes.set_xlim(min(g for _, g, _ in texts) / 1.5, max(g for _, g, _ in texts) * 3)
        axes.set_ylim(least - 0.6, top + 0.6)
        _annotate(axes, texts)
        axes.set_xlabel("gates of a multiply-add (NAND2 equivalents): smaller is cheaper")
        axes.set_ylabel("test accuracy after training, %")
        axes.set_title(case, fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="lower right")
    return _save(figure, path)


def _annotate(axes: Any, texts: Sequence[tuple[str, float, float]]) -> None:
    """Write texts beside their points, where none is yet, with a line to the point."""
    (left, right), (low, high) = np.log10(axes.get_xlim()), axes.get_ylim()
    # Shares of the axes that a line and a character of the font take.
    line, character = 0.026, 0.0115
    places = [
        ((np.log10(gates) - left) / (right - left), (accuracy - low) / (high - low))
        for _, gates, accuracy in texts
    ]
    taken = [(x - character, x + character, y) for x, y in places]
    for (text, gates, accuracy), (x, y) in zip(texts, places, strict=True):
        start, end = x + 0.03, x + 0.03 + character * len(text)
        ways = sorted(range(-30, 31), key=lambda n: (abs(n), -n))
        free = [
            y + n * line
            for n in ways
            if 0.02 < y + n * line < 0.98
            and all(
                abs(y + n * line - there) >= line or start > last or end < first
                for first, last, there in taken
            )
        ]
        place = free[0] if free else y
        taken.append((start, end, place))
        axes.annotate(
            text,
            (gates, accuracy),
            xytext=(start, place),
            textcoords="axes fraction",
            va="center",
            size=7,
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": "C7"},
        )


def _save(figure: Figure, path: Path) -> Path:
    with whole_file(path) as beside:
        figure.savefig(beside, dpi=130, format="png")
    return path
