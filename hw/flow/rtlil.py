"""RTLIL of a hierarchy of Modules: each distinct module once, legal names, ports in order."""

import dataclasses
import gc
import re
from collections.abc import Mapping
from typing import Any

from amaranth.back import rtlil  # pyright: ignore[reportAttributeAccessIssue]
from amaranth.hdl import (
    ClockSignal,
    Fragment,
    Instance,
    ResetSignal,
    Signal,
    ValueCastable,
    ValueLike,
)
from amaranth.hdl._ast import SignalDict
from amaranth.hdl._ir import PortDirection, build_netlist
from amaranth.lib import memory, wiring

from ..base.circuit import Circuit
from ..base.memory import is_uninitialized
from .names import distinguish, legal, snake, unused
from .owners import owned_names
from .paths import Paths, trace

__all__ = ["Emission", "members"]

_NAME = re.compile(r"\\([A-Za-z_$][^\s\"]*)")
_PORT = re.compile(r"^(  wire .*?(?:input|output) )\d+ ( signed)? \\(\S+)$")
_NUMBER = re.compile(r"(?<=.)\$\d+$")  # That Amaranth gives to signals of one name.
# What Amaranth makes of the initial contents that `Emission.get_memory` took out.
_NO_CONTENTS = re.compile(
    r"^  cell \$meminit_v2 .*\n(?:    (?!connect \\DATA).*\n)*    connect \\DATA \{ *\}\n"
    r"(?:    .*\n)*  end\n",
    re.M,
)
# Those in capitals are of ECP5's loops.
_KEPT_ATTRIBUTES = re.compile(
    r"^ *attribute \\(?!(init|keep|ram_style|no_rw_check|use_dsp|syn_|ICP_|LPF_|MFG_)\w*)"
)


def _token(index: int) -> str:
    """Return the placeholder of the name of module ``index``, until all names are known."""
    return f"@{index}@"


@dataclasses.dataclass
class _Emitted:
    """One distinct module: its origin, text, clock, reset and combinational paths."""

    module: Circuit
    token: str
    text: str
    clocked: frozenset[str]
    paths: Paths


class Emission:
    """A platform under which every distinct Circuit is elaborated and converted once.

    Parameters
    ----------
    top : Circuit
        The root; it declares its clock and reset as members.
    name : str
        Name of its Verilog module.
    prefix : str
        What the names of all other modules begin with.
    """

    def __init__(self, top: Circuit, *, name: str, prefix: str) -> None:
        self.top = self._outermost = top
        self._emitted: dict[Any, _Emitted] = {}
        # The millions of small objects of a conversion live to its end: collecting finds nothing
        # and takes a third of the time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            self._root = self._convert(top)
        finally:
            if collecting:
                gc.enable()
        self._names = self._name_all(name, prefix)

    @property
    def names(self) -> Mapping[str, Circuit]:
        """The modules by Verilog name, parents before children."""
        return {self._names[e.token]: e.module for e in reversed(self._emitted.values())}

    @property
    def text(self) -> str:
        """The RTLIL of all modules, parents before children."""
        texts = "\n".join(e.text for e in reversed(self._emitted.values()))
        return re.sub(r"@\d+@", lambda match: self._names[match[0]], texts)

    @property
    def combinational(self) -> list[tuple[str, str]]:
        """The inputs of the top, each with an output that it reaches without a register."""
        return self._root.paths.pairs

    def instance(self, module: Circuit, reset: ValueLike | None = None) -> Instance:
        """Return an instance of the Verilog module of ``module``, which is made if it is new.

        ``reset`` is instead of that of the domain.
        """
        emitted = self._emitted.get(module.identity)
        if emitted is None:
            outer, self.top = self.top, module
            emitted = self._convert(module)
            self.top = outer
        ports: dict[str, Any] = {}
        if "clk" in emitted.clocked:
            ports["i_clk"] = ClockSignal()
        if "rst" in emitted.clocked:
            ports["i_rst"] = ResetSignal() if reset is None else reset
        for name, value, direction in members(module):
            ports[f"{'i' if direction is PortDirection.Input else 'o'}_{name}"] = value
        return Instance(emitted.token, **ports)

    def get_memory(self, words: memory.Memory) -> Any:
        """Return what a memory is made of; initial contents are left out where there are none."""
        instance: Any = words.elaborate(None)
        if is_uninitialized(words):
            instance._data._init._raw = []
        return instance

    def _convert(self, module: Circuit) -> _Emitted:
        ports = {name: (value, direction) for name, value, direction in members(module)}
        for name in ports:
            if module is self._outermost and name != legal(name):
                raise ValueError(f"{module!r} has a port {name!r}, which Verilog does not take")
        fragment = Fragment.get(module, self)
        token = _token(len(self._emitted))
        netlist = build_netlist(fragment, ports, name=token)
        text, names = _text(netlist)
        if not text:
            raise ValueError(f"{module!r} has no logic of its own and cannot be a Verilog module")
        order = ["clk", "rst", *ports]
        text, clocked = _clean(text, order, owned_names(fragment, names))
        known = {each.token: each.paths for each in self._emitted.values()}
        emitted = _Emitted(module, token, text, clocked, trace(netlist, known))
        self._emitted[module.identity] = emitted
        return emitted

    def _name_all(self, top: str, prefix: str) -> dict[str, str]:
        """Name each module after its class and, where a class has several, what differs."""
        groups: dict[str, list[_Emitted]] = {}
        for emitted in self._emitted.values():
            if emitted is not self._root:
                groups.setdefault(snake(type(emitted.module).__name__), []).append(emitted)
        names = {self._root.token: top}
        taken = {top}
        for base, group in groups.items():
            suffixes = distinguish([dict(e.module.identity[1]) for e in group])
            for emitted, suffix in zip(group, suffixes, strict=True):
                name = legal(f"{base}{suffix}")
                while name in taken:
                    name += "_"
                taken.add(name)
                names[emitted.token] = f"{prefix}{name}"
        return names


def _text(netlist: Any) -> tuple[str, Mapping[Signal, tuple[str, ...]]]:
    """Return the RTLIL of a netlist, empty if it has no cells, and the names of signals in it."""
    names = SignalDict()
    builder = rtlil.Design(emit_src=False)
    empty = rtlil.EmptyModuleChecker(netlist)
    for index, module in enumerate(netlist.modules):
        if not empty.is_empty(index):
            made = builder.module(".".join(module.name))
            rtlil.ModuleEmitter(made, netlist, module, names, empty_checker=empty).emit()
    return str(builder), names


def members(module: Circuit) -> list[tuple[str, Signal, PortDirection]]:
    """Return the flat ports of a module in the order of declaration."""
    ports = []
    for path, member, value in module.signature.flatten(module):
        signal = value.as_value() if isinstance(value, ValueCastable) else value
        # A stream that is always ready or valid has a constant there, which is no port.
        if isinstance(signal, Signal) and len(signal):
            direction = PortDirection.Input if member.flow == wiring.In else PortDirection.Output
            ports.append(("__".join(map(str, path)), signal, direction))
    return ports


def _clean(
    text: str, order: list[str], given: Mapping[str, Mapping[str, str]]
) -> tuple[str, frozenset[str]]:
    """Make the names of a conversion's modules legal and number its ports.

    ``given`` has other names by module and name. Returns the text and which of ``clk`` and
    ``rst`` the first module has. A clock or reset that nothing reads is not kept as a port.
    """
    modules = re.split(r"^(?=module )", _NO_CONTENTS.sub("", _without_attributes(text)), flags=re.M)
    cleaned = [_clean_module(m, order, given) for m in modules if m.strip()]
    clocked = frozenset(n for n in ("clk", "rst") if re.search(_input(n), cleaned[0], re.M))
    return "".join(cleaned), clocked


def _input(name: str) -> str:
    return rf"^  wire width \d+ input \d+ +\\{name}$"


def _without_attributes(text: str) -> str:
    return "".join(line for line in text.splitlines(True) if not _KEPT_ATTRIBUTES.match(line))


def _clean_module(text: str, order: list[str], given: Mapping[str, Mapping[str, str]]) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    if "@." not in lines[0] and text.count("\\rst") == 1:
        lines = [line for line in lines if not re.match(_input("rst"), line)]
    ports = [match[3] for line in lines if (match := _PORT.match(line))]
    rank = {name: i for i, name in enumerate(order)}
    ports.sort(key=lambda name: rank.get(name, len(rank)))
    names = {name: legal(name) for name in ports}
    taken = set(names.values())
    assert len(taken) == len(names), f"ports of one legal name among {ports}"

    known = given.get(lines[0].split("\\")[-1], {})

    def rename(match: re.Match[str]) -> str:
        name = match[1]
        if name not in names:
            names[name] = unused(legal(known.get(name) or _NUMBER.sub("", name)), taken)
            taken.add(names[name])
        return f"\\{names[name]}"

    result = []
    for line in lines:
        words = line.split()
        if words[0] == "module":
            line = re.sub(r"@\.", "@_", line).replace(".", "_")
        elif words[0] == "parameter" and words[1] != "\\MEMID":
            pass
        elif words[0] == "cell":
            kind = words[1].replace("@.", "@_").replace(".", "_")
            line = f"  cell {kind} {_NAME.sub(rename, words[2])}"
        elif words[0] == "connect" and line.startswith("    "):
            # Inside a cell the first name is a port of what the cell is an instance of.
            port = words[1] if words[1].startswith("$") else f"\\{legal(words[1][1:])}"
            line = f"    connect {port} {_NAME.sub(rename, ' '.join(words[2:]))}"
        elif match := _PORT.match(line):
            line = f"{match[1]}{ports.index(match[3]) + 1} \\{names[match[3]]}"
        else:
            line = _NAME.sub(rename, line)
        result.append(line)
    return "\n".join(result) + "\n"
