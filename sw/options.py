"""The options of every command that configures a unit: ``--preset``, ``--config``, ``--set``."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from .parameters import Parameters

__all__ = ["Configuration", "configured"]

P = TypeVar("P", bound=Parameters)


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What a command was told of a unit's fields.

    Parameters
    ----------
    preset, config : str or None
        Name of a preset, and of a TOML file.
    overrides : tuple of str
        ``field=value``, each.
    """

    preset: str | None = None
    config: str | None = None
    overrides: tuple[str, ...] = ()

    def make(self, kind: type[P], defaults: Mapping[str, Any] | None = None) -> P:
        """Return the parameters, over ``defaults``; `UserError` as `Parameters.make` raises it."""
        return kind.make(
            preset=self.preset, config=self.config, overrides=self.overrides, defaults=defaults
        )


def configured(
    *,
    preset: str,
    default: str | None = None,
    file: str = "Read fields from a file.",
    fields: str = "Set a field.",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds the options, and gives a command its ``configuration``.

    Parameters
    ----------
    preset, file, fields : str
        What ``--help`` says of ``--preset``, ``--config`` and ``--set``.
    default : str or None
        The preset where none is named.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def wrapped(
            *, preset: str | None, config: str | None, overrides: tuple[str, ...], **rest: Any
        ) -> Any:
            return command(configuration=Configuration(preset, config, overrides), **rest)

        for option in (
            click.option("--set", "overrides", metavar="FIELD=VALUE", multiple=True, help=fields),
            click.option("--config", metavar="FILE.toml", type=click.Path(), help=file),
            click.option(
                "--preset",
                metavar="NAME",
                default=default,
                show_default=default is not None,
                help=preset,
            ),
        ):
            wrapped = option(wrapped)
        return wrapped

    return decorate
