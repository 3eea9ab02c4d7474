"""What a convolution is: its extents, its planes, and its multiply-adds."""

import dataclasses
from typing import ClassVar

from ..checks import flag
from ..errors import UserError
from .products import Layer
from .stride import Phase, phases

__all__ = ["Planes"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Planes(Layer):
    """Square kernels on square planes, ``x`` (batch, channels, size, size).

    ``depthwise``: one kernel a channel, ``filters`` equal to ``channels``.
    """

    LEAST: ClassVar = {"padding": 0}

    channels: int
    filters: int
    size: int
    kernel: int
    stride: int = 1
    padding: int = 0
    depthwise: bool = False

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        flag("depthwise", self.depthwise)
        if self.kernel > self.size + 2 * self.padding:
            most = self.size + 2 * self.padding
            raise UserError(f"kernel must fit the plane and its border, {most}, not {self.kernel}")
        if self.depthwise and self.filters != self.channels:
            raise UserError(
                f"filters must be the channels, {self.channels}, where each has a kernel of its "
                f"own, not {self.filters}"
            )

    @property
    def outputs(self) -> int:
        """Side of the result's plane."""
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def phases(self) -> list[Phase]:
        """Pixels along a side of the input by their place in the stride."""
        return list(phases(self.size, self.kernel, self.stride, self.padding))

    def shapes(self, batch: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of ``x``, ``w`` and ``y``."""
        across = 1 if self.depthwise else self.channels
        return {
            "x": (batch, self.channels, self.size, self.size),
            "w": (self.filters, across, self.kernel, self.kernel),
            "y": (batch, self.filters, self.outputs, self.outputs),
        }

    def work(self, batch: int) -> int:
        """Multiply-adds of a pass, those with the padding among them."""
        across = 1 if self.depthwise else self.channels
        return batch * self.outputs**2 * self.filters * across * self.kernel**2
