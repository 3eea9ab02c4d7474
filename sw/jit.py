"""numba's compiler, with a folder for what it makes where nothing of the user's is writable."""

import atexit
import shutil
import tempfile
from typing import Any

import click
import numba
from numba.core import config

from .errors import UserError

__all__ = ["njit"]


def njit(**options: Any) -> Any:
    """Return numba's decorator; what it compiles is kept for the next run.

    numba keeps it beside the source, or in the user's cache folder, or where NUMBA_CACHE_DIR says.
    """
    return numba.njit(cache=True, **options)


def _probe() -> None:
    njit()(lambda: None)


def _place() -> None:
    """Have numba keep what it makes in a folder of this process where it finds no other."""
    try:
        _probe()
    except RuntimeError:  # no locator available
        try:
            folder = tempfile.mkdtemp(prefix="gradgate-")
        except OSError as error:
            raise UserError(
                f"numba needs a folder to keep what it compiles, NUMBA_CACHE_DIR: {error.strerror}"
            ) from None
        click.echo(
            "note: no folder is writable where numba would keep what it compiles, so that this run "
            "compiles anew; NUMBA_CACHE_DIR names one",
            err=True,
        )
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        config.CACHE_DIR = folder  # pyright: ignore[reportAttributeAccessIssue]


_place()
