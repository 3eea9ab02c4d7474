"""The matrix products of convolutions."""

import dataclasses

from ..checks import choice
from .depthwise import depthwise
from .planes import Planes
from .products import PASSES, Product, share_work
from .standard import standard

__all__ = ["Convolution"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Convolution(Planes):
    """Square kernels on square planes, ``x`` (batch, channels, size, size).

    ``depthwise``: one kernel a channel, ``filters`` equal to ``channels``.
    """

    @classmethod
    def padded(
        cls,
        name: str,
        channels: int,
        filters: int,
        size: int,
        kernel: int,
        stride: int = 1,
        *,
        depthwise: bool = False,
    ) -> "Convolution":
        """Return a convolution with a border of half a kernel, which keeps the plane's size.

        With a stride it divides the size, rounded up.
        """
        planes = {"channels": channels, "filters": filters, "size": size}
        window = {"kernel": kernel, "stride": stride, "padding": kernel // 2}
        return cls(name=name, depthwise=depthwise, **planes, **window)

    def products(self, which: str, batch: int, *, tile: tuple[int, int] = (1, 1)) -> list[Product]:
        """Return the products of a pass over a batch.

        ``tile`` are the sides of the tiles of outputs that a depth-wise convolution is cut into.
        """
        choice("which", which, PASSES)
        if self.depthwise:
            products = depthwise(self, which, batch, tile)
        else:
            products = standard(self, which, batch)
        return share_work(list(products), self.work(batch))
