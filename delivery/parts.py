"""The parts of a delivery, in the order in which they are made."""

from .delivered import Delivered, Part
from .litex import litex_files
from .zynq import zynq_files

__all__ = ["PARTS"]


def _design(delivered: Delivered) -> dict[str, str]:
    """Return Verilog, models of cells, manifest and FuseSoC core file."""
    return delivered.design.files


PARTS: tuple[tuple[str, Part], ...] = (
    ("Verilog", _design),
    ("module for LiteX", litex_files),
    ("block design for Zynq", zynq_files),
)
"""What each is, and the part."""
