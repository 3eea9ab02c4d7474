"""Configurations of a unit in the order of their size, each in no field smaller than the last."""

import math
from collections.abc import Callable, Iterator, Sequence

from sw.checks import choice
from sw.errors import UserError
from sw.parameters import Parameters

from ..units import Unit

__all__ = ["ladder", "varied", "volume"]


def varied(unit: Unit, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the fields to vary: those named, else rows and columns, else all of `Unit.sizes`.

    Raises `UserError` for a unit without sizes, and for names that are none of them.
    """
    if not unit.sizes:
        raise UserError(f"{unit.name} has no sizes to vary: there is one of it, see hw synth")
    for name in names:
        choice("--vary", name, unit.sizes)
    if len(set(names)) < len(names):
        raise UserError(f"--vary must name each field once, not {','.join(names)}")
    shape = tuple(name for name in unit.sizes if name in ("rows", "columns"))
    return tuple(names) or (shape if len(shape) == 2 else unit.sizes)


def volume(parameters: Parameters, fields: Sequence[str]) -> int:
    """Return the product of the fields, to which the size of the circuit is about proportional."""
    return math.prod(getattr(parameters, name) for name in fields)


def ladder(parameters: Parameters, fields: Sequence[str]) -> list[Parameters]:
    """Return configurations from the smallest to the largest, ``parameters`` among them.

    From it on, one field after another is doubled, those doubled least often first; the other way
    they are halved. Between a value and its double are its eighths, rounded down, that the unit
    allows.
    """
    below = _walk(parameters, fields, lambda value: [value * n // 8 for n in range(7, 3, -1)])
    above = _walk(parameters, fields, lambda value: [value * n // 8 for n in range(9, 17)])
    return [*reversed(list(below)), parameters, *above]


def _walk(
    parameters: Parameters, fields: Sequence[str], steps: Callable[[int], list[int]]
) -> Iterator[Parameters]:
    """Give what the steps of one field after another lead to, as long as there are any."""
    turns = dict.fromkeys(fields, 0)
    while True:
        for name in sorted(fields, key=lambda name: turns[name]):
            value = getattr(parameters, name)
            found = [
                changed
                for step in dict.fromkeys(steps(value))
                if step not in (0, value) and (changed := _changed(parameters, name, step))
            ]
            if found:
                turns[name] += 1
                parameters = found[-1]
                yield from found
                break
        else:
            return


def _changed(parameters: Parameters, name: str, value: int) -> Parameters | None:
    """Return a configuration with another value in a field, None if the unit has none such."""
    try:
        return parameters.replace(**{name: value})
    except UserError:
        return None
