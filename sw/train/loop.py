"""Training by stochastic gradient descent, every product in the arithmetic chosen for it."""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .. import lfsr
from ..bfp.quantize import Blocks, dequantize
from ..core.products import PASSES
from ..formats import BLOCK_FORMATS, BlockFormat
from ..sparse.tracking import Choice
from ..stochastic.gradient import Engine as UpdateEngine
from .arithmetic import Engine, Operand, Products, compiled
from .data import Data, package
from .layers import Product, Weighted, cross_entropy
from .network import MODELS, Network
from .precision import Precision
from .settings import Settings
from .sparse import Sparse
from .sparse import read as read_sparse
from .spec import read
from .update import Update
from .update import read as read_update

__all__ = ["Epoch", "Run", "accuracy", "train"]

Floats = npt.NDArray[np.float32]

STORAGE_STREAM = 2**31
"""Steps of the generator from the words of products to those of stored weights."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Epoch:
    """What an epoch ended with.

    ``density`` is the share of each tensor's weights that was tracked, the mean of its steps.
    """

    epoch: int
    loss: float
    accuracy: float
    density: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A training that is done; ``sparse`` is what tracked the weights, if not all were trained."""

    settings: Settings
    network: Network
    precision: Precision
    epochs: list[Epoch]
    steps: int
    sparse: Sparse | None = None


class _Step:
    """Computes the products of a network, as `sw.train.layers.Product` asks for them.

    ``update`` computes the gradients of weights in the place of ``products``.
    """

    def __init__(
        self,
        precision: Precision,
        products: Products,
        *,
        training: bool,
        update: Update | None = None,
    ) -> None:
        self.precision = precision
        self.products = products
        self.training = training
        self.update = update

    def product(
        self, layer: Product, which: str, batch: int, operands: dict[str, Operand]
    ) -> Floats:
        """Return the result of a pass of a layer."""
        if self.update and which == "weight" and isinstance(layer, Weighted):
            result = self.update.run(layer.layer, batch, operands)
        else:
            arithmetic = self.precision.arithmetic(layer.number, which)
            result = self.products.run(layer.layer, which, batch, operands, arithmetic)
        if which != "forward":
            self.precision.observe(layer.number, which, operands["w"].tensor, result)
        return result


def accuracy(
    network: Network, precision: Precision, x: Floats, labels: npt.NDArray[np.int64]
) -> float:
    """Return the share of rows whose largest output is their label's, in the present arithmetic."""
    step = _Step(precision, Products(seed=1), training=False)
    right = 0
    for start in range(0, len(x), 500):
        part = slice(start, start + 500)
        right += int((network.forward(x[part], step).argmax(1) == labels[part]).sum())
    return right / len(x)


def train(
    data: Data,
    settings: Settings | None = None,
    *,
    precision: Precision | None = None,
    engine: Engine | None = None,
    update_engine: UpdateEngine | None = None,
    choose: Choice | None = None,
    steps: int | None = None,
    report: Callable[[Epoch, str], None] = lambda epoch, note: None,
) -> Run:
    """Train a network; the same arguments give the same weights.

    Parameters
    ----------
    data : Data
        Images and labels.
    settings : Settings
        How.
    precision : Precision or None
        Chooses arithmetics in the place of ``settings.arithmetic``: `sw.train.precision.Fixed`, for
        instance, takes a `BlockFormat` for each pass of each layer.
    engine : callable or None
        Computes products of blocks, such as a circuit; None is its model.
    update_engine : callable or None
        That of `sw.train.update.Essop`, where ``settings.update`` names it.
    choose : callable or None
        That of `sw.train.sparse.Sparse`, where ``settings.sparse`` names it.
    steps : int or None
        Steps after which to stop in any case.
    report : callable
        Called after each epoch with it and a word on the arithmetic.
    """
    settings = settings or Settings()
    # Small products lose by threads, and lose greatly where other work shares the cores.
    with package("threadpoolctl", "threadpoolctl").threadpool_limits(1):
        update = read_update(settings.update, seed=settings.seed, engine=update_engine)
        sparse = read_sparse(settings.sparse, seed=settings.seed, choose=choose)
        return _train(data, settings, precision, engine, update, sparse, steps, report)


def _train(
    data: Data,
    settings: Settings,
    precision: Precision | None,
    engine: Engine | None,
    update: Update | None,
    sparse: Sparse | None,
    steps: int | None,
    report: Callable[[Epoch, str], None],
) -> Run:
    """Train as `train` says."""
    s = settings
    assert s.epochs is not None and s.rate is not None and s.momentum is not None
    rng = np.random.default_rng(s.seed)
    hidden = {"hidden": s.hidden} if s.model == "mlp" else {}
    classes = int(data.train_y.max()) + 1
    network = MODELS[s.model](data.train_x.shape[1], classes, rng, **hidden)
    layers = len(network.products)
    precision = precision or read(s.arithmetic, layers=layers, epochs=s.epochs)
    precision.check(layers)
    products = Products(seed=s.seed, engine=engine)
    step = _Step(precision, products, training=True, update=update)
    store = _Storage(s, precision, network)
    store.keep()
    if sparse:
        sparse.start(network)
    momenta = [{n: np.zeros_like(p) for n, p in part.parameters.items()} for part in network.parts]
    done, epochs = 0, []
    for epoch in range(s.epochs):
        precision.start(epoch + 1)
        order = rng.permutation(len(data.train_x))
        rate = np.float32(s.rate * (1 - epoch / s.epochs))
        if update:
            update.start(float(rate))
        total, seen, first = 0.0, 0, done
        for start in range(0, len(order), s.batch):
            if done == steps:
                break
            part = order[start : start + s.batch]
            outputs = network.forward(data.train_x[part], step)
            loss, gradient = cross_entropy(outputs, data.train_y[part])
            network.backward(gradient, step)
            for layer, kept in zip(network.parts, momenta, strict=True):
                for name, momentum in kept.items():
                    momentum *= np.float32(s.momentum)
                    momentum += layer.gradients[name]
                    layer.parameters[name] -= rate * momentum
            # Weights that are not tracked are computed, not stored: nothing rounds them.
            store.keep()
            if sparse:
                sparse.step(momenta)
            total += loss * len(part)
            seen += len(part)
            done += 1
            precision.step()
        note = precision.now()
        right = accuracy(network, precision, data.test_x, data.test_y)
        density = tuple(np.mean(sparse.densities[first:], 0).tolist()) if sparse and seen else ()
        epochs.append(
            Epoch(epoch=epoch + 1, loss=total / max(seen, 1), accuracy=right, density=density)
        )
        report(epochs[-1], note)
        if done == steps:
            break
    return Run(
        settings=s, network=network, precision=precision, epochs=epochs, steps=done, sparse=sparse
    )


class _Storage:
    """Keeps the weights of a network as its settings say."""

    def __init__(self, settings: Settings, precision: Precision, network: Network) -> None:
        first = precision.arithmetic(0, PASSES[0])
        hybrid = isinstance(first, BlockFormat) and first.name.startswith("hbfp")
        self.network = network
        self.format: BlockFormat | None = None
        if settings.storage == "wide" or (settings.storage == "auto" and hybrid):
            base = first if isinstance(first, BlockFormat) else BLOCK_FORMATS["hbfp8"]
            wide = {"name": f"{base.name} wide", "mantissa_bits": 16, "sign_inside": True}
            self.format = dataclasses.replace(base, **wide)
            self.random = compiled().Random(lfsr.jump(settings.seed, STORAGE_STREAM))

    def keep(self) -> None:
        """Round the weights to what is stored."""
        if self.format is None:
            return
        for product in self.network.products:
            weight = product.parameters.get("weight")
            if weight is None:
                continue
            blocks: Blocks = compiled().quantize(
                weight.reshape(len(weight), -1), self.format, random=self.random
            )
            weight[:] = dequantize(blocks).reshape(weight.shape)
