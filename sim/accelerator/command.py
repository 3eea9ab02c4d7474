"""The command that trains wholly in hardware: ``python -m sim accelerate``."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from hw.flow.emit import generate
from sw.accelerator.command import check_files, described, requested, training_options
from sw.accelerator.instructions import WORKERS
from sw.cli import bars, console, whole_files
from sw.errors import UserError

from ..bench import writable
from ..job import BenchError
from .accelerate import Comparison, Progress, accelerate, prepare
from .timeline import draw

__all__ = ["accelerate_network"]

FILES = ("weights.npz", "course.json", "timeline.png")


@click.command("accelerate")
@training_options
@click.option(
    "--stalls", default=0.0, show_default=True, help="Share of cycles in which memory stalls."
)
@click.option("--waves", is_flag=True, help="Write waves to build/waves/ (large).")
@click.option("-o", "--output", type=click.Path(), help="Folder to write to.")
def accelerate_network(
    latency: int, stalls: float, waves: bool, output: str | None, **fields: Any
) -> int:
    """Train a network in the RTL of the accelerator alone, and compare every bit with the model.

    The training is compiled into a program; the machine fetches it from an external memory, which
    answers after --latency cycles, and carries it out to the end: no other processor takes part.
    Then all weights, momenta and losses are compared with those of the model. The width of the
    memory's port is --set port_bits=64.

    -o writes weights.npz, course.json (settings, losses, cycles, counters), and timeline.png: what
    the engines do in a step, as predicted from their cycles, whose sum is compared with the RTL's.

    \b
    Examples:
      python -m sim accelerate --hidden 32,32
      python -m sim accelerate --hidden 32,32 --arith fb16_linear --set lanes=4 --epochs 5
      python -m sim accelerate --set rows=8 --set columns=8 --stalls 0.3 -o build/accelerate
    """
    folder = None if output is None else check_files(output, FILES)
    if not 0 <= stalls <= 0.9:
        raise UserError(f"stalls must be a share of 0 to 0.9, not {stalls}")
    path = writable(Path("build/waves/accelerator")) if waves else None
    parameters, data, settings = requested(**fields)
    program, prediction = prepare(parameters, data, settings, latency=latency)
    out = console()
    out.print(described(program), highlight=False, soft_wrap=True)
    design = generate("accelerator", parameters)
    try:
        with _progress(settings.epochs or 0) as report:
            done = accelerate(
                program,
                prediction,
                data,
                design,
                latency=latency,
                stalls=stalls,
                waves=path,
                report=report,
            )
    except BenchError as error:
        click.echo(f"the circuit differs from its model: {error}", err=True)
        return 1
    _show(done, out)
    if folder is not None:
        for path in _write(done, folder):
            out.print(f"wrote {path}", highlight=False, style="dim", soft_wrap=True)
    if done.first:
        click.echo(f"the circuit differs from its model: {done.first}", err=True)
    return int(bool(done.first))


@contextlib.contextmanager
def _progress(epochs: int) -> Iterator[Progress]:
    """Give what shows epochs: a bar on a terminal, a line each elsewhere."""
    terminal = console(stderr=True).is_terminal
    with bars() if terminal else contextlib.nullcontext() as progress:
        task = progress.add_task("train in the RTL", total=epochs) if progress else None

        def report(epoch: int, loss: float, cycles: int) -> None:
            text = f"loss {loss:.4f}, by cycle {cycles:,}"
            if progress and task is not None:
                progress.update(task, completed=epoch, description=f"train in the RTL, {text}")
            else:
                click.echo(f"epoch {epoch} of {epochs}: {text}", err=True)

        yield report


def _show(done: Comparison, out: Console) -> None:
    """Print how the arrays compare, what was learnt, and where the cycles went."""
    table = Table("compared with the model")
    for heading in ("values", "mismatches"):
        table.add_column(heading, justify="right")
    for kind in ("weights", "momenta", "losses"):
        names = [name for name in done.arrays if _kind(name) == kind]
        values = sum(done.arrays[name][0].size for name in names)
        wrong = sum(done.mismatches[name] for name in names)
        table.add_row(kind, f"{values:,}", f"[{'red' if wrong else 'green'}]{wrong:,}")
    out.print(table)
    own, exact = done.accuracies
    name = done.program.parameters.format.name
    out.print(
        f"Test accuracy in {name} {own:.1%}; trained in binary32 in the same order {exact:.1%}.",
        highlight=False,
    )
    table = Table("engine")
    for heading in ("busy", "waits for tokens", "works", "works %"):
        table.add_column(heading, justify="right")
    counters = done.result.registers
    for engine in WORKERS:
        busy, starved = counters[f"{engine}_busy"], counters[f"{engine}_starved"]
        works = busy - starved
        row = busy, starved, works
        table.add_row(engine, *(f"{n:,}" for n in row), f"{100 * works / done.cycles:.1f}")
    out.print(table)
    predicted = done.prediction.cycles
    error = f"{100 * (predicted - done.cycles) / done.cycles:+.2f} %"
    out.print(
        f"{done.cycles:,} cycles, {predicted:,} predicted without stalls ({error}). "
        f"Multiply-adds {done.multiply_adds:,}, {_utilization(done):.1%} of the array's.",
        highlight=False,
        soft_wrap=True,
    )


def _kind(name: str) -> str:
    return "losses" if name == "losses" else "momenta" if name.startswith("momentum") else "weights"


def _utilization(done: Comparison) -> float:
    """Return the share of what the array could multiply in all cycles."""
    p = done.program.parameters
    return done.multiply_adds / (done.cycles * p.rows * p.columns * p.lanes)


def _write(done: Comparison, folder: Path) -> list[Path]:
    """Write `FILES`, all or none; the picture where matplotlib is."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in FILES]
    steps = done.circuit.losses.shape[1]
    title = (
        f"{described(done.program).partition(':')[0]}; the program takes "
        f"{done.prediction.cycles:,} cycles as predicted, {done.cycles:,} in the RTL"
    )
    with whole_files(*paths) as [weights, text, picture]:
        with weights.open("wb") as handle:
            momenta = {f"momentum_{name}": a for name, a in done.circuit.momenta.items()}
            np.savez(handle, allow_pickle=False, **done.circuit.weights, **momenta)
        text.write_text(_course(done), encoding="utf-8")
        drawn = draw(done.program, done.prediction.spans, steps // 2, title, picture)
    return paths if drawn else paths[:-1]


def _course(done: Comparison) -> str:
    """Return what ran and what came of it, as JSON."""
    counters = done.result.registers
    own, exact = done.accuracies
    course = {
        "settings": dataclasses.asdict(done.program.settings),
        "parameters": done.program.parameters.as_dict(),
        "instructions": len(done.program.lines),
        "losses": done.circuit.losses.tolist(),
        "mismatches": done.mismatches,
        "accuracy": {done.program.parameters.format.name: own, "binary32": exact},
        "cycles": {"circuit": done.cycles, "predicted": done.prediction.cycles},
        "utilization": _utilization(done),
        "engines": {
            engine: {name: counters[f"{engine}_{name}"] for name in ("busy", "starved")}
            for engine in WORKERS
        },
        "seconds": done.result.seconds,
    }
    return json.dumps(course, indent=1, default=str) + "\n"
