"""The commands of the papers' tables."""

import importlib

import click

from sw.cli import Group, console, output_folder

from . import APPROX, BFP, ESSOP, FORMATS, SPARSE

__all__ = ["paper"]


@click.group(cls=Group)
def paper() -> None:
    """Make the tables that stand beside the papers' figures; an interrupted run goes on."""


def _add(name: str, sections: tuple[str, ...], what: str, *, seeds: int = 5) -> None:
    """Add the command of the table whose sections the module of that name makes."""
    text = f"""Make the table of {what}.

    Exits with 1 if a figure misses what the papers state or the project promises.

    \b
    Examples:
      python -m sim paper {name}
      python -m sim paper {name} --only {sections[0]} -o build/{sections[0]}
    """

    @paper.command(name, help=text)
    @click.option(
        "--only", type=click.Choice(sections), multiple=True, help="A section, instead of all."
    )
    @click.option(
        "--seeds",
        type=click.IntRange(1, 100),
        default=seeds,
        show_default=True,
        help="Trainings of each.",
    )
    @click.option(
        "-o",
        "--output",
        type=click.Path(),
        default=f"build/paper-{name}",
        show_default=True,
        help="Folder of tables, plots and what is kept.",
    )
    def command(only: tuple[str, ...], seeds: int, output: str) -> int:
        folder = output_folder(output)
        # What trains is loaded when it is wanted.
        from .pages import Page

        page = Page(folder=folder, out=console(), seeds=seeds)
        made = importlib.import_module(f".{name}", __package__).SECTIONS
        good = [made[each](page) for each in sections if each in (only or sections)]
        return 0 if all(good) else 1


_add(
    "bfp",
    BFP,
    "FlexBlock and Accuracy Boosters: density, throughput, utilization and accuracy",
)
_add(
    "approx",
    APPROX,
    "ApproxTrain: errors, cost, speed and accuracy of approximate multipliers",
)
_add(
    "essop",
    ESSOP,
    "ESSOP: error, cost and accuracy of stochastic updates",
)
_add(
    "sparse",
    SPARSE,
    "Procrustes: balance, area, speed, and accuracy of training that tracks few weights",
)
_add(
    "formats",
    FORMATS,
    "the formats of today: MX and NVFP4 beside HBFP, FlexBlock, MSFP and floats",
    # Five would take most of an hour on two cores.
    seeds=3,
)
