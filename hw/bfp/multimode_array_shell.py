"""The array whose precision is switched at run time, with memories for its operands."""

from sw.bfp.multimode_array_shell import MultimodeArrayShellParameters

from ..engine.shell import Shell
from .multimode_array import MultimodeArray

__all__ = ["MultimodeArrayShell"]


class MultimodeArrayShell(Shell):
    """A `MultimodeArray` in a `Shell`, which is sent each operand once.

    Each panel has a mode of its own, so that a job multiplies matrices of several formats by
    others. Members are those of `Shell`. Latency and interval are
    `MultimodeArrayShellParameters.timing`; a job without stalls takes
    `MultimodeArrayShellParameters.cycles` where all panels of an operand have one mode.
    """

    FLAGS = {
        **Shell.FLAGS,
        "framing": "an operand's packet did not end with it, a mode of 3 or changed in a tile, or "
        "padding bits were not zero",
    }

    def __init__(self, *, parameters: MultimodeArrayShellParameters) -> None:
        array = MultimodeArray(parameters=parameters.array, product=True)
        super().__init__(parameters=parameters, array=array)
