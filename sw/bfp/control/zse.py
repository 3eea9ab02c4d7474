"""Parameters and model of the controller of precision by zero-setting error (FlexBlock).

Noh, Koo, Lee, Park, Kung: "FlexBlock: A Flexible DNN Training Accelerator With Multi-Mode Block
Floating Point Support", IEEE Trans. Computers 72(9), 2023. The zero-setting error (ZSE) of a tensor
is the part of its elements that its conversion set to zero. Each layer has three pairs of operands:
the forward pair follows the ZSE of the weight, that of the input gradient the ZSE of the output
gradient, that of the weight gradient the ZSE of the weight gradient.

The authors publish settings of the form ``Simple / lo / hi / warmup / hold``, without an account of
``hold``. That it is the least number of steps from one change of a pair to the next, that a step's
number counts from 1, and that all pairs start with 16 bits, is inferred.
"""

import dataclasses
import operator
from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ...checks import number, whole
from ...errors import UserError
from ...parameters import Parameters
from .pairs import MOST_LAYERS, PAIRS, WIDEST, mode_of

__all__ = [
    "FRACTION_BITS",
    "MOST_AGE",
    "Recording",
    "ZseController",
    "ZseParameters",
    "ZseRule",
    "control",
]

FRACTION_BITS = 16
"""Fractional bits of the thresholds."""

MOST_AGE = 255
"""Steps since a change of a pair are counted up to here, and so far ``hold`` reaches."""

MOST_WARMUP = 2**16 - 1
MOST_ELEMENTS = 2**32 - 1

Recording = Iterable[Mapping[tuple[int, int], tuple[int, int]]]
"""For each control step, zero-set elements and elements by layer and pair."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZseRule(Parameters):
    """When a pair changes its mode.

    At a control step a pair whose ZSE since the step before is below ``lo`` becomes one mode
    narrower; one whose ZSE is above ``hi``, one wider. A pair at the end of the modes, or without
    elements, stays.

    Parameters
    ----------
    lo, hi : float
        Thresholds, 0..1, taken to the nearest multiple of 2**-16; ``lo`` is at most ``hi``.
    warmup : int
        Steps at the start without a change, 0..65535.
    hold : int
        Steps from one change of a pair to its next, at least, 1..255; 1 lets each step change it.
    initial : int
        Mode of all pairs at the start: 0, 1 or 2 for 4, 8 or 16 bits.
    """

    PRESETS: ClassVar = {
        # From the README of the authors' code: "Simple/0.6/0.8/0/1" and "Simple/0.1/0.2/50/1".
        "cifar10": {"lo": 0.6, "hi": 0.8, "warmup": 0, "hold": 1},
        "imagenet": {"lo": 0.1, "hi": 0.2, "warmup": 50, "hold": 1},
    }

    lo: float = 0.6
    hi: float = 0.8
    warmup: int = 0
    hold: int = 1
    initial: int = WIDEST

    def __post_init__(self) -> None:
        """Check every field."""
        for name in ("lo", "hi"):
            number(name, getattr(self, name), 0, 1)
        if self.lo > self.hi:
            raise UserError(f"lo must be at most hi, {self.hi}, not {self.lo}")
        whole("warmup", self.warmup, 0, MOST_WARMUP)
        whole("hold", self.hold, 1, MOST_AGE)
        mode_of("initial", self.initial)

    @property
    def thresholds(self) -> tuple[int, int]:
        """``lo`` and ``hi`` in units of 2**-16."""
        return round(self.lo * 2**FRACTION_BITS), round(self.hi * 2**FRACTION_BITS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZseParameters(ZseRule):
    """Parameters of ``bfp_zse_controller``: the rule is that of its registers after reset.

    Parameters
    ----------
    layers : int
        Most layers that it controls, 1..256.
    """

    layers: int = 64

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        whole("layers", self.layers, 1, MOST_LAYERS)

    def cycles(self, steps: int, beats: int, *, latency: int) -> int:
        """Cycles of control steps without stalls, from the first beat taken to the last given.

        ``beats`` are those of all steps, three cycles each; ``latency`` is that of the circuit,
        which it takes for every layer.
        """
        return 3 * beats + steps * self.layers * latency - 2


class ZseController:
    """The controller's state in the course of a training.

    Parameters
    ----------
    parameters : ZseParameters
        ``layers`` is the number of layers in use.
    rule : ZseRule, optional
        That of ``parameters`` without.

    Attributes
    ----------
    modes : array of int32, (layers, 3)
        Mode of each pair of each layer.
    steps, changes : int
        Control steps so far; changes of a pair's mode in them.
    """

    def __init__(self, parameters: ZseParameters, rule: ZseRule | None = None) -> None:
        self.parameters = parameters
        self.rule = rule or parameters
        shape = (parameters.layers, len(PAIRS))
        self.modes = np.full(shape, self.rule.initial, np.int32)
        self.steps = self.changes = 0
        self._zeros, self._elements = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self._age = np.full(shape, MOST_AGE)

    def record(self, layer: int, pair: int, zeros: int, elements: int) -> None:
        """Add the counts of a converted tensor to those of a pair since the last step."""
        layer, pair, zeros, elements = map(operator.index, (layer, pair, zeros, elements))
        whole("layer", layer, 0, self.parameters.layers - 1)
        whole("pair", pair, 0, len(PAIRS) - 1)
        whole("elements", elements, 0, MOST_ELEMENTS - int(self._elements[layer, pair]))
        whole("zeros", zeros, 0, elements)
        self._zeros[layer, pair] += zeros
        self._elements[layer, pair] += elements

    def step(self) -> npt.NDArray[np.int32]:
        """End a control step: decide on every pair, and return the modes."""
        self.steps += 1
        self._age = np.minimum(self._age + 1, MOST_AGE)
        lo, hi = self.rule.thresholds
        zeros = self._zeros << FRACTION_BITS
        below, above = zeros < lo * self._elements, zeros > hi * self._elements
        wanted = np.clip(self.modes - below + above, 0, WIDEST)
        may = (self._elements > 0) & (self._age >= self.rule.hold) & (self.steps > self.rule.warmup)
        changed = may & (wanted != self.modes)
        self.modes[changed] = wanted[changed]
        self._age[changed] = 0
        self.changes += int(changed.sum())
        self._zeros[:] = self._elements[:] = 0
        return self.modes.copy()

    def run(self, recording: Recording) -> npt.NDArray[np.int32]:
        """Record and end each step of a recorded training; return the modes after each."""
        modes = []
        for counts in recording:
            for (layer, pair), (zeros, elements) in counts.items():
                self.record(layer, pair, zeros, elements)
            modes.append(self.step())
        return np.array(modes, np.int32).reshape(-1, *self.modes.shape)


def control(
    parameters: ZseParameters, recording: Recording, rule: ZseRule | None = None
) -> npt.NDArray[np.int32]:
    """Return the modes after each control step of a recorded training, (steps, layers, 3)."""
    return ZseController(parameters, rule).run(recording)
