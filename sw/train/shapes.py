"""The shapes that layers take, which NumPy would stretch to fit each other without a word."""

from ..arrays import Floats
from ..checks import array
from ..errors import UserError

__all__ = ["planes", "same"]


def same(field: str, tensor: Floats, shape: tuple[int, ...]) -> None:
    """Raise `UserError` unless a tensor has the shape of another: NumPy would stretch it."""
    array(field, tensor, "number", shape=shape)


def planes(field: str, x: Floats, least: int) -> None:
    """Raise `UserError` unless ``x`` is (batch, channels, height, width), of ``least`` a side."""
    array(field, x, "number", shape=("batch", "channels", "height", "width"))
    if min(x.shape[2:]) < least or not x.size:
        raise UserError(f"{field} must have planes of at least {least} x {least}, not {x.shape}")
