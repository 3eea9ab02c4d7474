"""Sparse training: few weights are tracked, the others are regenerated and decay to zero."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .. import binary32
from ..parameters import kind_and_fields
from ..sparse.regenerate import regenerate
from ..sparse.tracking import Choice, Estimator, TrackingParameters, importance, largest, settle
from .arithmetic import compiled
from .layers import Weighted
from .network import Network

__all__ = ["SPARSE", "Sparse", "read"]

Floats = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]

SPARSE = ("none", *TrackingParameters.PRESETS)
"""All weights are trained, or few by `Sparse`, with the threshold estimated or exact."""


class Sparse:
    """Tracks few weights of a network, see `sw.sparse.tracking`.

    All tensors of weights are one stream, in the order in which the layers compute, each in its
    order in memory. A weight's place in it is its number, from which its initial value is made, of
    a deviation near He's. Biases, positions and batch normalization are trained as ever.

    Parameters
    ----------
    parameters : TrackingParameters
        Of the tracking.
    choose : callable or None
        Chooses in the place of the model, such as a circuit.

    Members
    -------
    masks : dict of str to array of bool
        Which weights are tracked, by the name ``mask0`` of those of ``weight0``.
    densities : list of tuple of float
        The share of each tensor's weights that is tracked after each step.
    """

    def __init__(self, parameters: TrackingParameters, choose: Choice | None = None) -> None:
        p = parameters
        self.parameters = p
        if choose is None and p.threshold == "exact":
            choose = functools.partial(largest, p.keep)
        self.choose = choose or Estimator(p.estimator, compiled("sparse").estimate)
        self.decay = np.float32(1)
        self.weights: dict[str, Floats] = {}
        self.masks: dict[str, Bits] = {}
        self.densities: list[tuple[float, ...]] = []

    def start(self, network: Network) -> None:
        """Give a network its initial weights."""
        p = self.parameters
        self.parts = [i for i, part in enumerate(network.parts) if isinstance(part, Weighted)]
        self.weights = {n: w for n, w in network.arrays.items() if n.startswith("weight")}
        sizes = [w.size for w in self.weights.values()]
        shifts = [p.regenerator.shift_for(w[0].size) for w in self.weights.values()]
        self.shift = np.repeat(shifts, sizes)
        self.ends = np.cumsum(sizes)[:-1]
        self._store(self._initial())

    def step(self, momenta: Sequence[Mapping[str, Floats]]) -> None:
        """End a step of the descent: track anew, and let the others decay for the next one.

        The momenta, by part and by name, of weights that are not tracked become zero.
        """
        weights = np.concatenate([w.ravel() for w in self.weights.values()])
        keep = self.choose(importance(weights, self._initial()))
        self.decay = np.float32(binary32.multiply(self.decay, np.float32(self.parameters.decay)))
        self._store(settle(weights, keep, self._initial()))
        for (name, weight), mask, part in zip(
            self.weights.items(), np.split(keep, self.ends), self.parts, strict=True
        ):
            mask = mask.reshape(weight.shape)
            self.masks[name.replace("weight", "mask")] = mask
            momenta[part]["weight"][~mask] = 0
        self.densities.append(tuple(float(mask.mean()) for mask in self.masks.values()))

    def _initial(self) -> Floats:
        """Return the initial weights times the decay, as a stream."""
        p = self.parameters
        return regenerate(
            p.regenerator,
            np.arange(len(self.shift)),
            seed=p.seed,
            shift=self.shift,
            decay=float(self.decay),
        )

    def _store(self, stream: Floats) -> None:
        """Put a stream into the network."""
        for weight, values in zip(self.weights.values(), np.split(stream, self.ends), strict=True):
            weight[:] = values.reshape(weight.shape)


def read(text: str, *, seed: int, choose: Choice | None = None) -> Sparse | None:
    """Return what ``text`` names, None for ``none``.

    ``procrustes`` or ``procrustes:keep=0.05,lanes=8``, a preset and any fields of
    `TrackingParameters`.
    ``seed`` is that of the initial values where none is given; ``choose`` as of `Sparse`.
    """
    kind, overrides = kind_and_fields("sparse training", text, SPARSE)
    if kind == "none":
        return None
    p = TrackingParameters.make(preset=kind, overrides=overrides, defaults={"seed": seed})
    return Sparse(p, choose)
