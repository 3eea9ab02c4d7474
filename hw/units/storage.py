"""What a unit certainly stores, by arithmetic on its parameters: a lower bound of what it takes.

Each function counts registers that hold different bits every cycle and feed logic, and words that
can be read back, so that no synthesis saves them; a unit takes more.
"""

import dataclasses

from sw.approx.amsim_multiplier import AmsimParameters
from sw.approx.array import ApproxArrayParameters
from sw.bfp.array import ArrayParameters
from sw.bfp.multimode_array import DIGITS, MultimodeParameters
from sw.bfp.transposer import TransposerParameters
from sw.formats.converter import ConverterParameters
from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.csb_parameters import VALUE_BITS, CsbDecoderParameters
from sw.sparse.load_balancer import BalancerParameters
from sw.stochastic.converter import StochasticConverterParameters
from sw.stochastic.outer_parameters import OuterProductParameters

__all__ = ["SPARSE_ELEMENT", "Storage"]

SPARSE_ELEMENT = 500
"""Registers that a multiplier and an adder of binary32 have on every device, and more."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Storage:
    """Bits in registers, and in memories."""

    registers: int = 0
    memory: int = 0


def bfp_array(p: ArrayParameters) -> Storage:
    """Count the operand that moves down a column; a DSP block may hold the last element's."""
    rows = p.rows - (p.multiplier == "dsp")
    return Storage(registers=rows * p.columns * p.lanes * p.format.element_bits)


def bfp_multimode_array(p: MultimodeParameters) -> Storage:
    """Count the sums of each pair of digits, as they grow and as they are held."""
    return Storage(registers=p.rows * p.columns * 2 * DIGITS**2 * p.total_bits)


def bfp_converter(p: ConverterParameters) -> Storage:
    """Count the elements of a block, kept until its exponent is known."""
    several = p.beats > 1
    return Storage(memory=several * p.format.block_elements * p.format.element_bits)


def bfp_transposer(p: TransposerParameters) -> Storage:
    """Count the square of elements."""
    return Storage(registers=p.side**2 * p.format.element_bits)


def approx_array(p: ApproxArrayParameters) -> Storage:
    """Count an operand and a sum in each element, and tables, which two elements share."""
    elements = p.rows * p.columns
    tables = p.columns * -(-p.rows // 2) if p.has_table else 0
    return Storage(
        registers=elements * (1 + p.bits), memory=tables * _table(p.bits) + elements * 32
    )


def amsim_multiplier(p: AmsimParameters) -> Storage:
    """Count the tables, which two lanes share."""
    assert p.bits is not None
    return Storage(memory=-(-p.lanes // 2) * _table(p.bits))


def _table(bits: int) -> int:
    return 4**bits * (bits + 1)


def sparse_array(p: SparseArrayParameters) -> Storage:
    """Count each element's pipeline, and the patches and the sums of two waves."""
    elements = p.lines * p.columns
    return Storage(
        registers=elements * SPARSE_ELEMENT,
        memory=elements * VALUE_BITS * 2 * (p.patch + p.sums),
    )


def csb_decoder(p: CsbDecoderParameters) -> Storage:
    """Count masks, pointers and values."""
    return Storage(memory=p.blocks * (p.elements + p.pointer_bits) + p.values * VALUE_BITS)


def load_balancer(p: BalancerParameters) -> Storage:
    """Count the keys that are sorted, and the numbers of their pieces."""
    return Storage(registers=p.keys * (p.count_bits + p.number_bits))


def outer_product(p: OuterProductParameters) -> Storage:
    """Count each element's count, and its sum."""
    elements = p.rows * p.columns
    return Storage(registers=elements * p.count_bits, memory=elements * p.sum_bits)


def stochastic_converter(p: StochasticConverterParameters) -> Storage:
    """Count the magnitudes of a vector, and the bits given."""
    return Storage(registers=p.elements * (p.bits + p.parallel))
