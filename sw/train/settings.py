"""How a network is trained."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..checks import choice, is_number, known, line, shown, whole
from ..errors import UserError
from ..parameters import Checked
from .network import MODELS
from .sparse import read as read_sparse
from .spec import read
from .update import read as read_update

__all__ = ["STORAGES", "Settings"]

STORAGES = ("auto", "binary32", "wide")

DENSE: Mapping[str, Mapping[str, Any]] = {
    "mlp": {"epochs": 20, "rate": 0.03, "momentum": 0.9},
    "lenet": {"epochs": 6, "rate": 0.02, "momentum": 0.9},
    "resnet8": {"epochs": 10, "rate": 0.05, "momentum": 0.9},
    "transformer": {"epochs": 20, "rate": 0.03, "momentum": 0.9},
}
"""Of each model, what it learns by."""

SPARSE: Mapping[str, Mapping[str, Any]] = DENSE | {
    "mlp": {"epochs": 80, "rate": 0.7, "momentum": 0.0},
    "lenet": {"epochs": 12, "rate": 0.05, "momentum": 0.9},
}
"""Where few weights are trained: these bear greater steps, and need more of them."""


@functools.cache
def _layers(model: str, hidden: int) -> int:
    """Return how many layers with products a model has, whatever the images."""
    widths = {"hidden": (1,) * hidden} if model == "mlp" else {}
    return len(MODELS[model](64, 2, np.random.default_rng(1), **widths).products)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Checked):
    """Hyperparameters of a training, and the arithmetic of its products.

    What a field does not accept raises `UserError`, in one line.

    Parameters
    ----------
    model : str
        Of `sw.train.network.MODELS`.
    arithmetic : str
        See `sw.train.spec.read`.
    hidden : tuple of int, or None
        Widths of the hidden layers of ``mlp``; None for a single one of 32, and for other models.
    epochs : int or None
        Times through the data; None for the model's, which are others for sparse training.
    batch : int
        Samples of a step.
    rate : float or None
        First learning rate, which falls linearly to 0; None for the model's.
    momentum : float or None
        Of stochastic gradient descent; None for the model's.
    storage : str
        How weights are stored between steps: ``binary32``, or ``wide``: in blocks of 16-bit
        mantissas with their sign, as HBFP does (Drumond et al., NeurIPS 2018), of the shape of the
        arithmetic's. ``auto``: wide under HBFP.
    update : str
        How gradients of weights are computed, see `sw.train.update.read`; ``exact``: as
        ``arithmetic`` says.
    sparse : str
        Which weights are trained, see `sw.train.sparse.read`; ``none``: all.
    seed : int
        Of the first weights, of the order of samples, of stochastic rounding and of updates.
    """

    model: str = "mlp"
    arithmetic: str = "binary32"
    hidden: tuple[int, ...] | None = None
    epochs: int | None = None
    batch: int = 64
    rate: float | None = None
    momentum: float | None = None
    storage: str = "auto"
    update: str = "exact"
    sparse: str = "none"
    seed: int = 1

    def __post_init__(self) -> None:
        """Check every field, and take what the model's are."""
        for name in ("model", "arithmetic", "storage", "update", "sparse"):
            if getattr(self, name) != "":  # which each table refuses by its own words
                line(name, getattr(self, name))
        for name in ("arithmetic", "update", "sparse"):
            object.__setattr__(self, name, getattr(self, name).strip())
        known("model", self.model, MODELS)
        table = DENSE if self.sparse == type(self).sparse else SPARSE
        for name, value in table[self.model].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        if self.hidden is None and self.model == "mlp":
            object.__setattr__(self, "hidden", (32,))
        if self.hidden is not None:
            if not isinstance(self.hidden, tuple):
                raise UserError(f"hidden must be a tuple of widths, not {shown(self.hidden)}")
            if self.model != "mlp":
                raise UserError(f"hidden must not be given for {self.model}, only for mlp")
            for width in self.hidden:
                whole("hidden", width, 1, 4096)
        whole("epochs", self.epochs, 1, 10_000)
        whole("batch", self.batch, 1, 65_536)
        if not is_number(self.rate) or not 0 < self.rate < 10:
            raise UserError(f"rate must be a number above 0 and below 10, not {shown(self.rate)}")
        if not is_number(self.momentum) or not 0 <= self.momentum < 1:
            found = shown(self.momentum)
            raise UserError(f"momentum must be a number from 0 to below 1, not {found}")
        choice("storage", self.storage, STORAGES)
        layers = _layers(self.model, len(self.hidden or ()))
        read(self.arithmetic, layers=layers, epochs=self.epochs or 1)
        whole("seed", self.seed, 1, 2**32 - 1)
        read_update(self.update, seed=self.seed)
        read_sparse(self.sparse, seed=self.seed)
        # Of NumPy's scalars, which JSON does not take, the Python numbers.
        for name in ("epochs", "batch", "seed"):
            object.__setattr__(self, name, int(getattr(self, name)))
        for name in ("rate", "momentum"):
            object.__setattr__(self, name, float(getattr(self, name)))

    @property
    def unusual(self) -> dict[str, str]:
        """The update and the sparsity, if they are not the defaults."""
        return {
            name: getattr(self, name)
            for name in ("update", "sparse")
            if getattr(self, name) != getattr(type(self), name)
        }
