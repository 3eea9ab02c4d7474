"""A picture of what the engines do in a step of a training."""

import collections
import textwrap
from pathlib import Path

from sw.accelerator.cycles import Span
from sw.accelerator.instructions import WORKERS
from sw.accelerator.program import Program

__all__ = ["draw", "step_of"]

LINE = 0.008
"""Width of a line of text across a bar, as a share of the picture's."""

TITLES = {"dma": "memory", "quant": "quantize", "prod": "multiply", "vec": "vectors"}


def step_of(program: Program, spans: tuple[Span, ...], number: int) -> tuple[int, int]:
    """Return the cycles between which a step, counted from 0, has its operations.

    From the first operation granted to the first of the next step, or to the end.
    """
    counts = collections.Counter(span.pc for span in spans)
    epochs, steps = program.regions["losses"].shape
    repeated = min(pc for pc, count in counts.items() if count == epochs * steps)
    starts = [span.start for span in spans if span.pc == repeated]
    ends = [*starts[1:], max(span.end for span in spans)]
    return starts[number], ends[number]


def draw(program: Program, spans: tuple[Span, ...], number: int, title: str, path: Path) -> bool:
    """Draw when each engine works in a step, with what for; tell if matplotlib is there."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    begin, end = step_of(program, spans, number)
    figure = Figure(figsize=(15, 7), layout="constrained")
    axes = figure.subplots()
    for row, engine in enumerate(WORKERS):
        mine = [s for s in spans if s.engine == engine and s.start < end and s.end > begin]
        bars = [(max(s.start, begin), min(s.end, end)) for s in mine]
        axes.broken_barh(
            [(a - begin, b - a) for a, b in bars],
            (row - 0.45, 0.9),
            facecolors=[f"C{row}"],
            edgecolors="white",
            linewidth=0.4,
        )
        for span, (a, b) in zip(mine, bars, strict=True):
            text = textwrap.wrap(program.lines[span.pc].comment, 26)
            if b - a > len(text) * LINE * (end - begin):
                axes.text(
                    *((a + b) / 2 - begin, row, "\n".join(text)),
                    **{"ha": "center", "va": "center", "rotation": 90, "fontsize": 6},
                )
        share = sum(b - a for a, b in bars) / (end - begin)
        axes.text(1.005 * (end - begin), row, f"{share:.0%}", va="center", fontsize=9)
    axes.set_yticks(range(len(WORKERS)), [TITLES[name] for name in WORKERS])
    axes.set_xlim(0, end - begin)
    axes.set_xlabel(f"cycles of step {number + 1}, from cycle {begin:,} on")
    axes.set_title(title, fontsize=10)
    figure.savefig(path, dpi=130, format="png")
    return True
