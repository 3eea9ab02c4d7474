"""Parameters and model of the schedule of precision by epochs (Accuracy Boosters).

Accuracy Boosters, arXiv 2211.10737: HBFP4 everywhere, but HBFP6 in all layers in the last epochs,
and always in the first and the last layer.
"""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import flag, whole
from ..errors import UserError
from ..parameters import Parameters
from ..timing import Timing
from .pairs import PAIRS, ForLayers, mode_of

__all__ = ["MOST_EPOCHS", "BoostRule", "EpochParameters", "EpochSchedule", "schedule"]

MOST_EPOCHS = 2**16 - 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class BoostRule(Parameters):
    """When and where the wide mode is used.

    Parameters
    ----------
    epochs : int
        Epochs of the training, 1..65535; they count from 1.
    boosted : int
        Epochs at the end in which all layers are wide, 0..epochs.
    narrow, wide : int
        Modes, 0..2: in `FAMILIES`' ``boosters``, mantissas of 4, 6 and 16 bits.
    first_wide, last_wide : bool
        Whether the first and the last layer are always wide.
    """

    PRESETS: ClassVar = {
        # From the scripts of the authors' code: ResNet-20 on CIFAR-10, ResNet-50 on ImageNet.
        "cifar10": {"epochs": 160, "boosted": 1, "first_wide": True, "last_wide": True},
        "imagenet": {"epochs": 90, "boosted": 5, "first_wide": False, "last_wide": False},
    }

    epochs: int = 160
    boosted: int = 1
    narrow: int = 0
    wide: int = 1
    first_wide: bool = True
    last_wide: bool = True

    def __post_init__(self) -> None:
        """Check every field."""
        whole("epochs", self.epochs, 1, MOST_EPOCHS)
        whole("boosted", self.boosted, 0, self.epochs)
        mode_of("narrow", self.narrow)
        mode_of("wide", self.wide)
        if self.narrow > self.wide:
            raise UserError(f"narrow must be at most wide, {self.wide}, not {self.narrow}")
        flag("first_wide", self.first_wide)
        flag("last_wide", self.last_wide)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EpochParameters(ForLayers, BoostRule):
    """Parameters of ``bfp_epoch_schedule``: the rule is that of its registers after reset."""

    @property
    def timing(self) -> Timing:
        """Cycles from an epoch to its first mode, and of an epoch."""
        return Timing(latency=1, interval=1 + self.layers, drain=self.layers - 1)

    def cycles(self, epochs: int) -> int:
        """Cycles without stalls, from the first accepted epoch to the last mode."""
        return self.timing.job(epochs, 1)


class EpochSchedule:
    """The modes of a training's epochs, by a rule: of ``parameters``, or another in its place.

    Parameters
    ----------
    parameters, rule : EpochParameters, and BoostRule or None
        Layers in use, and the rule as the registers hold it.
    """

    def __init__(self, parameters: EpochParameters, rule: BoostRule | None = None) -> None:
        self.parameters = parameters
        self.rule = rule or parameters

    def modes_at(self, epoch: int) -> npt.NDArray[np.int32]:
        """Return the mode of each pair of each layer, (layers, 3), in an epoch, from 1 on."""
        rule = self.rule
        whole("epoch", epoch, 1, rule.epochs)
        boosted = epoch > rule.epochs - rule.boosted
        wide = np.full(self.parameters.layers, boosted)
        wide[0] |= rule.first_wide
        wide[-1] |= rule.last_wide
        modes = np.where(wide, rule.wide, rule.narrow).astype(np.int32)
        return np.repeat(modes[:, None], len(PAIRS), axis=1)


def schedule(
    parameters: EpochParameters, epochs: Sequence[int], rule: BoostRule | None = None
) -> npt.NDArray[np.int32]:
    """Return the modes of each of some epochs, (epochs, layers, 3)."""
    planned = EpochSchedule(parameters, rule)
    modes = [planned.modes_at(epoch) for epoch in epochs]
    return np.array(modes, np.int32).reshape(-1, parameters.layers, len(PAIRS))
