"""A unit whose area and clock are formulas, for the search of `hw fit`."""

import math
from typing import Any

from hw.flow.devices import DEVICES
from hw.flow.fit import Fit, fit
from hw.flow.synth import Figure
from hw.flow.tools import ToolError
from hw.flow.use import Use
from sw.bfp.array import ArrayParameters

__all__ = ["DEVICE", "Fake", "answer", "found", "shape"]

DEVICE = DEVICES["LFE5U-25F"]


def shape(p: Any) -> tuple[int, int]:
    return p.rows, p.columns


class Fake:
    """A unit of which an element takes 100 LUTs beside 1,000, and whose clock falls by doublings.

    ``noise`` is added to the MHz by seed.
    """

    def __init__(self, *, least: float = 0, noise: tuple[float, ...] = (0,)) -> None:
        self.least = least
        self.noise = noise
        self.used: list[tuple[int, int]] = []
        self.placed: list[tuple[int, int, int]] = []
        self.full: tuple[int, int] | None = None

    def use(self, parameters: Any) -> Use:
        self.used.append(shape(parameters))
        luts = 1000 + 100 * parameters.rows * parameters.columns
        figure = Figure(label="synthesized", resource="LUT", used=luts, available=24288)
        return Use(figures=(figure,), mapped="")

    def clock(self, parameters: Any) -> float:
        return 200 - 10 * math.log2(parameters.rows * parameters.columns)

    def place(self, parameters: Any, seed: int) -> tuple[float, tuple[Figure, ...]]:
        self.placed.append((*shape(parameters), seed))
        if self.full and shape(parameters) >= self.full:
            raise ToolError("nextpnr failed: ERROR: no BELs remaining to implement cell type X")
        used = self.use(parameters).figures[0].used + self.least
        routed = Figure(label="routed", resource="LUT", used=used, available=24288)
        return self.clock(parameters) + self.noise[(seed - 1) % len(self.noise)], (routed,)


def found(fake: Fake, megahertz: float = 50, **options) -> Fit:
    return fit("bfp_array", ArrayParameters(), DEVICE, megahertz=megahertz, tools=fake, **options)


def answer(result: Fit) -> tuple[tuple[int, int], tuple[int, int]]:
    assert result.best and result.following
    return shape(result.best.parameters), shape(result.following.parameters)
