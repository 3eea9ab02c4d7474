"""What sparse training gains on the array: cycles, memory traffic, balance, area.

Published (Yang et al., "Procrustes", MICRO 2020, arXiv 2009.10976, abstract): up to 4 times faster,
and up to 3.26 times less energy, than an unpruned network on a dense accelerator, of 16 x 16
elements in binary32. The figures of each network are not in the abstract, nor are the areas. The
ratios: ResNet-18 of DropBack (Golub et al., arXiv 1806.06949) and those that Procrustes' repository
tries with MobileNetV2; for the others there are none, and two are swept.

What is judged here is not the authors' set-up. Theirs splits tiles into halves, has batches of 16,
a buffer of 128 KiB and 1 KiB in each of the 256 elements; here tiles are split into quarters,
batches are of 64, and the array has 9.9 MB.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sim.costs.sparse import areas
from sw.core.products import PASSES, Layer
from sw.networks import NETWORKS
from sw.networks.cifar import CIFAR
from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.density import Density, Measured, layer_densities
from sw.sparse.load_balancer import BalancerParameters, imbalance
from sw.sparse.speed import BANDWIDTH, Cost, network_cost
from sw.sparse.stages import pe_row_latency
from sw.train.data import load
from sw.train.layers import Weighted
from sw.train.loop import accuracy, train
from sw.train.settings import Settings

from . import plots
from .pages import Page, mark, new_table

__all__ = ["ARRAY", "TENTH", "area", "balance", "speed"]

ARRAY = SparseArrayParameters(
    pe_rows=16,
    columns=16,
    subtiles=4,
    issue_width=2,
    nonzeros=4096,
    patch=4096,
    sums=256,
    depth=1024,
    pixels=128,
)
"""The array of 16 x 16, with quarters."""

RATIOS: Mapping[str, tuple[float, ...]] = {
    "vgg_s": (5, 10),
    "resnet18": (11.7, 24.4),
    "wrn_28_10": (5, 10),
    "densenet_34": (5, 10),
    "mobilenet_v2": (3.5, 7, 10),
}
"""How many times fewer weights."""

BATCH = 64
ACTIVATIONS, SPREAD = 0.5, 0.25
"""Share of activations that a rectifier passes; spread of the shares of layers and of rows."""

OTHERS = (0.45, 0.55)
"""Other shares of activations, for ResNet-18: the latter is that of `resnet8` on mnist."""

TENTH = "procrustes:keep=0.1"
"""Ten times fewer weights."""

TRAINED, TRAINED_EPOCHS = ("lenet", "resnet8"), 3
"""Networks whose masks are of a training, and how long it was."""

FASTER = 4.0
"""Published, as the most that is reached."""

JUDGED = ("resnet18", RATIOS["resnet18"][0], ACTIVATIONS)
"""What is to be so much faster."""

TILES = ((576, 0.0, 1.06), (144, 0.0, 1.12), (576, 0.5, 1.34))
"""Weights of a tile, spread of densities, most with halves."""

SHARE, LUTS = 0.05, 3000
"""Of the elements' gates, at most; LUTs of a balancer of 32 PE rows."""


def speed(page: Page) -> bool:
    """Print speed-ups and traffic of the networks; return whether ResNet-18 reaches 4 times."""
    told = page.progress
    tables: dict[str, Callable[[], list[Layer]]] = {**NETWORKS, **CIFAR}
    of = ("network", "fewer", "active")
    table = new_table(
        "Cycles of training on 16 x 16, dense over sparse, mean over seeds",
        *(*of, *PASSES, "all", "in order"),
        caption="of mnist: masks of weights and activations of a training in "
        f"{TRAINED_EPOCHS} epochs, which keeps more of the early layers, where much of the work "
        "is, and whose few filters do not fill 16 PE rows; all others: seeded synthetic masks, on "
        "average of equal density in all layers. Once initial weights have decayed; quarters; "
        "fewer: weights; active: share of activations that is not zero; forward, input, weight: "
        "passes; in order: all, in the same tilings without the load balancer. Published: up to 4 "
        f"times faster, which is asked of {JUDGED[0]} with {JUDGED[1]:g} and {JUDGED[2]:g}, in "
        f"another set-up: quarters, batches of {BATCH}, {_megabytes(ARRAY):.1f} MB on chip; the "
        "authors have halves, batches of 16, 128 KiB and 1 KiB in each element",
    )
    memory = new_table(
        "Memory traffic of the same, dense over sparse",
        *(*of, "bits", f"cycles at {BANDWIDTH} bits"),
        caption="bits between memory and the array's buffer; cycles of all passes, where memory "
        f"gives and takes {BANDWIDTH} bits in each and not as many as the array does. On chip: "
        f"{_megabytes(ARRAY):.1f} MB, most of it patches of all PE rows. Published: 3.26 times "
        "less energy, of which no model of energy is made here",
    )
    rows: list[dict[str, Any]] = []
    few = min(page.seeds, 3)
    cases = [(n, r, ACTIVATIONS) for n, ratios in RATIOS.items() for r in ratios]
    cases += [("resnet18", RATIOS["resnet18"][0], share) for share in OTHERS]
    good = True
    for name, ratio, active in cases:
        with told.stage(f"{name}, {ratio:g} times fewer weights"):
            found = page.kept.get(
                "speed",
                lambda name=name, ratio=ratio, active=active: _random(
                    tables[name](), ratio, active, few
                ),
                name=name,
                ratio=ratio,
                active=active,
                seeds=few,
                spread=SPREAD,
                **_setting(),
            )
        if (name, ratio, active) == JUDGED:
            good = found["all"] >= FASTER
        rows.append({"network": name, "fewer": ratio, "active": active, **found})
    for name in TRAINED:
        with told.stage(f"{name}, trained on mnist"):
            found = page.kept.get(
                "trained",
                lambda name=name: _trained(name),
                name=name,
                sparse=TENTH,
                epochs=TRAINED_EPOCHS,
                **_setting(),
            )
        rows.append({"network": f"{name}, mnist", **found})
    for row in rows:
        case = row["network"], f"{row['fewer']:.3g}", f"{row['active']:.2g}"
        judged = (row["network"], row["fewer"], row["active"]) == JUDGED
        whole = f"{row['all']:.2f}"
        table.add_row(
            *case,
            *(f"{row[which]:.2f}" for which in PASSES),
            mark(good, whole) if judged else whole,
            f"{row['in order']:.2f}",
        )
        memory.add_row(*case, *(f"{row[key]:.2f}" for key in ("traffic", "limited")))
    page.out.print(table)
    page.out.print(memory)
    page.write_rows("speed.csv", rows)
    page.tell(plots.faster(page.folder / "speed.png", rows, FASTER))
    return good


def _setting() -> dict[str, Any]:
    """Return what all cycles depend on beside a network."""
    return {"array": ARRAY.digest, "batch": BATCH, "latency": pe_row_latency(ARRAY.target)}


def _random(layers: list[Layer], ratio: float, active: float, seeds: int) -> dict[str, float]:
    """Return how many times faster, and with how much less traffic, a network is trained."""
    x = [None, *[Density(mean=active, spread=SPREAD)] * (len(layers) - 1)]
    found = []
    for seed in range(1, seeds + 1):
        w = layer_densities(layers, 1 / ratio, spread=SPREAD, row_spread=SPREAD, seed=seed)
        found.append(_ratios(layers, w, x, seed))
    return {key: float(np.mean([each[key] for each in found])) for key in found[0]}


def _trained(model: str) -> dict[str, float]:
    """Return the same of a network that was trained with a tenth of its weights."""
    images = load("mnist")
    run = train(images, Settings(model=model, sparse=TENTH, epochs=TRAINED_EPOCHS))
    assert run.sparse is not None
    accuracy(run.network, run.precision, images.train_x[:BATCH], images.train_y[:BATCH])
    parts = [part for part in run.network.parts if isinstance(part, Weighted)]
    x = [part.operands["x"].tensor != 0 for part in parts]
    w = list(run.sparse.masks.values())
    size, active = sum(mask.size for mask in w), sum(mask.size for mask in x[1:])
    ratios = _ratios(
        [part.layer for part in parts],
        [Measured(mask=mask) for mask in w],
        [None, *(Measured(mask=mask) for mask in x[1:])],
    )
    return {
        "fewer": size / sum(int(mask.sum()) for mask in w),
        "active": sum(int(mask.sum()) for mask in x[1:]) / active,
        **ratios,
    }


def _ratios(
    layers: list[Layer],
    w: Sequence[Density | Measured],
    x: Sequence[Density | Measured | None],
    seed: int = 1,
) -> dict[str, float]:
    """Return what the dense array takes over what the sparse one does."""
    none = [None] * len(layers)
    dense = network_cost(ARRAY, layers, BATCH, none, none)
    balanced, in_order = (
        network_cost(ARRAY, layers, BATCH, w, x, seed=seed, balanced=b) for b in (True, False)
    )
    ratios = {which: dense[which].cycles / balanced[which].cycles for which in PASSES}
    whole, ours, theirs = (sum(c.values(), Cost()) for c in (dense, balanced, in_order))
    return ratios | {
        "all": whole.cycles / ours.cycles,
        "in order": whole.cycles / theirs.cycles,
        "limited": whole.limited / ours.limited,
        "traffic": whole.traffic / ours.traffic,
    }


def _megabytes(p: SparseArrayParameters) -> float:
    """Return the memory of an array, in MB."""
    row = 32 * p.columns
    pe_row = 2 * (p.nonzeros * (34 + p.patch.bit_length() - 1) + (p.patch + p.sums) * row)
    return (p.pe_rows * pe_row + p.pe_rows * p.sums * row) / 8e6


def balance(page: Page) -> bool:
    """Print how long passes take over an even share of the work; return whether all bars hold."""
    table = new_table(
        "Time of a pass over an even share of its work, 16 PE rows, density 0.1",
        *("weights of a tile", "spread", "in order", "halves", "quarters"),
        caption="mean over 20,000 passes of random masks; spread: of the logarithm of a tile's "
        f"density; a pass takes {BalancerParameters().period} cycles to balance with halves, "
        f"{BalancerParameters(subtiles=4).period} with quarters, beside the pass before",
    )
    good, rows = True, []
    for tile, spread, most in TILES:
        shares = {
            n: imbalance(tile=tile, density=0.1, spread=spread, subtiles=n) for n in (1, 2, 4)
        }
        fine = shares[2] <= most, shares[4] < shares[2]
        good &= all(fine)
        table.add_row(
            str(tile),
            f"{spread:g}",
            f"{shares[1]:.3f}",
            *(mark(f, f"{shares[n]:.3f}") for f, n in zip(fine, (2, 4), strict=True)),
        )
        rows.append(
            {"tile": tile, "spread": spread, **{f"pieces_{n}": s for n, s in shares.items()}}
        )
    page.out.print(table)
    page.write_rows("balance.csv", rows)
    return good


def area(page: Page) -> bool:
    """Print areas beside the array; return whether they are as small as promised."""
    found = areas(page.progress)
    table = new_table(
        "Area beside 16 x 16 elements in binary32",
        *("circuit", "NAND2", "share", "LUT"),
        caption="share: of the gates of the elements alone, without the array's memories and "
        "control; LUT: of Xilinx' 7 series",
    )
    beside = [name for name in found if name != "elements" and "32 PE rows" not in name]
    together = sum(found[name].share for name in beside if "halves" not in name)
    luts = found["load balancer, halves, 32 PE rows"].xilinx
    fine = together <= SHARE, luts is not None and luts <= LUTS
    for name, each in found.items():
        lut = "" if each.xilinx is None else f"{each.xilinx:,.0f}"
        table.add_row(
            name,
            f"{each.gates:,.0f}",
            f"{100 * each.share:.2f} %",
            mark(fine[1], lut) if "32 PE rows" in name else lut,
        )
    table.add_row("all but halves", "", mark(fine[0], f"{100 * together:.2f} %"), "")
    page.out.print(table)
    rows = [{"circuit": name, **vars(each)} for name, each in found.items()]
    page.write_rows("area.csv", rows)
    return all(fine)
