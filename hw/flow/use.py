"""What a design takes of a device before it is placed."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable

from .cells import carry_ends, logic_cells, unseen_luts
from .devices import Device
from .emit import Design
from .families import FAMILIES, Column, Family
from .progress import Progress
from .route import PADS
from .synth import Cost, Figure, cost_of
from .yosys import flat, map_design

__all__ = ["Use", "beyond", "figures", "use", "with_carry_ends"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Use:
    """What a design uses of a device before it is placed, and its RTLIL.

    ``cost`` has it by component. For a small device there is none: the design is mapped as one
    module, and what placing adds is estimated.
    """

    figures: tuple[Figure, ...]
    mapped: str
    cost: Cost | None = None

    @property
    def excess(self) -> str:
        """What is used beyond what the device has, empty if nothing."""
        return beyond(self.figures)

    @property
    def share(self) -> float:
        """How much of the design the device could hold, by its scarcest resource."""
        return min(f.available / f.used for f in self.figures if f.available is not None)


def beyond(figures: Iterable[Figure]) -> str:
    """Return what is used beyond what a device has, empty if nothing."""
    return ", ".join(
        f"{figure.used:,.0f} of {figure.available:,} {figure.resource}"
        for figure in figures
        if figure.available is not None and figure.used > figure.available
    )


def use(
    device: Device, design: Design, *, target: str, progress: Progress, whole: bool = False
) -> Use:
    """Map a design to a device and return what it uses; reports call the device ``target``.

    With ``whole`` it is mapped as one module, as it is for a small device anyway.
    """
    family = FAMILIES[device.family].on(device)
    if not (family.whole or whole):
        cost, mapped = cost_of(design, target, family, progress=progress)
        return Use(figures=figures("synthesized", family, cost.total), mapped=mapped, cost=cost)
    mapped, statistics = map_design(
        design,
        family,
        progress=progress,
        stage=f"synthesize {design.name} as one module",
        whole=True,
    )
    cells = Counter(statistics["modules"][f"\\{design.name}"]["num_cells_by_type"])
    pads = PADS.get(device.family, "")
    netlist = flat(mapped, pads=pads, progress=progress, stage="flatten")
    if device.family == "ice40":
        cells["logic cell"] = logic_cells(netlist)
    if device.family == "gowin":
        cells["LUT1"] += unseen_luts(netlist)
    found = figures("estimated", family, lambda column: column.count(cells))
    return Use(figures=found, mapped=mapped)


def figures(label: str, family: Family, used: Callable[[Column], float]) -> tuple[Figure, ...]:
    """Return the use of each resource of which the device has a number, if there is any."""
    found = [(column, used(column)) for column in family.columns if column.available]
    return tuple(
        Figure(label=label, resource=column.title, used=number, available=column.available)
        for column, number in found
        if number
    )


def with_carry_ends(found: Use, netlist: str) -> Use:
    """Return the use of an ECP5, with the LUTs that placing adds to its flat netlist."""
    more = carry_ends(netlist)
    return dataclasses.replace(
        found,
        figures=tuple(
            dataclasses.replace(each, label="estimated", used=each.used + more)
            if each.resource == "LUT4 equivalents"
            else each
            for each in found.figures
        ),
    )
