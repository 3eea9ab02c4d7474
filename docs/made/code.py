"""Excerpts of source files, for guides that go through them."""

import ast
from pathlib import Path

__all__ = ["excerpt"]

ROOT = Path(__file__).parents[2]


def excerpt(name: str, path: str) -> str:
    """Return a class, a function or an assignment of a file as a block of code.

    ``name`` is ``class NAME``, ``def NAME``, or the variable's name.
    """
    source = (ROOT / path).read_text("utf-8")
    [found] = [node for node in ast.parse(source).body if _titled(node, name)]
    decorators = getattr(found, "decorator_list", [])
    first = min([found.lineno, *(each.lineno for each in decorators)])
    lines = source.splitlines()[first - 1 : found.end_lineno]
    return f'```{{.python title="{path}"}}\n' + "\n".join(lines) + "\n```"


def _titled(node: ast.stmt, name: str) -> bool:
    """Return whether a statement is the one that a page names."""
    if isinstance(node, ast.ClassDef):
        return name == f"class {node.name}"
    if isinstance(node, ast.FunctionDef):
        return name == f"def {node.name}"
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(each, ast.Name) and each.id == name for each in targets)
