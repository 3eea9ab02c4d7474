"""The bench of each unit."""

from .approx import amsim
from .approx import array as approx_array
from .bfp import array, converter, dot, multimode, transposer
from .bfp.control import epochs, zse
from .report import Bench

__all__ = ["BENCHES"]

BENCHES: dict[str, Bench] = {
    "approx_array": approx_array,
    "amsim_multiplier": amsim,
    "bfp_array": array,
    "bfp_converter": converter,
    "bfp_dot": dot,
    "bfp_epoch_schedule": epochs,
    "bfp_multimode_array": multimode,
    "bfp_transposer": transposer,
    "bfp_zse_controller": zse,
}
