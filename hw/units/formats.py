"""Units that convert between formats."""

import dataclasses

from sw.formats import BLOCK_FORMATS
from sw.formats.converter import ConverterParameters
from sw.formats.hadamard import HadamardParameters
from sw.formats.tensor_amax import TensorAmaxParameters

from ..formats.converter import ConverterUnit
from ..formats.hadamard import HadamardUnit
from ..formats.tensor_amax import TensorAmaxUnit
from .notes import formats as notes
from .unit import Storage, Unit

__all__ = ["UNITS"]


def _converter(p: ConverterParameters) -> Storage:
    """Count the elements of a block, kept until its exponent is known."""
    several = p.beats > 1
    return Storage(memory=several * p.format.block_elements * p.format.element_bits)


UNITS = (
    Unit(
        name="bfp_converter",
        summary="floating point to block formats (BFP, MX, NVFP4), any rounding",
        core=ConverterUnit,
        # Blocks of two beats.
        small=ConverterParameters(
            format=dataclasses.replace(BLOCK_FORMATS["hbfp4"], block=(4,)), lanes=2
        ),
        second=ConverterParameters(format=BLOCK_FORMATS["mxint8"], lanes=4),
        storage=_converter,
        notes=notes.converter,
    ),
    Unit(
        name="hadamard",
        summary="Hadamard transforms of tiles, with signs, exact sums rounded once",
        core=HadamardUnit,
        # Tiles of two beats.
        small=HadamardParameters(tile=4, lanes=2, source="binary16"),
        second=HadamardParameters(tile=2, lanes=2),
        notes=notes.hadamard,
    ),
    Unit(
        name="tensor_amax",
        summary="the largest finite magnitude of each tensor of a stream",
        core=TensorAmaxUnit,
        small=TensorAmaxParameters(source="binary16"),
        second=TensorAmaxParameters(),
        notes=notes.tensor_amax,
    ),
)
