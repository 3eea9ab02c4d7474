"""The command that trains a network on a board: ``python -m boards train``."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table

from hw.flow.progress import Progress
from sim.accelerator.accelerate import accuracy_of
from sw.accelerator.command import described, settings, settings_options
from sw.accelerator.segments import Report, Segments, compile_segments, train_in_segments
from sw.accelerator.training import Training
from sw.accelerator.training import train as model
from sw.cli import bars, console, whole_file
from sw.errors import UserError

from .configured import BAUD
from .host import Board
from .train import PATIENCE, BoardChip

__all__ = ["train"]


@click.command()
@click.option("--port", required=True, help="Serial port of the board, for instance /dev/ttyUSB0.")
@click.option("--baud", type=BAUD, help="Bits a second, as of the board's build; else 3,000,000.")
@click.option("--patience", default=PATIENCE, show_default=True, help="Seconds for a program.")
@settings_options
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Weights, as .npz.")
def train(port: str, baud: int | None, patience: float, output: Path | None, **fields: Any) -> int:
    """Train a network on a board that holds accelerator_chip, and compare with the model.

    Weights and momenta stay in the memory of the board. For some steps at a time, as many as fit
    there beside them, the host sends the batches and starts a program; then it reads the losses.
    In the end all weights, momenta and losses are compared with those of the model, bit by bit.

    \b
    Examples:
      python -m boards train --port /dev/ttyUSB0 --epochs 5
      python -m boards train --port build/board --baud 12500000 --hidden 16 -o build/board.npz
    """
    if output is not None and (output.suffix != ".npz" or output.is_dir()):
        raise UserError(f"output must be a file name that ends in .npz, not {output}")
    if not 0 < patience < 1e6:
        raise UserError(f"patience must be seconds above 0, not {patience:g}")
    data, asked = settings(**fields)
    out = console()
    progress = Progress(console(stderr=True))
    with Board.open(port, baud) as board:
        chip = BoardChip(board, patience=patience)
        with progress.stage("compile"):
            segments = compile_segments(chip.parameters, data, asked)
        out.print(_plan(segments, board), highlight=False, soft_wrap=True)
        with _progress(segments) as report:
            trained = train_in_segments(segments, chip.run, report=report)
    with progress.stage("compare with the model"):
        expected = model(chip.parameters, data, asked)
    wrong = _compare(trained, expected)
    out.print(_table(trained, wrong))
    share = accuracy_of(segments.program, data, trained, chip.parameters.forward)
    out.print(f"Test accuracy in {chip.parameters.format.name} {share:.1%}.", highlight=False)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(output) as path, path.open("wb") as file:
            np.savez(file, allow_pickle=False, **trained.weights)
        out.print(f"wrote {output}", highlight=False, style="dim", soft_wrap=True)
    return int(any(wrong.values()))


def _plan(segments: Segments, board: Board) -> str:
    """Return what is to be done, in a line."""
    epochs, steps = len(segments.first.rates), len(segments.first.order)
    each = "a step" if segments.steps == 1 else f"{segments.steps} steps"
    return (
        f"{board.name}: {epochs} x {steps // segments.steps} runs of {each}, for which\n"
        f"{described(segments.program)}"
    )


@contextlib.contextmanager
def _progress(segments: Segments) -> Iterator[Report]:
    """Give what shows losses: a bar of steps on a terminal, a line an epoch elsewhere."""
    epochs, steps = len(segments.first.rates), len(segments.first.order)
    terminal = console(stderr=True).is_terminal
    with bars() if terminal else contextlib.nullcontext() as progress:
        task = progress.add_task("train on the board", total=epochs * steps) if progress else None

        def report(epoch: int, done: int, loss: float) -> None:
            text = f"epoch {epoch} of {epochs}: loss {loss:.4f}"
            if progress and task is not None:
                progress.update(task, completed=(epoch - 1) * steps + done, description=text)
            elif done == steps:
                click.echo(text, err=True)

        yield report


def _arrays(trained: Training) -> dict[str, dict[str, np.ndarray]]:
    """Return all arrays, by kind and name."""
    return {
        "weights": dict(trained.weights),
        "momenta": dict(trained.momenta),
        "losses": {"losses": trained.losses},
    }


def _compare(trained: Training, expected: Training) -> dict[str, int]:
    """Return how many values of each kind differ in any bit."""
    theirs = _arrays(expected)
    return {
        kind: sum(
            int((mine.view("u4") != theirs[kind][name].view("u4")).sum())
            for name, mine in arrays.items()
        )
        for kind, arrays in _arrays(trained).items()
    }


def _table(trained: Training, wrong: dict[str, int]) -> Table:
    """Return the table of a comparison."""
    table = Table("compared with the model")
    for heading in ("values", "mismatches"):
        table.add_column(heading, justify="right")
    for kind, arrays in _arrays(trained).items():
        values = sum(array.size for array in arrays.values())
        color = "red" if wrong[kind] else "green"
        table.add_row(kind, f"{values:,}", f"[{color}]{wrong[kind]:,}")
    return table
