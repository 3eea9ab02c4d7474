"""What sparse training gains on the array: cycles, memory traffic, balance, area.

Published (Yang et al., "Procrustes", MICRO 2020, arXiv 2009.10976, abstract): up to 4 times faster,
and up to 3.26 times less energy, than an unpruned network on a dense accelerator, of 16 x 16
elements in binary32. The figures of each network are not in the abstract, nor are the areas. The
ratios: ResNet-18 of DropBack (Golub et al., arXiv 1806.06949) and those that Procrustes' repository
tries with MobileNetV2; for the others there are none, and two are swept.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from hw.flow.progress import Progress
from hw.flow.sparse_costs import areas
from hw.sparse.line import Line
from sw.core.products import PASSES, Layer
from sw.networks import NETWORKS
from sw.networks.cifar import CIFAR
from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.balance import BalancerParameters, imbalance
from sw.sparse.density import Density, layer_densities
from sw.sparse.speed import BANDWIDTH, Cost, network_cost

from . import plots
from .kept import Kept
from .pages import mark, new_table, tell, write_rows

__all__ = ["ARRAY", "area", "balance", "speed"]

ARRAY = SparseArrayParameters(
    lines=16,
    columns=16,
    pieces=4,
    fetch=2,
    entries=4096,
    patch=4096,
    sums=256,
    depth=1024,
    positions=128,
)
"""The array of 16 x 16, with quarters."""

RATIOS: Mapping[str, tuple[float, ...]] = {
    "vgg_s": (5, 10),
    "resnet18": (11.7, 24.4),
    "wrn_28_10": (5, 10),
    "densenet_40": (5, 10),
    "mobilenet_v2": (3.5, 7, 10),
}
"""How many times fewer weights."""

BATCH = 64
ACTIVATIONS, SPREAD = 0.5, 0.25
"""Share of activations that a rectifier passes; spread of the shares of layers and of rows."""

OTHERS = (0.45, 0.53)
"""Other shares of activations, for ResNet-18: the latter was measured in `resnet8` on mnist."""

FASTER, LESS_ENERGY = 4.0, 3.26
"""Published, as the most that is reached."""

TILES = ((576, 0.0, 1.06, 1.23), (144, 0.0, 1.12, 1.45), (576, 0.5, 1.34, 2.2))
"""Weights of a tile, spread of densities, most with halves, about as much unbalanced."""

SHARE, LUTS = 0.05, 3000
"""Of the elements' gates, at most; LUTs of a balancer of 32 lines."""


def speed(folder: Path, kept: Kept, seeds: int, out: Console) -> bool:
    """Print speed-ups and traffic of the networks; return whether ResNet-18 reaches 4 times."""
    told = Progress(Console(stderr=True))
    tables: dict[str, Callable[[], list[Layer]]] = {**NETWORKS, **CIFAR}
    table = new_table(
        "Dense over sparse training on 16 x 16: cycles and memory traffic, mean over seeds",
        *("network", "fewer", "active", *PASSES, "all", "in order", "256 b", "traffic"),
        caption="seeded synthetic masks, on average of equal density in all layers, once initial "
        "weights have decayed; quarters; fewer: weights; active: share of activations that is not "
        "zero; forward, input, weight: passes, times faster; in order: all, without the load "
        f"balancer; 256 b: all, where memory gives {BANDWIDTH} bits a cycle, not as many as the "
        f"array takes; traffic: times less. On chip: {_megabytes(ARRAY):.1f} MB, most of it the "
        "patches of all lines. Published: up to 4 times faster, 3.26 times less energy",
    )
    rows: list[dict[str, Any]] = []
    cases = [(n, r, ACTIVATIONS) for n, ratios in RATIOS.items() for r in ratios]
    cases += [("resnet18", RATIOS["resnet18"][0], share) for share in OTHERS]
    good = True
    for name, ratio, active in cases:
        with told.stage(f"{name}, {ratio:g} times fewer weights"):
            found = kept.get(
                "speed",
                lambda name=name, ratio=ratio, active=active: _speed(
                    tables[name](), ratio, active, min(seeds, 3)
                ),
                name=name,
                ratio=ratio,
                active=active,
                seeds=min(seeds, 3),
                array=ARRAY.digest,
            )
        enough = found["all"] >= FASTER
        if (name, ratio, active) == ("resnet18", RATIOS["resnet18"][0], ACTIVATIONS):
            good = enough
        table.add_row(
            name,
            f"{ratio:g}",
            f"{active:g}",
            *(f"{found[which]:.2f}" for which in PASSES),
            mark(enough, f"{found['all']:.2f}") if name == "resnet18" else f"{found['all']:.2f}",
            *(f"{found[key]:.2f}" for key in ("in order", "limited", "traffic")),
        )
        rows.append({"network": name, "fewer": ratio, "active": active, **found})
    out.print(table)
    write_rows(folder / "speed.csv", rows, out)
    tell(plots.faster(folder / "speed.png", rows, FASTER), out)
    return good


def _speed(layers: list[Layer], ratio: float, active: float, seeds: int) -> dict[str, float]:
    """Return how many times faster, and with how much less traffic, a network is trained."""
    latency = Line(parameters=ARRAY).latency
    none = [None] * len(layers)
    x = [None, *[Density(mean=active, spread=SPREAD)] * (len(layers) - 1)]
    dense = network_cost(ARRAY, layers, BATCH, none, none, latency=latency)
    found: list[dict[str, float]] = []
    for seed in range(1, seeds + 1):
        w = layer_densities(layers, 1 / ratio, spread=SPREAD, row_spread=SPREAD, seed=seed)
        balanced, in_order = (
            network_cost(ARRAY, layers, BATCH, w, x, latency=latency, seed=seed, balanced=b)
            for b in (True, False)
        )
        ratios = {which: dense[which].cycles / balanced[which].cycles for which in PASSES}
        whole, ours, theirs = (sum(c.values(), Cost()) for c in (dense, balanced, in_order))
        ratios["all"] = whole.cycles / ours.cycles
        ratios["in order"] = whole.cycles / theirs.cycles
        ratios["limited"] = whole.limited / ours.limited
        ratios["traffic"] = whole.traffic / ours.traffic
        found.append(ratios)
    return {key: float(np.mean([each[key] for each in found])) for key in found[0]}


def _megabytes(p: SparseArrayParameters) -> float:
    """Return the memory of an array, in MB."""
    row = 32 * p.columns
    line = 2 * (p.entries * (34 + p.patch.bit_length() - 1) + (p.patch + p.sums) * row)
    return (p.lines * line + p.lines * p.sums * row) / 8e6


def balance(folder: Path, out: Console) -> bool:
    """Print how long waves take over an even share of the work; return whether all bars hold."""
    table = new_table(
        "Time of a wave over an even share of its work, 16 lines, density 0.1",
        *("weights of a tile", "spread", "in order", "halves", "quarters"),
        caption="mean over 20,000 waves of random masks; spread: of the logarithm of a tile's "
        f"density; a wave takes {BalancerParameters().period} cycles to balance with halves, "
        f"{BalancerParameters(pieces=4).period} with quarters, beside the wave before",
    )
    good, rows = True, []
    for tile, spread, most, _ in TILES:
        shares = {n: imbalance(tile=tile, density=0.1, spread=spread, pieces=n) for n in (1, 2, 4)}
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
    out.print(table)
    write_rows(folder / "balance.csv", rows, out)
    return good


def area(folder: Path, out: Console) -> bool:
    """Print areas beside the array; return whether they are as small as promised."""
    found = areas(Progress(Console(stderr=True)))
    table = new_table(
        "Area beside 16 x 16 elements in binary32",
        *("circuit", "NAND2", "share", "LUT"),
        caption="share: of the gates of the elements alone, without the array's memories and "
        "control; LUT: of Xilinx' 7 series",
    )
    beside = [name for name in found if name != "elements" and "32 lines" not in name]
    together = sum(found[name].share for name in beside if "halves" not in name)
    luts = found["load balancer, halves, 32 lines"].xilinx
    fine = together <= SHARE, luts is not None and luts <= LUTS
    for name, each in found.items():
        lut = "" if each.xilinx is None else f"{each.xilinx:,.0f}"
        table.add_row(
            name,
            f"{each.gates:,.0f}",
            f"{100 * each.share:.2f} %",
            mark(fine[1], lut) if "32 lines" in name else lut,
        )
    table.add_row("all but halves", "", mark(fine[0], f"{100 * together:.2f} %"), "")
    out.print(table)
    rows = [{"circuit": name, **vars(each)} for name, each in found.items()]
    write_rows(folder / "area.csv", rows, out)
    return all(fine)
