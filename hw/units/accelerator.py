"""Units that train a network alone."""

from sw.accelerator.chip import ChipParameters
from sw.accelerator.parameters import AcceleratorParameters
from sw.formats import read_format

from ..accelerator.chip import AcceleratorChip
from ..accelerator.machine import Accelerator
from .notes import accelerator as notes
from .unit import Unit

__all__ = ["UNITS"]

# Blocks of two beats of two lanes; a beat of the port, or of vectors, is a quarter of a word.
_SMALL = AcceleratorParameters(
    rows=1,
    columns=1,
    lanes=2,
    format=read_format("hbfp4:block=4"),
    banks=4,
    bank_words=16,
    port_bits=32,
    instructions=64,
    burst=2,
    outstanding=1,
    vector_lanes=1,
    watchdog=8,
)

_SMALL_CHIP = ChipParameters(**vars(_SMALL), memory_words=512)


def _multiply_adds(p: AcceleratorParameters) -> int:
    """Count those of the array."""
    return p.rows * p.columns * p.lanes


UNITS = (
    Unit(
        name="accelerator",
        summary="machine that trains a network alone, by a program in external memory",
        core=Accelerator,
        small=_SMALL,
        second=_SMALL.replace(columns=2, port_bits=64, vector_lanes=2),
        notes=notes.accelerator,
        multiply_adds=_multiply_adds,
    ),
    Unit(
        name="accelerator_chip",
        summary="accelerator with its external memory on the chip, filled and read by streams",
        core=AcceleratorChip,
        small=_SMALL_CHIP,
        second=_SMALL_CHIP.replace(columns=2, port_bits=64),
        sizes=("rows", "columns", "lanes", "memory_words"),
        notes=notes.chip,
        multiply_adds=_multiply_adds,
    ),
)
