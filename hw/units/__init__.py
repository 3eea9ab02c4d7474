"""The units: whatever stands here can be listed, generated, simulated and synthesized."""

from .table import UNITS, Unit, unit

__all__ = ["UNITS", "Unit", "unit"]
