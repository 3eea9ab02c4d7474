"""The picture of accuracy over gates, drawn from the table of formats in the book."""

import dataclasses
import math
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["picture"]

PAGE = Path(__file__).parents[1] / "evidence" / "papers.md"

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 820, 420, 60, 30, 20, 50
LOWEST, HIGHEST = -3.2, 1.6
FEWEST, MOST = 200, 20_000
LABEL = "Accuracy after training on digits, in points from fp32, over the gates of a multiply-add"


@dataclasses.dataclass(frozen=True)
class Row:
    """A format of the table: NAND2 equivalents of a multiply-add, points of accuracy on digits."""

    name: str
    gates: int
    points: float

    @property
    def x(self) -> float:
        """Place in the picture, of a logarithmic axis."""
        part = math.log(self.gates / FEWEST) / math.log(MOST / FEWEST)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    @property
    def y(self) -> float:
        """Place in the picture."""
        return _y(self.points)


def _y(points: float) -> float:
    part = (HIGHEST - points) / (HIGHEST - LOWEST)
    return TOP + part * (HEIGHT - TOP - BOTTOM)


def _rows() -> list[Row]:
    """Return the formats whose accuracy is in the table."""
    found = []
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 9 and re.fullmatch(r"[+-][\d.]+", cells[7]):
            found.append(Row(cells[0], int(cells[5].replace(",", "")), float(cells[7])))
    return found


def picture() -> str:
    """Return the picture."""
    return "".join(_shapes())


def _shapes() -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{LABEL}"><style>text{{font:13px sans-serif;fill:#112}}.grid{{stroke:#dde;'
        "stroke-width:1}circle{fill:#3f51b5}.middle{text-anchor:middle}.end{text-anchor:end}"
        f'</style><rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#fff"/>'
    )
    for points in (-3, -2, -1, 0):
        y = _y(points)
        yield f'<path class="grid" d="M{LEFT},{y:.0f}H{WIDTH - RIGHT}"/>'
        yield f'<text class="end" x="{LEFT - 8}" y="{y + 4:.0f}">{points:+d}</text>'
    for gates in (200, 500, 1000, 2000, 5000, 10_000, 20_000):
        x = Row("", gates, 0).x
        yield f'<path class="grid" d="M{x:.0f},{TOP}V{HEIGHT - BOTTOM}"/>'
        yield f'<text class="middle" x="{x:.0f}" y="{HEIGHT - 30}">{gates:,}</text>'
    middle = (LEFT + WIDTH - RIGHT) // 2
    yield f'<text class="middle" x="{middle}" y="{HEIGHT - 10}">{LABEL}</text>'
    taken: list[tuple[float, float]] = []
    for row in sorted(_rows(), key=lambda each: each.x):
        y = row.y - 9
        while any(abs(row.x - x) < 80 and abs(y - other) < 14 for x, other in taken):
            y -= 1
        taken.append((row.x, y))
        yield f'<path class="grid" d="M{row.x:.1f},{row.y:.1f}V{y:.1f}"/>'
        yield f'<circle cx="{row.x:.1f}" cy="{row.y:.1f}" r="4"/>'
        yield f'<text class="middle" x="{row.x:.1f}" y="{y:.1f}">{row.name}</text>'
    yield "</svg>"
