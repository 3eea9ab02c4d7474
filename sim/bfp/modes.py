"""The stream of modes that a unit gives."""

from typing import Any

import numpy as np
import numpy.typing as npt

from sw.bfp.pairs import PAIRS

from ..bench import Result
from ..report import insist
from ..streams import unpack

__all__ = ["modes_of"]


def modes_of(
    stream: dict[str, Any], result: Result, packets: int, layers: int
) -> npt.NDArray[np.int32]:
    """Return the modes of packets of a beat a layer, (packets, layers, 3)."""
    fields = unpack(stream, result.outputs["m_axis"])
    last = result.last["m_axis"].reshape(packets, layers)
    insist(last == (np.arange(layers) == layers - 1), "tlast is not that of the layers", result)
    number = fields["layer"].reshape(packets, layers)
    insist(number == np.arange(layers), "layers do not come in order", result)
    return fields["mode"].reshape(packets, layers, len(PAIRS)).astype(np.int32)
