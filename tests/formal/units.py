"""The smallest configuration of each unit."""

from typing import Any

from sw.approx.array import ApproxArrayParameters
from sw.bfp.epoch_schedule import EpochParameters
from sw.bfp.zse_controller import ZseParameters
from sw.sparse.array_parameters import SparseArrayParameters
from tests.small import PARAMETERS

SMALL: dict[str, Any] = {
    **PARAMETERS,
    "bfp_zse_controller": ZseParameters(layers=1),
    "bfp_epoch_schedule": EpochParameters(layers=1),
    "approx_array": ApproxArrayParameters(rows=1, columns=1, multiplier="mitchell"),
    "sparse_array": SparseArrayParameters(
        lines=1,
        columns=1,
        pieces=1,
        mask_bits=4,
        entries=8,
        patch=8,
        sums=8,
        depth=4,
        positions=8,
        pointer_bits=8,
    ),
}
