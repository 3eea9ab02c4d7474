"""What the command lines of all rooms have in common."""

import importlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

ROOMS = {
    name: importlib.import_module(f"{name}.__main__").main for name in ("hw", "sw", "sim", "boards")
}


def commands(group: click.Command, *words: str) -> Iterator[tuple[str, ...]]:
    """Give the words of a command line and of all its commands."""
    yield words
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, *words, name)


def run(room: str, *arguments: str):
    return CliRunner().invoke(ROOMS[room], arguments, prog_name=f"python -m {room}")


@pytest.mark.parametrize("room", ROOMS)
def test_all_commands_have_help(room):
    found = list(commands(ROOMS[room]))
    assert len(found) > 3
    for words in found:
        short, long = (run(room, *words, option) for option in ("-h", "--help"))
        assert (short.exit_code, short.stderr) == (0, "")
        assert short.stdout == long.stdout
        assert short.stdout.startswith(f"Usage: {' '.join(('python -m', room, *words))} ")


@pytest.mark.parametrize("room", ROOMS)
def test_all_rooms_tell_the_version(room):
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    result = run(room, "--version")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"gradgate, version {project['project']['version']}\n"
