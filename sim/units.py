"""The bench of each unit."""

from .approx import amsim_multiplier as amsim
from .approx import array as approx_array
from .approx import multiplier as approx_multiplier
from .bfp import array, dot, transposer
from .bfp import epoch_schedule as epochs
from .bfp import multimode_array as multimode
from .bfp import zse_controller as zse
from .formats import converter
from .report import Bench
from .sparse import array as sparse_array
from .sparse import csb_decoder, csb_encoder
from .sparse import load_balancer as balancer
from .sparse import quantile_estimator as quantile
from .sparse import weight_regenerator as regenerate
from .stochastic import converter as stochastic_converter
from .stochastic import outer_product as outer

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
    "csb_decoder": csb_decoder,
    "csb_encoder": csb_encoder,
    "load_balancer": balancer,
    "outer_product": outer,
    "sparse_array": sparse_array,
    "quantile_estimator": quantile,
    "stochastic_converter": stochastic_converter,
    "weight_regenerator": regenerate,
}
