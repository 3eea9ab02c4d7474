"""Configurations that were tried, and the search for the largest that is right."""

import dataclasses
import math
from collections.abc import Callable
from typing import Protocol

from sw.errors import UserError
from sw.parameters import Parameters

from .search import last_within
from .synth import Figure
from .tools import ToolError
from .use import Use, beyond

__all__ = ["Search", "Tools", "Trial"]

_HOPELESS = 0.95
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


class Search:
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
        if not route:
            return best
        # A clock falls with the number of doublings rather than with the size.
        return last_within(range(bad), self.slowness, good=0, bad=best + 1, known=slow)

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
