"""The configuration of each unit that is proved."""

from typing import Any

from hw.units import UNITS

SMALL: dict[str, Any] = {name: unit.proof or unit.small for name, unit in UNITS.items()}
