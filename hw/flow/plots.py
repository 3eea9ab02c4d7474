"""Plots of a report as SVG text; needs matplotlib."""

import io
import re
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib.figure import Figure  # noqa: E402

__all__ = ["plots"]

_INK = "#1f2937"
_BARS = ("#2563eb", "#059669", "#d97706", "#7c3aed", "#dc2626", "#0891b2")
_STYLE: Any = {
    "svg.hashsalt": "gradgate",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": "#9ca3af",
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": "#4b5563",
    "ytick.color": _INK,
}


def plots(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Return titles and SVG texts: the components, and the clock if it was routed."""
    with matplotlib.rc_context(_STYLE):
        result = [("Components", _components(report))]
        if report["clock"]:
            result.append(("Clock by seed", _clock(report["clock"])))
    return result


def _axes(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(axis="x", color="#e5e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _annotate(axes: Any, value: float, bar: int, text: str) -> None:
    axes.annotate(text, (value, bar), xytext=(5, 0), textcoords="offset points", va="center")


def _components(report: dict[str, Any]) -> str:
    title = report["resources"][0]["resource"]
    parts = sorted(report["components"], key=lambda part: part["all"][title])
    figure, axes = _axes(7.2, 0.6 + 0.32 * len(parts))
    names = [
        part["module"] + (f" × {part['instances']}" if part["instances"] > 1 else "")
        for part in parts
    ]
    values = [part["all"][title] for part in parts]
    axes.barh(names, values, color=_BARS[0], height=0.62)
    total = sum(values) or 1
    for i, value in enumerate(values):
        share = 100 * value / total
        _annotate(axes, value, i, f"{value:,.0f} ({share:.0f} %)")
    axes.set_xlim(0, max(values, default=1) * 1.22 or 1)
    axes.set_xlabel(f"{title}, synthesized")
    return _svg(figure)


def _clock(clock: dict[str, Any]) -> str:
    seeds = clock["seeds"]
    figure, axes = _axes(7.2, 0.8 + 0.3 * len(seeds))
    values = [seed["achieved_mhz"] for seed in seeds]
    axes.barh([f"seed {seed['seed']}" for seed in seeds], values, color=_BARS[1], height=0.6)
    for i, value in enumerate(values):
        _annotate(axes, value, i, f"{value:.1f}")
    axes.axvline(clock["requested_mhz"], color=_BARS[4], linewidth=1.2, linestyle="--")
    axes.text(clock["requested_mhz"], len(seeds) - 0.45, "requested", color=_BARS[4], ha="right")
    axes.set_xlim(0, max(*values, clock["requested_mhz"]) * 1.15)
    axes.set_ylim(-0.6, len(seeds))
    axes.set_xlabel("MHz, routed")
    return _svg(figure)


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return re.sub(r"^.*?(?=<svg)", "", out.getvalue(), flags=re.S)
