"""The options of commands that choose a board, a unit and its configuration."""

import dataclasses
from collections.abc import Callable
from typing import Any

import click

from hw.units import unit as find_unit
from sw.parameters import TARGETS, Parameters

from .table import Board

__all__ = ["BAUD", "configure", "configured"]

BAUD = click.IntRange(300, 100_000_000)


def configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument BOARD, the options that `configure` takes, ``clock`` and ``baud``."""
    for option in (
        click.option("--baud", type=BAUD, help="Of the serial line; else the board's own."),
        click.option("--clock", type=float, metavar="MHZ", help="Of the unit; else the board's."),
        click.option(
            "--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Set a field."
        ),
        click.option(
            "--config", metavar="FILE.toml", type=click.Path(), help="Read fields from a file."
        ),
        click.option("--preset", metavar="NAME", help="Start from a preset of the unit."),
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
    kind = find_unit(name).parameters
    known = {field.name for field in dataclasses.fields(kind)}
    defaults = dict(board.fields) if name == board.unit else {}
    if "target" in known and board.family in TARGETS and cells:
        defaults["target"] = board.family
    return name, kind.make(preset=preset, config=config, overrides=overrides, defaults=defaults)
