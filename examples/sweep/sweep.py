"""What a unit costs over its formats and sizes, as a table and a plot.

``python -m examples.sweep.sweep FOLDER`` writes ``cost.csv`` and ``cost.png``. Every synthesis is
kept in Gradgate's cache: an interrupted sweep, or one with more values, does only what is missing.
"""

import csv
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from hw.flow.emit import generate
from hw.flow.progress import Progress
from hw.flow.synth import synthesize
from hw.units import unit
from sw.cli import console
from sw.errors import UserError

__all__ = ["draw", "sweep"]

UNIT, TARGET = "bfp_dot", "gates"
FORMATS = ("hbfp4", "hbfp6", "mxfp4")
LANES = (2, 4, 8)


def sweep(
    unit_name: str, target: str, fields: Mapping[str, Sequence[Any]], progress: Progress
) -> Iterator[dict[str, Any]]:
    """Give a row for each combination of fields, as it is done.

    ``cost`` is the first figure of the target, such as LUT4 equivalents of ECP5, ``each`` that of a
    multiply-add. A combination that the unit refuses has neither, but the reason.
    """
    found = unit(unit_name)
    for values in itertools.product(*fields.values()):
        row = dict(zip(fields, values, strict=True))
        try:
            p = found.configure(target=target, **row)
            design = generate(unit_name, p)
        except UserError as error:
            yield {**row, "cost": None, "each": None, "refused": str(error)}
            continue
        cost = synthesize(design, target, progress=progress)
        used = cost.total(cost.columns[0])
        each = round(used / found.multiply_adds(p), 1) if found.multiply_adds else None
        yield {**row, "cost": used, "each": each, "refused": None}


def draw(rows: Sequence[Mapping[str, Any]], lines: str, along: str, path: Path) -> None:
    """Plot the cost of a multiply-add along one field, with a line for each value of another."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot(xlabel=along, ylabel="cost of a multiply-add", xscale="log")
    for value in dict.fromkeys(row[lines] for row in rows):
        mine = [row for row in rows if row[lines] == value and row["each"] is not None]
        axes.plot([r[along] for r in mine], [r["each"] for r in mine], marker="o", label=value)
    ticks = sorted({row[along] for row in rows})
    axes.set_xticks(ticks, map(str, ticks), minor=False)
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.legend(title=lines)
    figure.savefig(path)


def main(folder: Path) -> None:
    """Sweep, and write a row as soon as it is known."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = {"format": FORMATS, "lanes": LANES}
    rows = []
    with (folder / "cost.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, [*fields, "cost", "each", "refused"])
        table.writeheader()
        for row in sweep(UNIT, TARGET, fields, Progress(console(stderr=True))):
            table.writerow(row)
            file.flush()
            rows.append(row)
            print(", ".join(f"{name} {value}" for name, value in row.items() if value is not None))
    draw(rows, "format", "lanes", folder / "cost.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
