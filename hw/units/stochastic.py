"""Units of stochastic computing."""

from sw.stochastic.converter import StochasticConverterParameters
from sw.stochastic.outer_parameters import OuterProductParameters

from ..stochastic.converter import StochasticConverter
from ..stochastic.outer_product import OuterProduct
from .notes import stochastic as notes
from .unit import Storage, Unit

__all__ = ["UNITS"]


def _converter(p: StochasticConverterParameters) -> Storage:
    """Count the magnitudes of a vector, and the bits given."""
    return Storage(registers=p.elements * (p.bits + p.parallel))


def _outer_product(p: OuterProductParameters) -> Storage:
    """Count each element's count, and its sum."""
    elements = p.rows * p.columns
    return Storage(registers=elements * p.count_bits, memory=elements * p.sum_bits)


UNITS = (
    Unit(
        name="outer_product",
        summary="weight updates by ANDs of random bits: sums of outer products of vectors",
        core=OuterProduct,
        # Vectors of two beats, each pair a batch; results leave in half the time of a pair.
        small=OuterProductParameters(
            rows=4, columns=4, lanes=2, length=16, width=8, bits=4, batch=1, results=4
        ),
        second=OuterProductParameters(rows=4, columns=4, results=4),
        sizes=("rows", "columns", "lanes", "parallel"),
        storage=_outer_product,
        notes=notes.outer_product,
    ),
    Unit(
        name="stochastic_converter",
        summary="vectors to streams of random bits, whose chances are the elements",
        core=StochasticConverter,
        # Vectors of two beats, in and out.
        small=StochasticConverterParameters(elements=4, lanes=2, length=2, width=8, bits=4),
        second=StochasticConverterParameters(elements=4, length=2),
        sizes=("lanes", "parallel", "elements"),
        storage=_converter,
        notes=notes.converter,
    ),
)
