"""What the layer tables of networks are made of."""

from collections.abc import Sequence

from ..core.convolution import Convolution
from ..core.products import Layer

__all__ = ["conv", "residual", "vgg"]

conv = Convolution.padded


def vgg(size: int) -> list[Layer]:
    """Return the convolutions of VGG-16 on images of ``size``."""
    layers: list[Layer] = []
    channels = 3
    for stage, (filters, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
        for i in range(count):
            layers.append(conv(f"conv{stage + 1}_{i + 1}", channels, filters, size, 3))
            channels = filters
        size //= 2
    return layers


def residual(
    name: str, size: int, channels: int, stages: Sequence[int], blocks: int
) -> list[Layer]:
    """Return stages of residual blocks of two convolutions, ``stages`` being their filters.

    The first block of a stage but the first has a stride of 2, and a shortcut has weights where
    channels change.
    """
    layers: list[Layer] = []
    for stage, filters in enumerate(stages):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            each = f"{name}{stage + 1}.{block}"
            layers.append(conv(f"{each}.conv1", channels, filters, size, 3, stride))
            if channels != filters:
                layers.append(conv(f"{each}.shortcut", channels, filters, size, 1, stride))
            size //= stride
            layers.append(conv(f"{each}.conv2", filters, filters, size, 3))
            channels = filters
    return layers
