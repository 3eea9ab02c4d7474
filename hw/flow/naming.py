"""Names for the wires that Yosys numbered: of what they are made, or of what they make."""

import re
from collections import Counter
from collections.abc import Iterable

from .expressions import Assignment, Expression
from .names import legal, unused
from .nest import NUMBERED
from .split import INSTANCE

__all__ = ["Naming"]

_LONGEST = 32
_LARGEST = 9999  # A constant beyond is no word.
_MOST_PARTS = 3  # Of a concatenation that is named after its parts.
_BETWEEN = {
    "&": "and",
    "|": "or",
    "^": "xor",
    "~^": "xnor",
    "+": "plus",
    "-": "minus",
    "*": "times",
    "<<": "left_by",
    "<<<": "left_by",
    ">>": "right_by",
    ">>>": "right_by",
    "==": "is",
    "!=": "is_not",
    "<": "below",
    "<=": "at_most",
    ">": "above",
    ">=": "at_least",
}
_BEFORE = {
    "~": "not",
    "-": "minus",
    "all": "all",
    "any": "any",
    "odd": "parity_of",
    "none": "no",
    "not all": "not_all",
    "even": "even",
}
_READ = re.compile(r"^ +(_\d+_) <= (\w+)\[.*\];$", re.M)
_REGISTER = re.compile(
    r"^ +(?:(?:else )?if \((?P<condition>.*)\)\s+|else )?"
    r"(?P<name>\w+)(?:\[(?P<index>.*)\])? <= (?P<value>.*);$",
    re.M,
)
_CONNECTION = re.compile(r"^    \.(\w+)\((.*)\),?$", re.M)
_INSTANCE_NAME = re.compile(r"(\w+) \($", re.M)


class Naming:
    """The names that the numbered wires of a module may have.

    A wire is named after the register that takes it, the memory or the instance that drives it, or
    its operands; where that is too long, after what it feeds.
    """

    def __init__(self, body: str, statements: list[Assignment]) -> None:
        self._values: dict[str, Expression | None] = {}
        # What drives a wire, and what it feeds: a signal and a word.
        self._drivers: dict[str, tuple[str, str]] = {}
        self._feeds: dict[str, tuple[str, str]] = {}
        self._words: dict[str, str] = {}
        self._registers = set(re.findall(r"(_\d+_)(?:\[[\d:]*\])? <= ", body))
        self._look_at_registers(body)
        self._look_at_instances(body)
        for statement in statements:
            targets = re.findall(r"[A-Za-z_]\w*", statement.target)
            wires = NUMBERED.findall(statement.target)
            for wire in wires:
                self._values.setdefault(wire, statement.value)
            for wire in NUMBERED.findall(statement.text):
                self._feeds.setdefault(wire, (targets[0], "term"))
            if function := re.match(r"(_\d+_)\(", statement.text):
                self._feeds[function[1]] = (targets[0], "case")
        for statement in statements:
            # A wire of which nothing is read is named after its neighbours.
            names = re.findall(r"(?<!')\b[A-Za-z_]\w*", f"{statement.target} {statement.text}")
            wires = NUMBERED.findall(statement.target)
            for wire in wires:
                if others := [name for name in names if name not in wires]:
                    self._feeds.setdefault(wire, (others[0], "rest"))

    def _look_at_registers(self, body: str) -> None:
        for wire, memory in _READ.findall(body):
            self._drivers.setdefault(wire, (memory, "read"))
        for match in _REGISTER.finditer(body):
            name, value = match["name"], match["value"]
            for wire in NUMBERED.findall(match["condition"] or ""):
                word = "reset" if re.fullmatch(r"\d+'\w+", value) else "enable"
                self._feeds.setdefault(wire, (name, word))
            for wire in NUMBERED.findall(match["index"] or ""):
                self._feeds.setdefault(wire, (name, "index"))
            for wire in NUMBERED.findall(value):
                taken = re.fullmatch(rf"{wire}(\[.*\])?", value) and not match["index"]
                if taken and wire == value and not NUMBERED.fullmatch(name):
                    self._drivers[value] = (name, "next")
                self._feeds.setdefault(wire, (name, "next" if taken else "term"))

    def _look_at_instances(self, body: str) -> None:
        counts = Counter(NUMBERED.findall(body))
        for match in INSTANCE.finditer(body):
            name = _INSTANCE_NAME.findall(match[0])[0]
            for port, text in _CONNECTION.findall(match[2]):
                for wire in NUMBERED.findall(text):
                    self._feeds.setdefault(wire, (name, port))
                    if counts[wire] == 1 and wire == text:
                        self._drivers.setdefault(wire, ("unused", port))

    def rename(self, text: str) -> str:
        """Return the text of a module with a name of its own for each numbered wire."""
        taken = set(re.findall(r"\b[A-Za-z_]\w*\b", text))
        names: dict[str, str] = {}
        for wire in dict.fromkeys(NUMBERED.findall(text)):
            found = [legal(name) for name in self._candidates(wire)]
            free = (name for name in found if name not in taken)
            names[wire] = next(free, "") or unused(found[0], taken)
            taken.add(names[wire])
        return NUMBERED.sub(lambda match: names[match[0]], text)

    def sketch(self, text: str) -> str:
        """Return a text with names of wires that are at least as long as theirs will be."""
        return NUMBERED.sub(lambda match: f"{max(self._candidates(match[0]), key=len)}_000", text)

    def _candidates(self, wire: str) -> list[str]:
        """Return the names that a wire may have, the best first."""
        found = [self._word(wire), self._purpose(wire)]
        if self._drivers.get(wire, ("", ""))[0] == "unused":
            del found[1]  # Linters look for the word.
        return [name for name in found if name] or ["net"]

    def _purpose(self, wire: str) -> str:
        """Return a name for what a wire feeds, empty if that has none."""
        feed = self._feeds.get(wire)
        word = "reg" if wire in self._registers else feed[1] if feed else ""
        seen = {wire}
        while feed and feed[0] not in seen:
            wire = feed[0]
            seen.add(wire)
            base = self._word(wire)
            if base and (not NUMBERED.fullmatch(wire) or len(base) + len(word) < _LONGEST):
                return f"{base.rstrip('_')}_{word}"
            feed = self._feeds.get(wire)
        return ""

    def _word(self, wire: str) -> str:
        """Return what a signal is called in the names of others, empty if that is too long."""
        if not NUMBERED.fullmatch(wire):
            return wire
        if wire not in self._words:
            self._words[wire] = ""
            word = ""
            if driver := self._drivers.get(wire):
                word = self._join(driver)
            elif value := self._values.get(wire):
                word = self._describe(value)
            fits = word[:1].isalpha() and len(word) <= _LONGEST
            self._words[wire] = word if fits or driver else ""
        return self._words[wire]

    def _join(self, words: Iterable[str]) -> str:
        """Return words as one, with those of numbered wires; empty if one is."""
        found = [self._word(word).rstrip("_") for word in words]
        return "_".join(found) if all(found) else ""

    def _describe(self, value: Expression) -> str:
        """Return the words of an expression, empty if there are none."""
        if not value.operator:
            return self._describe_operand(value.text)
        words = [self._describe(operand) for operand in value.operands]
        if not all(words) or len(words) > _MOST_PARTS:
            return ""
        if value.operator == "?":
            condition, chosen, rest = words
            if value.operands[1].text[:1].isdigit():
                return f"{rest}_unless_{condition}"
            return f"{chosen}_if_{condition}"
        if value.operator in ("{}", "$signed"):
            return "_".join(word for word in words if not word.isdigit())
        if value.operator == "~" and value.operands[0].operator == "any":
            return words[0].replace("any_", "no_", 1)
        if len(words) == 1:
            return f"{_BEFORE[value.operator]}_{words[0]}"
        return f"_{_BETWEEN[value.operator]}_".join(words)

    def _describe_operand(self, text: str) -> str:
        if match := re.fullmatch(r"\d+'([hdb])(\w+)", text):
            base = {"h": 16, "d": 10, "b": 2}[match[1]]
            number = int(match[2], base) if re.fullmatch("[0-9a-f]+", match[2]) else _LARGEST + 1
            return str(number) if number <= _LARGEST else ""
        match = re.fullmatch(r"(\w+)(?:\[(\d+)(?::(\d+))?\])?", text)
        if not match:
            return ""
        part = match.groups()[1:]
        place = f"_bits_{part[0]}_{part[1]}" if part[1] else f"_bit_{part[0]}" if part[0] else ""
        word = self._word(match[1]).rstrip("_")
        return word and f"{word}{place}"
