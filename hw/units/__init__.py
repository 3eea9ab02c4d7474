"""The units: whatever stands here can be listed, generated, simulated and synthesized.

A file a wing holds the records of its units. A user's own unit is such a record in a module of
theirs, named ``module:NAME`` where others are named by their names.
"""

from . import accelerator, approx, bfp, formats, sparse, stochastic
from .own import load
from .unit import Storage, Unit

__all__ = ["UNITS", "Storage", "Unit", "unit"]

UNITS: dict[str, Unit] = {
    each.name: each
    for room in (formats, bfp, approx, sparse, stochastic, accelerator)
    for each in room.UNITS
}


def unit(name: str) -> Unit:
    """Return the unit called ``name``, or a user's own; `UserError` if there is none."""
    return load(name, UNITS)
