"""The shape of every command line: a user's mistake is one line and exit status 2."""

import contextlib
import importlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .errors import UserError
from .files import read_numpy
from .version import version

__all__ = [
    "Group",
    "bars",
    "command_line",
    "configured",
    "console",
    "output_folder",
    "read_array",
    "whole_file",
    "whole_files",
]


def console(*, stderr: bool = False) -> Console:
    """Return where to print; a file or a pipe is 120 columns wide unless COLUMNS says otherwise."""
    plain = Console(stderr=stderr)
    return (
        plain if plain.is_terminal or "COLUMNS" in os.environ else Console(stderr=stderr, width=120)
    )


def bars() -> Progress:
    """Return bars on standard error for what is counted."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    return Progress(*columns, TimeElapsedColumn(), console=console(stderr=True))


def output_folder(path: str | Path) -> Path:
    """Return a folder that can be written or made, which is left as it was.

    Raises `UserError` if it cannot, so that no work is done in vain.
    """
    if not str(path):
        raise UserError("cannot write to '': a folder needs a name")
    folder = Path(path).absolute()
    try:
        missing = [p for p in (folder, *folder.parents) if not p.exists()]
    except OSError as error:
        raise UserError(f"cannot write to {path}: {error.strerror}") from None
    first = missing[-1].parent if missing else folder
    if not first.is_dir():
        raise UserError(f"cannot write to {path}: {first} is not a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"cannot write to {path}: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            for made in missing:
                made.rmdir()
    return Path(path)


@contextlib.contextmanager
def whole_files(*paths: Path) -> Iterator[list[Path]]:
    """Give paths beside ``paths`` to write to, which take their places when the block ends well.

    Raises `UserError` where that cannot be; then nothing is left. What the block does not write
    stays as it was.
    """
    beside = [path.with_name(f".{path.name}.{os.getpid()}") for path in paths]
    try:
        yield beside
        for new, path in zip(beside, paths, strict=True):
            if new.exists():
                new.replace(path)
    except OSError as error:
        names = ", ".join(map(str, paths))
        raise UserError(f"cannot write {names}: {error.strerror or error}") from None
    finally:
        for new in beside:
            new.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to, as `whole_files` does."""
    with whole_files(path) as [beside]:
        yield beside


class Group(click.Group):
    """A group of commands that prints a `UserError` as ``error: …`` and exits with 2.

    So do a mistake that click finds itself and what the system refuses, such as a full disk. An
    interrupted run, by ctrl-C or SIGTERM, says so and exits with 130 or 143.

    Members
    -------
    elsewhere : dict
        Commands that rooms above this one have, as ``module:NAME``, imported when they are asked
        for.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.elsewhere: dict[str, str] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), *self.elsewhere])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None if there is none of the name."""
        if cmd_name not in self.elsewhere:
            return super().get_command(ctx, cmd_name)
        module, _, name = self.elsewhere[cmd_name].partition(":")
        return getattr(importlib.import_module(module), name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; none at all ask for help."""
        return super().parse_args(ctx, args or ["--help"])

    def main(self, *arguments: Any, **settings: Any) -> Any:
        """Run the command line."""
        try:
            with _terminable():
                status = super().main(*arguments, **settings | {"standalone_mode": False})
        except UserError as error:
            message = str(error)
        except click.UsageError as error:
            message = error.format_message()
            if error.ctx is not None:
                message += f" (see {error.ctx.command_path} --help)"
        except click.ClickException as error:
            message = error.format_message()
        except (click.Abort, KeyboardInterrupt) as stop:
            click.echo("interrupted", err=True)
            sys.exit(143 if isinstance(stop.__cause__ or stop, _Terminated) else 130)
        except BrokenPipeError:  # what reads the output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:
            message = f"{error.filename or 'a file'}: {error.strerror or error}"
        except MemoryError:
            message = "this needs more memory than there is"
        else:
            sys.exit(status if isinstance(status, int) else 0)
        message = " ".join(message.split())
        click.echo(f"error: {message if len(message) <= 800 else message[:797] + '...'}", err=True)
        sys.exit(2)


def command_line(function: Callable[[], None]) -> Group:
    """Make ``function`` the command line of a room: a `Group` with -h, --help and --version.

    Its commands have -h and --help too.
    """
    versioned = click.version_option(version(), prog_name="gradgate")(function)
    names = {"help_option_names": ["-h", "--help"]}
    return click.group(cls=Group, context_settings=names)(versioned)


def configured(command: Callable[..., Any], *, preset: str | None = None) -> Callable[..., Any]:
    """Add the options of a configuration: ``preset``, ``config``, ``overrides``.

    They are what `sw.parameters.Parameters.make` takes; ``preset`` is the default of the first.
    """
    setting = "Set a field, for instance rows=8 or format.block=32; may be repeated."
    reading, starting = "Read fields from a file.", "Start from a preset; see hw list."
    named = {"default": preset, "show_default": preset is not None}
    for option in (
        click.option("--set", "overrides", metavar="FIELD=VALUE", multiple=True, help=setting),
        click.option("--config", metavar="FILE.toml", type=click.Path(), help=reading),
        click.option("--preset", metavar="NAME", help=starting, **named),
    ):
        command = option(command)
    return command


class _Terminated(KeyboardInterrupt):
    """SIGTERM."""


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Have SIGTERM end what runs as ctrl-C does, so that it leaves nothing half-written."""

    def stop(number: int, frame: Any) -> None:
        raise _Terminated

    mine = threading.current_thread() is threading.main_thread()
    mine = mine and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if mine:
        signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def read_array(path: Path) -> np.ndarray:
    """Read an .npy file of real numbers, rounded to binary32; `UserError` for one beyond it."""
    array = read_numpy(path, "an .npy file of numbers")
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise UserError(f"{path} must be an .npy file of real numbers")
    if not array.size:
        raise UserError(f"{path} must hold at least one number, its shape is {array.shape}")
    with np.errstate(over="ignore"):
        rounded = array.astype(np.float32)
    beyond = np.isinf(rounded) & ~np.isinf(array)
    if beyond.any():
        raise UserError(f"{path} must hold numbers of binary32, not {array[beyond][0]}")
    return rounded
