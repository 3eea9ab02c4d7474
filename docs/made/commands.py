"""What the commands say of themselves."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import click

from .markdown import table

__all__ = ["rooms", "verbs"]

ROOMS = ("hw", "sw", "sim", "boards")
MAKEFILE = Path(__file__).parents[2] / "Makefile"


def verbs() -> str:
    """Return the table of make's verbs."""
    found = re.findall(r"^([a-z-]+): ## (.*)$", MAKEFILE.read_text("utf-8"), re.M)
    return table(("verb", "what it does"), ((f"`make {verb}`", text) for verb, text in found))


def rooms() -> str:
    """Return the help of the commands of each room."""
    text = ""
    for room in ROOMS:
        group = importlib.import_module(f"{room}.__main__").main
        text += f"\n## python -m {room}\n\n{(group.help or '').partition(chr(10))[0]}\n"
        for words, command in _commands(group, ("python", "-m", room)):
            context = click.Context(command, info_name=" ".join(words), max_content_width=90)
            text += f"\n### {' '.join(words)}\n\n```text\n{command.get_help(context)}\n```\n"
    return text


def _commands(
    group: click.Group, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Give the commands of a group, and of the groups in it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, (*words, name))
        else:
            yield (*words, name), command
