"""The smallest configurations that show every event of a unit."""

import dataclasses

from sw.approx.parameters import AmsimParameters, ApproxParameters
from sw.bfp.array import ArrayParameters
from sw.bfp.converter import ConverterParameters
from sw.bfp.dot import DotParameters
from sw.bfp.transposer import TransposerParameters
from sw.formats import BLOCK_FORMATS, FloatFormat
from sw.stochastic.converter import StochasticConverterParameters
from sw.stochastic.outer_parameters import OuterProductParameters

# Blocks of two beats; the operands of dot products and arrays have padding bits.
FORMAT = dataclasses.replace(BLOCK_FORMATS["hbfp4"], block=(4,))
ARRAY = ArrayParameters(format=FORMAT, lanes=2, rows=2, columns=1)
DOT = DotParameters(format=FORMAT, lanes=2)
CONVERTER = ConverterParameters(format=FORMAT, lanes=2)
TRANSPOSER = TransposerParameters(format=dataclasses.replace(FORMAT, block=(2, 2)))
# Pairs of 18 bits, entries of 2.
FLOAT = FloatFormat(exponent_bits=5, fraction_bits=3)
MULTIPLIER = ApproxParameters(multiplier="mitchell", format=FLOAT)
TABLED = AmsimParameters(format=FLOAT, bits=1, lanes=1)
ENTRIES = 4
# Vectors of two beats, in and out.
STOCHASTIC = StochasticConverterParameters(elements=4, lanes=2, length=2, width=8, bits=4)
# Vectors of two beats, each pair of them a batch; results leave in half the time of a pair.
OUTER = OuterProductParameters(
    rows=4, columns=4, lanes=2, length=16, width=8, bits=4, batch=1, results=4
)
