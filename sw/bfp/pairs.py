"""What is controlled: the mode of each pair of operands of each layer."""

from ..checks import whole
from .multimode_array import MODES

__all__ = ["MOST_LAYERS", "PAIRS", "WIDEST", "mode_of"]

PAIRS = ("forward", "input_gradient", "weight_gradient")
"""Weight and input; weight and output gradient; output gradient and input."""

WIDEST = len(MODES) - 1
"""The mode of the longest mantissas; 0, 1, 2 are 4, 8, 16 bits."""

MOST_LAYERS = 256


def mode_of(field: str, value: object) -> int:
    """Check that ``value`` is a mode."""
    return whole(field, value, 0, WIDEST)
