"""The stream of modes, the same of whatever decides on them, and the registers about them."""

from amaranth.hdl import Mux, Value

from sw.bfp.pairs import MOST_LAYERS, PAIRS, WIDEST

from ...base.field import Field
from ...engine.registers import Register, word
from ...stream.packet import Packet

__all__ = ["LAYER_BITS", "MODES", "MODE_BITS", "in_use", "layers_register", "mode_of"]

LAYER_BITS = (MOST_LAYERS - 1).bit_length()
MODE_BITS = WIDEST.bit_length()

MODES = Packet(
    Field(name="layer", bits=LAYER_BITS, description="number of the layer"),
    Field(
        name="mode",
        bits=MODE_BITS,
        count=len(PAIRS),
        description="0, 1, 2: 4, 8, 16 bits; forward, input gradient, weight gradient",
    ),
)
"""A beat for each layer, from layer 0 on; the last one has tlast."""


def layers_register(layers: int) -> Register:
    """Return the register of the layers in use; after reset, all."""
    text = f"layers in use, 1..{layers}; another number is taken as {layers}"
    return word("layers", "rw", LAYER_BITS + 1, text, reset=layers)


def in_use(register: Value, layers: int) -> Value:
    """Return the number of layers in use."""
    return Mux((register == 0) | (register > layers), layers, register)


def mode_of(register: Value) -> Value:
    """Return the mode that a register's value represents: 3 is the widest."""
    return Mux(register > WIDEST, WIDEST, register)
