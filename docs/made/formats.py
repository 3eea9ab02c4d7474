"""Number formats: the presets, those published beside them, and what elements can hold."""

import html
from collections.abc import Iterator

import numpy as np

from sw.formats import (
    BLOCK_FORMATS,
    BOX_FORMATS,
    FLOAT_FORMATS,
    MX_FORMATS,
    BfpFormat,
    MxFormat,
)
from sw.formats.element import ELEMENTS

from .markdown import table

__all__ = ["beside", "floats", "picture", "presets"]

FORMATS: dict[str, BfpFormat | MxFormat] = {**BLOCK_FORMATS, **BOX_FORMATS, **MX_FORMATS}

FLEXBLOCK = "FlexBlock, arXiv 2203.06673"
HBFP = "Accuracy Booster, arXiv 2211.10737"
MSFP = "MSFP, NeurIPS 2020"
MX = "OCP MX 1.0"
NVFP4 = "NVFP4, TransformerEngine"
SIGN = "sign beside the mantissa, as in the authors' simulator; `{}_sign_inside` has it inside"

PUBLISHED: dict[str, tuple[int, int, int, str, str]] = {
    "fb12": (216, 4, 8, FLEXBLOCK, SIGN.format("fb12")),
    "fb16": (108, 8, 8, FLEXBLOCK, SIGN.format("fb16")),
    "fb24": (54, 16, 8, FLEXBLOCK, SIGN.format("fb24")),
    "hbfp4": (64, 4, 10, HBFP, ""),
    "hbfp6": (64, 6, 10, HBFP, ""),
    "hbfp8": (64, 8, 10, HBFP, ""),
    "hbfp12": (64, 12, 10, HBFP, ""),
    "msfp12": (16, 4, 8, MSFP, ""),
    "msfp16": (16, 8, 8, MSFP, ""),
    "mxint8": (32, 8, 8, MX, "quantizers make no -2, which is read"),
    "mxfp8_e4m3": (32, 8, 8, MX, ""),
    "mxfp8_e5m2": (32, 8, 8, MX, ""),
    "mxfp6_e2m3": (32, 6, 8, MX, ""),
    "mxfp6_e3m2": (32, 6, 8, MX, ""),
    "mxfp4": (32, 4, 8, MX, ""),
    "nvfp4": (16, 4, 8, NVFP4, ""),
}
"""Elements of a block, bits of an element, bits of its scale, source, and what differs here."""

DRAWN = ("hbfp4", "mxfp4", "hbfp6", "mxfp6_e2m3", "mxfp6_e3m2", "hbfp8", "mxfp8_e4m3")


def beside() -> str:
    """Return the table of the published formats."""
    return table(("format", "published", "here", "source", "differs in"), map(_beside, PUBLISHED))


def presets() -> str:
    """Return the table of all presets of block formats."""
    head = ("preset", "block", "element", "scale", "rule", "rounding", "bits each")
    return table(head, map(_preset, FORMATS))


def floats() -> str:
    """Return the table of the presets of floating point."""
    rows = ((f"`{n}`", f.exponent_bits, f.fraction_bits) for n, f in FLOAT_FORMATS.items())
    return table(("format", "exponent bits", "fraction bits"), rows)


def _beside(name: str) -> tuple[str, ...]:
    """Return the row of a published format."""
    *sizes, source, differs = PUBLISHED[name]
    form = FORMATS[name]
    here = [form.block_elements, form.element_bits, form.exponent_bits]
    return f"`{name}`", _sizes(sizes), _sizes(here), source, differs or "nothing"


def _sizes(sizes: list[int]) -> str:
    return " · ".join(map(str, sizes))


def _preset(name: str) -> tuple[str, ...]:
    """Return the row of a preset."""
    form = FORMATS[name]
    signed = "two's complement" if form.in_twos_complement else "sign and magnitude"
    integer = f"{form.element_bits} bits, {signed}"
    kind = next((f"`{n}`" for n, e in ELEMENTS.items() if e == form.element), integer)
    if isinstance(form, MxFormat):
        scale = "`ue4m3`, and one a tensor" if form.has_tensor_scale else "`e8m0`"
        rule = getattr(form.scale, "rule", "to nearest")
    else:
        scale, rule = f"2^E, {form.exponent_bits} bits", form.scale.exponent_rule
    each = form.element_bits + form.exponent_bits / form.block_elements
    return f"`{name}`", form.shape.text, kind, scale, rule, form.rounding, f"{each:.2f}"


def picture() -> str:
    """Return the picture of the magnitudes that elements can take."""
    return "".join(_picture())


def _picture() -> Iterator[str]:
    """Give a line of marks for each format, one for each magnitude of an element."""
    left, width, row = 120, 680, 34
    height = row * len(DRAWN) + 40
    label = "Magnitudes that elements can take, in parts of the largest"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {height}" '
        f'role="img" aria-label="{label}"><style>text{{font:13px sans-serif;fill:#112}}'
        "path{stroke:#3f51b5;stroke-width:1}.axis{stroke:#99a}</style>"
        f'<rect width="{left + width + 30}" height="{height}" rx="6" fill="#fff"/>'
    )
    for n, name in enumerate(DRAWN):
        element = FORMATS[name].element
        codes = np.arange(1 << (element.bits - 1), dtype=np.uint32)
        values = sorted(set(element.decode(codes).tolist()))
        y = row * n + 10
        marks = "".join(f"M{left + width * q / element.largest:.1f},{y}v{row - 14}" for q in values)
        yield (
            f'<text x="{left - 10}" y="{y + 15}" text-anchor="end">{html.escape(name)}</text>'
            f'<path class="axis" d="M{left},{y + row - 14}h{width}"/><path d="{marks}"/>'
        )
    for part in (0, 0.25, 0.5, 0.75, 1):
        x = left + width * part
        yield f'<text x="{x}" y="{height - 12}" text-anchor="middle">{part:g}</text>'
    yield "</svg>"
