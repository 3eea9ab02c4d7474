"""Registers among additions, by target: what circuits are built by and their latency read from."""

__all__ = [
    "DSP_LATENCY",
    "DSP_PAIR_LATENCY",
    "Schedule",
    "additions_at_first",
    "CIPHER_ROUNDS",
    "booth_registers",
    "cipher_latency",
    "dsp_pair_field",
    "dsp_pair_fits",
    "float_product",
    "multiplier_schedule",
    "row_groups",
    "significand_product",
    "uses_booth",
]

DSP_LATENCY = 1
"""Cycles of a multiplication in a DSP block."""

DSP_PAIR_LATENCY = 2
"""Cycles of two multiplications in one DSP block."""

ROWS = 2
"""Rows of a significand product that are added in a cycle where there are no carry cells."""

CIPHER_ROUNDS = 2
"""Rounds of the cipher in a cycle."""

_LATER = 2


def additions_at_first(target: str, width: int) -> int:
    """Return how many additions of rows of ``width`` bits precede the first register.

    Registers are cheap in an FPGA, dear in gates.
    """
    if target == "xilinx":
        return 4 if width <= 8 else 3
    return 3 if target == "generic" and width <= 3 else 2


class Schedule:
    """Placement of registers: not more than so many additions in a row.

    Parameters
    ----------
    first : int
        Additions in front of the first register.
    latency : int
        Registers passed already.

    Attributes
    ----------
    latency : int
        Registers so far.
    """

    def __init__(self, first: int = _LATER, latency: int = 0) -> None:
        self.latency = latency
        self._limit = first
        self._depth = 0

    def full(self) -> bool:
        """Tell whether a register is due now, and take it as set."""
        if self._depth < self._limit:
            return False
        self.latency, self._limit, self._depth = self.latency + 1, _LATER, 0
        return True

    def add(self, additions: int = 1) -> None:
        """Count additions in a row."""
        self._depth += additions

    def tree(self, levels: int) -> "Schedule":
        """Pass a tree of additions; return the schedule behind it."""
        for _ in range(levels):
            self.full()
            self.add()
        return self


def uses_booth(width: int, target: str) -> bool:
    """Tell whether a multiplier's rows are those of Booth, which take carry cells of 6 inputs."""
    return target == "xilinx" and width > 2


def row_groups(width: int, signed: bool, target: str) -> list[range]:
    """Split a multiplier's rows into groups of nearly equal size, each for one stage."""
    booth = uses_booth(width, target)
    rows = (width + (not signed) + 1) // 2 if booth else width
    count = -(-rows // (additions_at_first(target, width) + (not booth)))
    edges = [i * rows // count for i in range(count + 1)]
    return [range(*pair) for pair in zip(edges, edges[1:], strict=False)]


def multiplier_schedule(width: int, signed: bool, target: str) -> Schedule:
    """Return the registers of a multiplier in carry cells, up to its product."""
    groups = row_groups(width, signed, target)
    result = Schedule(additions_at_first(target, width))
    result.add(len(groups[-1]) - (not uses_booth(width, target)))
    result.tree((len(groups) - 1).bit_length())
    result.full()
    return result


def booth_registers(bits: int, rows: int) -> int:
    """Return the registers of a product by Booth's digits of ``bits``, ``rows`` between two."""
    return (bits // 2 - 1) // rows


def significand_product(fraction_bits: int, target: str) -> int:
    """Return the latency of the product of two significands, without DSP blocks."""
    width = fraction_bits + 1
    if target == "generic":
        return booth_registers(width, ROWS)
    return multiplier_schedule(width, False, target).latency


def float_product(fraction_bits: int, target: str) -> int:
    """Return the latency of a floating-point product: of the significands', then rounded."""
    return significand_product(fraction_bits, target) + 3


def cipher_latency(rounds: int) -> int:
    """Return the cycles of so many rounds of the cipher."""
    return -(-rounds // CIPHER_ROUNDS)


def dsp_pair_field(width: int, signed: bool) -> int:
    """Return the bits of a field of two products in a DSP block."""
    return 2 * width + 2 - signed


def dsp_pair_fits(width: int, signed: bool) -> bool:
    """Tell whether an 18 x 18 multiplier is wide enough for two products."""
    return dsp_pair_field(width, signed) + width + 1 <= 18
