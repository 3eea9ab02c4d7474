"""A network of dense layers with rectifiers between them, its training and its file."""

import dataclasses
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from .data import Data, package

__all__ = ["Network", "load_weights", "train"]

Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Layers ``x @ weight + bias``, a rectifier after all but the last.

    Parameters
    ----------
    weights : list of float32 arrays, (inputs, outputs)
        One a layer; the outputs of one are the inputs of the next.
    biases : list of float32 arrays, (outputs,)
        One a layer.
    """

    weights: list[Floats]
    biases: list[Floats]

    def forward(self, x: Floats) -> list[Floats]:
        """Return the input of each layer, and last the outputs of the network, one row a sample."""
        values = [x]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            if len(values) > 1:
                values[-1] = np.maximum(values[-1], 0)
            values.append(values[-1] @ weight + bias)
        return values

    def accuracy(self, x: Floats, labels: npt.NDArray[np.int64]) -> float:
        """Return the share of rows whose largest output is their label's."""
        return float((self.forward(x)[-1].argmax(1) == labels).mean())

    def save(self, path: Path) -> None:
        """Write ``weight0``, ``bias0``, ``weight1``, … to an .npz file."""
        arrays = {f"weight{i}": w for i, w in enumerate(self.weights)}
        arrays |= {f"bias{i}": b for i, b in enumerate(self.biases)}
        beside = path.with_name(f".{path.name}.{os.getpid()}.npz")
        try:
            np.savez(beside, allow_pickle=False, **arrays)
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise UserError(f"cannot write {path}: {error.strerror}") from None


def train(
    data: Data,
    *,
    hidden: Sequence[int] = (32,),
    epochs: int = 20,
    batch: int = 64,
    rate: float = 0.03,
    seed: int = 1,
    report: Callable[[int, float], None] = lambda epoch, loss: None,
) -> Network:
    """Return a network trained in binary32 by stochastic gradient descent with momentum 0.9.

    The same arguments give the same weights. ``report`` is called after each epoch with the number
    of epochs done and the mean cross entropy over the epoch.
    """
    # Small products lose by threads, and lose greatly where other work shares the cores.
    with package("threadpoolctl", "threadpoolctl").threadpool_limits(1):
        return _train(data, hidden, epochs, batch, rate, seed, report)


def _train(
    data: Data,
    hidden: Sequence[int],
    epochs: int,
    batch: int,
    rate: float,
    seed: int,
    report: Callable[[int, float], None],
) -> Network:
    """Train as `train` says."""
    rng = np.random.default_rng(seed)
    sizes = [data.train_x.shape[1], *hidden, int(data.train_y.max()) + 1]
    network = Network(
        weights=[
            (rng.standard_normal((m, n)) * np.sqrt(2 / m)).astype(np.float32)
            for m, n in zip(sizes[:-1], sizes[1:], strict=True)
        ],
        biases=[np.zeros(n, np.float32) for n in sizes[1:]],
    )
    parameters = [*network.weights, *network.biases]
    momenta = [np.zeros_like(p) for p in parameters]
    for epoch in range(epochs):
        order = rng.permutation(len(data.train_x))
        total = 0.0
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            loss, gradients = _gradients(network, data.train_x[part], data.train_y[part])
            total += loss * len(part)
            for p, momentum, gradient in zip(parameters, momenta, gradients, strict=True):
                momentum *= np.float32(0.9)
                momentum += gradient
                p -= np.float32(rate * (1 - epoch / epochs)) * momentum
        report(epoch + 1, total / len(order))
    return network


def _gradients(
    network: Network, x: Floats, labels: npt.NDArray[np.int64]
) -> tuple[float, list[Floats]]:
    """Return the mean cross entropy of a batch and its gradients, of weights and then of biases."""
    *inputs, outputs = network.forward(x)
    exponentials = np.exp(outputs - outputs.max(1, keepdims=True))
    shares = exponentials / exponentials.sum(1, keepdims=True)
    rows = np.arange(len(x))
    loss = float(-np.log(np.maximum(shares[rows, labels], np.float32(1e-30))).mean())
    shares[rows, labels] -= 1
    gradient = shares / np.float32(len(x))
    weights, biases = [], []
    for weight, source in zip(network.weights[::-1], inputs[::-1], strict=True):
        weights.insert(0, source.T @ gradient)
        biases.insert(0, gradient.sum(0))
        gradient = (gradient @ weight.T) * (source > 0)
    return loss, [*weights, *biases]


def load_weights(path: str | Path) -> Network:
    """Read a file that `Network.save` wrote.

    Raises `UserError` for a file that is not one, arrays that are missing or do not fit each other,
    and values that are not finite.
    """
    wrong = UserError(f"{path} must be an .npz file of arrays weight0, bias0, …")
    try:
        with open(path, "rb") as handle:
            file = np.load(handle, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise wrong
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise wrong from None
    layers = len(arrays) // 2
    names = [f"weight{i}" for i in range(layers)] + [f"bias{i}" for i in range(layers)]
    if not layers or set(arrays) != set(names):
        found = ", ".join(sorted(arrays)) or "nothing"
        raise UserError(f"{path} must hold weight0, bias0, weight1, …, not {found}")
    network = Network(
        weights=[_check(path, f"weight{i}", arrays[f"weight{i}"], 2) for i in range(layers)],
        biases=[_check(path, f"bias{i}", arrays[f"bias{i}"], 1) for i in range(layers)],
    )
    inputs = network.weights[0].shape[0]
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        if weight.shape[0] != inputs or weight.shape[1:] != bias.shape:
            raise UserError(
                f"{path}: weight{i} and bias{i} must be ({inputs}, n) and (n,), "
                f"not {weight.shape} and {bias.shape}"
            )
        inputs = weight.shape[1]
    return network


def _check(path: str | Path, name: str, array: np.ndarray, axes: int) -> Floats:
    """Check one array of a file."""
    if array.dtype != np.float32 or array.ndim != axes or not array.size:
        raise UserError(
            f"{path}: {name} must be float32 with {axes} axes, "
            f"not {array.dtype} of shape {array.shape}"
        )
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise UserError(f"{path}: {name}[{place}] must be finite, not {array[tuple(bad[0])]}")
    return array
