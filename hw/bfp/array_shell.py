"""The BFP matrix-multiply array with memories for its operands."""

from sw.bfp.array_shell import ArrayShellParameters

from ..engine.shell import Shell
from .array import MacArray

__all__ = ["ArrayShell"]


class ArrayShell(Shell):
    """A `MacArray` in a `Shell`, which is sent each operand once.

    Members are those of `Shell`, and the register ``alpha`` where the array has it. Latency and
    interval are `ArrayShellParameters.timing`; a job without stalls takes
    `ArrayShellParameters.cycles`.
    """

    def __init__(self, *, parameters: ArrayShellParameters) -> None:
        super().__init__(parameters=parameters, array=MacArray(parameters=parameters.array))
