"""The options of commands that choose a board, a unit and its configuration."""

from collections.abc import Callable
from typing import Any

import click

from hw.units import unit as find_unit
from sw.cli import configured as unit_options
from sw.parameters import Parameters

from .table import Board

__all__ = ["BAUD", "configure", "configured"]

BAUD = click.IntRange(300, 100_000_000)


def configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument BOARD, the options that `configure` takes, ``clock`` and ``baud``."""
    for option in (
        click.option("--baud", type=BAUD, help="Of the serial line; else the board's own."),
        click.option("--clock", type=float, metavar="MHZ", help="Of the unit; else the board's."),
        unit_options,
        click.option(
            "--unit", "unit_name", metavar="UNIT", help="See hw list; else the board's own."
        ),
        click.argument("board_name", metavar="BOARD"),
    ):
        command = option(command)
    return command


def configure(
    board: Board,
    unit: str | None,
    preset: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    *,
    cells: bool = True,
) -> tuple[str, Parameters]:
    """Return a unit's name and its parameters as the options of a command give them.

    Without a unit it is the board's own, whose fields fit the board unless they are set. With
    ``cells`` the field ``target`` follows the board's device likewise; without, it is ``generic``.
    """
    name = board.unit if unit is None else unit
    return name, find_unit(name).configure(
        target=board.family if cells else None,
        defaults=board.fields if name == board.unit else None,
        preset=preset,
        config=config,
        overrides=overrides,
    )
