"""What a training leaves behind: its weights, its course as JSON, and its learning curve."""

from pathlib import Path

import numpy as np
from rich.table import Table

from ..bfp.pairs import PAIRS
from ..cli import whole_files
from ..errors import UserError
from .data import Data
from .loop import Run, accuracy
from .record import record
from .sparse import Sparse

__all__ = ["accuracies", "check_path", "densities", "write"]


def check_path(path: Path) -> None:
    """Raise `UserError` unless `write` may write to files of these names."""
    if path.suffix != ".npz":
        raise UserError(f"output must be a file name that ends in .npz, not {path}")
    for each in (path, *(path.with_suffix(suffix) for suffix in (".json", ".png"))):
        if each.is_dir():
            raise UserError(f"cannot write {each}: it is a folder")


def write(run: Run, path: Path) -> list[Path]:
    """Write ``path`` (.npz), and beside it .json and, where matplotlib is, .png; return them.

    All of them are written, or none. Beside the weights of a sparse training are the masks of those
    that are tracked.
    """
    paths = [path, path.with_suffix(".json"), path.with_suffix(".png")]
    with whole_files(*paths) as (weights, text, picture):
        run.network.write(weights, run.sparse.masks if run.sparse else None)
        text.write_text(record(run), encoding="utf-8")
        drawn = _draw(run, picture)
    return paths if drawn else paths[:-1]


def _draw(run: Run, path: Path) -> bool:
    """Draw loss and accuracy over the epochs, and the modes where they change; tell if it could."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError:
        return False
    history = run.precision.history
    figure = Figure(figsize=(9 if history else 6, 4), layout="constrained")
    axes, *more = figure.subplots(1, 2 if history else 1, squeeze=False)[0]
    epochs = [e.epoch for e in run.epochs]
    axes.plot(epochs, [e.loss for e in run.epochs], color="C0")
    axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("training loss", color="C0")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    right = axes.twinx()
    right.plot(epochs, [100 * e.accuracy for e in run.epochs], color="C1")
    right.set_ylabel("test accuracy, %", color="C1")
    s = run.settings
    names = (s.model, run.precision.name, *s.unusual.values())
    axes.set_title(", ".join(names), fontsize=10)
    for other in more:
        modes = np.array(run.precision.record()["modes"], float).reshape(len(epochs), -1).T
        image = other.imshow(
            modes,
            aspect="auto",
            interpolation="nearest",
            vmin=0,
            vmax=2,
            cmap="viridis",
            extent=(0.5, len(epochs) + 0.5, len(modes) - 0.5, -0.5),
        )
        layers = len(run.network.products)
        names = [f"{i} {pair.replace('_', ' ')}" for i in range(layers) for pair in PAIRS]
        other.set_yticks(range(len(names)), names, fontsize=7)
        other.set_xlabel("epoch")
        other.xaxis.set_major_locator(MaxNLocator(integer=True))
        other.set_title("mode of each layer's pairs", fontsize=10)
        bar = figure.colorbar(image, ax=other, ticks=[0, 1, 2])
        bar.ax.set_yticklabels([f.name for f in run.precision.formats])
    figure.savefig(path, dpi=130, format="png")
    return True


def accuracies(run: Run, data: Data) -> Table:
    """Return a table of the images that the network classifies rightly; tests as in the record."""
    table = Table()
    for heading in ("images", "number", "right"):
        table.add_column(heading, justify="left" if heading == "images" else "right")
    last = len(run.epochs)
    for kind, x, y, number in (
        ("training", data.train_x, data.train_y, last),
        ("test", data.test_x, data.test_y, last - 1),
    ):
        seed = run.settings.seed
        right = accuracy(run.network, run.precision, x, y, seed=seed, number=number)
        table.add_row(kind, f"{len(x):,}", f"{right:.2%}")
    return table


def densities(run: Run, sparse: Sparse) -> Table:
    """Return a table of how many weights of each array were tracked."""
    first, last = run.epochs[0], run.epochs[-1]
    table = Table()
    table.add_column("tracked", style="bold")
    epochs = [first, last][: len(run.epochs)]
    for heading in ("shape", "weights", *(f"epoch {each.epoch} %" for each in epochs), "now %"):
        table.add_column(heading, justify="right")
    arrays = list(sparse.weights.values())
    sizes = np.array([array.size for array in arrays])
    shares = np.array([*(each.density for each in epochs), sparse.densities[-1]]).T
    names = [*sparse.weights, "all"]
    shapes = [*(" x ".join(map(str, array.shape)) for array in arrays), ""]
    rows = zip(
        names,
        shapes,
        [*sizes, sizes.sum()],
        [*shares, sizes @ shares / sizes.sum()],
        strict=True,
    )
    for name, shape, size, each in rows:
        table.add_row(name, shape, f"{size:,}", *(f"{100 * share:.2f}" for share in each))
    return table
