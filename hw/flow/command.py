"""The command line that emits a design."""

import dataclasses
import json
import shlex
from typing import Any

from sw.errors import UserError
from sw.formats import BlockFormat, FloatFormat, read_format
from sw.parameters import Parameters

__all__ = ["command"]


def command(
    unit: str,
    parameters: Parameters,
    name: str | None = None,
    timescale: str | None = None,
    *,
    verb: str = "verilog",
) -> str:
    """Return the command that emits a unit: each field that differs from its default is set.

    ``name`` is that of the top module, if it is not the unit's; ``verb`` is that of another command
    of ``hw`` that takes a configuration.
    """
    words = ["python", "-m", "hw", verb, unit]
    defaults = type(parameters)()
    for field in dataclasses.fields(parameters):
        value = getattr(parameters, field.name)
        if value != getattr(defaults, field.name):
            words += ["--set", f"{field.name}={_toml(value)}"]
    if name:
        words += ["--name", name]
    if timescale:
        words += ["--timescale", timescale]
    return shlex.join(words)


def _toml(value: Any) -> str:
    """Return a field's value as ``--set`` reads it: a format that is a preset by its name."""
    if isinstance(value, str):
        return value
    if not isinstance(value, BlockFormat | FloatFormat):
        return json.dumps(value)
    read = read_format if isinstance(value, BlockFormat) else FloatFormat.read
    try:
        if read(value.name) == value:
            return value.name
    except UserError:
        pass
    return _inline(dataclasses.asdict(value))


def _inline(value: Any) -> str:
    """Return a value in TOML, tables inline and without what is None."""
    if not isinstance(value, dict):
        return json.dumps(value)
    return f"{{{', '.join(f'{k} = {_inline(v)}' for k, v in value.items() if v is not None)}}}"
