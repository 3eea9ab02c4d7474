"""Training by stochastic gradient descent, every product in the arithmetic chosen for it."""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..checks import array, instance, whole
from ..errors import DivergedError, UserError
from ..formats import BfpFormat
from ..sparse.tracking import Choice
from ..stochastic.gradient import Engine as UpdateEngine
from .arithmetic import Operand, Products
from .data import Data, package
from .engine import Engine, Multiply
from .layers import Product, Weighted
from .loss import cross_entropy
from .network import MODELS, Network
from .precision import Precision
from .settings import Settings
from .sparse import Sparse
from .sparse import read as read_sparse
from .spec import read
from .storage import Storage
from .update import Update
from .update import read as read_update
from .verdict import diverged

__all__ = ["Epoch", "Run", "accuracy", "train"]


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
    """A training that is done.

    ``sparse`` is what tracked the weights, if not all were trained; ``storage`` the format in which
    the weights of each product are stored between steps, None for binary32; ``repeated`` a word on
    random bits of the update that repeated, if any did.
    """

    data: Data
    settings: Settings
    network: Network
    precision: Precision
    epochs: list[Epoch]
    steps: int
    storage: list[BfpFormat | None]
    sparse: Sparse | None = None
    repeated: str = ""


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
            result = self.products.run(
                layer.layer, which, batch, operands, arithmetic, layer.number
            )
        if which != "forward":
            self.precision.observe(layer.number, which, operands["w"].tensor, result)
        return result


def accuracy(
    network: Network,
    precision: Precision,
    x: Floats,
    labels: npt.NDArray[np.int64],
    *,
    seed: int = 1,
    number: int = 0,
) -> float:
    """Return the share of rows whose largest output is their label's, in the present arithmetic.

    ``x`` is (n, pixels) of binary32, as `Data` has it. ``seed``, as of `Settings`, and ``number``,
    0..10000, are of stochastic rounding; of one seed, evaluations of the same rows with different
    numbers have no random word in common. `DivergedError` if an output is not finite.
    """
    array("x", x, "float32", shape=("images", "pixels"))
    array("labels", labels, "integer", shape=(len(x),), low=0)
    whole("seed", seed, 1, 2**32 - 1)
    whole("number", number, 0, 10_000)
    if not len(x):
        raise UserError("x must have an image or more")
    products = Products(seed=seed, evaluation=True)
    step = _Step(precision, products, training=False)
    right, starts = 0, range(0, len(x), 500)
    for products.step, start in enumerate(starts, number * len(starts)):
        part = slice(start, start + 500)
        with np.errstate(all="ignore"):
            outputs = network.forward(x[part], step)
        if not np.isfinite(outputs).all():
            raise DivergedError("diverged: outputs of the network are not finite numbers")
        array("labels", labels, "integer", high=outputs.shape[1] - 1)
        right += int((outputs.argmax(1) == labels[part]).sum())
    return right / len(x)


def train(
    data: Data,
    settings: Settings | None = None,
    *,
    precision: Precision | None = None,
    engine: Engine | Multiply | None = None,
    update_engine: UpdateEngine | None = None,
    choose: Choice | None = None,
    steps: int | None = None,
    report: Callable[[Epoch, str], None] = lambda epoch, note: None,
) -> Run:
    """Train a network; the same arguments give the same weights and losses, on any processor.

    Products in binary32 and bfloat16 are added in a fixed order (`sw.train.fast`), those of blocks
    are exact before they are rounded, and all else is made of basic operations, each rounded once.
    First weights, the order of images and that of sums are NumPy's, whose version counts.

    Raises `DivergedError` where the loss or a weight is no finite number any more, and `StuckError`
    where nothing can be learnt.

    Parameters
    ----------
    data : Data
        Images and labels.
    settings : Settings
        How.
    precision : Precision or None
        Chooses arithmetics in the place of ``settings.arithmetic``: `sw.train.precision.Fixed`, for
        instance, takes a `BlockFormat` for each pass of each layer. Then ``settings`` names none.
    engine : Engine, callable or None
        Computes products of blocks, such as a circuit; an `Engine` makes their operands too. None
        is the models.
    update_engine : callable or None
        That of `sw.train.update.Essop`, where ``settings.update`` names it.
    choose : callable or None
        That of `sw.train.sparse.Sparse`, where ``settings.sparse`` names it.
    steps : int or None
        Steps after which to stop in any case; 0 gives the first weights.
    report : callable
        Called after each epoch with it and a word on the arithmetic.
    """
    settings = Settings() if settings is None else settings
    _check(data, settings, precision, update_engine, choose, steps)
    # Small products lose by threads, and lose greatly where other work shares the cores.
    with package("threadpoolctl", "threadpoolctl").threadpool_limits(1), np.errstate(all="ignore"):
        update = read_update(settings.update, seed=settings.seed, engine=update_engine)
        sparse = read_sparse(settings.sparse, seed=settings.seed, choose=choose)
        return _train(data, settings, precision, engine, update, sparse, steps, report)


def _check(
    data: Data,
    settings: Settings,
    precision: Precision | None,
    update_engine: UpdateEngine | None,
    choose: Choice | None,
    steps: int | None,
) -> None:
    """Check what `train` takes."""
    instance("data", data, Data)
    instance("settings", settings, Settings)
    if steps is not None:
        whole("steps", steps, 0, 10**9)
    if precision is not None and settings.arithmetic != Settings.arithmetic:
        raise UserError(
            f"arithmetic must not be given beside precision, and is {settings.arithmetic!r}"
        )
    if update_engine is not None and not settings.update.startswith("essop"):
        raise UserError(f"update must be essop for update_engine, not {settings.update}")
    if choose is not None and settings.sparse == Settings.sparse:
        raise UserError(f"sparse must name a training for choose, not {settings.sparse}")


def _train(
    data: Data,
    settings: Settings,
    precision: Precision | None,
    engine: Engine | Multiply | None,
    update: Update | None,
    sparse: Sparse | None,
    steps: int | None,
    report: Callable[[Epoch, str], None],
) -> Run:
    """Train as `train` says."""
    s = settings
    assert s.epochs is not None and s.rate is not None and s.momentum is not None
    rng = np.random.default_rng(s.seed)
    hidden = {} if s.hidden is None else {"hidden": s.hidden}
    network = MODELS[s.model](data.train_x.shape[1], data.classes, rng, **hidden)
    network.check(data.sample)
    layers = len(network.products)
    precision = precision or read(s.arithmetic, layers=layers, epochs=s.epochs)
    precision.check(layers)
    precision.places.check_recipes(set(range(layers)) - set(network.weighted))
    if update:
        precision.places.check(layers, updated=network.weighted)
    products = Products(seed=s.seed, engine=engine)
    step = _Step(precision, products, training=True, update=update)
    store = Storage(s, precision, network)
    store.round(0)
    if sparse:
        sparse.start(network)
    momenta = [{n: np.zeros_like(p) for n, p in part.parameters.items()} for part in network.parts]
    done, epochs = 0, []
    for epoch in range(s.epochs):
        if done == steps:
            break
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
            products.step = done
            outputs = network.forward(data.train_x[part], step)
            loss, gradient = cross_entropy(outputs, data.train_y[part])
            where = f"epoch {epoch + 1}, step {done - first + 1}"
            if not np.isfinite(loss):
                raise diverged(where, "the loss", s)
            network.backward(gradient, step)
            for layer, own in zip(network.parts, momenta, strict=True):
                for name, momentum in own.items():
                    momentum *= np.float32(s.momentum)
                    momentum += layer.gradients[name]
                    layer.parameters[name] -= rate * momentum
            # Weights that are not tracked are computed, not stored: nothing rounds them.
            store.round(done + 1)
            if sparse:
                sparse.step(momenta)
            for name, values in network.arrays.items():
                if not np.isfinite(values).all():
                    raise diverged(where, name, s)
            total += loss * len(part)
            seen += len(part)
            done += 1
            precision.step()
        if sparse and seen == len(order):
            sparse.end_epoch(epoch + 1, done - first)
        note = precision.now()
        right = accuracy(network, precision, data.test_x, data.test_y, seed=s.seed, number=epoch)
        density = tuple(np.mean(sparse.densities[first:], 0).tolist()) if sparse and seen else ()
        end = Epoch(epoch=epoch + 1, loss=total / max(seen, 1), accuracy=right, density=density)
        epochs.append(end)
        report(end, note)
    return Run(
        data=data,
        settings=s,
        network=network,
        storage=store.formats,
        precision=precision,
        epochs=epochs,
        steps=done,
        sparse=sparse,
        repeated=update.repeated if update else "",
    )
