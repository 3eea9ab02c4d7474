"""Which arithmetic each product of a training takes, and what decides it."""

import abc
import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..bfp.control.epochs import BoostRule, EpochParameters, EpochSchedule
from ..bfp.control.zse import ZseController, ZseParameters, ZseRule
from ..bfp.multimode import FAMILIES
from ..core.products import PASSES
from ..errors import UserError
from ..formats import BlockFormat
from .arithmetic import Arithmetic, compiled
from .arithmetic import read as read_arithmetic

__all__ = ["BINARY32", "Boosted", "Controlled", "Fixed", "Precision", "read"]

DEFAULT_RULE = "0.1/0.2/0/1"


class Precision(abc.ABC):
    """Chooses the arithmetic of each product; after training, what it chose is in ``history``.

    ``history`` holds the modes of each epoch, (layers, 3), where these may change, or is None;
    ``formats`` are those of the modes.
    """

    name: str
    history: list[np.ndarray] | None = None
    formats: tuple[BlockFormat, ...] = ()

    @abc.abstractmethod
    def arithmetic(self, layer: int, which: str) -> Arithmetic:
        """Return the arithmetic of a pass of a layer."""

    @abc.abstractmethod
    def start(self, epoch: int) -> None:
        """Begin an epoch, counted from 1."""

    @abc.abstractmethod
    def observe(self, layer: int, tensors: Mapping[str, np.ndarray]) -> None:
        """Look at a layer's weights ``w`` and gradients ``y`` of its output, ``dw`` of these."""

    def now(self) -> str:
        """Return a word on the present choice for the progress bar."""
        return self.name


class Fixed(Precision):
    """One arithmetic for each product.

    Parameters
    ----------
    name : str
        For messages.
    arithmetics : mapping of str to Arithmetic, or its name
        Under ``""`` for all products, ``"input"`` for a pass, ``"0"`` for a layer, counted from 0,
        or ``"0.input"`` for a pass of a layer; the last of these that there is counts.
    """

    def __init__(self, name: str, arithmetics: Mapping[str, Arithmetic]) -> None:
        self.name = name
        self.arithmetics = {where: read_arithmetic(each) for where, each in arithmetics.items()}
        for which in PASSES:
            if which not in arithmetics and "" not in arithmetics:
                raise UserError(f"arithmetic of the pass {which} must be given in {name!r}")

    def arithmetic(self, layer: int, which: str) -> Arithmetic:
        """Return the arithmetic of the pass of the layer."""
        places = (f"{layer}.{which}", f"{layer}", which, "")
        return next(self.arithmetics[place] for place in places if place in self.arithmetics)

    def start(self, epoch: int) -> None:
        """Every epoch is alike."""

    def observe(self, layer: int, tensors: Mapping[str, np.ndarray]) -> None:
        """Nothing depends on what is seen."""


BINARY32 = Fixed("binary32", {"": "binary32"})
"""Binary32 for everything."""


class Boosted(Precision):
    """Accuracy Boosters (arXiv 2211.10737): HBFP4, and HBFP6 where `EpochSchedule` says so."""

    formats = FAMILIES["boosters"]

    def __init__(self, name: str, layers: int, rule: BoostRule) -> None:
        self.name = name
        self.schedule = EpochSchedule(EpochParameters(layers=layers, **dataclasses.asdict(rule)))
        self.history = []
        self.modes = self.schedule.modes_at(1)

    def start(self, epoch: int) -> None:
        """Take the modes of the epoch."""
        assert self.history is not None
        self.modes = self.schedule.modes_at(epoch)
        self.history.append(self.modes)

    def observe(self, layer: int, tensors: Mapping[str, np.ndarray]) -> None:
        """Nothing depends on what is seen."""

    def arithmetic(self, layer: int, which: str) -> BlockFormat:
        """Return the format of the layer's mode."""
        return self.formats[self.modes[layer, PASSES.index(which)]]

    def now(self) -> str:
        """Return how many layers are wide."""
        wide = (self.modes[:, 0] > self.schedule.rule.narrow).sum()
        return f"{wide} of {len(self.modes)} layers wide"


class Controlled(Precision):
    """FlexBlock's controller by zero-setting error, a control step an epoch (an inferred choice).

    ``recording`` holds the counts of each step as the circuit takes them.
    """

    formats = FAMILIES["flexblock"]

    def __init__(self, name: str, layers: int, rule: ZseRule) -> None:
        self.name = name
        self.controller = ZseController(ZseParameters(layers=layers, **dataclasses.asdict(rule)))
        self.recording: list[dict[tuple[int, int], tuple[int, int]]] = []
        self.counts: dict[tuple[int, int], tuple[int, int]] = {}
        self.history = []

    def start(self, epoch: int) -> None:
        """End the control step of the epoch before."""
        assert self.history is not None
        if epoch > 1:
            for (layer, pair), counts in self.counts.items():
                self.controller.record(layer, pair, *counts)
            self.controller.step()
            self.recording.append(self.counts)
            self.counts = {}
        self.history.append(self.controller.modes.copy())

    def arithmetic(self, layer: int, which: str) -> BlockFormat:
        """Return the format of the pair's mode."""
        return self.formats[self.controller.modes[layer, PASSES.index(which)]]

    def observe(self, layer: int, tensors: Mapping[str, np.ndarray]) -> None:
        """Count what each pair's format sets to zero in the tensor that drives it."""
        for pair, name in enumerate(("w", "y", "dw")):
            tensor = tensors[name].reshape(len(tensors[name]), -1)
            zeros = compiled().zero_set(tensor, self.formats[self.controller.modes[layer, pair]])
            before = self.counts.get((layer, pair), (0, 0))
            self.counts[layer, pair] = (before[0] + zeros, before[1] + tensor.size)

    def now(self) -> str:
        """Return how many pairs have each length of mantissa."""
        counts = np.bincount(self.controller.modes.ravel(), minlength=3)
        return "pairs of 4/8/16 bits: " + "/".join(map(str, counts))


def read(text: str, *, layers: int, epochs: int) -> Precision:
    """Return what ``text`` names.

    ``hbfp6``: one arithmetic for all. ``fb12,input=fb16,0=fb24,2.weight=fb16``: others for a pass
    (forward, input or weight), for a layer, counted from 0, and for a pass of a layer. ``boosters``
    or ``boosters:5``: HBFP4, in the last 5 epochs (1 if not said), and always in the first and last
    layer, HBFP6. ``flexblock`` or ``flexblock:0.6/0.8/0/1``: FB12, FB16 or FB24 by zero-setting
    error, with the thresholds, the warm-up and the hold of `ZseRule`; if not said, the authors'
    thresholds for ImageNet, 0.1 and 0.2, without a warm-up (theirs, of 50 epochs, is longer than
    trainings here).

    Raises `UserError` for anything else.
    """
    kind, colon, settings = text.partition(":")
    if kind == "boosters":
        boosted = _number("boosters", settings, int) if colon else 1
        return Boosted(text, layers, BoostRule(epochs=epochs, boosted=boosted))
    if kind == "flexblock":
        names = ("lo", "hi", "warmup", "hold")
        values = (settings if colon else DEFAULT_RULE).split("/")
        if len(values) != len(names):
            raise UserError(f"flexblock must be followed by LO/HI/WARMUP/HOLD, not {settings!r}")
        kinds = (float, float, int, int)
        fields = {n: _number(n, v, k) for n, v, k in zip(names, values, kinds, strict=True)}
        return Controlled(text, layers, ZseRule(**fields))
    arithmetics: dict[str, Arithmetic] = {}
    for part in text.split(","):
        where, given, name = part.rpartition("=")
        if given and not re.fullmatch(rf"(\d+\.)?({'|'.join(PASSES)})|\d+", where):
            raise UserError(
                f"arithmetic must be given for {', '.join(PASSES)}, a layer (0) or a pass of one "
                f"(0.input), not for {where!r}"
            )
        if where in arithmetics:
            raise UserError(f"arithmetic of {where or 'all products'} is given twice in {text!r}")
        arithmetics[where] = name
    return Fixed(text, arithmetics)


def _number(name: str, text: str, kind: type) -> Any:
    """Read a number of a setting."""
    if not re.fullmatch(r"\d+" if kind is int else r"\d+(\.\d+)?|\.\d+", text):
        wanted = "an integer" if kind is int else "a number"
        raise UserError(f"{name} must be {wanted}, not {text!r}")
    return kind(text)
