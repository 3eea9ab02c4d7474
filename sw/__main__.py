"""The command line of the numbers: ``python -m sw``."""

import dataclasses
from pathlib import Path

import click
import numpy as np
from rich.table import Table

from .accelerator.command import make_program
from .approx.errors import Errors, measure
from .approx.multipliers import LARGEST_BITS, NAMES, multiplier
from .approx.product import Datapath
from .approx.table import LARGEST_TABLE_BITS, LAYOUTS, check_name, make
from .approx.table import write as write_table
from .checks import whole
from .cli import bars, command_line, console, output_folder, read_array
from .errors import UserError
from .formats import BLOCK_FORMATS, BOX_FORMATS, MX_FORMATS, ROUNDINGS, BlockFormat, read_format
from .formats.quantize import dequantize, quantize, zero_setting_error
from .train.command import train_network
from .words import Words, stream_key

EXAMPLES = {"drumK": "6", "arrayK": "2"}
"""For K."""


@command_line
def main() -> None:
    """Show number formats, multipliers and their errors, and train a small network."""


@main.command()
def formats() -> None:
    """Print the presets of block formats: block floating point, MX and NVFP4.

    \b
    Example:
      python -m sw formats
    """
    out = console()
    out.print("Element = q * 2**(E - m); a block shares E. Bits of q, E, each.", highlight=False)
    table = _format_table("m", "q", "E", "rule")
    for format in (BLOCK_FORMATS | BOX_FORMATS).values():
        scale = str(format.exponent_bits), format.exponent_rule
        _add_format(table, format, str(format.magnitude_bits), str(format.element_bits), *scale)
    out.print(table)
    about = "Element = q * scale; a block shares the scale, in NVFP4 a tensor has one too."
    out.print(about, highlight=False)
    table = _format_table("q", "largest", "scale", "rule")
    for format in MX_FORMATS.values():
        largest = f"{format.element.largest / 2**format.element.places:g}"
        scale = "ue4m3" if format.has_tensor_scale else "e8m0"
        rule = getattr(format.scale, "rule", "-")
        _add_format(table, format, str(format.element_bits), largest, scale, rule)
    out.print(table)


def _format_table(*headings: str) -> Table:
    table = Table()
    table.add_column("format", style="bold", no_wrap=True)
    for heading in ("block", *headings, "each", "rounding"):
        numeric = heading not in ("scale", "rule", "rounding")
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=True)
    return table


def _add_format(table: Table, format: BlockFormat, *cells: str) -> None:
    each = f"{format.element_bits + format.exponent_bits / format.block_elements:.2f}"
    table.add_row(format.name, format.shape.text, *cells, each, format.rounding)


@main.command("quantize")
@click.argument("path", metavar="FILE.npy", type=click.Path(path_type=Path))
@click.option(
    "--format", "name", default="hbfp8", show_default=True, help="Preset, or hbfp8:block=8:…"
)
@click.option("--rounding", type=click.Choice(ROUNDINGS), help="Instead of the preset's.")
@click.option("--axis", default=-1, show_default=True, help="Axis along which blocks lie.")
@click.option("--seed", default=1, show_default=True, help="Seed of stochastic rounding.")
def quantize_file(path: Path, name: str, rounding: str | None, axis: int, seed: int) -> None:
    """Print what a block format makes of the numbers in FILE.npy, rounded to binary32 before.

    \b
    Examples:
      python -m sw quantize weights.npy --format hbfp4
      python -m sw quantize weights.npy --format mxint8 --axis 0
    """
    x = read_array(path)
    format = read_format(name)
    whole("seed", seed, 1, 2**32 - 1)
    if rounding is not None:
        format = dataclasses.replace(format, rounding=rounding)
    blocks = quantize(x, format, axis=axis, random=Words(key=stream_key(seed)))
    nan = int((blocks.exponent == format.nan_code).sum())
    values = dequantize(blocks).astype(np.float64)
    numbers = ~np.isnan(values)
    error = (values - x)[numbers]
    scale = np.abs(x[numbers]).max(initial=0)
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


def _percent(errors: Errors) -> list[str]:
    values = (errors.bias, errors.mean, errors.rms, errors.least, errors.largest)
    return [f"{100 * value:.3f}" for value in values]


def _error_table(first: str, *more: str) -> Table:
    table = Table()
    # A name, which a user's multiplier may have at length, gives way to the numbers.
    table.add_column(first, style="bold", overflow="fold", min_width=12)
    for heading in ("bias %", "mean %", "rms %", "least %", "largest %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in more:
        table.add_column(heading)
    return table


@main.command()
@click.option("--bits", default=7, show_default=True, help=f"Fraction bits, 1 to {LARGEST_BITS}.")
def multipliers(bits: int) -> None:
    """Print the approximate multipliers and their relative errors, over all pairs of fractions.

    Beyond 12 bits the pairs are 4096 x 4096, evenly spaced.

    \b
    Examples:
      python -m sw multipliers
      python -m sw multipliers --bits 10
    """
    whole("bits", bits, 1, LARGEST_BITS)
    table = _error_table("multiplier", "what it is")
    for name, text in NAMES.items():
        each = multiplier(name.replace("K", EXAMPLES.get(name, "")))
        if each.least_bits > bits:
            table.add_row(each.name, *5 * ["-"], f"{text}, from {each.least_bits} bits on")
            continue
        errors = measure(Datapath(name=each.name, bits=bits).codes, bits)
        table.add_row(each.name, *_percent(errors), text)
    out = console()
    out.print(f"Relative errors of products, fractions of {bits} bits.", highlight=False)
    out.print(table)


@main.command("table")
@click.argument("name", metavar="MULTIPLIER")
@click.option("--bits", default=7, show_default=True, help="Fraction bits, 1 to 11.")
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    default="byte",
    show_default=True,
    help="A byte an entry (up to 7 bits) or a word of 32 bits, as ApproxTrain has them.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File, NAME_<bits>.bin.")
def table_file(name: str, bits: int, layout: str, output: Path | None) -> None:
    """Print the errors of a multiplier's table of products; with -o write it.

    MULTIPLIER is one of `python -m sw multipliers` or a function of yours, module:function or
    file.py:function. It takes two significands, integers from 2**bits to 2**(bits + 1) - 1 that
    stand for 1 up to 2, and bits; it returns their product, from 2**(2 * bits) to
    2**(2 * bits + 2) - 1, which stands for 1 up to 4.

    \b
    Examples:
      python -m sw table mbm --bits 7 -o build/mbm_7.bin
      python -m sw table realm8 --bits 9 --layout word -o build/realm8_9.bin
      python -m sw table own.py:multiply -o build/own_7.bin
    """
    if output is not None:
        check_name(output, bits, layout)
        output_folder(output.parent)
        if output.is_dir():
            raise UserError(f"cannot write {output}: it is a folder")
    whole("bits of a table", bits, 1, LARGEST_TABLE_BITS)
    if ":" not in name:
        multiplier(name).check(bits)
    with bars() as progress:
        task = progress.add_task(f"table of {name}")
        table = make(name, bits, lambda n, total: progress.update(task, completed=n, total=total))
        progress.update(task, completed=1, total=1)
    rows = _error_table("multiplier")
    rows.add_row(name, *_percent(measure(table.codes, bits)))
    out = console()
    out.print(f"{4**bits:,} products of fractions of {bits} bits.", highlight=False)
    out.print(rows)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_table(table, output, layout)
        out.print(f"wrote {output}", highlight=False, style="dim", soft_wrap=True)


main.add_command(train_network)
main.add_command(make_program)


if __name__ == "__main__":
    main(prog_name="python -m sw")
