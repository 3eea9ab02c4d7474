"""Interface between the crossbar and what adds its counts up."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sw.stochastic.outer_parameters import OuterProductParameters

__all__ = ["CountsSignature"]


class CountsSignature(wiring.Signature):
    """Counts of pairs of vectors, a group of rows a cycle.

    Parameters
    ----------
    parameters : OuterProductParameters
        Widths, and columns and rows of a group.

    Members
    -------
    allow : In(1)
        A pair may start in the next cycle, unless one starts in this.
    start : Out(1)
        A pair starts.
    scale : Out(exponent bits + 1)
        With ``start``: the sum of the pair's exponent codes.
    nan : Out(1)
        With ``start``: one of them is that of NaN.
    drain : Out(1)
        The first counts of a pair follow in the next cycle.
    valid : Out(1)
        There are counts, of the first bank.
    count : Out(ArrayLayout(count_bits, group_rows * columns))
        Counts of a group, bank by bank of columns, in each row by row; those of a bank are a cycle
        behind those of the one before.
    negative : Out(group_rows * columns)
        Signs of the counts, likewise.
    """

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        p = parameters
        results = p.group_rows * p.columns
        super().__init__(
            {
                # The stubs have the name of an older Amaranth.
                "allow": In(1, init=1),  # pyright: ignore[reportCallIssue]
                "start": Out(1),
                "scale": Out(p.x_converter.format.exponent_bits + 1),
                "nan": Out(1),
                "drain": Out(1),
                "valid": Out(1),
                "count": Out(data.ArrayLayout(p.count_bits, results)),
                "negative": Out(results),
            }
        )
