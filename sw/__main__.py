"""The command line of the numbers: ``python -m sw``."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from .approx.errors import Errors, measure
from .approx.multipliers import LARGEST_BITS, NAMES, multiplier
from .approx.product import Datapath
from .approx.table import LARGEST_TABLE_BITS, LAYOUTS, check_name, make
from .approx.table import write as write_table
from .bfp.quantize import dequantize, quantize, zero_setting_error
from .checks import shown, whole
from .cli import Group, console, output_folder, read_array
from .errors import UserError
from .formats import BLOCK_FORMATS, BOX_FORMATS, ROUNDINGS, BlockFormat
from .train.data import DATA, load
from .train.loop import Epoch, train
from .train.network import MODELS
from .train.results import accuracies, check_path, densities, write
from .train.settings import STORAGES, Settings
from .words import Words, stream_key

COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
EXAMPLES = {"drumK": "6", "arrayK": "2"}
"""For K."""


@click.group(cls=Group)
def main() -> None:
    """Show number formats, multipliers and their errors, and train a small network."""


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
    for name, format in (BLOCK_FORMATS | BOX_FORMATS).items():
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
    format = BlockFormat.read(name)
    if rounding is not None:
        format = dataclasses.replace(format, rounding=rounding)
    blocks = quantize(x, format, axis=axis, random=Words(key=stream_key(seed)))
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


def _percent(errors: Errors) -> list[str]:
    values = (errors.bias, errors.mean, errors.rms, errors.least, errors.largest)
    return [f"{100 * value:.3f}" for value in values]


def _error_table(first: str, *more: str) -> Table:
    table = Table()
    table.add_column(first, style="bold", no_wrap=True)
    for heading in ("bias %", "mean %", "rms %", "least %", "largest %"):
        table.add_column(heading, justify="right")
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
    with Progress(*COLUMNS, TimeElapsedColumn(), console=console(stderr=True)) as progress:
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
@click.option("--momentum", type=float, help="Of the descent; without, the model's.")
@click.option(
    "--storage",
    type=click.Choice(STORAGES),
    default="auto",
    show_default=True,
    help="Weights between steps: in binary32, or those of layers in blocks in wide ones, as HBFP; "
    "auto: wide where a layer's forward pass is in HBFP.",
)
@click.option(
    "--update",
    default="exact",
    show_default=True,
    help="How gradients of weights are computed, see below.",
)
@click.option(
    "--sparse", default="none", show_default=True, help="Which weights are trained, see below."
)
@click.option("--seed", default=1, show_default=True, help="Of weights, order and random bits.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File of the weights, .npz.")
def train_network(name: str, output: Path | None, hidden: str, **fields: Any) -> None:
    """Train a network; with -o write its weights, its course (.json) and learning curve (.png).

    Each layer has three products: forward, gradient of the input, gradient of the weights. --arith
    names the arithmetic of all (binary32, bfloat16, binary16, a format of `python -m sw formats`,
    perhaps with fields to change, hbfp4:block=8:rounding=truncate, a multiplier of
    `python -m sw multipliers` and its bits, as in mbm7 or realm8:7, or lut:FILE, a table of
    products), and others for a pass, a layer (0, first, last) or a pass of one
    (fb12,input=fb16,0=fb24,1.weight=fb16). What decides no product is refused.

    In the place of the first one, what chooses it, beside layers that have their own:
    boosters[:EPOCHS][:FIELD=VALUE...], HBFP4 in blocks of 256 with HBFP6 in blocks of 128 in the
    last EPOCHS and in the first and last layer (boosters:5:block=64; the authors' scripts have
    blocks of 8); flexblock[:LO/HI/WARMUP/HOLD][:FIELD=VALUE...], FB12, FB16 or FB24 by zero-setting
    error (flexblock:0.6/0.8/0/1,first=binary32,last=binary32), initial=0/2/0 the modes of the three
    products at the start, every=500 a control step of 500 steps instead of an epoch.

    --update names how layers with weights compute the gradients of these: exact, as --arith says;
    essop[:FIELD=VALUE,...], by stochastic outer products in a block of 32 x 32 with the fields of
    the unit outer_product (length=64,share=shared,scale=vector,...); pulsed[:FIELD=VALUE,...], by
    coincidences of pulses (step=0.001,length=31,update_management=true,...). Their random bits are
    those of shift registers, which come again after 2**width - 1 words (width=24); if that happens
    it is said.

    --sparse names which weights are trained, from the first step on: none, nothing is sparse;
    procrustes[:FIELD=VALUE,...], the share keep of them that has learnt most, of all layers
    together, while the others decay to zero (keep=0.1,decay=0.9,...). The threshold is estimated as
    the unit quantile_estimator does (lanes=4,step=12,between=carry,...), from the first step's
    quantile or from initial=VALUE; dropback[:FIELD=VALUE,...] has it exact, by a sort;
    published[:FIELD=VALUE,...] as the authors' software (threshold=multiplicative,step=20,
    initial=0.01,between=restart,scan=reversed,measured=after), whose steps are too small for fewer
    than a million weights. Others are between=mean,memory=0.1, a running mean, and scope=layer, a
    share of each layer. -o writes masks of the weights that are tracked too.

    The same arguments give the same weights on any processor, with the same NumPy. A training whose
    loss or weights leave the finite numbers, or that tracks no weight in an epoch, ends in an error
    and writes nothing; so does one that is interrupted. Fields that would have no effect, or are
    given twice, are refused. The course says what ran: data, versions, date, and the arithmetic and
    storage that each layer resolved to.

    \b
    Examples:
      python -m sw train -o build/weights.npz
      python -m sw train --model lenet --data mnist --arith hbfp6 -o build/lenet.npz
      python -m sw train --arith fb12,input=fb16 --hidden 64,32
      python -m sw train --arith mbm7 -o build/mbm.npz
      python -m sw train --arith lut:build/own_7.bin
      python -m sw train --model resnet8 --arith flexblock:0.1/0.2/0/1 -o build/resnet.npz
      python -m sw train --arith hbfp6,first=hbfp4:block=8 --hidden 64,32
      python -m sw train --update essop:length=16,share=rotated
      python -m sw train --arith hbfp6 --update essop:rows=16,columns=16 -o build/essop.npz
      python -m sw train --update pulsed:step=0.0005,length=31
      python -m sw train --sparse procrustes:keep=0.1 -o build/sparse.npz
      python -m sw train --model lenet --data mnist --sparse dropback:keep=0.05
    """
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", hidden):
        raise UserError(f"hidden must be widths as in 64,32, not {shown(hidden)}")
    settings = Settings(hidden=tuple(map(int, hidden.split(","))), **fields)
    if output is not None:
        check_path(output)
        output_folder(output.parent)
    data = load(name)
    with Progress(*COLUMNS, TimeElapsedColumn(), console=console(stderr=True)) as progress:
        task = progress.add_task(f"train {name}", total=settings.epochs)

        def report(epoch: Epoch, note: str) -> None:
            text = f"loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.1%}, {note}"
            progress.update(task, completed=epoch.epoch, description=f"train {name}, {text}")

        run = train(data, settings, report=report)
    out = console()
    more = "".join(f", {field} {value}" for field, value in settings.unusual.items())
    out.print(f"{settings.model} on {name}, {run.precision.now()}{more}.", highlight=False)
    if run.repeated:
        out.print(f"{run.repeated}.", highlight=False, style="yellow")
    out.print(accuracies(run, data))
    if run.sparse is not None:
        out.print(densities(run, run.sparse))
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        for path in write(run, output):
            out.print(f"wrote {path}", highlight=False, style="dim", soft_wrap=True)


if __name__ == "__main__":
    main(prog_name="python -m sw")
