"""How weights are stored between steps: in binary32, or in wide blocks as HBFP has them."""

import dataclasses

from ..core.products import PASSES
from ..errors import UserError
from ..formats import BfpFormat
from ..formats.blocks import Blocks
from ..formats.quantize import dequantize
from ..words import Words, stream_key
from .arithmetic import STORED, Arithmetic, compiled
from .layers import Weighted
from .network import Network
from .precision import Precision
from .settings import Settings

__all__ = ["Storage", "stored"]


def stored(storage: str, arithmetic: Arithmetic) -> BfpFormat | None:
    """Return the format of a layer's weights between steps, None for binary32.

    ``arithmetic`` is that of the layer's forward pass. ``wide`` gives blocks of 16-bit mantissas,
    the sign among them, or longer ones where the arithmetic's are; ``auto`` the same to HBFP, which
    are the formats whose exponent follows the rule ``ceil``, whatever their name. Weights that are
    multiplied in MX or NVFP4, or by a recipe, stay in binary32, as their authors keep them.
    """
    if not isinstance(arithmetic, BfpFormat) or storage == "binary32":
        return None
    if storage == "auto" and arithmetic.exponent_rule != "ceil":
        return None
    return dataclasses.replace(
        arithmetic,
        name=f"{arithmetic.name} wide",
        mantissa_bits=max(16, arithmetic.element_bits),
        sign_inside=True,
    )


class Storage:
    """The stored weights of a network, as its settings say.

    ``formats`` are those of each product, by the arithmetic that it has before the first epoch.
    """

    def __init__(self, settings: Settings, precision: Precision, network: Network) -> None:
        self.network = network
        self.formats = [
            stored(settings.storage, precision.arithmetic(product.number, PASSES[0]))
            if isinstance(product, Weighted)
            else None
            for product in network.products
        ]
        if settings.storage == "wide" and not any(self.formats):
            raise UserError(
                "storage wide needs a layer whose forward pass is in block floating point; "
                f"{precision.name} has none"
            )
        self.seed = settings.seed

    def round(self, step: int) -> None:
        """Round the weights to what is stored; ``step`` is that which they are for."""
        for product, format in zip(self.network.products, self.formats, strict=True):
            if format is None:
                continue
            weight = product.parameters["weight"]
            key = stream_key(self.seed, step=step, layer=product.number, use=STORED)
            blocks: Blocks = compiled("formats").quantize(
                weight.reshape(len(weight), -1), format, random=Words(key=key)
            )
            weight[:] = dequantize(blocks).reshape(weight.shape)
