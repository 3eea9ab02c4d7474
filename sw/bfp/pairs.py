"""What is controlled: the mode of each pair of operands of each layer."""

import dataclasses

from ..checks import whole
from ..parameters import Parameters
from .multimode_array import MODES

__all__ = ["MOST_LAYERS", "PAIRS", "WIDEST", "ForLayers", "mode_of"]

PAIRS = ("forward", "input_gradient", "weight_gradient")
"""Weight and input; weight and output gradient; output gradient and input."""

WIDEST = len(MODES) - 1
"""The mode of the longest mantissas; 0, 1, 2 are 4, 8, 16 bits."""

MOST_LAYERS = 256


def mode_of(field: str, value: object) -> int:
    """Check that ``value`` is a mode."""
    return whole(field, value, 0, WIDEST)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForLayers(Parameters):
    """Parameters of a controller of layers, beside those of its rule: that of reset.

    Parameters
    ----------
    layers : int
        Most layers that it controls, 1..256.
    """

    layers: int = 64

    def __post_init__(self) -> None:
        """Check the rule and the layers."""
        super().__post_init__()
        whole("layers", self.layers, 1, MOST_LAYERS)
