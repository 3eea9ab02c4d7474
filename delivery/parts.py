"""The parts of a delivery, in the order in which they are made."""

from . import driver
from .delivered import Delivered, Part
from .litex import litex_files
from .packaging import packaging_files
from .registers import register_files
from .scripts import scripts
from .sheet import part as sheet
from .testbench import testbench
from .zynq import zynq_files

__all__ = ["PARTS"]


def _design(delivered: Delivered) -> dict[str, str]:
    """Return Verilog, models of cells and manifest; the core file is that of `testbench`."""
    core = f"{delivered.design.name}.core"
    return {file: text for file, text in delivered.design.files.items() if file != core}


PARTS: tuple[tuple[str, Part], ...] = (
    ("Verilog", _design),
    ("data sheet", sheet.files),
    ("register descriptions", register_files),
    ("core for Vivado", packaging_files),
    ("driver", driver.files),
    ("test bench", testbench),
    ("scripts of tools", scripts),
    ("module for LiteX", litex_files),
    ("block design for Zynq", zynq_files),
)
"""What each is, and the part."""
