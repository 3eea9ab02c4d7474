"""Approximate multipliers by the names of a command line."""

import re

from ..checks import shown
from ..errors import UserError
from ..parameters import tight
from .multipliers import NAMES
from .product import Datapath, Fractions
from .table import read

__all__ = ["KINDS", "fractions", "tidy"]

DEFAULT_BITS = 7

KINDS = (*NAMES, "lut:FILE")
"""What `fractions` knows."""

_PLAIN = "exact|exact_nearest|mitchell|mbm"
_NUMBERED = "realm|drum|array"


def tidy(text: str) -> str:
    """Return ``text`` as `sw.parameters.tight` does, but for what is inside a file's name."""
    kind, _, file = text.partition(":")
    return f"lut:{file.strip()}" if kind.strip() == "lut" else tight(text)


def fractions(text: str) -> Fractions | None:
    """Return what a name means, None for one that is no multiplier's.

    ``mbm``: of 7 fraction bits; ``mbm5`` or ``mbm:5``: of 5; ``realm8`` and ``realm8:5`` likewise;
    ``lut:FILE``: a table. Raises `UserError` for a multiplier or a file that cannot be.
    """
    if not isinstance(text, str):
        raise UserError(f"multiplier must be a name, not {shown(text)}")
    text = tidy(text)
    kind, colon, rest = text.partition(":")
    if kind == "lut":
        if not rest:
            raise UserError(f"lut must be followed by a file, as in lut:mbm_7.bin, not {text!r}")
        return read(rest)
    bits = DEFAULT_BITS
    together = re.fullmatch(rf"({_PLAIN})([1-9][0-9]?)", text)
    if together is not None:
        kind, bits = together[1], int(together[2])
    elif re.fullmatch(rf"({_PLAIN})|({_NUMBERED})\d*", kind) is None:
        return None
    elif colon:
        if not re.fullmatch(r"[1-9][0-9]?", rest):
            raise UserError(f"bits of {kind} must be an integer, not {rest!r}")
        bits = int(rest)
    return Datapath(name=kind, bits=bits)
