"""Parameters and model of the controller of precision by zero-setting error (FlexBlock).

Noh, Koo, Lee, Park, Kung: "FlexBlock: A Flexible DNN Training Accelerator With Multi-Mode Block
Floating Point Support", IEEE Trans. Computers 72(9), 2023. The zero-setting error (ZSE) of a tensor
is the part of its elements that its conversion set to zero. Each layer has three pairs of operands:
the forward pair follows the ZSE of the weight, that of the input gradient the ZSE of the gradient
of the layer's input, that of the weight gradient the ZSE of the weight gradient.

The authors publish settings of the form ``Simple / lo / hi / warmup / hold``. Their README says of
``hold`` "fix precision for 1 step if precision is changed"; their code reads it and never uses it,
so that a hold of 3 decides as one of 1. Here it is obeyed, see `ZseRule`, and 1 is what their code
does. That a step's number counts from 1, and that all pairs start with 16 bits where nothing else
is said, is inferred.
"""

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import is_number, shown, whole
from ..errors import UserError
from ..parameters import Parameters
from ..timing import Timing
from .pairs import PAIRS, WIDEST, ForLayers, mode_of
from .stages import compare_latency

__all__ = [
    "MOST_AGE",
    "MOST_SCALE",
    "Recording",
    "THRESHOLD_BITS",
    "ZseController",
    "ZseParameters",
    "ZseRule",
    "control",
]

MOST_SCALE = 2**20 - 1
"""The greatest common denominator of the thresholds; all decimals of six places have a lesser."""

THRESHOLD_BITS = MOST_SCALE.bit_length()
"""Bits of a threshold in units of that denominator's inverse."""

MOST_AGE = 255
"""Steps since a change of a pair are counted up to here, and so far ``hold`` reaches."""

MOST_WARMUP = 2**16 - 1
MOST_STEPS = 2**32 - 1
MOST_ELEMENTS = 2**32 - 1

Recording = Iterable[Mapping[tuple[int, int], tuple[int, int]]]
"""For each control step, zero-set elements and elements by layer and pair."""

TEXT = "[0-9]{1,9}/0*[1-9][0-9]{0,8}|[0-9]{0,9}[.]?[0-9]{1,9}"
"""A threshold as text."""

Threshold = float | str | Fraction
"""An exact fraction, see `ZseRule`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZseRule(Parameters):
    """When a pair changes its mode.

    At a control step a pair whose ZSE since the step before is below ``lo`` becomes one mode
    narrower; one whose ZSE is above ``hi``, one wider. A ZSE that equals a threshold changes
    nothing: ratios are compared exactly. A pair at the end of the modes, or without elements,
    stays.

    Parameters
    ----------
    lo, hi : float, str or Fraction
        Thresholds, 0..1, exact; ``lo`` is at most ``hi``. A float is the decimal that it prints,
        0.6 is 3/5; a text is a decimal or a fraction such as ``1/3``. Their common denominator is
        at most 2**20 - 1. Kept as a float where that prints the fraction, else as text.
    warmup : int
        Steps at the start without a change, 0..65535.
    hold : int
        Steps from one change of a pair to its next, at least, 1..255; 1 lets each step change it,
        as the authors' code does whatever hold it is given. With 3, a pair that changes in step 5
        can change again in step 8.
    initial : int, str or tuple of int
        Modes at the start, 0, 1 or 2 for 4, 8 or 16 bits: of all pairs, or of the forward, the
        input gradient's and the weight gradient's pair, ``0/2/0``.
    """

    PRESETS: ClassVar = {
        # From the README of the authors' code: "Simple/0.6/0.8/0/1" and "Simple/0.1/0.2/50/1",
        # the latter from FB12LG24 on and in control steps of 500 iterations.
        "cifar10": {"lo": 0.6, "hi": 0.8, "warmup": 0, "hold": 1},
        "imagenet": {"lo": 0.1, "hi": 0.2, "warmup": 50, "hold": 1, "initial": (0, 2, 0)},
    }

    lo: Threshold = 0.6
    hi: Threshold = 0.8
    warmup: int = 0
    hold: int = 1
    initial: int | str | tuple[int, ...] = WIDEST

    def __post_init__(self) -> None:
        """Check every field."""
        lo, hi = (_fraction(name, getattr(self, name)) for name in ("lo", "hi"))
        object.__setattr__(self, "lo", _plain(lo))
        object.__setattr__(self, "hi", _plain(hi))
        if lo > hi:
            raise UserError(f"lo must be at most hi, {self.hi}, not {self.lo}")
        scale = self.thresholds[2]
        if scale > MOST_SCALE:
            raise UserError(
                f"lo and hi must have a common denominator of at most {MOST_SCALE}, not "
                f"{shown(scale)}, that of {self.lo} and {self.hi}"
            )
        whole("warmup", self.warmup, 0, MOST_WARMUP)
        whole("hold", self.hold, 1, MOST_AGE)
        object.__setattr__(self, "initial", _modes("initial", self.initial))

    @property
    def modes(self) -> tuple[int, ...]:
        """Of each pair at the start."""
        return _modes("initial", self.initial)

    @property
    def thresholds(self) -> tuple[int, int, int]:
        """``lo`` and ``hi`` in units of 1 / scale, and ``scale``, their common denominator."""
        lo, hi = Fraction(str(self.lo)), Fraction(str(self.hi))
        scale = math.lcm(lo.denominator, hi.denominator)
        return int(lo * scale), int(hi * scale), scale


def _fraction(field: str, value: object) -> Fraction:
    """Read a threshold."""
    exact: Fraction | None = None
    if isinstance(value, Fraction) or (is_number(value) and 0 <= value <= 1):
        exact = Fraction(str(value))
    elif isinstance(value, str) and re.fullmatch(TEXT, value):
        exact = Fraction(value)
    if exact is None or not 0 <= exact <= 1:
        raise UserError(
            f"{field} must be a number from 0 to 1, not {shown(value)}: a decimal or a fraction "
            f"such as 3/5"
        )
    return exact


def _plain(exact: Fraction) -> float | str:
    """Return the float that prints a fraction, or its text."""
    decimal = float(exact)
    return decimal if Fraction(str(decimal)) == exact else str(exact)


def _modes(field: str, value: object) -> tuple[int, ...]:
    """Check a mode for all pairs, or one for each, which may be a text such as ``0/2/0``."""
    if isinstance(value, str) and re.fullmatch("[0-9](/[0-9])*", value):
        modes = [int(mode) for mode in value.split("/")]
        value = modes if len(modes) > 1 else modes[0]
    if not isinstance(value, list | tuple):
        return (mode_of(field, value),) * len(PAIRS)
    if len(value) != len(PAIRS):
        raise UserError(
            f"{field} must be a mode, or one for each of {', '.join(PAIRS)}, not {shown(value)}"
        )
    return tuple(mode_of(f"{field} of {n}", v) for n, v in zip(PAIRS, value, strict=True))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZseParameters(ForLayers, ZseRule):
    """Parameters of ``bfp_zse_controller``: the rule is that of its registers after reset."""

    @property
    def timing(self) -> Timing:
        """Cycles from the beat that ends a step to its first modes, and of a beat of counts."""
        layer = len(PAIRS) * (compare_latency(THRESHOLD_BITS) + 3) + 1
        return Timing(latency=layer, interval=3, drain=(self.layers - 1) * layer)

    def cycles(self, steps: int, beats: int) -> int:
        """Cycles of control steps without stalls, from the first accepted beat to the last mode.

        ``beats`` are those of all steps; every layer takes the latency.
        """
        return self.timing.interval * beats + steps * self.layers * self.timing.latency - 2


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
        self.modes = np.full(shape, self.rule.modes, np.int32)
        self.steps = self.changes = 0
        self._zeros, self._elements = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self._age = np.full(shape, MOST_AGE)

    def record(self, layer: int, pair: int, zeros: int, elements: int) -> None:
        """Add the counts of a converted tensor to those of a pair since the last step."""
        layer = whole("layer", layer, 0, self.parameters.layers - 1)
        pair = whole("pair", pair, 0, len(PAIRS) - 1)
        left = MOST_ELEMENTS - int(self._elements[layer, pair])
        elements = whole("elements", elements, 0, left)
        zeros = whole("zeros", zeros, 0, elements)
        self._zeros[layer, pair] += zeros
        self._elements[layer, pair] += elements

    def step(self) -> npt.NDArray[np.int32]:
        """End a control step: decide on every pair, and return the modes."""
        self.steps = min(self.steps + 1, MOST_STEPS)
        self._age = np.minimum(self._age + 1, MOST_AGE)
        lo, hi, scale = self.rule.thresholds
        # Of at most 32 and 20 bits: the products are exact.
        zeros = self._zeros * scale
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
