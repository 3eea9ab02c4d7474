"""The units: whatever stands here can be listed, generated, simulated and synthesized."""

from . import UNITS, Unit, unit

__all__ = ["UNITS", "Unit", "unit"]
