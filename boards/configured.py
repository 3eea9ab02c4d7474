"""The options of commands that choose a board, a unit and its configuration."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import click

from hw.units import unit as find_unit
from sw.cli import configured as unit_options
from sw.parameters import Parameters

from .table import Board
from .table import board as find_board

__all__ = ["BAUD", "Chosen", "configure", "configured"]

BAUD = click.IntRange(300, 100_000_000)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chosen:
    """What the options of a command choose: a board, a unit and its configuration, and the link.

    Parameters
    ----------
    board_name, unit_name : str, str or None
        Names in the tables of boards and of units; without a unit, the board's own.
    preset, config, overrides : str or None, str or None, tuple of str
        The unit's configuration, as for `configure`.
    clock : float or None
        MHz of the unit; None for the board's.
    baud : int or None
        Bits a second of the serial line; None for the board's.
    """

    board_name: str
    unit_name: str | None
    preset: str | None
    config: str | None
    overrides: tuple[str, ...]
    clock: float | None
    baud: int | None

    def configure(self, *, cells: bool = True) -> tuple[str, Parameters]:
        """Return the unit and its parameters as `configure` does."""
        where = find_board(self.board_name)
        given = self.preset, self.config, self.overrides
        return configure(where, self.unit_name, *given, cells=cells)

    @property
    def link(self) -> dict[str, Any]:
        """The options of `boards.top.board_design`: ``clock`` and ``baud``."""
        return {"clock": self.clock, "baud": self.baud}


def configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument BOARD and the options of `Chosen`, which is the command's first argument."""
    fields = [field.name for field in dataclasses.fields(Chosen)]

    @functools.wraps(command)
    def chosen(**options: Any) -> Any:
        choice = Chosen(**{name: options.pop(name) for name in fields})
        return command(choice, **options)

    decorated: Callable[..., Any] = chosen
    for option in (
        click.option("--baud", type=BAUD, help="Of the serial line; else the board's own."),
        click.option("--clock", type=float, metavar="MHZ", help="Of the unit; else the board's."),
        unit_options,
        click.option(
            "--unit", "unit_name", metavar="UNIT", help="See hw list; else the board's own."
        ),
        click.argument("board_name", metavar="BOARD"),
    ):
        decorated = option(decorated)
    return decorated


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
