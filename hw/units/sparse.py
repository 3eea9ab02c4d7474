"""Units of sparse training."""

from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.csb_parameters import VALUE_BITS, CsbDecoderParameters, CsbEncoderParameters
from sw.sparse.load_balancer import BalancerParameters
from sw.sparse.quantile_estimator import QuantileParameters
from sw.sparse.weight_regenerator import RegeneratorParameters

from ..sparse.array import SparseArray
from ..sparse.csb_decoder import CsbDecoder
from ..sparse.csb_encoder import CsbEncoder
from ..sparse.load_balancer import LoadBalancer
from ..sparse.quantile_estimator import QuantileEstimator
from ..sparse.weight_regenerator import WeightRegenerator
from .notes import csb, sparse_array
from .notes import sparse as notes
from .unit import Storage, Unit

__all__ = ["ELEMENT_REGISTERS", "UNITS"]

ELEMENT_REGISTERS = 500
"""Registers that a multiplier and an adder of fp32 have on every device, and more."""


def _array(p: SparseArrayParameters) -> Storage:
    """Count each element's pipeline, and the activation tiles and the sums of two passes."""
    elements = p.pe_rows * p.columns
    return Storage(
        registers=elements * ELEMENT_REGISTERS,
        memory=elements * VALUE_BITS * 2 * (p.patch + p.sums),
    )


def _csb_decoder(p: CsbDecoderParameters) -> Storage:
    """Count masks, pointers and values."""
    return Storage(memory=p.blocks * (p.elements + p.pointer_bits) + p.values * VALUE_BITS)


def _load_balancer(p: BalancerParameters) -> Storage:
    """Count the keys that are sorted, and the indices of their sub-tiles."""
    return Storage(registers=p.keys * (p.count_bits + p.number_bits))


_TWO_ROWS = SparseArrayParameters(
    pe_rows=2,
    columns=1,
    issue_width=2,
    mask_bits=8,
    depth=32,
    nonzeros=64,
    patch=32,
    sums=32,
    pixels=16,
)

UNITS = (
    Unit(
        name="sparse_array",
        summary="PE rows that skip zeros of one operand, balanced; also dense or N:M",
        core=SparseArray,
        small=_TWO_ROWS,
        second=SparseArrayParameters.make(preset="single"),
        proof=SparseArrayParameters.make(
            preset="single", depth=4, nonzeros=8, patch=8, sums=8, pixels=8, pointer_bits=8
        ),
        sizes=("columns", "pe_rows"),
        storage=_array,
        notes=sparse_array.array,
    ),
    Unit(
        name="csb_decoder",
        summary="memory of compressed sparse blocks, walked or dense, as they are or rotated",
        core=CsbDecoder,
        # Blocks of 10 bits with their pointer, twelve of which are held.
        small=CsbDecoderParameters(
            rows=2, columns=2, lanes=2, pointer_bits=6, blocks=12, values=12
        ),
        second=CsbDecoderParameters(form="dense", lanes=1, blocks=4, values=20),
        storage=_csb_decoder,
        notes=csb.decoder,
    ),
    Unit(
        name="csb_encoder",
        summary="dense blocks to compressed sparse ones: masks, pointers and packed values",
        core=CsbEncoder,
        small=CsbEncoderParameters(rows=2, columns=2, lanes=2, pointer_bits=6),
        second=CsbEncoderParameters(keep=True, lanes=1),
        notes=csb.encoder,
    ),
    Unit(
        name="load_balancer",
        summary="sub-tiles of sparse tiles given to PE rows so that all end together",
        core=LoadBalancer,
        # Passes of four pointers.
        small=BalancerParameters(pe_rows=3, subtiles=1, pointer_bits=4, count_bits=1),
        second=BalancerParameters(pe_rows=2, subtiles=2),
        sizes=("pe_rows",),
        storage=_load_balancer,
        notes=notes.load_balancer,
    ),
    Unit(
        name="quantile_estimator",
        summary="which values of a stream are among the largest, by a running estimate",
        core=QuantileEstimator,
        small=QuantileParameters(lanes=1, step=4),
        second=QuantileParameters(lanes=2),
        notes=notes.quantile_estimator,
    ),
    Unit(
        name="weight_regenerator",
        summary="initial weights of their numbers and a seed, times a decay",
        core=WeightRegenerator,
        # Requests of 33 bits.
        small=RegeneratorParameters(lanes=1, layers=2),
        second=RegeneratorParameters(lanes=2, layers=4),
        sizes=("lanes", "words"),
        notes=notes.weight_regenerator,
    ),
)
