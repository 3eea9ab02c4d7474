"""The main job in one go: a design, real data through it, and what it costs."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.table import Table

from hw.flow.emit import generate, write, write_files
from hw.flow.families import FAMILIES
from hw.flow.progress import Progress
from hw.flow.report import as_files, show
from hw.flow.synth import synthesize
from sw.bfp.array import ArrayParameters
from sw.bfp.array import matmul as model
from sw.checks import choice
from sw.cli import console, output_folder, whole_file
from sw.errors import UserError
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize
from sw.parameters import TARGETS
from sw.train.data import Data, load
from sw.train.loop import accuracy, train
from sw.train.network import Network, load_weights
from sw.train.precision import BINARY32
from sw.words import Words, stream_key

from .bench import Result, assert_equal
from .bfp.array import simulate

__all__ = ["Layer", "demo", "infer"]

Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """A dense layer's product through the array, and beside it."""

    size: tuple[int, int, int]
    product: Floats
    expected: Floats
    exact: Floats
    result: Result

    @property
    def mismatches(self) -> int:
        """Values that are not the model's, bit for bit."""
        return int((self.product.view(np.uint32) != self.expected.view(np.uint32)).sum())

    @property
    def errors(self) -> Floats:
        """Differences to binary32, in units of the layer's root mean square."""
        return (self.product - self.exact) / np.sqrt(np.mean(self.exact**2))


def _blocks(parameters: ArrayParameters, x: Floats, axis: int, seed: int) -> Blocks:
    return quantize(x, parameters.format, axis=axis, random=Words(key=stream_key(seed)))


def infer(
    parameters: ArrayParameters, network: Network, x: Floats, *, seed: int, **options: Any
) -> list[Layer]:
    """Run a mini-batch through a network whose products the circuit computes, layer by layer.

    ``options`` are those of `sim.bench.run`.
    """
    layers = []
    for i, layer in enumerate(network.products):
        weight, bias = layer.parameters["weight"].T, layer.parameters["bias"]
        a = _blocks(parameters, x, 1, seed + 2 * i)
        b = _blocks(parameters, weight, 0, seed + 2 * i + 1)
        product, result = simulate(parameters, a, b, seed=seed, **options)
        size = (len(x), weight.shape[1], weight.shape[0])
        expected = model(parameters, a, b)
        layers.append(
            Layer(size=size, product=product, expected=expected, exact=x @ weight, result=result)
        )
        x = product + bias
        if i < len(network.products) - 1:
            x = np.maximum(x, np.float32(0))
    return layers


def demo(
    parameters: ArrayParameters,
    *,
    data: str,
    weights: Path | None,
    samples: int,
    seed: int,
    target: str,
    folder: Path,
) -> None:
    """Generate ``bfp_array``, infer a mini-batch with it, synthesize it, and show all of it.

    Parameters
    ----------
    parameters : ArrayParameters
        The design.
    data : str
        ``digits`` or ``mnist``.
    weights : Path or None
        A trained network; None trains one, and keeps it in ``folder``.
    samples : int
        Size of the mini-batch.
    seed : int
        Of stochastic rounding.
    target : str
        What to synthesize for.
    folder : Path
        Where everything is written.

    Raises `MismatchError` with the first value that is not the model's, or the cycles of a product.
    """
    out = console()
    progress = Progress(console(stderr=True))
    choice("--target", target, FAMILIES)
    output_folder(folder)
    images = load(data)
    if weights is None:
        weights = folder / f"{data}.npz"
        if not weights.exists():
            with progress.stage(f"train a network on {data}"):
                network = train(images).network
            folder.mkdir(parents=True, exist_ok=True)
            network.save(weights)
    network = load_weights(weights)
    pixels = network.arrays["weight0"].shape[1]
    if pixels != images.test_x.shape[1]:
        raise UserError(
            f"{weights}: weight0 must take the {images.test_x.shape[1]} pixels of {data}, "
            f"not {pixels}"
        )
    with progress.stage("generate bfp_array"):
        design = generate("bfp_array", parameters)
    written = write(design, folder)
    with progress.stage(f"simulate {samples} images of {data}") as stage:
        layers = infer(parameters, network, images.test_x[:samples], seed=seed)
        stage.note = f"{sum(layer.result.simulated for layer in layers):,} cycles"
    cost = synthesize(design, target, progress=progress)

    out.print(_products(parameters, layers))
    _accuracy(out, network, images, layers, samples)
    show(cost, out)
    if parameters.target == "generic" and target in TARGETS:
        out.print(
            f"This is portable Verilog; --set target={target} builds its sums of {target}'s own "
            "carry cells, which are fewer.",
            highlight=False,
        )
    written += write_files(as_files(cost), folder)
    picture = _draw(images, network, layers, folder / "digits.png")
    for path in (*written, *picture):
        out.print(f"wrote {path}", highlight=False, style="dim")
    for layer in layers:
        context = {"seed": seed, "size": layer.size}
        assert_equal(layer.product, layer.expected, context=context)
        expected = parameters.cycles(*layer.size)
        context["values"] = "cycles"
        assert_equal(np.array(layer.result.cycles), np.array(expected), context=context)


def _products(p: ArrayParameters, layers: list[Layer]) -> Table:
    table = Table(
        title=f"{p.rows} x {p.columns} array of {p.lanes}-lane {p.format.name} dot products, "
        "RTL against model",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        caption="error: difference to the binary32 product, relative to its root mean square",
    )
    for column in ("layer", "product", "values", "mismatches", "cycles", "slots used"):
        table.add_column(column.replace(" ", "\n"), justify="right", no_wrap=True)
    for column in ("rms error", "largest error"):
        table.add_column(column.replace(" ", "\n"), justify="right", no_wrap=True)
    for i, layer in enumerate(layers):
        m, n, k = layer.size
        cycles = f"{layer.result.cycles:,}"
        expected = p.cycles(m, n, k)
        if layer.result.cycles != expected:
            cycles += f" ({expected:,} expected)"
        slots = m * n * k / (layer.result.cycles * p.rows * p.columns * p.lanes)
        table.add_row(
            str(i + 1),
            f"{m} x {n} x {k}",
            f"{m * n:,}",
            f"[{'red' if layer.mismatches else 'green'}]{layer.mismatches}",
            cycles,
            f"{slots:.0%}",
            f"{np.sqrt(np.mean(layer.errors**2)):.2%}",
            f"{np.abs(layer.errors).max():.2%}",
        )
    return table


def _accuracy(
    out: Console, network: Network, images: Data, layers: list[Layer], samples: int
) -> None:
    labels = images.test_y[:samples]
    circuit = (_outputs(network, layers).argmax(1) == labels).sum()
    exact = round(accuracy(network, BINARY32, images.test_x[:samples], labels) * samples)
    out.print(
        f"{images.name} recognized: {circuit} of {samples} by the circuit, "
        f"{exact} of {samples} in binary32\n",
        highlight=False,
    )


def _outputs(network: Network, layers: list[Layer]) -> Floats:
    return layers[-1].product + network.products[-1].parameters["bias"]


def _draw(images: Data, network: Network, layers: list[Layer], path: Path) -> list[Path]:
    """Draw the first images with their answers, and the errors; nothing without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return []
    answers = _outputs(network, layers).argmax(1)[:16]
    side = round(images.test_x.shape[1] ** 0.5)
    figure = Figure(figsize=(9, 4), layout="constrained")
    halves = figure.add_gridspec(1, 2)
    pictures, errors = (figure.add_subfigure(half) for half in halves)
    for i, axes in enumerate(pictures.subplots(4, 4).flat):
        axes.axis("off")
        if i < len(answers):
            axes.imshow(images.test_x[i].reshape(side, side), cmap="gray_r")
            right = answers[i] == images.test_y[i]
            axes.set_title(str(answers[i]), fontsize=9, color="green" if right else "red", pad=2)
    pictures.suptitle("what the circuit reads", fontsize=10)
    axes = errors.subplots()
    for i, layer in enumerate(layers):
        axes.hist(layer.errors.ravel() * 100, bins=60, histtype="step", label=f"layer {i + 1}")
    axes.set_xlabel("difference to binary32, % of the rms")
    axes.set_ylabel("values")
    axes.legend()
    with whole_file(path) as beside:
        figure.savefig(beside, dpi=130, format="png")
    return [path]
