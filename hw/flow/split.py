"""Vectors whose bits depend on one another through logic, taken apart into wires of their own.

Tools that order logic by whole signals, as Verilator does, take such a vector for a loop.
"""

import dataclasses
import graphlib
import itertools
import re
from collections.abc import Iterator, Mapping

__all__ = ["INSTANCE", "Dependence", "dependence", "split"]

# Of a module: the inputs on which each of its outputs depends through logic, by whole signals.
Dependence = Mapping[str, frozenset[str]]

INSTANCE = re.compile(r"^  (\w+) (?:#\(\n(?:    .*\n)*?  \) )?\w+ \(\n((?:    .*\n)*?)  \);$", re.M)
_CONNECTION = re.compile(r"^    \.(\w+)\((.*)\),?$", re.M)
_ASSIGN = re.compile(r"^  assign ([^=]*) =([^;]*);$", re.M)
_REFERENCE = r"(?<![.'\w$])([A-Za-z_]\w*)\b(?:\[(\d+)(?::(\d+))?\])?"
_REFERENCES = re.compile(_REFERENCE)
# A reference, or a keyword that decides how it may be written: functions have names of their own.
_PLACES = re.compile(rf"^  function .*?^  endfunction$|[{{}}]|{_REFERENCE}(\[)?", re.M | re.S)
_OPERATOR = re.compile(r"\s+(~\^|[?:&|^])\s+")
_CONSTANT = re.compile(r"(\d+)'([hdb])(\w+)")


@dataclasses.dataclass(frozen=True)
class _Part:
    """Bits of a wire, or of a constant, whose name is an apostrophe and its binary digits."""

    name: str
    low: int
    high: int

    @property
    def width(self) -> int:
        return self.high - self.low + 1

    def cut(self, low: int, high: int) -> "_Part":
        return _Part(self.name, self.low + low, self.low + high)


class _Body:
    """The statements of a module, with the widths of what they refer to."""

    def __init__(
        self, text: str, widths: dict[str, int], children: Mapping[str, Dependence]
    ) -> None:
        self.text = text
        self.widths = widths
        self.children = children
        # Split vectors: of which wire a part has the bits, and from which bit on.
        self.origins: dict[str, tuple[str, int]] = {}

    def names(self, text: str) -> list[str]:
        """Return the signals that an expression refers to."""
        found = (match[1] for match in _REFERENCES.finditer(text))
        return [name for name in dict.fromkeys(found) if name in self.widths]

    def connections(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the module and the connections of each instance."""
        for match in INSTANCE.finditer(self.text):
            yield match[1], dict(_CONNECTION.findall(match[2]))

    def graph(self) -> dict[str, list[str]]:
        """Return for each signal those that it depends on through logic of one statement."""
        graph: dict[str, dict[str, None]] = {}
        for target, value in _ASSIGN.findall(self.text):
            for name in self.names(target):
                graph.setdefault(name, {}).update(dict.fromkeys(self.names(value)))
        for module, ports in self.connections():
            for output, inputs in self.children.get(module, {}).items():
                read = [n for i in sorted(inputs) for n in self.names(ports.get(i, ""))]
                for name in self.names(ports.get(output, "")):
                    graph.setdefault(name, {}).update(dict.fromkeys(read))
        return {name: list(read) for name, read in graph.items()}

    def loop(self) -> list[str]:
        """Return signals each of which depends on the one before, in a ring; none if none do."""
        try:
            graphlib.TopologicalSorter(self.graph()).prepare()
        except graphlib.CycleError as error:
            return error.args[1][1:]
        return []

    def driven(self, name: str) -> list[_Part]:
        """Return the parts of a signal that are driven apart, low ones first."""
        targets = [target for target, _ in _ASSIGN.findall(self.text)]
        for module, ports in self.connections():
            targets += [ports[p] for p in self.children.get(module, {}) if p in ports]
        parts = {part for target in targets for part in self.parts(target) if part.name == name}
        return sorted(parts, key=lambda part: part.low)

    def parts(self, text: str) -> list[_Part]:
        """Return the parts of an operand, low ones first; of anything else, what it refers to."""
        result = []
        for word in re.split(r"[\s{},]+", text.strip("{} \n"))[::-1]:
            if match := _CONSTANT.fullmatch(word):
                width, digits = int(match[1]), _binary(match[2], match[3])
                fill = digits[0] if digits[0] in "xz" else "0"
                result.append(_Part(f"'{digits.rjust(width, fill)[-width:]}", 0, width - 1))
            elif (match := _REFERENCES.fullmatch(word)) and match[1] in self.widths:
                high = int(match[2]) if match[2] else self.widths[match[1]] - 1
                low = int(match[3] or match[2] or 0)
                result.append(_Part(match[1], low, high))
        return result

    def write(self, parts: list[_Part]) -> str:
        """Return the Verilog of an operand."""
        words = [self._word(part) for part in reversed(parts)]
        return words[0] if len(words) == 1 else f"{{ {', '.join(words)} }}"

    def _word(self, part: _Part) -> str:
        if part.name.startswith("'"):
            digits = part.name[::-1][part.low : part.high + 1][::-1]
            return f"{part.width}'b{digits}"
        if part.width == self.widths[part.name]:
            return part.name
        span = f"{part.high}:{part.low}" if part.width > 1 else f"{part.low}"
        return f"{part.name}[{span}]"

    def separate(self, name: str, taken: set[str]) -> dict[str, _Part]:
        """Give each part of a wire that is driven apart a name; return their bits by name.

        Where a signal indexes it, the wire stays.
        """
        driven = self.driven(name)
        edges = {0, self.widths[name], *(e for p in driven for e in (p.low, p.high + 1))}
        base, offset = self.origins.get(name, (name, 0))
        pieces: dict[str, _Part] = {}
        for low, end in itertools.pairwise(sorted(edges)):
            piece = _name(base, low + offset, end - 1 + offset, taken)
            taken.add(piece)
            self.widths[piece] = end - low
            self.origins[piece] = (base, low + offset)
            pieces[piece] = _Part(name, low, end - 1)
        used: set[str] = set()
        depth = 0

        def replace(match: re.Match[str]) -> str:
            nonlocal depth
            depth += (match[0] == "{") - (match[0] == "}")
            if match[1] != name or match[4]:
                return match[0]
            [whole] = self.parts(match[0])
            found = [
                _Part(piece, max(whole.low - part.low, 0), min(whole.high, part.high) - part.low)
                for piece, part in pieces.items()
                if part.low <= whole.high and whole.low <= part.high
            ]
            used.update(part.name for part in found)
            return self.write(found).strip("{} ") if depth else self.write(found)

        self.text = _PLACES.sub(replace, self.text)
        return {piece: part for piece, part in pieces.items() if piece in used}

    def open(self, names: list[str]) -> bool:
        """Write one bitwise statement between signals part by part; return whether one is found."""
        for match in _ASSIGN.finditer(self.text):
            between = set(names) & set(self.names(match[1])), set(names) & set(self.names(match[2]))
            if all(between) and (lines := self._opened(match[1], match[2])):
                self.text = f"{self.text[: match.start()]}{lines}{self.text[match.end() :]}"
                return True
        return False

    def _opened(self, target: str, value: str) -> str:
        """Return a bitwise statement as one for each part of its operands, or nothing."""
        sign = "~ " if value.startswith(" ~ ") else ""
        words = _OPERATOR.split(value.strip()[len(sign) :])
        values, operators = words[::2], [*words[1::2], ""]
        texts = [target, *(v for v, o in zip(values, operators, strict=True) if o != "?")]
        operands = [self.parts(text) for text in texts]
        sizes = {sum(part.width for part in parts) for parts in operands}
        plain = all(re.fullmatch(r"[\w'\[\]:]+|\{[\w'\[\]:, \n]+\}", text) for text in texts)
        if len(sizes) > 1 or not plain:
            return ""
        ends = sorted({end for parts in operands for end in _ends(parts)})
        if len(ends) == 1:
            return ""
        lines = []
        for low, high in itertools.pairwise([0, *ends]):
            goal, *read = (self.write(_slice(parts, low, high)) for parts in operands)
            pieces = iter(read)
            pairs = [
                f"{value if operator == '?' else next(pieces)} {operator}"
                for value, operator in zip(values, operators, strict=True)
            ]
            lines.append(f"  assign {goal} = {sign}{' '.join(pairs).rstrip()};")
        return "\n".join(lines)


def split(
    wires: list[str],
    body: str,
    widths: dict[str, int],
    ports: list[str],
    children: Mapping[str, Dependence],
) -> tuple[list[str], str]:
    """Return the declarations of wires and the body of a module without loops of whole signals.

    ``widths`` gets the new wires. Raises ValueError if a loop is left.
    """
    state = _Body(body, widths, children)
    taken = set(re.findall(r"\w+", body)) | set(widths)
    outputs = {port.split()[-1] for port in ports}
    while loop := state.loop():
        apart = [name for name in loop if len(state.driven(name)) > 1]
        if not apart:
            if not state.open(loop):
                raise ValueError(f"signals depend on one another in a ring: {', '.join(loop)}")
            continue
        name = min(apart, key=lambda name: name in outputs)
        pieces = state.separate(name, taken)
        lines = [_declare(piece, part.width) for piece, part in pieces.items()]
        place = next((i for i, w in enumerate(wires) if w.endswith(f" {name};")), len(wires))
        if name in outputs or re.search(rf"\b{name}\[", state.text):
            parts = [_Part(piece, 0, part.width - 1) for piece, part in pieces.items()]
            state.text += f"  assign {name} = {state.write(parts)};\n"
            wires = [*wires[:place], *lines, *wires[place:]]
        else:
            wires = [*wires[:place], *lines, *wires[place + 1 :]]
            del widths[name]
    return wires, state.text


def dependence(
    body: str, widths: dict[str, int], ports: list[str], children: Mapping[str, Dependence]
) -> Dependence:
    """Return the inputs on which each output of a module depends through logic."""
    inputs = {port.split()[-1] for port in ports if port.startswith("input")}
    graph = _Body(body, widths, children).graph()
    reached: dict[str, frozenset[str]] = {}
    for name in graphlib.TopologicalSorter(graph).static_order():
        own = frozenset({name} & inputs)
        reached[name] = own.union(*(reached[read] for read in graph.get(name, ())))
    outputs = (port.split()[-1] for port in ports if port.startswith("output"))
    return {name: reached.get(name, frozenset()) for name in outputs}


def _declare(name: str, width: int) -> str:
    return f"  wire [{width - 1}:0] {name};" if width > 1 else f"  wire {name};"


def _name(base: str, low: int, high: int, taken: set[str]) -> str:
    """Return a name for bits of a wire; of one that has a number only, another number."""
    if re.fullmatch(r"_\d+_", base):
        return next(name for i in itertools.count() if (name := f"_{i}_") not in taken)
    name = f"{base}_bit_{low}" if low == high else f"{base}_bits_{high}_{low}"
    while name in taken:
        name += "_"
    return name


def _binary(kind: str, digits: str) -> str:
    if kind == "d" and digits.isdecimal():
        return f"{int(digits):b}"
    if kind in "bd":
        return digits
    return "".join(d * 4 if d in "xz" else f"{int(d, 16):04b}" for d in digits)


def _ends(parts: list[_Part]) -> Iterator[int]:
    return itertools.accumulate(part.width for part in parts)


def _slice(parts: list[_Part], low: int, high: int) -> list[_Part]:
    """Return bits ``low`` to below ``high`` of an operand."""
    result = []
    for part, end in zip(parts, _ends(parts), strict=True):
        start = end - part.width
        if start < high and low < end:
            result.append(part.cut(max(low - start, 0), min(high, end) - start - 1))
    return result
