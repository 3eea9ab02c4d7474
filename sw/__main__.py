"""The command line of the numbers: ``python -m sw``."""

import dataclasses
from pathlib import Path

import click
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from . import lfsr
from .bfp.quantize import dequantize, quantize, zero_setting_error
from .cli import Group, console
from .errors import UserError
from .formats import BLOCK_FORMATS, ROUNDINGS, BlockFormat
from .parameters import whole
from .train.data import DATA, load
from .train.network import train


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
@click.option(
    "--data", "name", default="digits", show_default=True, help=f"Data set: {', '.join(DATA)}."
)
@click.option("--hidden", default=32, show_default=True, help="Width of the hidden layer.")
@click.option("--epochs", default=20, show_default=True, help="Times through the data.")
@click.option("--seed", default=1, show_default=True, help="Seed of the first weights.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File of the weights, .npz.")
def train_network(name: str, hidden: int, epochs: int, seed: int, output: Path | None) -> None:
    """Train a network of two layers in binary32 and write its weights.

    \b
    Examples:
      python -m sw train --data digits -o weights.npz
      python -m sw train --data mnist --hidden 64
    """
    whole("hidden", hidden, 1, 4096)
    whole("epochs", epochs, 1, 10_000)
    whole("seed", seed, 0, 2**32 - 1)
    if output is not None and not output.parent.is_dir():
        raise UserError(f"cannot write {output}: {output.parent} is not a folder")
    data = load(name)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=console(stderr=True)) as progress:
        task = progress.add_task(f"train {name}", total=epochs)

        def report(epoch: int, loss: float) -> None:
            progress.update(task, completed=epoch, description=f"train {name}, loss {loss:.4f}")

        network = train(data, hidden=[hidden], epochs=epochs, seed=seed, report=report)
    if output is not None:
        network.save(output)
    table = Table()
    for heading in ("images", "number", "right"):
        table.add_column(heading, justify="left" if heading == "images" else "right")
    for kind, x, y in (
        ("training", data.train_x, data.train_y),
        ("test", data.test_x, data.test_y),
    ):
        table.add_row(kind, f"{len(x):,}", f"{network.accuracy(x, y):.2%}")
    out = console()
    out.print(f"Network {data.train_x.shape[1]}-{hidden}-10 in binary32.", highlight=False)
    out.print(table)
    if output is not None:
        out.print(f"Weights: {output}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main(prog_name="python -m sw")
