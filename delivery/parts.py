"""The parts of a delivery, in the order in which they are made."""

from .delivered import Delivered, Part
from .packaging import packaging_files
from .registers import register_files

__all__ = ["PARTS"]


def _design(delivered: Delivered) -> dict[str, str]:
    """Return Verilog, models of cells, manifest and FuseSoC core file."""
    return delivered.design.files


PARTS: tuple[tuple[str, Part], ...] = (
    ("Verilog", _design),
    ("register descriptions", register_files),
    ("core for Vivado", packaging_files),
)
"""What each is, and the part."""
