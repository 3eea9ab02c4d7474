"""Block formats by name, and by texts and tables that change them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ..grammar import preset_and_fields, tight
from ..parameters import nested, table_fields
from .block import BfpFormat, BlockFormat, MxFormat
from .element import ELEMENTS

__all__ = ["BLOCK_FORMATS", "BOX_FORMATS", "MX_FORMATS", "read_format"]


def read_format(value: BlockFormat | str | Mapping[str, Any]) -> BlockFormat:
    """Return the format for a preset's name, a table of fields, or a format.

    A name may have fields behind it, ``hbfp4:block=8:rounding=truncate`` or
    ``mxfp4:scale.rule=even``, a table a ``preset``; a table with an ``element`` or a
    ``scale`` is of an `MxFormat`, another of a `BfpFormat`.
    """
    if isinstance(value, BlockFormat):
        return value
    if isinstance(value, str):
        presets: Mapping[str, BlockFormat] = BLOCK_FORMATS | MX_FORMATS | BOX_FORMATS
        preset, named = preset_and_fields("format", value, presets)
        if not named:
            return presets[preset]
        return presets[preset].changed({"name": tight(value)} | nested(named))
    if isinstance(value, Mapping) and "preset" in value:
        base = read_format(value["preset"])
        fields = {name: part for name, part in value.items() if name != "preset"}
        return base.changed({"name": f"{base.name}*"} | fields)
    parts = isinstance(value, Mapping) and {"element", "scale"} & value.keys()
    kind = MxFormat if parts else BfpFormat
    return kind(**table_fields(kind, "format", value))


def _flexblock(bits: int, channels: int) -> dict[str, BfpFormat]:
    """Return a FlexBlock mode: flat; with the sign inside; of matrices; in boxes."""
    name = f"fb{bits + 8}"
    flat = BfpFormat(
        name=name,
        mantissa_bits=bits,
        sign_inside=False,
        exponent_rule="floor",
        block=(channels * 9,),
        rounding="truncate",
    )
    others = {
        f"{name}_sign_inside": {"sign_inside": True},
        f"{name}_linear": {"block": (channels,)},
        f"{name}_box": {"block": (1, channels, 3, 3)},
    }
    made = {n: dataclasses.replace(flat, name=n, **fields) for n, fields in others.items()}
    return {name: flat, **made}


def _hbfp(bits: int) -> dict[str, BfpFormat]:
    """HBFP with blocks of 64 along the reduction, and with the same 64 as a square tile."""
    flat = BfpFormat(
        name=f"hbfp{bits}",
        mantissa_bits=bits,
        exponent_bits=10,
        exponent_rule="ceil",
        exponent_floor=-26,
        block=(64,),
        rounding="stochastic",
    )
    square = dataclasses.replace(flat, name=f"{flat.name}_8x8", block=(8, 8))
    return {flat.name: flat, square.name: square}


def _mx(name: str, element: str, **fields: Any) -> dict[str, MxFormat]:
    """Return a format of small elements."""
    return {name: MxFormat(name=name, element=ELEMENTS[element], **fields)}


_FLEXBLOCK = _flexblock(4, 24) | _flexblock(8, 12) | _flexblock(16, 6)

BLOCK_FORMATS: dict[str, BfpFormat] = {
    **{name: format for name, format in _FLEXBLOCK.items() if not format.is_box},
    **(_hbfp(4) | _hbfp(6) | _hbfp(8) | _hbfp(12)),
    "msfp12": BfpFormat(name="msfp12", mantissa_bits=3, sign_inside=False),
    "msfp16": BfpFormat(name="msfp16", mantissa_bits=7, sign_inside=False),
    "mxint8": BfpFormat(name="mxint8", block=(32,), twos_complement=True),
}
"""Presets by name.

FlexBlock (arXiv 2203.06673): the sign stands beside the 4, 8 or 16 bits in the authors' simulator;
``_sign_inside`` is the reading that would make 12, 16 and 24 bits with the exponent's 8. Groups of
216, 108 and 54 elements hold 864 mantissa bits; ``_linear`` are those of 24, 12 and 6 channels
that its boxes leave of matrices and of 1 x 1 kernels. HBFP (arXiv 2211.10737): mantissa bits
include the sign, 10 exponent bits, 64 elements, stochastic rounding; the epsilon of the authors'
emulator becomes the exponent floor of -26. No wire is published; the authors' circuits take
mantissas in two's complement (``twos_complement``). MSFP (NeurIPS 2020): sign and 3 or 7 magnitude
bits, 16 elements. MXINT8 (OCP MX 1.0): 32 elements in two's complement; quantizers make no -2.
"""

BOX_FORMATS = {name: format for name, format in _FLEXBLOCK.items() if format.is_box}
"""Presets of boxes: FlexBlock's groups on tensors, rows x channels x 3 x 3, smaller at the ends."""

MX_FORMATS: dict[str, MxFormat] = {
    **_mx("mxfp8_e4m3", "e4m3"),
    **_mx("mxfp8_e5m2", "e5m2"),
    **_mx("mxfp6_e2m3", "e2m3"),
    **_mx("mxfp6_e3m2", "e3m2"),
    **_mx("mxfp4", "e2m1"),
    **_mx("nvfp4", "e2m1", scale="ue4m3", block=(16,)),
    **_mx("nvfp4_16x16", "e2m1", scale="ue4m3", block=(16, 16)),
}
"""Presets of small floats by name.

MX (OCP Microscaling Formats 1.0): 32 elements and the rule ``floor``. NVFP4 (TransformerEngine): 16
elements, or a tile of 16 x 16, and a scale a tensor.
"""
