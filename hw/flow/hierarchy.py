"""The hierarchy of an emitted Verilog file, read from its text."""

import re
from collections import Counter

__all__ = ["Hierarchy"]

_MODULE = re.compile(r"^module (\w+)\b.*?^endmodule$", re.M | re.S)
_INSTANCE = re.compile(r"^  (\w+)(?: #\(\n.*?\n  \))? (\w+) \($", re.M | re.S)


class Hierarchy:
    """Modules of a file, their children and how often each stands in the design.

    The first module is the top.
    """

    def __init__(self, verilog: str) -> None:
        texts = {match[1]: match[0] for match in _MODULE.finditer(verilog)}
        self.modules = list(texts)
        self.top = self.modules[0]
        self.children = {
            name: Counter(kind for kind, _ in _INSTANCE.findall(text) if kind in texts)
            for name, text in texts.items()
        }
        self.weight: dict[str, int] = {}
        """The lines of a module and of all that it holds."""
        for name in self.modules:
            self._weigh(name, texts)

    def _weigh(self, name: str, texts: dict[str, str]) -> int:
        if name not in self.weight:
            below = self.children[name].items()
            own = texts[name].count("\n")
            self.weight[name] = own + sum(n * self._weigh(child, texts) for child, n in below)
        return self.weight[name]

    def instances(self, among: set[str]) -> dict[str, Counter[str]]:
        """Return for each module of ``among`` the instances of others of them directly below.

        Modules not in ``among`` are taken as dissolved into what holds them.
        """
        return {module: self._below(module, among) for module in self.modules if module in among}

    def _below(self, module: str, among: set[str]) -> Counter[str]:
        found: Counter[str] = Counter()
        for child, number in self.children[module].items():
            below = Counter({child: 1}) if child in among else self._below(child, among)
            for kind, count in below.items():
                found[kind] += number * count
        return found
