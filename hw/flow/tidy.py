"""The last touch to a Verilog module that Yosys wrote: what its options cannot do.

The port list is made ANSI style, numbered wires are named after what drives them, initial values
stand apart, multiplexers of a few inputs are written as conditions, and bits that nothing reads
are gathered where a linter sees that they are meant to be unused.
"""

import re
from collections.abc import Mapping

from .expressions import assignments, elements, width_of
from .naming import Naming
from .nest import NUMBERED, nest
from .split import INSTANCE, Dependence, dependence, split

__all__ = ["tidy"]

_NOISE = re.compile(r"\(\* (?:unused_bits|full_case|init)\b.*?\*\) ?")
_HEAD = re.compile(r"\Amodule [^;]*;")
_DECLARATION = re.compile(r"^  (input|output|wire|reg)( \[(\d+):0\])? (\w+)(?: = (.*))?;$")
_MEMORY = re.compile(
    r"^  initial begin\n((?:    (\w+)\[\d+\] = (.*);\n)(?:    \2\[\d+\] = \3;\n){3,})  end\n", re.M
)
_SELECT = re.compile(
    r"^  function (?:\[\d+:0\] )?(\w+);\n.*?^  endfunction\n  assign ([^\n]*?) = \1\(([^\n]*)\);\n",
    re.M | re.S,
)
_LARGEST_CHAIN = 8
_LONGEST_LOOP = 4096  # Quartus ends a loop of more than 5,000 passes with an error.


def tidy(text: str, children: Mapping[str, Dependence]) -> tuple[str, Dependence]:
    """Return the text of one module from ``module`` to ``endmodule``, rewritten.

    And on what its outputs depend; ``children`` has that of each module that it may hold.
    """
    name, widths, declared, initial, body = _parse(_unescape(_NOISE.sub("", text)))
    ports, wires = declared
    wires, body = _shrink(wires, body, widths)
    body = _SELECT.sub(lambda match: _select(match, widths), body)
    body = re.sub(r"= ! ", "= ~| ", body)
    body = _MEMORY.sub(_fill, body)
    wires, body = split(wires, body, widths, ports, children)
    statements = list(assignments(body, widths))
    naming = Naming(body, statements)
    wires, body = nest(wires, body, widths, statements, naming.sketch)
    values = [f"    {register} = {value};" for register, value in initial]
    lines = [f"module {name} (", ",\n".join(f"  {p}" for p in ports), ");", *wires]
    if values:
        lines += ["  initial begin", *values, "  end"]
    lines += [body.rstrip("\n"), *_unused(body, widths, ports, children), "endmodule"]
    return naming.rename("\n".join(lines)), dependence(body, widths, ports, children)


def _unescape(text: str) -> str:
    """Name without escapes the registers that Yosys made of the bits of one."""
    taken = set(re.findall(r"\b[A-Za-z_]\w*\b", text))
    names: dict[str, str] = {}
    for name in dict.fromkeys(re.findall(r"\\(\S+) ", text)):
        legal = re.sub(r"\W+", "_", name).strip("_")
        while legal in taken:
            legal += "_"
        taken.add(legal)
        names[name] = legal
    return re.sub(r"\\(\S+) ", lambda match: names[match[1]], text)


def _parse(text: str):
    """Return name, widths by signal, declarations of ports and wires, initial values and body."""
    head, *lines = _HEAD.sub(lambda match: " ".join(match[0].split()), text, count=1).splitlines()
    match = re.match(r"module (\w+) ?\((.*)\);", head)
    assert match, head
    order = match[2].replace(" ", "").split(",") if match[2] else []
    widths: dict[str, int] = {}
    direction: dict[str, str] = {}
    ports: dict[str, str] = {}
    initial = []
    wires = []
    body = []
    for line in lines[:-1]:
        found = _DECLARATION.match(line)
        if not found:
            if line.strip():
                body.append(line)
            continue
        kind, dimension, top, name, value = found.groups()
        widths[name] = int(top or 0) + 1
        if value:
            initial.append((name, value))
        if kind in ("input", "output"):
            direction[name] = kind
        elif name in direction:
            ports[name] = f"{direction[name]} {kind}{dimension or ''} {name}"
        else:
            wires.append(f"  {kind}{dimension or ''} {name};")
    rest = "".join(f"{line}\n" for line in body)
    return match[1], widths, ([ports[p] for p in order], wires), initial, rest


def _shrink(wires: list[str], body: str, widths: dict[str, int]) -> tuple[list[str], str]:
    """Cut off the top bits of wires that are neither driven nor read."""
    tops: dict[str, int] = {}
    for name, high in re.findall(r"\b([A-Za-z_]\w*)\b(?:\[(\d+))?", body):
        if name in widths:
            tops[name] = max(tops.get(name, 0), int(high) if high else widths[name] - 1)
    result = []
    for line in wires:
        name = line.rstrip(";").split()[-1]
        top = tops.get(name, widths[name] - 1)
        if line.startswith("  wire") and top < widths[name] - 1:
            widths[name] = top + 1
            line = f"  wire [{top}:0] {name};" if top else f"  wire {name};"
            body = re.sub(rf"\b{name}\[{top}:0\]" if top else rf"\b{name}\[0\]", name, body)
        result.append(line)
    return result, body


def _fill(match: re.Match[str]) -> str:
    """Write the initial contents of a memory of equal words as loops."""
    memory, count = match[2], match[1].count("\n")
    index = f"{memory}_index"
    loops = [
        f"    for ({index} = {start}; {index} < {min(start + _LONGEST_LOOP, count)}; "
        f"{index} = {index} + 1)\n      {memory}[{index}] = {match[3]};\n"
        for start in range(0, count, _LONGEST_LOOP)
    ]
    begin, end = ("  initial begin\n", "  end\n") if len(loops) > 1 else ("  initial\n", "")
    return f"  integer {index};\n{begin}{''.join(loops)}{end}"


def _separate(text: str) -> list[str]:
    """Split at the commas that stand outside of brackets."""
    parts = [""]
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _select(match: re.Match[str], widths: dict[str, int]) -> str:
    """Write a multiplexer with one selecting bit per input as conditions, or as a case."""
    function, target, arguments = match.groups()
    otherwise, values, chosen = _separate(arguments)
    conditions = [part for part in elements(chosen)[::-1] if width_of(part, widths) == 1]
    width = width_of(otherwise, widths) or sum(width_of(p, widths) for p in elements(otherwise))
    groups: list[list[str]] = [[]]
    for part in elements(values)[::-1]:
        groups[-1].append(part)
        if sum(width_of(p, widths) for p in groups[-1]) == width:
            groups.append([])
    whole = len(groups) == len(conditions) + 1 == len(elements(chosen)) + 1 and not groups[-1]
    if not whole or len(conditions) > _LARGEST_CHAIN:
        return _case(match[0])
    pairs = zip(conditions, groups, strict=False)
    chain = [f"    {c} ? {g[0] if len(g) == 1 else _join(g)} :\n" for c, g in pairs]
    return f"  assign {target} =\n{''.join(chain)}    {otherwise};\n"


def _join(parts: list[str]) -> str:
    return "{ " + ", ".join(reversed(parts)) + " }"


def _case(text: str) -> str:
    """Name the arguments of a multiplexer function and let each bit choose for itself."""
    text = re.sub(r"^    input (\[.*\] )?a;", r"    input \1otherwise;", text, flags=re.M)
    text = re.sub(r"^    input (\[.*\] )?b;", r"    input \1inputs;", text, flags=re.M)
    text = re.sub(r"^    input (\[.*\] )?s;", r"    input \1chosen;", text, flags=re.M)
    text = re.sub(r"= a;$", "= otherwise;", text, flags=re.M)
    text = re.sub(r"= b\[", "= inputs[", text)
    text = text.replace("casez (s)", "case (1'b1)")
    pattern = re.compile(r"^      \d+'b([?1]+):\n        (.*)$", re.M)
    return pattern.sub(lambda m: f"      chosen[{len(m[1]) - 1 - m[1].index('1')}]: {m[2]}", text)


def _unused(
    body: str,
    widths: dict[str, int],
    ports: list[str],
    children: Mapping[str, Dependence],
) -> list[str]:
    """Return the line that reads the bits which nothing else reads."""
    outputs = {p.split()[-1] for p in ports if p.startswith("output")}
    reads = re.sub(r"^ +assign [^=]*=|\b\w+(?:\[\S*\])? <= ", " ", body, flags=re.M)
    reads = INSTANCE.sub(lambda match: _inputs(match, children), reads)
    used = {name: [False] * width for name, width in widths.items()}
    for name, high, low in re.findall(r"\b([A-Za-z_]\w*)(?:\[(\d+)(?::(\d+))?\])?", reads):
        if name in used:
            top = int(high) if high else widths[name] - 1
            bottom = int(low or high) if high else 0
            used[name][bottom : top + 1] = [True] * (top + 1 - bottom)
    idle = []
    for name, bits in used.items():
        # A numbered wire that an instance drives gets a name that says that it is unused.
        named = NUMBERED.fullmatch(name) and not any(bits) and f"({name})" in body
        if name not in outputs and not named:
            runs = re.finditer("0+", "".join("01"[bit] for bit in bits))
            idle += [_slice(name, run.start(), run.end() - 1, len(bits)) for run in runs]
    if not idle:
        return []
    return [f"  wire unused = &{{ 1'b0, {', '.join(idle)} }};"]


def _inputs(match: re.Match[str], children: Mapping[str, Dependence]) -> str:
    """Return an instance without the connections of its outputs and without wires of no use."""
    outputs = children.get(match[1], ())
    lines = match[0].splitlines()
    ports = [(re.match(r"    \.(\w+)\(", line), line) for line in lines]
    kept = [line for port, line in ports if not port or port[1] not in outputs]
    # The name of a port is no reading of a signal of that name.
    kept = [re.sub(r"^    \.\w+\(", "    (", line) for line in kept]
    return "\n".join(kept)


def _slice(name: str, low: int, high: int, width: int) -> str:
    if high - low + 1 == width:
        return name
    return f"{name}[{low}]" if high == low else f"{name}[{high}:{low}]"
