"""The commands of the papers' tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sw.cli import Group, console, output_folder

from . import APPROX, BFP

__all__ = ["paper"]


@click.group(cls=Group)
def paper() -> None:
    """Make the tables that stand beside the papers' figures; an interrupted run goes on."""


def _paper_options(name: str, sections: tuple[str, ...]) -> Callable[[Any], Any]:
    """Return the options of a paper's table."""

    def decorate(function: Any) -> Any:
        folder = Path(f"build/paper-{name}")
        output = click.option("-o", "--output", type=click.Path(path_type=Path), default=folder)
        each = click.IntRange(1, 100)
        seeds = click.option(
            "--seeds", type=each, default=5, show_default=True, help="Trainings of each."
        )
        kind = click.Choice(sections)
        only = click.option("--only", type=kind, multiple=True, help="A section, instead of all.")
        return only(seeds(output(function)))

    return decorate


@paper.command("bfp")
@_paper_options("bfp", BFP)
def paper_bfp(only: tuple[str, ...], seeds: int, output: Path) -> int:
    """Make the table of FlexBlock and Accuracy Boosters: density, throughput, use and accuracy.

    Exits with 1 if a figure misses what the papers state or the project promises.

    \b
    Examples:
      python -m sim paper bfp
      python -m sim paper bfp --only density -o build/density
    """
    from .bfp import paper as make

    output_folder(output)
    good = make(output, sections=only or BFP, seeds=seeds, out=console())
    return 0 if good else 1


@paper.command("approx")
@_paper_options("approx", APPROX)
def paper_approx(only: tuple[str, ...], seeds: int, output: Path) -> int:
    """Make the table of ApproxTrain: errors, cost, speed and accuracy of approximate multipliers.

    Exits with 1 if a figure misses what the papers state or the project promises.

    \b
    Examples:
      python -m sim paper approx
      python -m sim paper approx --only errors --only speed
    """
    from .approx import paper as make

    output_folder(output)
    good = make(output, sections=only or APPROX, seeds=seeds, out=console())
    return 0 if good else 1
