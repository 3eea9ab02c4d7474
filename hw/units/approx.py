"""Units of approximate multipliers."""

from sw.approx.amsim_multiplier import AmsimParameters
from sw.approx.array import ApproxArrayParameters
from sw.approx.array_shell import ApproxArrayShellParameters
from sw.approx.multiplier import ApproxParameters
from sw.formats import FloatFormat

from ..approx.amsim_multiplier import AmsimUnit
from ..approx.array import ApproxArray
from ..approx.array_shell import ApproxArrayShell
from ..approx.multiplier import ApproxUnit
from .notes import approx as notes
from .notes.array_shell import approx_array_shell
from .unit import Storage, Unit

__all__ = ["UNITS"]

# Pairs of 18 bits.
_NINE_BITS = FloatFormat(exponent_bits=5, fraction_bits=3)


# A word of the rows takes two beats, the last half full; one of the columns half a beat.
_SMALL_SHELL = ApproxArrayShellParameters(
    multiplier="table", bits=2, rows=3, columns=1, port_bits=32, words_a=32, words_b=16
)


def _table(bits: int) -> int:
    return 4**bits * (bits + 1)


def _amsim_multiplier(p: AmsimParameters) -> Storage:
    """Count the tables, which two lanes share."""
    assert p.bits is not None
    return Storage(memory=-(-p.lanes // 2) * _table(p.bits))


def _array(p: ApproxArrayParameters) -> Storage:
    """Count an operand and a sum in each element, and tables, which two elements share."""
    elements = p.rows * p.columns
    tables = p.columns * -(-p.rows // 2) if p.has_table else 0
    return Storage(
        registers=elements * (1 + p.bits), memory=tables * _table(p.bits) + elements * 32
    )


def _array_shell(p: ApproxArrayShellParameters) -> Storage:
    """Count what the array stores, and the words of operands."""
    of = _array(p)
    return Storage(registers=of.registers, memory=of.memory + p.memory_bits)


UNITS = (
    Unit(
        name="approx_multiplier",
        summary="floating-point multipliers, exact or approximate, any format",
        core=ApproxUnit,
        small=ApproxParameters(multiplier="mitchell", format=_NINE_BITS),
        second=ApproxParameters(multiplier="mitchell"),
        notes=notes.multipliers,
    ),
    Unit(
        name="amsim_multiplier",
        summary="floating-point multipliers by a table of products loaded at run time",
        core=AmsimUnit,
        # Entries of 2 bits.
        small=AmsimParameters(format=_NINE_BITS, bits=1, lanes=1),
        second=AmsimParameters(bits=2, lanes=1),
        storage=_amsim_multiplier,
        notes=notes.amsim_multiplier,
    ),
    Unit(
        name="approx_array",
        summary="matrix-multiply array of approximate multipliers, fp32 accumulation",
        core=ApproxArray,
        small=ApproxArrayParameters(multiplier="table", bits=2, rows=3, columns=2),
        second=ApproxArrayParameters(rows=1, columns=2, multiplier="mitchell"),
        proof=ApproxArrayParameters(rows=1, columns=1, multiplier="mitchell"),
        storage=_array,
        notes=notes.array,
        multiply_adds=lambda p: p.rows * p.columns,
    ),
    Unit(
        name="approx_array_shell",
        summary="approx_array behind operand memories: each operand is sent once, ports of one "
        "width",
        core=ApproxArrayShell,
        small=_SMALL_SHELL,
        second=_SMALL_SHELL.replace(columns=2, inputs=1, multiplier="mitchell"),
        proof=_SMALL_SHELL.replace(rows=1, multiplier="mitchell", words_a=8, words_b=2),
        storage=_array_shell,
        notes=approx_array_shell,
        multiply_adds=lambda p: p.rows * p.columns,
    ),
)
