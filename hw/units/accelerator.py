"""The unit that trains a network alone."""

import dataclasses

from sw.accelerator.parameters import AcceleratorParameters
from sw.formats import BLOCK_FORMATS

from ..accelerator.machine import Accelerator
from .unit import Unit

__all__ = ["UNITS"]

# Blocks of two beats of two lanes; a beat of the port, or of vectors, is a quarter of a word.
_SMALL = AcceleratorParameters(
    rows=1,
    columns=1,
    lanes=2,
    format=dataclasses.replace(BLOCK_FORMATS["hbfp4"], block=(4,)),
    banks=4,
    bank_words=16,
    port_bits=32,
    instructions=64,
    burst=2,
    outstanding=1,
    vector_lanes=1,
    watchdog=8,
)


UNITS = (
    Unit(
        name="accelerator",
        summary="machine that trains a network alone, by a program in external memory",
        core=Accelerator,
        small=_SMALL,
        second=_SMALL.replace(columns=2, port_bits=64, vector_lanes=2),
    ),
)
