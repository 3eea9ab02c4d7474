"""Precision that changes in the course of a training: by epochs, or by zero-setting error."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..bfp.epoch_schedule import BoostRule, EpochParameters, EpochSchedule
from ..bfp.multimode_array import BFP_FAMILIES
from ..bfp.zse_controller import MOST_ELEMENTS, ZseController, ZseParameters, ZseRule
from ..checks import whole
from ..core.products import PASSES
from ..errors import UserError
from ..formats import BOX_FORMATS, MOST_BLOCK, BfpFormat
from .arithmetic import Arithmetic, compiled, effective
from .places import Places
from .precision import Precision

__all__ = ["CHANNELS", "Boosted", "Controlled", "Moded"]

CHANNELS = BOX_FORMATS["fb12_box"].block[1]
"""Of FlexBlock's group of 216 elements, the box of a tensor that its authors name: 24 x 3 x 3."""


class Moded(Precision):
    """Arithmetics that follow modes which change in the course of a training.

    Parameters
    ----------
    name : str
        For messages.
    layers : int
        Of the network.
    family : str
        The formats of the modes, of `sw.bfp.multimode_array.BFP_FAMILIES`.
    fields : mapping, optional
        Fields of these formats to change, such as ``block``.
    places : mapping, optional
        Products that have an arithmetic of their own, as of `Places`.
    """

    def __init__(
        self,
        name: str,
        layers: int,
        family: str,
        fields: Mapping[str, Any] | None = None,
        places: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.formats = tuple(_changed(format, fields or {}) for format in BFP_FAMILIES[family])
        self.places = Places(name, places or {}, layers)
        self.places.check(layers)
        self.used = self.places.free(layers)
        if not self.used.any():
            raise UserError(f"{name!r} must leave a product of the {layers} layers to its modes")
        self.history = []

    @property
    @abc.abstractmethod
    def modes(self) -> npt.NDArray[np.int32]:
        """The present modes, (layers, 3)."""

    def check(self, layers: int) -> None:
        """Raise `UserError` for a network of another number of layers."""
        if layers != len(self.used):
            raise UserError(f"{self.name!r} is for {len(self.used)} layers, not for {layers}")

    def start(self, epoch: int) -> None:
        """Note the modes of the epoch."""
        assert self.history is not None
        self.history.append(self.modes.copy())

    def step(self) -> None:
        """Nothing depends on steps."""

    def observe(self, layer: int, which: str, w: Floats, gradient: Floats) -> None:
        """Nothing depends on what is seen."""

    def arithmetic(self, layer: int, which: str) -> Arithmetic:
        """Return what is given for the product, or the format of its mode."""
        given = self.places.find(layer, which)
        return given or self.formats[self.modes[layer, PASSES.index(which)]]

    def record(self) -> dict[str, Any]:
        """Return ``modes`` as each epoch began, None where a product has none, and ``formats``."""
        modes = [self._plain(modes) for modes in self.history or []]
        return {"modes": modes, "formats": [format.name for format in self.formats]}

    def _plain(self, modes: npt.NDArray[np.int32]) -> list[list[int | None]]:
        """Return modes as lists."""
        return np.ma.masked_array(modes, ~self.used).tolist()


def _changed(format: BfpFormat, fields: Mapping[str, Any]) -> BfpFormat:
    """Return the format of a mode with some fields changed, such as ``hbfp6:block=64``."""
    if fields:
        name = ":".join((format.name.partition("_")[0], *(f"{n}={v}" for n, v in fields.items())))
        format = dataclasses.replace(format, name=name, **fields)
    effective(format, fields)
    return format


class Boosted(Moded):
    """Accuracy Boosters (arXiv 2211.10737): HBFP4, and HBFP6 where `EpochSchedule` says so.

    HBFP4 in blocks of 256 and HBFP6 in blocks of 128 along the reduction, one payload of the
    multi-mode array, where ``fields`` have no ``block``. The authors' scripts have blocks of 8
    along the last axis of a tensor; ``{"block": 8}`` are blocks of 8 along the reduction.

    Parameters
    ----------
    rule : BoostRule
        When and where the wide mode is used.
    changes : mapping
        ``fields`` and ``places`` of `Moded`.
    """

    def __init__(
        self, name: str, layers: int, rule: BoostRule, **changes: Mapping[str, Any] | None
    ) -> None:
        self.schedule = EpochSchedule(EpochParameters(layers=layers, **dataclasses.asdict(rule)))
        self._now = self.schedule.modes_at(1)
        super().__init__(name, layers, "boosters", **changes)

    @property
    def modes(self) -> npt.NDArray[np.int32]:
        """The present modes, (layers, 3)."""
        return self._now

    def start(self, epoch: int) -> None:
        """Take the modes of the epoch."""
        self._now = self.schedule.modes_at(epoch)
        super().start(epoch)

    def now(self) -> str:
        """Return how many layers are wide, of those that have modes."""
        rule, layers = self.schedule.rule, self.used.any(1)
        if (self.schedule.modes_at(1)[layers] == rule.wide).all():
            return f"all in {self.formats[rule.wide].name}, no layer is ever narrow"
        wide = (self.modes[layers, 0] > rule.narrow).sum()
        return f"{wide} of {layers.sum()} layers wide"


class Controlled(Moded):
    """FlexBlock's controller by zero-setting error, see `sw.bfp.zse_controller`.

    The error of a pair is that of the layer's weights, of the gradient of its input or of that of
    its weights, in groups as the authors' code cuts the tensor as it is: boxes of channels x 3 x 3,
    or channels along the last axis of tensors of other than four axes. As there, the controller
    changes the bits of a group and never its shape (which shape their dynamic examples have is not
    published; 216 elements are the paper's). Products multiply blocks along their reduction all the
    same. A pair without a gradient, that of the input of layer 0, has no error and stays.

    Parameters
    ----------
    every : int or None
        Steps of training of a control step, counted through the epochs; None: an epoch (inferred).
        The authors' ImageNet example has 500, in which its warm-up counts.
    group : int
        Channels of a group.
    changes : mapping
        ``fields`` and ``places`` of `Moded`.

    Attributes
    ----------
    recording : list of dict
        The counts of each control step as the circuit takes them.
    decisions : list of array
        The modes after each control step.
    """

    def __init__(
        self,
        name: str,
        layers: int,
        rule: ZseRule,
        *,
        every: int | None = None,
        group: int = CHANNELS,
        **changes: Mapping[str, Any] | None,
    ) -> None:
        self.controller = ZseController(ZseParameters(layers=layers, **dataclasses.asdict(rule)))
        self.every = every if every is None else whole("every", every, 1, 2**31 - 1)
        self.box = (1, whole("group", group, 1, MOST_BLOCK // 9), 3, 3)
        self.recording: list[dict[tuple[int, int], tuple[int, int]]] = []
        self.decisions: list[npt.NDArray[np.int32]] = []
        self.counts: dict[tuple[int, int], tuple[int, int]] = {}
        self._steps = 0
        super().__init__(name, layers, "flexblock", **changes)

    @property
    def modes(self) -> npt.NDArray[np.int32]:
        """The present modes, (layers, 3)."""
        return self.controller.modes

    def start(self, epoch: int) -> None:
        """End the control step of the epoch before."""
        if epoch > 1 and self.every is None:
            self._decide()
        super().start(epoch)

    def step(self) -> None:
        """End a control step of so many steps of training."""
        self._steps += 1
        if self.every is not None and self._steps % self.every == 0:
            self._decide()

    def _decide(self) -> None:
        """End a control step."""
        for (layer, pair), counts in self.counts.items():
            self.controller.record(layer, pair, *counts)
        self.decisions.append(self.controller.step())
        self.recording.append(self.counts)
        self.counts = {}

    def observe(self, layer: int, which: str, w: Floats, gradient: Floats) -> None:
        """Count what the formats of a layer's pairs set to zero in the tensors that drive them."""
        self._count(layer, PASSES.index(which), gradient)
        if which == "weight":
            self._count(layer, PASSES.index("forward"), w)

    def _count(self, layer: int, pair: int, tensor: Floats) -> None:
        """Add a tensor's counts to those of a pair."""
        if not self.used[layer, pair]:
            return
        block = self.box if tensor.ndim == len(self.box) else self.box[1:2]
        format = dataclasses.replace(self.formats[self.modes[layer, pair]], block=block)
        zeros, elements = self.counts.get((layer, pair), (0, 0))
        zeros, elements = (
            zeros + compiled("formats").zero_set(tensor, format),
            elements + tensor.size,
        )
        if elements > MOST_ELEMENTS:
            raise UserError(
                f"a control step of {self.name!r} must count at most {MOST_ELEMENTS} elements of "
                f"a pair, not {elements}: give it fewer steps of training by every="
            )
        self.counts[layer, pair] = zeros, elements

    def now(self) -> str:
        """Return how many pairs have each length of mantissa."""
        counts = np.bincount(self.modes[self.used], minlength=3)
        bits = "/".join(str(format.mantissa_bits) for format in self.formats)
        return f"pairs of {bits} bits: " + "/".join(map(str, counts))

    def record(self) -> dict[str, Any]:
        """Return the modes of epochs, and those after each control step."""
        return super().record() | {"decisions": [self._plain(modes) for modes in self.decisions]}
