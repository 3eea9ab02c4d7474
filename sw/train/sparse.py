"""Sparse training: few weights are tracked, the others are regenerated and decay to zero."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..arrays import Flags, Floats
from ..errors import StuckError, UserError
from ..formats import binary32
from ..grammar import kind_and_fields
from ..sparse.tracking import Choice, TrackingParameters, importance, settle
from ..sparse.weight_regenerator import regenerate
from .arithmetic import compiled
from .layers import Weighted
from .network import Network

__all__ = ["SPARSE", "Sparse", "read"]

SPARSE = ("none", *TrackingParameters.PRESETS)
"""All weights are trained, or few by `Sparse`, with the threshold estimated or exact."""

CIRCUIT = ("lanes", "guard", "delay")
ESTIMATOR = (*CIRCUIT, "step", "initial", "between", "memory", "scan")
IDLE = {"exact": ESTIMATOR, "multiplicative": CIRCUIT, "quantile": ("memory",)}
"""Fields without an effect, by the threshold."""


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
        self.parameters = parameters
        if choose is not None and parameters.scope != "all":
            raise UserError(f"scope must be all for one that chooses, not {parameters.scope}")
        self.choices = [] if choose is None else [choose]
        self.decay = np.float32(1)
        self.weights: dict[str, Floats] = {}
        self.masks: dict[str, Flags] = {}
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
        p = self.parameters
        if p.measured == "after" and self.densities:
            self._decay()
        moved = importance(weights, self._initial())
        if not moved.any():
            raise StuckError(
                "sparse training is stuck: no weight moves any more, as those that were not "
                "tracked have decayed to zero; try a larger keep, or a decay nearer to 1"
            )
        tracked = self._choose(moved)
        if p.measured == "before":
            self._decay()
        self._store(settle(weights, tracked, self._initial()))
        for (name, weight), mask, part in zip(
            self.weights.items(), np.split(tracked, self.ends), self.parts, strict=True
        ):
            mask = mask.reshape(weight.shape)
            self.masks[name.replace("weight", "mask")] = mask
            momenta[part]["weight"][~mask] = 0
        self.densities.append(tuple(float(mask.mean()) for mask in self.masks.values()))

    def _choose(self, moved: Floats) -> Flags:
        """Return which weights are tracked, given the importance of each."""
        p = self.parameters
        parts = np.split(moved, self.ends) if p.scope == "layer" else [moved]
        turn = slice(None, None, -1 if p.scan == "reversed" else 1)
        parts = [np.ascontiguousarray(part[turn]) for part in parts]
        if not self.choices:
            self.choices = [p.chooser(part, compiled("sparse")) for part in parts]
        found = zip(self.choices, parts, strict=True)
        return np.concatenate([choose(part)[turn] for choose, part in found])

    def _decay(self) -> None:
        """Have the initial values decay."""
        self.decay = np.float32(binary32.multiply(self.decay, np.float32(self.parameters.decay)))

    def end_epoch(self, epoch: int, steps: int) -> None:
        """Raise `StuckError` if the last ``steps`` steps, all of an epoch, tracked no weight."""
        if not np.any(self.densities[-steps:]):
            given = self.parameters.initial
            advice = "a larger keep" if given is None else f"initial below {given:g}, or none"
            raise StuckError(
                f"sparse training is stuck: no weight was tracked in epoch {epoch}; try {advice}"
            )

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
    p = TrackingParameters.make(preset=kind, overrides=overrides.values(), defaults={"seed": seed})
    idle = IDLE[p.threshold]
    if p.threshold == "multiplicative" and p.between != "mean":
        idle = (*idle, "memory")
    for name in overrides:
        if name in idle:
            article = "an" if p.threshold == "exact" else "a"
            raise UserError(
                f"{name} has no effect on {article} {p.threshold} threshold, as of {text}"
            )
    return Sparse(p, choose)
