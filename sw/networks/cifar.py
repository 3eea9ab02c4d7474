"""Layer tables of networks for CIFAR-10, images of 32 x 32.

VGG-S: the convolutions of VGG-16 before two dense layers, about 15 million weights, as DropBack has
it (Golub et al., arXiv 1806.06949). WRN-28-10: Zagoruyko and Komodakis, BMVC 2016. DenseNet-40:
Huang et al., CVPR 2017, 12 channels a layer, without bottlenecks; DenseNet-34 is what Procrustes
(Yang et al., arXiv 2009.10976) trains, ``DenseNet(10)`` in its repository: 24 channels a layer, 10
layers a block, 2,678,064 weights.
"""

from collections.abc import Callable, Mapping

from ..core.products import Dense, Layer
from .blocks import conv, residual, vgg

__all__ = ["CIFAR"]

CLASSES = 10


def vgg_s() -> list[Layer]:
    """VGG-S."""
    layers = [*vgg(32), Dense(name="fc1", inputs=512, outputs=512)]
    return [*layers, Dense(name="fc2", inputs=512, outputs=CLASSES)]


def wrn_28_10() -> list[Layer]:
    """WRN-28-10."""
    layers = [conv("conv1", 3, 16, 32, 3), *residual("group", 32, 16, (160, 320, 640), 4)]
    return [*layers, Dense(name="fc", inputs=640, outputs=CLASSES)]


def _densenet(depth: int, growth: int) -> list[Layer]:
    """Return a DenseNet of three blocks of ``depth`` layers, without bottlenecks."""
    size, channels = 32, 16
    layers: list[Layer] = [conv("conv1", 3, channels, size, 3)]
    for block in range(3):
        for i in range(depth):
            layers.append(conv(f"block{block + 1}.{i}", channels, growth, size, 3))
            channels += growth
        if block < 2:
            layers.append(conv(f"transition{block + 1}", channels, channels, size, 1))
            size //= 2
    return [*layers, Dense(name="fc", inputs=channels, outputs=CLASSES)]


def densenet_34() -> list[Layer]:
    """DenseNet-34, of 24 channels a layer."""
    return _densenet(10, 24)


def densenet_40() -> list[Layer]:
    """DenseNet-40, of 12 channels a layer."""
    return _densenet(12, 12)


CIFAR: Mapping[str, Callable[[], list[Layer]]] = {
    "vgg_s": vgg_s,
    "wrn_28_10": wrn_28_10,
    "densenet_34": densenet_34,
    "densenet_40": densenet_40,
}
