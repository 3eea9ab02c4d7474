"""What the papers' tables share: how they look, and the files beside them."""

import csv
import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from hw.flow.emit import Design
from hw.flow.progress import Progress as Stages
from sw.cli import whole_file
from sw.train.data import load
from sw.train.settings import Settings

from ..training import compare, configure
from .accuracy import Accuracy, Case, accuracies
from .kept import Kept

__all__ = [
    "Page",
    "mark",
    "new_table",
    "through_rtl",
    "train_all",
]


def new_table(title: str, *columns: str, caption: str | None = None) -> Table:
    """Return an empty table; all columns but the first are numbers."""
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, caption=caption)
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left", no_wrap=True)
    return table


def mark(good: bool, text: str) -> str:
    """Return a text in green or red."""
    return f"[{'green' if good else 'red'}]{text}"


def train_all(
    cases: Sequence[Case], arithmetics: Sequence[str], seeds: int, kept: Kept, **options: Any
) -> list[Accuracy]:
    """Train every case in every arithmetic behind a progress bar; options as of `accuracies`."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    times = TimeElapsedColumn(), TimeRemainingColumn()
    with Progress(*columns, *times, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("train", total=None)
        began, counts = time.monotonic(), list[int]()

        def report(done: int, total: int, last: str) -> None:
            bar.update(task, completed=done, total=total, description=f"train ({last})")
            counts.append(done)
            new = done - counts[0]
            if bar.disable:
                left = (time.monotonic() - began) / new * (total - done) if new else 0.0
                note = f"; about {left / 60:.0f} min left" if new else ""
                click.echo(f"train {done} of {total}{f' ({last})' * bool(last)}{note}", err=True)

        return accuracies(cases, arithmetics, seeds, kept=kept, report=report, **options)


def through_rtl(
    kept: Kept, name: str, settings: Settings, *, steps: int, rtl: Design
) -> dict[str, int]:
    """Train by the model and through the RTL behind a progress bar; return counts of the latter.

    ``name`` is that of the data, ``rtl`` the design that computes what is not binary32.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()

    def run() -> dict[str, int]:
        with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
            task = bar.add_task("train through the RTL", total=None)

            def report(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            parameters = configure(settings.arithmetic)
            done = compare(load(name), settings, parameters, steps=steps, report=report)
        return {
            "computed": done.products + done.gradients + done.decisions,
            "cycles": done.cycles,
            "weights": sum(array.size for array in done.model.network.arrays.values()),
            "mismatches": done.mismatches,
        }

    return kept.get("training", run, settings=repr(settings), steps=steps, rtl=rtl.verilog)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """Where a paper's tables go, and what their sections share.

    Parameters
    ----------
    folder : Path
        Of tables, plots and what is kept.
    out : Console
        Where tables are printed.
    seeds : int
        Trainings of each arithmetic.
    """

    folder: Path
    out: Console
    seeds: int

    @property
    def kept(self) -> Kept:
        """Results of earlier runs."""
        return Kept(self.folder / "kept")

    @functools.cached_property
    def progress(self) -> Stages:
        """Stages of long work, told on standard error."""
        return Stages(Console(stderr=True))

    def tell(self, path: Path) -> None:
        """Say that a file was written."""
        self.out.print(f"wrote {path}", highlight=False, style="dim", soft_wrap=True)

    def write_rows(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """Write rows of equal keys as CSV."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as beside, beside.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        self.tell(path)

    def rtl_table(
        self, title: str, columns: Sequence[str], row: tuple[str, dict[str, int]], *, caption: str
    ) -> bool:
        """Print a name and what `through_rtl` found; return whether there is no mismatch."""
        name, found = row
        table = new_table(title, *columns, caption=caption)
        numbers = [f"{found[each]:,}" for each in ("computed", "cycles", "weights")]
        mismatches = found["mismatches"]
        table.add_row(name, *numbers, mark(not mismatches, f"{mismatches:,}"))
        self.out.print(table)
        return not mismatches

    def training(
        self,
        cases: Sequence[Case],
        arithmetics: Sequence[str],
        near: Sequence[str],
        caption: str,
        plot: Callable[[Path, Sequence[Accuracy]], Path],
        **options: Any,
    ) -> bool:
        """Train all, print, write and draw the accuracies; return as `accuracies` does."""
        rows = train_all(cases, arithmetics, self.seeds, self.kept, **options)
        good = self.accuracies(rows, near, caption)
        self.tell(plot(self.folder / "accuracy.png", rows))
        return good

    def accuracies(self, rows: Sequence[Accuracy], near: Sequence[str], caption: str) -> bool:
        """Print accuracies and write them; return whether those of ``near`` are within a point.

        That is of binary32, which is among the rows, in every case.
        """
        cases = list(dict.fromkeys(row.case for row in rows))
        seeds = len(rows[0].values)
        table = new_table(
            f"Test accuracy after training, %, mean of {seeds} seeds and its standard error",
            *("arithmetic", *(f"{case.name}" for case in cases), "points from binary32"),
            caption=caption,
        )
        good = True
        exact = {row.case: row.mean for row in rows if row.arithmetic == "binary32"}
        for arithmetic in dict.fromkeys(row.arithmetic for row in rows):
            mine = [row for row in rows if row.arithmetic == arithmetic]
            points = [100 * (row.mean - exact[row.case]) for row in mine]
            enough = arithmetic not in near or min(points) >= -1.0
            good &= enough
            table.add_row(
                arithmetic,
                *(f"{100 * row.mean:.2f} ± {100 * row.error:.2f}" for row in mine),
                mark(enough, "  ".join(f"{point:+.2f}" for point in points)),
            )
        self.out.print(table)
        self.write_rows(
            "accuracy.csv",
            [
                {
                    "case": row.case.name,
                    "arithmetic": row.arithmetic,
                    "seed": i + 1,
                    "epoch": epoch + 1,
                    "accuracy": value,
                }
                for row in rows
                for i, curve in enumerate(row.curves)
                for epoch, value in enumerate(curve)
            ],
        )
        return good
