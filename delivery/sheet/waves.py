"""Timing diagrams: WaveDrom's JSON, and the drawing of the part of it that data sheets use."""

import dataclasses
import html
import json
from collections.abc import Iterator, Sequence

__all__ = ["Lane", "Wave", "draw", "lanes", "source"]

NAME, STEP, ROW, HIGH, SLOPE = 150, 44, 30, 20, 5


@dataclasses.dataclass(frozen=True)
class Lane:
    """A signal: a character a cycle, as WaveDrom has them, and texts of its ``=``.

    ``p`` is a clock; ``0``, ``1`` levels; ``=`` data; ``x`` what is of no account; ``.`` goes on;
    ``|`` goes on over cycles that are left out.
    """

    name: str
    wave: str
    data: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Wave:
    """A diagram."""

    caption: str
    lanes: tuple[Lane, ...]


def source(wave: Wave) -> str:
    """Return a diagram in WaveDrom's JSON."""
    signals = [
        {"name": lane.name, "wave": lane.wave} | ({"data": list(lane.data)} if lane.data else {})
        for lane in wave.lanes
    ]
    lines = ",\n".join(f"  {json.dumps(signal)}" for signal in signals)
    return '{"signal": [\n' + lines + "\n]}"


def draw(wave: Wave) -> str:
    """Return a diagram as SVG."""
    cycles = max(len(lane.wave) for lane in wave.lanes)
    width, height = NAME + STEP * cycles + 10, ROW * len(wave.lanes) + 8
    parts = [
        f'<line class="grid" x1="{NAME + n * STEP}" y1="0" x2="{NAME + n * STEP}" y2="{height}"/>'
        for n in range(cycles + 1)
    ]
    for row, lane in enumerate(wave.lanes):
        top = 4 + row * ROW
        parts.append(
            f'<text class="name" x="{NAME - 8}" y="{top + 15}">{html.escape(lane.name)}</text>'
        )
        parts += _lane(lane, top)
    label = html.escape(wave.caption, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="wave" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{label}">'
        "<style>.wave path{fill:none;stroke:#134;stroke-width:1.4}.wave .grid{stroke:#ccd;"
        "stroke-dasharray:2 3}.wave text{font:12px monospace;fill:#112}.wave .name{"
        "text-anchor:end}.wave .data{text-anchor:middle;font-size:11px}.wave path.box{fill:#e8eff8}"
        ".wave path.any{fill:#ddd;stroke:#99a}.wave path.gap{stroke:#fff;stroke-width:5}</style>"
        f"{''.join(parts)}</svg>"
    )


def _runs(wave: str) -> Iterator[tuple[str, int, int]]:
    """Give states with their first and last cycle; what goes on belongs to what was before."""
    start = 0
    for n in range(1, len(wave) + 1):
        if n == len(wave) or wave[n] not in ".|":
            yield wave[start], start, n
            start = n


def _lane(lane: Lane, top: int) -> Iterator[str]:
    """Give the elements of a signal."""
    texts = iter(lane.data)
    level: int | None = None
    for state, start, end in _runs(lane.wave):
        left, right = NAME + start * STEP, NAME + end * STEP
        if state == "p":
            yield _clock(left, top, end - start)
        elif state in "01":
            y = top if state == "1" else top + HIGH
            begin = y if level is None else level
            slope = SLOPE if begin != y else 0
            yield f'<path d="M{left},{begin} L{left + slope},{y} H{right}"/>'
            level = y
        else:
            kind = "any" if state == "x" else "box"
            middle = top + HIGH // 2
            yield (
                f'<path class="{kind}" d="M{left},{middle} L{left + SLOPE},{top} H{right - SLOPE} '
                f'L{right},{middle} L{right - SLOPE},{top + HIGH} H{left + SLOPE} Z"/>'
            )
            if state == "=":
                text = html.escape(next(texts, ""))
                yield f'<text class="data" x="{(left + right) / 2}" y="{top + 14}">{text}</text>'
            level = None
    yield from _gaps(lane.wave, top)


def _clock(left: int, top: int, cycles: int) -> str:
    """Return a clock that rises at each grid line."""
    half = STEP // 2
    one = f"V{top} h{half} V{top + HIGH} h{STEP - half} "
    return f'<path d="M{left},{top + HIGH} {one * cycles}"/>'


def _gaps(wave: str, top: int) -> Iterator[str]:
    """Give the marks of cycles left out."""
    for n, state in enumerate(wave):
        if state == "|":
            x = NAME + n * STEP + STEP // 2
            line = f"M{x - 3},{top + HIGH + 3} q8,-{HIGH // 2 + 3} 0,-{HIGH + 6}"
            yield f'<path class="gap" d="{line}"/><path d="{line}" transform="translate(-3 0)"/>'
            yield f'<path d="{line}" transform="translate(3 0)"/>'


def lanes(*signals: Sequence[str]) -> tuple[Lane, ...]:
    """Return signals of a name, a wave and texts."""
    return tuple(Lane(name, wave, tuple(data)) for name, wave, *data in signals)
