"""Arithmetic cells: one small component per operation, which knows each target's primitives."""

import functools
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["models", "primitive_outputs"]

MODELS = Path(__file__).parent / "models"


def models(target: str) -> Path:
    """Return the Verilog file that simulates a target's primitives, of which it may have none."""
    return MODELS / f"{target}.v"


@functools.cache
def primitive_outputs(*more: Path) -> Mapping[str, frozenset[str]]:
    """Return the output ports of the primitives of all targets, as their models have them.

    ``more`` are files of other models.
    """
    outputs = {}
    for path in (*MODELS.glob("*.v"), *more):
        text = path.read_text(encoding="utf-8")
        for name, ports in re.findall(r"^module (\w+) ?\((.*?)\);", text, re.M | re.S):
            found, direction = set(), ""
            for words in map(str.split, ports.split(",")):
                direction = words[0] if len(words) > 1 else direction
                if direction == "output":
                    found.add(words[-1])
            outputs[name] = frozenset(found)
    return outputs
