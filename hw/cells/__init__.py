"""Arithmetic cells: one small component per operation, which knows each target's primitives."""

import functools
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["models", "primitive_ports"]

MODELS = Path(__file__).parent / "models"


def models(target: str) -> Path:
    """Return the Verilog file that simulates a target's primitives, of which it may have none."""
    return MODELS / f"{target}.v"


@functools.cache
def primitive_ports(*more: Path) -> Mapping[str, Mapping[str, str]]:
    """Return the ports of the primitives of all targets and their directions, as in their models.

    ``more`` are files of other models.
    """
    primitives = {}
    for path in (*MODELS.glob("*.v"), *more):
        text = path.read_text(encoding="utf-8")
        for name, ports in re.findall(r"^module (\w+) ?\((.*?)\);", text, re.M | re.S):
            found, direction = {}, ""
            for words in map(str.split, ports.split(",")):
                direction = words[0] if len(words) > 1 else direction
                found[words[-1]] = direction
            primitives[name] = found
    return primitives
