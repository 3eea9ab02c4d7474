"""The block diagram: ports, registers, core and its parts, drawn from the manifest and Verilog."""

import html
import re
from collections.abc import Mapping
from typing import Any

from hw.flow.emit import Design
from hw.flow.hierarchy import Hierarchy

__all__ = ["block_diagram", "parts"]

WIDTH, LEFT, RIGHT, LINE = 820, 240, 580, 30
MOST = 12
"""Parts that are drawn; a table has all."""

_COMMENT = re.compile(r"^// (.*)\nmodule (\w+)\b", re.M)


def parts(design: Design) -> list[tuple[str, int, str]]:
    """Return the modules of a design: name, how many there are in all, and what each is."""
    hierarchy = Hierarchy(design.verilog)
    counts = dict.fromkeys(hierarchy.modules, 0)
    counts[hierarchy.top] = 1
    for module in _downward(hierarchy):
        for child, number in hierarchy.children[module].items():
            counts[child] += counts[module] * number
    texts = {module: text for text, module in _COMMENT.findall(design.verilog)}
    return [
        (design.component(name), counts[name], texts.get(name, "From a library."))
        for name in hierarchy.modules
    ]


def _downward(hierarchy: Hierarchy) -> list[str]:
    """Return modules, each behind all that hold it."""
    found: list[str] = []

    def visit(name: str) -> None:
        if name not in found:
            for child in hierarchy.children[name]:
                visit(child)
            found.append(name)

    visit(hierarchy.top)
    return found[::-1]


def block_diagram(design: Design) -> str:
    """Return a picture of a design: what goes in and out, and the parts of its core."""
    manifest = design.manifest
    hierarchy = Hierarchy(design.verilog)
    below = hierarchy.children[hierarchy.top]
    slave = next(name for name in below if name.endswith("axi_lite_registers"))
    core = next(name for name in below if name != slave)
    inside = hierarchy.children[core].most_common()
    inside.sort(key=lambda each: -hierarchy.weight[each[0]] * each[1])
    drawn = [f"{design.component(n)}{f' x {k}' if k > 1 else ''}" for n, k in inside[:MOST]]
    if len(inside) > MOST:
        drawn.append(f"and {len(inside) - MOST} more")
    ins, outs = _sides(manifest)
    core_height = 36 + len(drawn) * (LINE - 4)
    height = max(160 + core_height, 100 + max(len(ins), len(outs)) * LINE)
    title = f"{design.name}: {manifest['unit']}"
    shapes = [
        _box(LEFT, 40, RIGHT - LEFT, height - 60, "outer", design.name),
        _box(LEFT + 20, 70, RIGHT - LEFT - 40, LINE, "part", "registers, AXI4-Lite slave"),
        _box(
            LEFT + 20,
            70 + LINE + 12,
            RIGHT - LEFT - 40,
            core_height,
            "core",
            design.component(core),
        ),
    ]
    for n, text in enumerate(drawn):
        y = 70 + LINE + 40 + n * (LINE - 4)
        shapes.append(_box(LEFT + 40, y, RIGHT - LEFT - 80, LINE - 9, "part", text))
    shapes += [_arrow(10, LEFT, 84 + n * LINE, *each) for n, each in enumerate(ins)]
    shapes += [_arrow(RIGHT, WIDTH - 10, 84 + n * LINE, *each) for n, each in enumerate(outs)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="block" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="{html.escape(title)}">'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto-start-reverse"><path d="M0,0 L8,4 L0,8 Z"/></marker></defs>'
        "<style>.block rect{fill:#fff;stroke:#134}.block .outer{fill:#eef3f9;stroke-width:2}"
        ".block .core{fill:#f8fafc}.block .part{fill:#dfe9f4}.block text{font:12px sans-serif;"
        "fill:#112}.block .middle{text-anchor:middle}.block line{stroke:#134;stroke-width:1.4;"
        "marker-end:url(#head)}.block line.both{marker-start:url(#head)}</style>"
        f"{''.join(shapes)}</svg>"
    )


def _sides(manifest: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return what stands at the left and at the right: text, and whether both directions go."""
    ins = [("aclk, aresetn", False), ("s_axi (AXI4-Lite, 32 bits)", True)]
    outs: list[tuple[str, bool]] = [("irq", False)]
    for name, stream in manifest["streams"].items():
        side = ins if stream["direction"] == "in" else outs
        side.append((f"{name} ({8 * stream['bytes']} bits)", False))
    for name, master in manifest.get("masters", {}).items():
        outs.append((f"{name} (AXI4, {master['data_bits']} bits)", True))
    return ins, outs


def _box(x: int, y: int, width: int, height: int, kind: str, text: str) -> str:
    return (
        f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="4"/>'
        f'<text class="middle" x="{x + width // 2}" y="{y + 16}">{html.escape(text)}</text>'
    )


def _arrow(left: int, right: int, y: int, text: str, both: bool) -> str:
    kind = ' class="both"' if both else ""
    return (
        f'<line{kind} x1="{left}" y1="{y}" x2="{right}" y2="{y}"/>'
        f'<text x="{left + 12}" y="{y - 5}">{html.escape(text)}</text>'
    )
