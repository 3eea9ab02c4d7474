"""The smallest configurations that show every event of a unit, and what they are to be given."""

import dataclasses
from typing import Any

from sw.approx.amsim_multiplier import AmsimParameters
from sw.approx.array import ApproxArrayParameters
from sw.approx.multiplier import ApproxParameters
from sw.bfp.array import ArrayParameters
from sw.bfp.dot import DotParameters
from sw.bfp.epoch_schedule import EpochParameters
from sw.bfp.multimode_array import MultimodeParameters
from sw.bfp.transposer import TransposerParameters
from sw.bfp.zse_controller import ZseParameters
from sw.formats import BLOCK_FORMATS, FloatFormat
from sw.formats.converter import ConverterParameters
from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.csb_parameters import CsbDecoderParameters, CsbEncoderParameters
from sw.sparse.load_balancer import BalancerParameters
from sw.sparse.quantile_estimator import QuantileParameters
from sw.sparse.weight_regenerator import RegeneratorParameters
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
# Waves of four pointers.
BALANCER = BalancerParameters(lines=3, pieces=1, pointer_bits=4, count_bits=1)
# Blocks of 10 bits with their pointer, all of which are held.
DECODER = CsbDecoderParameters(rows=2, columns=2, lanes=2, pointer_bits=6, blocks=12, values=12)
ESTIMATOR = QuantileParameters(lanes=1, step=4)
# Requests of 33 bits.
REGENERATOR = RegeneratorParameters(lanes=1, layers=2)

# Twelve beats: two tiles of three blocks, six blocks, or three waves.
BEATS = 12
JOB = (("tile_rows", 2), ("tile_columns", 1), ("blocks", 3))
START = ("control.start", 1)
# Unit: parameters, registers to be written, beats given.
CASES: dict[str, tuple[Any, tuple[tuple[str, int], ...], int]] = {
    "bfp_array": (ARRAY, (*JOB, START), 4),
    "bfp_dot": (DOT, (), 6),
    "bfp_converter": (CONVERTER, (), 12),
    "bfp_transposer": (TRANSPOSER, (), 12),
    "approx_multiplier": (MULTIPLIER, (), 12),
    "amsim_multiplier": (TABLED, (("load", 1),), 12),
    "stochastic_converter": (STOCHASTIC, (), 12),
    "outer_product": (OUTER, (), 24),
    "load_balancer": (BALANCER, (), 9),
    "csb_decoder": (DECODER, (), 12),
    "quantile_estimator": (ESTIMATOR, (), 12),
    "weight_regenerator": (REGENERATOR, (("scale", 1),), 12),
}

# A small configuration of every unit.
PARAMETERS: dict[str, Any] = {unit: parameters for unit, (parameters, _, _) in CASES.items()} | {
    "bfp_multimode_array": MultimodeParameters(rows=1, columns=1),
    "bfp_zse_controller": ZseParameters(layers=4),
    "bfp_epoch_schedule": EpochParameters(layers=4),
    "approx_array": ApproxArrayParameters(multiplier="table", bits=2, rows=3, columns=2),
    "sparse_array": SparseArrayParameters(
        lines=2,
        columns=1,
        fetch=2,
        mask_bits=8,
        depth=32,
        entries=64,
        patch=32,
        sums=32,
        positions=16,
    ),
    "csb_encoder": CsbEncoderParameters(rows=2, columns=2, lanes=2, pointer_bits=6),
}


def beats(stream: str) -> int:
    """Return the beats that an input stream is to be given."""
    return ENTRIES if stream == "s_axis_table" else BEATS
