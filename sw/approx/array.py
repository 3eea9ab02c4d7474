"""Parameters and model of the matrix-multiply array of approximate multipliers."""

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import choice, instance, whole
from ..core.products import MOST
from ..errors import UserError
from ..formats import BFLOAT16, BINARY32, FloatFormat
from ..formats.binary32 import ADDER_LATENCY, to_bits
from ..parameters import TARGETS, Parameters
from ..timing import Timing
from .multipliers import multiplier
from .product import Datapath, Fractions, gemm, matrices
from .stages import SCALE_LATENCY, TABLE_LATENCY, PeStages, product_latency
from .table import LARGEST_TABLE_BITS, Table

__all__ = ["TABLE", "ApproxArrayParameters", "cut", "matmul"]

TABLE = "table"
"""The name of the multiplier that looks fractions up in a loaded table."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApproxArrayParameters(Parameters):
    """Parameters of ``approx_array``, an output-stationary array of approximate multipliers.

    Parameters
    ----------
    rows, columns : int
        Shape of the array, 1..64; each PE has a multiplier and an adder.
    interleave : int
        Rows of results that a PE computes interleaved, so that its adder has ended a row's
        addition when that row's next product arrives; 5..64.
    multiplier : str
        Of `sw.approx.multipliers.NAMES`, or ``table``: a table loaded at run time.
    bits : int
        Fraction bits that count, as in `sw.approx.product.multiply_bits`.
    format : FloatFormat
        Format of operands and products, with binary32's exponent: binary32, bfloat16 or between.
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``.
    """

    PRESETS: ClassVar = {
        **{name: {"multiplier": name} for name in ("mbm", "mitchell", "realm8", TABLE)},
        "exact_nearest": {"multiplier": "exact_nearest", "bits": 23, "format": "binary32"},
    }

    rows: int = 4
    columns: int = 4
    interleave: int = ADDER_LATENCY
    multiplier: str = "mbm"
    bits: int = 7
    format: FloatFormat = BFLOAT16
    target: str = "generic"

    def __post_init__(self) -> None:
        """Check every field."""
        format = FloatFormat.read(self.format)
        object.__setattr__(self, "format", format)
        whole("rows", self.rows, 1, 64)
        whole("columns", self.columns, 1, 64)
        whole("interleave", self.interleave, ADDER_LATENCY, 64)
        if format.exponent_bits != BINARY32.exponent_bits:
            raise UserError(
                f"format must have {BINARY32.exponent_bits} exponent bits, as sums have, "
                f"not {format.exponent_bits}"
            )
        most = format.fraction_bits
        whole("bits", self.bits, 1, min(most, LARGEST_TABLE_BITS) if self.has_table else most)
        if not self.has_table:
            multiplier(self.multiplier).check(self.bits)
        choice("target", self.target, TARGETS)

    @property
    def has_table(self) -> bool:
        """Whether products are looked up in a loaded table."""
        return self.multiplier == TABLE

    @property
    def tile_rows(self) -> int:
        """Rows of results of a tile."""
        return self.rows * self.interleave

    def tiles(self, m: int, n: int) -> int:
        """Tiles of an ``m`` x ``n`` result."""
        m, n = whole("m", m, 1, MOST), whole("n", n, 1, MOST)
        return -(-m // self.tile_rows) * -(-n // self.columns)

    def cycles(self, m: int, n: int, k: int) -> int:
        """Cycles of an ``m`` x ``n`` x ``k`` product without stalls, see `Timing.job`.

        A tile takes `interleave` cycles a step of the reduction.
        """
        return self.timing.job(self.tiles(m, n), whole("k", k, 1, MOST) * self.interleave)

    @property
    def timing(self) -> Timing:
        """From a row's last beat to its results: a register, the stages, another, the FIFO."""
        return Timing(
            latency=1 + self.stages.sum + 2,
            interval=self.tile_rows,
            drain=self.tile_rows - self.interleave,
        )

    @property
    def stages(self) -> PeStages:
        """Pipeline stages of a PE."""
        if self.has_table:
            return PeStages(TABLE_LATENCY + SCALE_LATENCY)
        return PeStages(product_latency(self.multiplier, self.bits, self.target))


def cut(x: npt.ArrayLike, format: FloatFormat) -> npt.NDArray[np.uint32]:
    """Return the patterns of ``format`` of binary32 values: their upper bits.

    A NaN whose payload lies in the others becomes an infinity.
    """
    instance("format", format, FloatFormat)
    if format.exponent_bits != BINARY32.exponent_bits:
        raise UserError(
            f"format must have {BINARY32.exponent_bits} exponent bits, not {format.exponent_bits}"
        )
    return to_bits(x) >> np.uint32(BINARY32.width - format.width)


def matmul(
    parameters: ApproxArrayParameters,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    table: Table | None = None,
) -> npt.NDArray[np.float32]:
    """Return what ``approx_array`` makes of binary32 matrices, once it has the table if it has one.

    That is `sw.approx.product.gemm` of the operands `cut` to the array's format.

    Parameters
    ----------
    parameters : ApproxArrayParameters
        Of the array.
    a, b : array of float32, (m, k) and (k, n)
    table : Table or None
        The table, of as many bits as the array has; None where the multiplier is none.

    Returns
    -------
    array of float32, (m, n)
    """
    p = instance("parameters", parameters, ApproxArrayParameters)
    cuts = BINARY32.width - p.format.width
    a, b = ((cut(x, p.format) << np.uint32(cuts)).view(np.float32) for x in matrices(a, b))
    return gemm(fractions(p, table), a, b)


def fractions(parameters: ApproxArrayParameters, table: Table | None) -> Fractions:
    """Return what multiplies fractions in an array with a table, or without; `UserError` if not."""
    p = instance("parameters", parameters, ApproxArrayParameters)
    if not p.has_table:
        if table is not None:
            raise UserError(f"table must be None where the multiplier is {p.multiplier}")
        return Datapath(name=p.multiplier, bits=p.bits)
    if not isinstance(table, Table):
        raise UserError("table must be given where the multiplier is a table")
    whole("bits of the table", table.bits, p.bits, p.bits)
    return table
