"""The command line of the numbers: ``python -m sw``."""

import dataclasses
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from . import lfsr
from .bfp.quantize import dequantize, quantize, zero_setting_error
from .cli import Group, console, output_folder
from .errors import UserError
from .formats import BLOCK_FORMATS, ROUNDINGS, BlockFormat
from .train.data import DATA, load
from .train.loop import STORAGES, Epoch, Settings, accuracy, train
from .train.network import MODELS
from .train.results import write


@click.group(cls=Group)
def main() -> None:
    """Show number formats and their errors on data, and train a small network."""


@main.command()
def formats() -> None:
    """Print the presets of block floating point.

    \b
    Example:
      python -m sw formats
    """
    table = Table()
    table.add_column("format", style="bold", no_wrap=True)
    for heading in ("block", "m", "q", "E", "rule", "each", "rounding"):
        numeric = heading not in ("rule", "rounding")
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=True)
    for name, format in BLOCK_FORMATS.items():
        table.add_row(
            name,
            "x".join(map(str, format.block)),
            str(format.magnitude_bits),
            str(format.element_bits),
            str(format.exponent_bits),
            format.exponent_rule,
            f"{format.element_bits + format.exponent_bits / format.block_elements:.2f}",
            format.rounding,
        )
    out = console()
    out.print("Element = q * 2**(E - m); a block shares E. Bits of q, E, each.", highlight=False)
    out.print(table)


def _array(path: Path) -> np.ndarray:
    """Read an .npy file of real numbers as binary32."""
    try:
        with open(path, "rb") as handle:
            array = np.load(handle, allow_pickle=False)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError):
        raise UserError(f"{path} must be an .npy file of numbers") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise UserError(f"{path} must be an .npy file of real numbers")
    if not array.size:
        raise UserError(f"{path} must hold at least one number, its shape is {array.shape}")
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


@main.command("quantize")
@click.argument("path", metavar="FILE.npy", type=click.Path(path_type=Path))
@click.option("--format", "name", default="hbfp8", show_default=True, help="Preset.")
@click.option("--rounding", type=click.Choice(ROUNDINGS), help="Instead of the preset's.")
@click.option("--axis", default=-1, show_default=True, help="Axis along which blocks lie.")
@click.option("--seed", default=1, show_default=True, help="Seed of stochastic rounding.")
def quantize_file(path: Path, name: str, rounding: str | None, axis: int, seed: int) -> None:
    """Print what a block format makes of the numbers in FILE.npy.

    \b
    Examples:
      python -m sw quantize weights.npy --format hbfp4
      python -m sw quantize weights.npy --format mxint8 --axis 0
    """
    x = _array(path)
    format = BlockFormat.read(name)
    if rounding is not None:
        format = dataclasses.replace(format, rounding=rounding)
    words = lfsr.random_words(beats=x.size, lanes=1, seed=seed, bits=format.random_bits)
    blocks = quantize(x, format, axis=axis, random=words.reshape(x.shape))
    nan = int((blocks.exponent == format.nan_code).sum())
    values = dequantize(blocks).astype(np.float64)
    keep = ~np.isnan(values)
    error = (values - x)[keep]
    scale = np.abs(x[keep]).max(initial=0)
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("numbers", f"{x.size:,}")
    table.add_row("blocks", f"{blocks.exponent.size:,}")
    table.add_row("blocks with a NaN or an infinity", f"{nan:,}")
    table.add_row("zero-setting error", f"{zero_setting_error(x, format, axis=axis):.4%}")
    table.add_row("largest magnitude", f"{scale:.6g}")
    table.add_row("largest error", f"{np.abs(error).max(initial=0):.6g}")
    table.add_row("rms error", f"{np.sqrt(np.mean(error**2)) if error.size else 0:.6g}")
    table.add_row("mean error", f"{error.mean() if error.size else 0:.6g}")
    out = console()
    out.print(f"{path.name} in {format.name}, {format.rounding}.", highlight=False)
    out.print(table)


@main.command("train")
@click.option("--model", default="mlp", show_default=True, help=f"Network: {', '.join(MODELS)}.")
@click.option("--data", "name", default="digits", show_default=True, help=f"{' or '.join(DATA)}.")
@click.option(
    "--arith",
    "arithmetic",
    default="binary32",
    show_default=True,
    help="Arithmetic of the products, see below.",
)
@click.option("--hidden", default="32", show_default=True, help="Widths of mlp's hidden layers.")
@click.option("--epochs", type=int, help="Times through the data; without, the model's.")
@click.option("--batch", default=64, show_default=True, help="Images of a step.")
@click.option("--rate", type=float, help="First learning rate; without, the model's.")
@click.option("--momentum", default=0.9, show_default=True, help="Of the gradient descent.")
@click.option(
    "--storage",
    type=click.Choice(STORAGES),
    default="auto",
    show_default=True,
    help="Weights between steps: in binary32, or in wide blocks as HBFP has them.",
)
@click.option("--seed", default=1, show_default=True, help="Of weights, order and rounding.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File of the weights, .npz.")
def train_network(name: str, output: Path | None, hidden: str, **fields: Any) -> None:
    """Train a network; with -o write its weights, its course (.json) and learning curve (.png).

    Each layer has three products: forward, gradient of the input, gradient of the weights. --arith
    names the arithmetic of all (binary32, bfloat16 or a format of `python -m sw formats`), others
    for a pass, a layer or a pass of one (fb12,input=fb16,0=fb24,1.weight=fb16), or what chooses
    it: boosters[:EPOCHS], HBFP4 with HBFP6 in the last EPOCHS and in the first and last layer;
    flexblock[:LO/HI/WARMUP/HOLD], FB12, FB16 or FB24 by zero-setting error.

    \b
    Examples:
      python -m sw train -o build/weights.npz
      python -m sw train --model lenet --data mnist --arith hbfp6 -o build/lenet.npz
      python -m sw train --arith fb12,input=fb16 --hidden 64,32
      python -m sw train --model resnet8 --arith flexblock:0.1/0.2/0/1 -o build/resnet.npz
    """
    if not all(width.isdecimal() for width in hidden.split(",")):
        raise UserError(f"hidden must be widths as in 64,32, not {hidden!r}")
    settings = Settings(hidden=tuple(map(int, hidden.split(","))), **fields)
    if output is not None:
        if output.suffix != ".npz":
            raise UserError(f"output must be a file name that ends in .npz, not {output}")
        output_folder(output.parent)
        for path in (output, *(output.with_suffix(suffix) for suffix in (".json", ".png"))):
            if path.is_dir():
                raise UserError(f"cannot write {path}: it is a folder")
    data = load(name)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=console(stderr=True)) as progress:
        task = progress.add_task(f"train {name}", total=settings.epochs)

        def report(epoch: Epoch, note: str) -> None:
            text = f"loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.1%}, {note}"
            progress.update(task, completed=epoch.epoch, description=f"train {name}, {text}")

        run = train(data, settings, report=report)
    table = Table()
    for heading in ("images", "number", "right"):
        table.add_column(heading, justify="left" if heading == "images" else "right")
    for kind, x, y in (
        ("training", data.train_x, data.train_y),
        ("test", data.test_x, data.test_y),
    ):
        right = accuracy(run.network, run.precision, x, y)
        table.add_row(kind, f"{len(x):,}", f"{right:.2%}")
    out = console()
    out.print(f"{settings.model} on {name}, {run.precision.now()}.", highlight=False)
    out.print(table)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        for path in write(run, output):
            out.print(f"wrote {path}", highlight=False, style="dim", soft_wrap=True)


if __name__ == "__main__":
    main(prog_name="python -m sw")
