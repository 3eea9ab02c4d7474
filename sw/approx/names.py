"""Approximate multipliers by the names of a command line."""

import re

from ..checks import shown
from ..errors import UserError
from ..grammar import FILE, Spec
from .multipliers import NAMES
from .product import Datapath, Fractions
from .table import read

__all__ = ["KINDS", "fractions"]

DEFAULT_BITS = 7

KINDS = (*NAMES, f"{FILE}:FILE")
"""What `fractions` knows."""

_PLAIN = "exact|exact_nearest|mitchell|mbm"
_NUMBERED = "realm|drum|array"


def fractions(text: str) -> Fractions | None:
    """Return what a name means, None for one that is no multiplier's.

    ``mbm``: of 7 fraction bits; ``mbm5`` or ``mbm:5``: of 5; ``realm8`` and ``realm8:5`` likewise;
    ``lut:FILE``: a table. Raises `UserError` for a multiplier or a file that cannot be.
    """
    if not isinstance(text, str):
        raise UserError(f"multiplier must be a name, not {shown(text)}")
    spec = Spec.read(text)
    kind, rest = spec.name, spec.rest
    if kind == FILE:
        if not rest:
            raise UserError("lut must be followed by a file, as in lut:mbm_7.bin, not 'lut:'")
        return read(rest)
    bits = DEFAULT_BITS
    together = re.fullmatch(rf"({_PLAIN})([1-9][0-9]?)", kind)
    if together is not None and rest is None:
        kind, bits = together[1], int(together[2])
    elif re.fullmatch(rf"({_PLAIN})|({_NUMBERED})\d*", kind) is None:
        return None
    elif rest is not None:
        if not re.fullmatch(r"[1-9][0-9]?", rest):
            raise UserError(f"bits of {kind} must be an integer, not {rest!r}")
        bits = int(rest)
    return Datapath(name=kind, bits=bits)
