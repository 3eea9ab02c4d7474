"""Expressions of the Verilog that Yosys writes, as trees: their widths, and how they are written.

An expression is *plain* if its value is the same wherever one of its width is asked for: its
operands all have its width, or its operator gives them theirs whatever is around it. Verilog
extends the operands of any other to the width of what it is assigned to.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping

__all__ = [
    "JOINED",
    "REDUCTIONS",
    "Assignment",
    "Expression",
    "arms",
    "assignments",
    "elements",
    "parse",
    "width_of",
    "write",
]

_OPERAND = r"\{[^{}]*\}|[\w'\[\]:]+|\$signed\((?:\{[^{}]*\}|[\w'\[\]:]+)\)"
_UNARY = re.compile(rf"(~\||~&|~\^|[-~&|^]) ({_OPERAND})")
_BINARY = re.compile(rf"({_OPERAND}) (~\^|<<<?|>>>?|[!=]=|[<>]=?|[-+*&|^]) ({_OPERAND})")
_CHOICE = re.compile(rf"({_OPERAND}) \? ({_OPERAND}) :\s+(.*)", re.S)
_ASSIGN = re.compile(r"^  assign ([^=\n]*) =([^;]*);$", re.M)
_MANY = 4  # Equal parts that are written as a replication.
_MOST_BITS = 5  # Of a reduction that is written as an operator between them.

JOINED = frozenset({"&", "|", "^"})
"""Operators that take any number of operands."""
_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">="})
REDUCTIONS = {"&": "all", "|": "any", "^": "odd", "~|": "none", "~&": "not all", "~^": "even"}


@dataclasses.dataclass(frozen=True, slots=True)
class Expression:
    """An operator and its operands, or without them the text of a signal, a part or a constant.

    Operators are those of Verilog; ``all``, ``any`` and so on are reductions, ``{}`` is a
    concatenation, ``?`` a choice. The width is 0 where it depends on what is around it.
    """

    operator: str
    operands: tuple["Expression", ...] = ()
    text: str = ""
    width: int = 0
    plain: bool = False

    @property
    def weight(self) -> int:
        """The operators in it, but for inversions."""
        below = sum(operand.weight for operand in self.operands)
        if self.operator in ("", "~", "{}", "$signed"):
            return below
        return below + max(len(self.operands) - 1, 1)


@dataclasses.dataclass(frozen=True, slots=True)
class Assignment:
    """A statement ``assign``; ``value`` is None where it is none of those known here."""

    start: int
    end: int
    target: str
    text: str
    value: Expression | None


def elements(text: str) -> list[str]:
    """Return the parts of a concatenation, or an operand alone, the first the most significant."""
    return re.split(r",\s*", text[1:-1].strip()) if text.startswith("{") else [text]


def width_of(text: str, widths: Mapping[str, int]) -> int:
    """Return the width of a signal, a part or a constant; 0 if it is not known."""
    if match := re.fullmatch(r"(\d+)'[hdb]\w+", text):
        return int(match[1])
    if match := re.fullmatch(r"(\w+)\[(\d+)(?::(\d+))?\]", text):
        return int(match[2]) - int(match[3] or match[2]) + 1 if match[1] in widths else 0
    return widths.get(text, 0)


def assignments(body: str, widths: Mapping[str, int]) -> Iterator[Assignment]:
    """Yield the statements ``assign`` of a module."""
    for match in _ASSIGN.finditer(body):
        target, text = match[1], match[2].strip()
        width = sum(width_of(part, widths) for part in elements(target))
        yield Assignment(match.start(), match.end(), target, text, parse(text, widths, width))


def parse(text: str, widths: Mapping[str, int], target: int) -> Expression | None:
    """Return the tree of an expression that is assigned to ``target`` bits, None if not known."""
    if match := re.fullmatch(_OPERAND, text):
        return _operand(text, widths)
    if match := _UNARY.fullmatch(text):
        operand = _operand(match[2], widths)
        if match[1] in REDUCTIONS:
            return _reduction(match[1], operand, target)
        plain = match[1] == "~" and operand.plain
        return Expression(match[1], (operand,), "", operand.width if plain else 0, plain)
    if match := _BINARY.fullmatch(text):
        operands = _operand(match[1], widths), _operand(match[3], widths)
        if match[2] in _COMPARISONS:
            return Expression(match[2], operands, "", 1, True)
        plain = match[2] in (*JOINED, "~^") and _alike(operands)
        return Expression(match[2], operands, "", operands[0].width if plain else 0, plain)
    if match := _CHOICE.fullmatch(text):
        condition, value = _operand(match[1], widths), _operand(match[2], widths)
        rest = parse(match[3], widths, target)
        if rest is None or rest.operator not in ("", "{}", "$signed", "?"):
            return None
        plain = _alike((value, rest))
        return Expression("?", (condition, value, rest), "", value.width if plain else 0, plain)
    return None


def _operand(text: str, widths: Mapping[str, int]) -> Expression:
    if text.startswith("$signed("):
        return Expression("$signed", (_operand(text[8:-1], widths),))
    if text.startswith("{"):
        parts = tuple(_operand(part, widths) for part in elements(text))
        known = all(part.width for part in parts)
        return Expression("{}", parts, "", sum(p.width for p in parts) if known else 0, known)
    width = width_of(text, widths)
    return Expression("", (), text, width, width > 0)


def _alike(operands: tuple[Expression, ...]) -> bool:
    return all(o.plain and o.width == operands[0].width for o in operands)


def _reduction(operator: str, operand: Expression, target: int) -> Expression:
    """Return a reduction; of a few single bits, where one bit is asked for, an operator of them."""
    bits = operand.operands
    if target != 1 or operand.operator != "{}" or len(bits) > _MOST_BITS or not _alike(bits):
        return Expression(REDUCTIONS[operator], (operand,), "", 1, True)
    if bits[0].width != 1:
        return Expression(REDUCTIONS[operator], (operand,), "", 1, True)
    joined = Expression(operator[-1], bits, "", 1, True)
    return Expression("~", (joined,), "", 1, True) if operator.startswith("~") else joined


_SIGNS = {name: sign for sign, name in REDUCTIONS.items()}


def write(value: Expression) -> str:
    """Return the Verilog of an expression."""
    if not value.operator:
        return value.text
    words = [write(o) if o.operator in ("", "{}", "$signed") else None for o in value.operands]
    if value.operator == "{}":
        return _concatenation([write(operand) for operand in value.operands])
    if value.operator == "$signed":
        return f"$signed({write(value.operands[0])})"
    if value.operator == "?":
        return " ".join(arms(value))
    parts = [
        word or (write(o) if o.operator == "~" else _closed(o))
        for word, o in zip(words, value.operands, strict=True)
    ]
    if len(parts) > 1:
        return f" {value.operator} ".join(parts)
    return f"{_SIGNS.get(value.operator, value.operator)}{parts[0]}"


def arms(value: Expression) -> list[str]:
    """Return the Verilog of the choices of an expression, one after the other."""
    texts = []
    while value.operator == "?":
        condition, chosen, value = value.operands
        texts.append(f"{_closed(condition)} ? {_closed(chosen)} :")
    return [*texts, write(value)]


def _concatenation(parts: list[str]) -> str:
    """Return a concatenation, with those of many equal parts as replications."""
    runs = [(text, len(list(run))) for text, run in itertools.groupby(parts)]
    words = [f"{{{n}{{{text}}}}}" if n >= _MANY else ", ".join([text] * n) for text, n in runs]
    return words[0] if len(runs) == 1 and runs[0][1] >= _MANY else f"{{ {', '.join(words)} }}"


def _closed(value: Expression) -> str:
    """Return an operand, in parentheses unless it stands by itself."""
    text = write(value)
    return text if value.operator in ("", "{}", "$signed", "~") else f"({text})"
