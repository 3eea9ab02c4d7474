"""Texts of the source, told to who has not got it."""

import re

__all__ = ["NAMED", "plain"]

NAMED = r"`(?:(?:sw|hw|sim)\.[\w.]+|([A-Z]\w*[a-z]\w*))`"
"""A name of the source: of a class, or of what a module holds."""

_CLAUSE = re.compile(rf"(?:[,:;]? (?:checked )?(?:as|see|inverse of) [^,.`]*|: ){NAMED}[^,.]*")


def plain(text: str) -> str:
    """Return a docstring's text without references to the source; other classes are words."""
    text = _CLAUSE.sub("", text.replace("``", "`"))
    return re.sub(NAMED, lambda found: _words(found[1] or "a function"), text)


def _words(name: str) -> str:
    """Return the words of a class's name."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
