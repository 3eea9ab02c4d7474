"""The bench of each unit."""

from .bfp import array, converter, dot, multimode
from .report import Bench

__all__ = ["BENCHES"]

BENCHES: dict[str, Bench] = {
    "bfp_array": array,
    "bfp_converter": converter,
    "bfp_dot": dot,
    "bfp_multimode_array": multimode,
}
