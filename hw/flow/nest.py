"""Numbered wires that are read once, written where they are read.

A wire goes into another expression only where its value cannot change: it is plain (`expressions`),
of the wire's width, and stands where Verilog asks for that width: under operators of such operands
only that make up a whole statement, or by itself as a condition, between braces or in a reduction.
"""

import dataclasses
import enum
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from .expressions import (
    JOINED,
    REDUCTIONS,
    Assignment,
    Expression,
    arms,
    elements,
    width_of,
    write,
)

__all__ = ["NUMBERED", "nest"]

NUMBERED = re.compile(r"\b_\d+_\b")
_CONDITION = re.compile(r"^ +(?:else )?if \((_\d+_)\).*$", re.M)
_LONGEST_LINE = 100
_HEAVIEST = 4  # Operators of a line, inversions apart.
_MOST_ARMS = 8
_ALONE = frozenset({"{}", *REDUCTIONS.values()})
_BITWISE = JOINED | {"~", "~^"}


class _Place(enum.IntEnum):
    """What a wire that stands somewhere may be replaced by."""

    NOTHING = 0
    PLAIN = 1
    CHOICE = 2  # Also a choice, whose arms then follow.
    ANYTHING = 3


@dataclasses.dataclass(frozen=True, slots=True)
class _Root:
    """What stays in the text: from where to where, its expression, and how it is written."""

    start: int
    end: int
    value: Expression
    place: _Place
    write: Callable[[Expression], str]


def nest(
    wires: list[str],
    body: str,
    widths: dict[str, int],
    statements: list[Assignment],
    named: Callable[[str], str],
) -> tuple[list[str], str]:
    """Return the declarations of wires and the body of a module with fewer numbered wires.

    ``statements`` are those of the body, ``named`` gives a text with the names that numbered wires
    are going to have. Widths of wires that are gone are deleted.
    """
    counts = Counter(NUMBERED.findall(body))
    once = {
        s.target: s.value
        for s in statements
        if s.value and NUMBERED.fullmatch(s.target) and counts[s.target] == 2
    }
    roots = {s.target: _statement(s, s.value, widths) for s in statements if s.value}
    waiting = [_condition(match) for match in _CONDITION.finditer(body)]
    read = {w for r in (*waiting, *roots.values()) for w in _leaves(r.value)} & once.keys()
    waiting += [root for target, root in roots.items() if target not in read]
    edits: list[tuple[int, int, str]] = []
    gone: set[str] = set()
    for root in waiting:
        value = _grow(root, once, gone, widths, named)
        edits.append((root.start, root.end, root.write(value)))
        waiting += [roots[wire] for wire in _leaves(value) if wire in once]
    edits += [(roots[wire].start, roots[wire].end + 1, "") for wire in gone]
    for wire in gone:
        del widths[wire]
    kept = [line for line in wires if line.rstrip(";").split()[-1] not in gone]
    return kept, _edited(body, sorted(edits))


def _edited(body: str, edits: list[tuple[int, int, str]]) -> str:
    parts, end = [], 0
    for start, stop, text in edits:
        parts += [body[end:start], text]
        end = stop
    return "".join([*parts, body[end:]])


def _condition(match: re.Match[str]) -> _Root:
    wire, line = match[1], match[0]

    def written(value: Expression) -> str:
        return line.replace(f"({wire})", f"({write(value)})", 1)

    value = Expression("", (), wire, 1, True)
    return _Root(match.start(), match.end(), value, _Place.PLAIN, written)


def _statement(statement: Assignment, value: Expression, widths: Mapping[str, int]) -> _Root:
    head = f"  assign {statement.target} ="

    def written(value: Expression) -> str:
        line = f"{head} {write(value)};"
        choices = arms(value)
        if len(choices) == 1 or (len(choices) == 2 and len(line) <= _LONGEST_LINE):
            return line
        return "\n    ".join([head, *choices]) + ";"

    place = _Place.NOTHING
    if value.width == sum(width_of(part, widths) for part in elements(statement.target)):
        place = _Place.CHOICE if value.operator else _Place.ANYTHING
    return _Root(statement.start, statement.end, value, place, written)


def _leaves(value: Expression) -> Iterator[str]:
    if not value.operator:
        yield value.text
    for operand in value.operands:
        yield from _leaves(operand)


def _places(value: Expression, place: _Place, depth: int = 0) -> Iterator[tuple[int, str, _Place]]:
    """Yield for each leaf its depth, its text and what may be there instead."""
    if not value.operator:
        yield depth, value.text, place
        return
    for index, operand in enumerate(value.operands):
        inner = _Place.NOTHING
        if value.operator in _ALONE or (value.operator == "?" and index == 0):
            inner = _Place.PLAIN
        elif place and value.plain and value.operator in _BITWISE:
            inner = _Place.PLAIN
        elif place and value.plain and value.operator == "?":
            inner = _Place.CHOICE if index == 2 else _Place.PLAIN
        yield from _places(operand, inner, depth + 1)


def _taken(value: Expression, place: _Place, width: int) -> bool:
    if place is _Place.ANYTHING:
        return True
    plain = value.plain and value.width == width
    return plain and place >= (_Place.CHOICE if value.operator == "?" else _Place.PLAIN)


def _grow(
    root: _Root,
    once: Mapping[str, Expression],
    gone: set[str],
    widths: Mapping[str, int],
    named: Callable[[str], str],
) -> Expression:
    """Return an expression with the wires put in that it can take, those near the top first."""
    value, place = root.value, root.place
    heaviest = max(_HEAVIEST, _weight(value))
    refused: set[str] = set()
    while True:
        found = [
            (depth, text)
            for depth, text, at in _places(value, place)
            if text in once and text not in refused and _taken(once[text], at, widths[text])
        ]
        if not found:
            return value
        wire = min(found, key=lambda each: each[0])[1]
        grown = _put(value, wire, once[wire])
        lines = named(root.write(grown)).split("\n")
        fits = len(lines) <= _MOST_ARMS + 2 and max(map(len, lines)) <= _LONGEST_LINE
        if fits and _weight(grown) <= heaviest:
            value = grown
            gone.add(wire)
            place = min(place, _Place.CHOICE)
        else:
            refused.add(wire)


def _weight(value: Expression) -> int:
    """Return the operators of the heaviest line of an expression."""
    if value.operator != "?":
        return value.weight
    condition, chosen, rest = value.operands
    return max(condition.weight + chosen.weight + 1, _weight(rest))


def _put(value: Expression, wire: str, inner: Expression) -> Expression:
    """Return an expression with one for a wire; operands of ``&`` in an ``&`` become its own."""
    if not value.operator:
        return inner if value.text == wire else value
    if wire not in _leaves(value):
        return value
    operands: list[Expression] = []
    for old in value.operands:
        new = _put(old, wire, inner)
        joined = new is not old and value.operator in JOINED and new.operator == value.operator
        operands += new.operands if joined else [new]
    return dataclasses.replace(value, operands=tuple(operands))
