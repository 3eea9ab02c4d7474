"""Manifests of the units in their default configurations, which need no Verilog."""

import functools
from collections.abc import Mapping
from typing import Any

from hw.flow.manifest import manifest_of
from hw.units import UNITS

__all__ = ["manifests"]


@functools.cache
def manifests() -> Mapping[str, Mapping[str, Any]]:
    """Return the manifest of each unit."""
    made = {}
    for name, unit in UNITS.items():
        parameters = unit.parameters()
        made[name] = manifest_of(unit.top(parameters), name, "", parameters, {"unit": name})
    return made
