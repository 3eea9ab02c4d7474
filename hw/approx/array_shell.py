"""The array of approximate multipliers with memories for its operands."""

from sw.approx.array_shell import ApproxArrayShellParameters

from ..engine.shell import Shell
from .array import ApproxArray

__all__ = ["ApproxArrayShell"]


class ApproxArrayShell(Shell):
    """An `ApproxArray` in a `Shell`, which is sent each operand once.

    Members are those of `Shell`, and ``i_table``, ``load`` and ``table`` where the array has them:
    operands are taken before a table is there. Latency and interval are
    `ApproxArrayShellParameters.timing`; a job without stalls takes
    `ApproxArrayShellParameters.cycles`.
    """

    ABORT = ApproxArray.ABORT
    FLAGS = {
        **Shell.FLAGS,
        "framing": "an operand's packet did not end with it, a table ended early or had no end, or "
        "padding bits were not zero",
        "refused": "a start while busy or aborting, with a size of 0, of operands that are too "
        "large or without a table; a load while a job used the table or while one was loading",
    }

    def __init__(self, *, parameters: ApproxArrayShellParameters) -> None:
        super().__init__(parameters=parameters, array=ApproxArray(parameters=parameters.array))
