"""The bench of each unit."""

from .approx import amsim
from .approx import array as approx_array
from .approx import multiplier as approx_multiplier
from .bfp import array, converter, dot, multimode, transposer
from .bfp.control import epochs, zse
from .report import Bench
from .sparse import balancer, quantile, regenerate
from .stochastic import converter as stochastic_converter
from .stochastic import outer

__all__ = ["BENCHES"]

BENCHES: dict[str, Bench] = {
    "amsim_multiplier": amsim,
    "approx_array": approx_array,
    "approx_multiplier": approx_multiplier,
    "bfp_array": array,
    "bfp_converter": converter,
    "bfp_dot": dot,
    "bfp_epoch_schedule": epochs,
    "bfp_multimode_array": multimode,
    "bfp_transposer": transposer,
    "bfp_zse_controller": zse,
    "load_balancer": balancer,
    "outer_product": outer,
    "quantile_estimator": quantile,
    "stochastic_converter": stochastic_converter,
    "weight_regenerator": regenerate,
}
