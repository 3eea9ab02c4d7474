"""What a training on the accelerator starts from, and what it may be."""

import dataclasses

import numpy as np

from ..arrays import Floats, Integers
from ..checks import divides, instance
from ..errors import UserError
from ..train.data import Data
from ..train.network import MODELS, Network
from ..train.settings import Settings
from .parameters import AcceleratorParameters

__all__ = ["Start", "start"]

SUPPORTED = {
    "arithmetic": "binary32",
    "storage": ("auto", "binary32"),
    "update": "exact",
    "sparse": "none",
}
"""Of `Settings`, what the accelerator trains; products are in the format of its parameters."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """First weights, the images of each step, and the rate of each epoch.

    ``order`` are the numbers of images, (steps, batch): the first order that `sw.train.loop.train`
    has, in every epoch, without the images of a last batch that is not whole.
    """

    network: Network
    order: Integers
    rates: Floats


def start(parameters: AcceleratorParameters, data: Data, settings: Settings) -> Start:
    """Return the start of a training; `UserError` where the accelerator has no such training."""
    p = instance("parameters", parameters, AcceleratorParameters)
    s = instance("settings", settings, Settings)
    images = len(instance("data", data, Data).train_x)
    for name, accepted in SUPPORTED.items():
        names = (accepted,) if isinstance(accepted, str) else accepted
        if getattr(s, name) not in names:
            found = getattr(s, name)
            raise UserError(f"{name} must be {' or '.join(names)} on the accelerator, not {found}")
    divides("values of a word", p.values, s.batch, f"the batch of {s.batch}")
    if s.batch > images:
        raise UserError(f"batch must be {images} or less, as there are images, not {s.batch}")
    assert s.epochs is not None and s.rate is not None
    rng = np.random.default_rng(s.seed)
    hidden = {} if s.hidden is None else {"hidden": s.hidden}
    network = MODELS[s.model](data.train_x.shape[1], data.classes, rng, **hidden)
    network.check(data.sample)
    steps = images // s.batch
    return Start(
        network=network,
        order=rng.permutation(images)[: steps * s.batch].reshape(steps, s.batch),
        rates=np.array([s.rate * (1 - n / s.epochs) for n in range(s.epochs)], np.float32),
    )
