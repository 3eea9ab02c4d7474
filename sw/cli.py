"""The shape of every command line: a user's mistake is one line and exit status 2."""

import os
import sys
from typing import Any

import click
from rich.console import Console

from .errors import UserError

__all__ = ["Group", "console"]


def console(*, stderr: bool = False) -> Console:
    """Return where to print; a file or a pipe is 120 columns wide unless COLUMNS says otherwise."""
    plain = Console(stderr=stderr)
    return (
        plain if plain.is_terminal or "COLUMNS" in os.environ else Console(stderr=stderr, width=120)
    )


class Group(click.Group):
    """A group of commands that prints a `UserError` as ``error: …`` and exits with 2.

    So does a mistake that click finds itself, and an interrupted run exits with 130.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; none at all ask for help."""
        return super().parse_args(ctx, args or ["--help"])

    def main(self, *arguments: Any, **settings: Any) -> Any:
        """Run the command line."""
        try:
            status = super().main(*arguments, **settings | {"standalone_mode": False})
        except UserError as error:
            message = str(error)
        except click.UsageError as error:
            message = error.format_message()
            if error.ctx is not None:
                message += f" (see {error.ctx.command_path} --help)"
        except click.ClickException as error:
            message = error.format_message()
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            sys.exit(130)
        else:
            sys.exit(status if isinstance(status, int) else 0)
        click.echo(f"error: {' '.join(message.split())}", err=True)
        sys.exit(2)
