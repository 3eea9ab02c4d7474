"""How the gradients of weights are computed: as other products, or by random bits."""

import abc
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..checks import array
from ..core.products import Layer, Product, execute
from ..errors import UserError
from ..formats import BINARY32, FLOAT_FORMATS, binary32
from ..grammar import kind_and_fields
from ..stochastic.gradient import Block, Engine, weight_gradient
from ..stochastic.outer_parameters import OuterProductParameters
from ..stochastic.pulsed import PulsedParameters, pulsed_gradient
from .arithmetic import Operand, compiled

__all__ = ["UPDATES", "Essop", "Pulsed", "Update", "read"]

UPDATES = ("exact", "essop", "pulsed")
"""As the arithmetic of the pass says, by `Essop`, or by `Pulsed`."""

WITHOUT_EFFECT = ("weights", "rate", "target")
"""Fields of an outer product on what becomes of its results, which training takes as they are."""


class Update(abc.ABC):
    """Computes the gradients of the weights of layers; random bits run on from one to the next.

    They are those of shift registers, as published, which repeat after a period.
    """

    pairs = 0
    """Pairs of vectors that were multiplied."""

    @property
    @abc.abstractmethod
    def period(self) -> int:
        """Pairs after which all random bits repeat."""

    @property
    def repeated(self) -> str:
        """A message on how often random bits repeated; empty if they did not."""
        if self.pairs <= self.period:
            return ""
        return (
            f"random bits come again after {self.period:,} pairs of vectors, and {self.pairs:,} "
            "were multiplied: a larger width has a longer period"
        )

    def start(self, rate: float) -> None:
        """Begin an epoch with its rate of learning."""
        self.rate = rate

    def run(self, layer: Layer, batch: int, operands: dict[str, Operand]) -> Floats:
        """Return the gradient of ``w``, given ``x`` and the gradient of ``y``."""
        tensors = {name: array(name, operands[name].tensor, "float32") for name in "yx"}
        layer.check(batch, tensors)

        def multiply(product: Product, c: int) -> Floats:
            y, x = operands["y"].tensor, operands["x"].tensor
            return self.gradient(product.a.gather(y, c), product.b.gather(x, c))

        return execute(layer.shared("weight", batch), layer.shapes(batch)["w"], multiply)

    @abc.abstractmethod
    def gradient(self, d: Floats, x: Floats) -> Floats:
        """Return the estimate of ``d @ x.T``, of (m, pairs) and (n, pairs)."""


class Essop(Update):
    """By a block of stochastic outer products, see `sw.stochastic.gradient.weight_gradient`.

    Parameters
    ----------
    parameters : OuterProductParameters
        Of the block.
    engine : callable or None
        Computes the block's results, such as a circuit; None is the compiled model.
    """

    DEFAULTS = {"rows": 32, "columns": 32, "batch": 1024}

    def __init__(self, parameters: OuterProductParameters, engine: Engine | None = None) -> None:
        self.parameters = parameters
        self.engine = engine or Block(parameters, compiled("stochastic").outer_product)

    @property
    def period(self) -> int:
        """Pairs after which all random bits repeat."""
        return self.parameters.repeats

    def gradient(self, d: Floats, x: Floats) -> Floats:
        """Return the estimate of ``d @ x.T``, of operands rounded to the block's source."""
        source = FLOAT_FORMATS[self.parameters.source]
        if source != BINARY32:
            d, x = (binary32.rounded(operand, source) for operand in (d, x))

        def engine(x: Floats, d: Floats, last: npt.NDArray[np.bool_]) -> Floats:
            self.pairs += len(x)
            return self.engine(x, d, last)

        return weight_gradient(self.parameters, d, x, engine)


class Pulsed(Update):
    """By coincidences of pulses at the rate of learning, see `sw.stochastic.pulsed`.

    Without momentum each step of training changes weights by multiples of ``parameters.step``.
    """

    def __init__(self, parameters: PulsedParameters) -> None:
        self.parameters = parameters

    @property
    def period(self) -> int:
        """Pairs after which all random bits come again."""
        return self.parameters.repeats

    def gradient(self, d: Floats, x: Floats) -> Floats:
        """Return the estimate of ``d @ x.T``."""
        count = compiled("stochastic").pulsed_sums
        result = pulsed_gradient(
            self.parameters, d, x, rate=self.rate, first=self.pairs, count=count
        )
        self.pairs += d.shape[1]
        return result


def read(text: str, *, seed: int, engine: Engine | None = None) -> Update | None:
    """Return what ``text`` names, None for ``exact``.

    ``essop`` or ``essop:length=16,share=rotated`` with any fields of `OuterProductParameters`;
    ``pulsed:step=0.001`` with those of `PulsedParameters`. ``seed`` is that of the shift registers
    where none is given, wrapped into their period; ``engine`` that of `Essop`.
    """
    kind, overrides = kind_and_fields("update", text, UPDATES)
    if kind == "exact":
        return None
    if kind == "essop":
        for name in overrides:
            if name in WITHOUT_EFFECT:
                raise UserError(f"{name} has no effect on gradients in training, as in {text}")
        return Essop(_make(OuterProductParameters, overrides, seed, Essop.DEFAULTS), engine)
    return Pulsed(_make(PulsedParameters, overrides, seed, {}))


def _make(cls: Any, overrides: dict[str, str], seed: int, defaults: dict[str, Any]) -> Any:
    """Return parameters; ``seed`` counts where the overrides have none."""
    parameters = cls.make(overrides=overrides.values(), defaults=defaults)
    if "seed" in overrides:
        return parameters
    return parameters.replace(seed=1 + (seed - 1) % parameters.lfsr.period)
