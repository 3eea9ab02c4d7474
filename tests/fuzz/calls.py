"""Public functions of the rooms with arguments that are right, and what they take beside these."""

from . import calls_circuits, calls_formats, calls_layers, calls_numbers, calls_training
from .call import CALLS

__all__ = ["CALLS", "GROUPS"]

GROUPS = (calls_circuits, calls_formats, calls_layers, calls_numbers, calls_training)
"""Each has entered its own calls."""
