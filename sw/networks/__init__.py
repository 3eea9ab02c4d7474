"""Layer tables of published networks, ImageNet images of 224 x 224 unless said otherwise.

ResNet: He et al., CVPR 2016 (stride in the 3 x 3 of a bottleneck). VGG-16: Simonyan and Zisserman,
ICLR 2015. MobileNetV2: Sandler et al., CVPR 2018. Transformer: Vaswani et al., NeurIPS 2017, the
base model: 6 + 6 layers, 512 wide, 8 heads, 2048 in between.
"""

from collections.abc import Callable, Mapping

from ..checks import whole
from ..core.products import MOST, Attention, Dense, Layer
from .blocks import conv, residual, vgg

__all__ = ["NETWORKS"]


def resnet18() -> list[Layer]:
    """ResNet-18."""
    stages = residual("layer", 56, 64, (64, 128, 256, 512), 2)
    layers = [conv("conv1", 3, 64, 224, 7, 2), *stages]
    return [*layers, Dense(name="fc", inputs=512, outputs=1000)]


def resnet50() -> list[Layer]:
    """ResNet-50."""
    layers: list[Layer] = [conv("conv1", 3, 64, 224, 7, 2)]
    size, channels = 56, 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            name = f"layer{stage + 1}.{block}"
            layers.append(conv(f"{name}.conv1", channels, width, size, 1))
            layers.append(conv(f"{name}.conv2", width, width, size, 3, stride))
            if not block:
                layers.append(conv(f"{name}.shortcut", channels, 4 * width, size, 1, stride))
            size //= stride
            layers.append(conv(f"{name}.conv3", width, 4 * width, size, 1))
            channels = 4 * width
    return [*layers, Dense(name="fc", inputs=2048, outputs=1000)]


def vgg16() -> list[Layer]:
    """VGG-16."""
    layers = vgg(224)
    for name, inputs, outputs in (("fc6", 25088, 4096), ("fc7", 4096, 4096), ("fc8", 4096, 1000)):
        layers.append(Dense(name=name, inputs=inputs, outputs=outputs))
    return layers


def mobilenet_v2() -> list[Layer]:
    """MobileNetV2, width 1."""
    layers: list[Layer] = [conv("conv1", 3, 32, 224, 3, 2)]
    size, channels, block = 112, 32, 0
    settings = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for expansion, filters, repeats, first in settings:
        for i in range(repeats):
            stride = 1 if i else first
            wide, name = channels * expansion, f"block{block}"
            if expansion > 1:
                layers.append(conv(f"{name}.expand", channels, wide, size, 1))
            layers.append(conv(f"{name}.depthwise", wide, wide, size, 3, stride, depthwise=True))
            size //= stride
            layers.append(conv(f"{name}.project", wide, filters, size, 1))
            channels, block = filters, block + 1
    layers.append(conv("conv2", 320, 1280, 7, 1))
    return [*layers, Dense(name="fc", inputs=1280, outputs=1000)]


def transformer(length: int = 128) -> list[Layer]:
    """Return the Transformer on ``length`` tokens, without its embedding and output."""
    whole("length", length, 1, MOST)
    wide, heads, between = 512, 8, 2048

    def attention(name: str) -> list[Layer]:
        names = (f"{name}.{part}" for part in ("query", "key", "value"))
        parts: list[Layer] = [
            Dense(name=part, inputs=wide, outputs=wide, positions=length) for part in names
        ]
        size = {"heads": heads, "rows": length}
        parts.append(Attention(name=f"{name}.scores", columns=length, depth=wide // heads, **size))
        parts.append(Attention(name=f"{name}.mix", columns=wide // heads, depth=length, **size))
        parts.append(Dense(name=f"{name}.out", inputs=wide, outputs=wide, positions=length))
        return parts

    layers: list[Layer] = []
    for side, count in (("encoder", 1), ("decoder", 2)):
        for i in range(6):
            for kind in ("self", "cross")[:count]:
                layers += attention(f"{side}{i}.{kind}")
            layers.append(
                Dense(name=f"{side}{i}.up", inputs=wide, outputs=between, positions=length)
            )
            layers.append(
                Dense(name=f"{side}{i}.down", inputs=between, outputs=wide, positions=length)
            )
    return layers


NETWORKS: Mapping[str, Callable[[], list[Layer]]] = {
    "resnet18": resnet18,
    "resnet50": resnet50,
    "vgg16": vgg16,
    "mobilenet_v2": mobilenet_v2,
    "transformer": transformer,
}
