"""The command that makes a program of the accelerator: ``python -m sw program``."""

import collections
import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table

from ..checks import whole
from ..cli import bars, console, output_folder, whole_files
from ..errors import UserError
from ..train.command import widths
from ..train.data import DATA, Data, load
from ..train.network import MODELS
from ..train.settings import Settings
from .compile import compile_training
from .cycles import Prediction, check_latency, predict
from .instructions import WORKERS
from .parameters import AcceleratorParameters
from .program import Program, listing
from .start import start

__all__ = [
    "check_files",
    "described",
    "make_program",
    "requested",
    "settings",
    "settings_options",
    "training_options",
]

FILES = ("program.txt", "program.bin", "memory.bin")
"""What ``-o`` writes: listing and memory map, instructions, and external memory at the start."""


def check_files(path: str, names: Iterable[str]) -> Path:
    """Return a folder to which files of these names can be written; or raise `UserError`."""
    folder = output_folder(path)
    for name in names:
        if (folder / name).is_dir():
            raise UserError(f"cannot write {folder / name}: it is a folder")
    return folder


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a training whatever the machine, which `settings` takes."""
    default: dict[str, Any] = {"show_default": True}
    for option in (
        click.option("--seed", default=1, help="Of weights, order and rounding.", **default),
        click.option("--momentum", type=float, help="Of the descent; without, the model's."),
        click.option("--rate", type=float, help="First learning rate; without, the model's."),
        click.option("--batch", default=64, help="Images of a step.", **default),
        click.option("--steps", type=int, help="Of an epoch; without, all whole batches."),
        click.option("--epochs", default=1, help="Times through the data.", **default),
        click.option("--data", default="digits", help=f"{' or '.join(DATA)}.", **default),
        click.option("--hidden", help="Widths of hidden layers, as in 64,32.  [default: 32]"),
        click.option("--model", default="mlp", help=f"Of {', '.join(MODELS)}.", **default),
    ):
        command = option(command)
    return command


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a training on the accelerator, which `requested` takes."""
    default: dict[str, Any] = {"show_default": True}
    text = "Of the machine, as rows=8 or lanes=4; may be repeated."
    for option in (
        click.option("--latency", type=int, default=40, help="Cycles of memory.", **default),
        click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help=text),
        click.option("--arith", "format", help="Of the operands.  [default: hbfp6]"),
        settings_options,
    ):
        command = option(command)
    return command


def settings(
    *, data: str, hidden: str | None, steps: int | None, **fields: Any
) -> tuple[Data, Settings]:
    """Return the data and the training that options ask for; or raise `UserError`."""
    if hidden is not None:
        fields["hidden"] = widths(hidden)
    asked = Settings(**fields)
    images = load(data)
    if steps is not None:
        whole("steps", steps, 1, len(images.train_x) // asked.batch)
        images = _few(images, steps * asked.batch)
    return images, asked


def _few(data: Data, images: int) -> Data:
    """Return data with fewer images to train with, evenly spread, of as many classes."""
    places = np.arange(images) * len(data.train_x) // images
    last = data.classes - 1
    if last not in data.train_y[places]:
        raise UserError(
            f"steps must have an image of the last class, {last}, and their {images} images, "
            "evenly spread, have none: take more steps or a larger batch"
        )
    return dataclasses.replace(data, train_x=data.train_x[places], train_y=data.train_y[places])


def requested(
    *, format: str | None, overrides: tuple[str, ...], **fields: Any
) -> tuple[AcceleratorParameters, Data, Settings]:
    """Return the machine, the data and the training that options ask for; or raise `UserError`."""
    data, asked = settings(**fields)
    if format and any(text.partition("=")[0].strip() == "format" for text in overrides):
        raise UserError("format must be told once, by --arith or by --set format=, not by both")
    defaults = {"format": format or "hbfp6"}
    parameters = AcceleratorParameters.make(overrides=overrides, defaults=defaults)
    return parameters, data, asked


@click.command("program")
@training_options
@click.option("-o", "--output", type=click.Path(), help="Folder to write to.")
def make_program(latency: int, output: str | None, **fields: Any) -> None:
    """Compile a training into a program of the accelerator, and predict its cycles.

    -o writes program.txt, a listing of the instructions and the memory map; program.bin, the
    instructions as in memory; and memory.bin, external memory before the start: batches, labels,
    first weights, rates. Cycles are those of a memory that answers after --latency cycles and never
    stalls.

    \b
    Examples:
      python -m sw program --hidden 32,32 -o build/program
      python -m sw program --hidden 32,32 --arith fb16_linear --set lanes=4
      python -m sw program --arith hbfp8 --set rows=8 --set columns=8 --batch 32
      python -m sw program --model resnet8 --batch 32 --set banks=16 --set bank_words=65536
    """
    folder = None if output is None else check_files(output, FILES)
    parameters, data, asked = requested(**fields)
    check_latency(parameters, latency)
    program = compile_training(parameters, data, asked)
    out = console()
    out.print(described(program), highlight=False, soft_wrap=True)
    with bars() as progress:
        task = progress.add_task("predict epochs", total=asked.epochs)
        prediction = predict(
            parameters,
            program.instructions,
            latency=latency,
            report=lambda epoch: progress.update(task, completed=epoch),
        )
    out.print(f"Predicted: {prediction.cycles:,} cycles.", highlight=False)
    out.print(_table(program, prediction))
    out.print(_passes(program, prediction))
    if folder is None:
        return
    network = start(parameters, data, asked).network
    paths = [folder / name for name in FILES]
    folder.mkdir(parents=True, exist_ok=True)
    with whole_files(*paths) as [text, code, memory]:
        text.write_text(listing(program), encoding="utf-8")
        code.write_bytes(program.code)
        memory.write_bytes(program.image(network, data))
    for path in paths:
        out.print(f"wrote {path}", highlight=False, style="dim", soft_wrap=True)


def described(program: Program) -> str:
    """Return a program in a line."""
    p, s = program.parameters, program.settings
    size = max(region.address + region.size for region in program.regions.values())
    epochs = "an epoch" if s.epochs == 1 else f"{s.epochs} epochs"
    return (
        f"{s.model} in {p.format.name} on {p.rows} x {p.columns} x {p.lanes}, {epochs} "
        f"in batches of {s.batch}: {len(program.lines)} instructions, {size:,} bytes of memory."
    )


def _table(program: Program, prediction: Prediction) -> Table:
    """Return where the cycles go."""
    table = Table("engine")
    for heading in ("operations", "busy", "waits for tokens", "works", "works %"):
        table.add_column(heading, justify="right")
    counts = {name: sum(span.engine == name for span in prediction.spans) for name in WORKERS}
    for name in WORKERS:
        busy, starved = prediction.busy[name], prediction.starved[name]
        works = busy - starved
        share = f"{100 * works / prediction.cycles:.1f}"
        table.add_row(name, f"{counts[name]:,}", f"{busy:,}", f"{starved:,}", f"{works:,}", share)
    return table


def _passes(program: Program, prediction: Prediction) -> Table:
    """Return cycles of each engine at work by layer and pass, and what the array is used for."""
    cycles: collections.Counter[tuple[str, str]] = collections.Counter()
    work: collections.Counter[str] = collections.Counter()
    groups: dict[str, None] = {}
    for span in sorted(prediction.spans, key=lambda span: span.pc):
        line = program.lines[span.pc]
        group = line.group or "before and after"
        groups[group] = None
        cycles[group, span.engine] += span.end - span.start
        work[group] += line.work
    table = Table("layer, pass")
    for heading in (*WORKERS, "multiply-adds", "of prod's", "of all"):
        table.add_column(heading, justify="right")
    p = program.parameters
    slots = p.rows * p.columns * p.lanes
    every = prediction.cycles * slots
    for group in groups:
        done, own = work[group], cycles[group, "prod"] * slots
        shares = [
            f"{100 * done / n:.1f} %" if done else "" for n in (own, prediction.cycles * slots)
        ]
        spent = (f"{cycles[group, engine]:,}" for engine in WORKERS)
        table.add_row(group, *spent, f"{done:,}", *shares)
    total = sum(work.values())
    table.add_section()
    table.add_row("", *[""] * len(WORKERS), f"{total:,}", "", f"{100 * total / every:.1f} %")
    return table
