"""Models of the primitives that a design instantiates, written next to it."""

import re
from collections.abc import Iterable
from pathlib import Path

from sw.checks import line
from sw.errors import UserError

__all__ = ["are_cell_models", "cell_models", "timescale_of"]

_HEAD = """\
// Models of the cells of a device, for simulation and lint; synthesis has its own. As the design
// beside which they are, they are yours: Gradgate's licence makes no claim on them.
"""

_GUARDED = """
`ifndef GRADGATE_CELLS_{first}
`define GRADGATE_CELLS_{first}
{text}`endif
"""

_SECONDS = ("s", "ms", "us", "ns", "ps", "fs")


def cell_models(verilog: str, files: Iterable[Path]) -> str:
    """Return the text of the files that model what a design instantiates, empty if it needs none.

    Each stands under a guard, so that those of two designs may be compiled together.
    """
    parts = []
    for file in files:
        text = file.read_text(encoding="utf-8")
        names = re.findall(r"^module (\w+)", text, re.M)
        if any(re.search(rf"^  {name} (?:#\(|\w+ \()", verilog, re.M) for name in names):
            parts.append(_GUARDED.format(first=names[0], text=text))
    return "".join((_HEAD, *parts)) if parts else ""


def are_cell_models(text: str) -> bool:
    """Return whether a file's text is one of `cell_models`, perhaps behind a time scale."""
    return re.sub(r"\A`timescale .*\n\n", "", text).startswith(_HEAD)


def timescale_of(field: str, value: object) -> str:
    """Check a Verilog time scale, unit and precision, such as ``1ns/1ps``."""
    parts = [part.strip() for part in line(field, value).split("/")]
    found = [re.fullmatch(rf"(1|10|100) ?({'|'.join(_SECONDS)})", part) for part in parts]
    sizes = [(-3 * _SECONDS.index(m[2]), len(m[1])) for m in found if m]
    if len(sizes) != 2 or len(parts) != 2:
        raise UserError(
            f"{field} must be a unit and a precision of 1, 10 or 100 {', '.join(_SECONDS)}, such "
            f"as 1ns/1ps, not {value!r}"
        )
    unit, precision = (power + digits for power, digits in sizes)
    if precision > unit:
        raise UserError(f"{field} must have a precision no coarser than its unit, not {value!r}")
    return "/".join(f"{m[1]}{m[2]}" for m in found if m)
