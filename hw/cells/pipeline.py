"""Where registers stand among additions."""

from amaranth.hdl import Module, Signal

from ..base.pipeline import register
from .bit import Bit, bits, pack

__all__ = ["Schedule", "additions_at_first", "register_bits"]

_LATER = 2


def additions_at_first(target: str, width: int) -> int:
    """Return how many additions of rows of ``width`` bits stand in front of the first register.

    Registers are cheap in an FPGA, dear in gates.
    """
    if target == "xilinx":
        return 4 if width <= 8 else 3
    return 3 if target == "generic" and width <= 3 else 2


class Schedule:
    """Where registers stand: not more than so many additions in a row.

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


def register_bits(m: Module, en: Signal, name: str, values: list[Bit]) -> list[Bit]:
    """Return ``values`` after an enabled cycle, unknown before."""
    return bits(register(m, en, name, len(values), pack(values)))
