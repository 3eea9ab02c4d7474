"""Formats of a few words."""

from typing import Any

from sw.formats import MxFormat


def mx(element: Any, rule: str = "floor", **fields: Any) -> MxFormat:
    """An MX format of an element's name or fields."""
    return MxFormat(**{"element": element, "scale": {"rule": rule}, **fields})
