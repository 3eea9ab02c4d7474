"""Cross entropy of softmax outputs as operations, with its gradient."""

import functools
from collections.abc import Iterator

from .operations import Matrix, Operation, Window, vector

__all__ = ["cross_entropy"]


def cross_entropy(z: Matrix, dz: Matrix, labels: Matrix, loss: Window) -> Iterator[Operation]:
    """Give what makes the mean loss of outputs and their gradient, both over all samples.

    Parameters
    ----------
    z, dz : Matrix
        The outputs, (classes, samples), which are overwritten, and room for their gradient.
    labels : Matrix
        One at the label of each sample, else zero, (classes, samples).
    loss : Window
        Where the loss is put.
    """
    classes, words, values = z.rows, z.words, z.values
    make = functools.partial(Matrix.make, rows=1, columns=z.stride, values=values)
    # The highest outputs, then inverse sums, then the outputs of labels; and sums, then losses.
    row, total = make("row"), make("total")
    e = Matrix.make("shares", classes, z.stride, values)
    share = 1 / z.stride
    each, down, once = (classes, words), (words, classes), (1, words)

    yield vector("highest outputs", "copy", row.along, z.across, reduce="max", shape=down)
    yield vector("less the highest", "sub", z.along, z.along, row.again(classes), shape=each)
    yield vector("exponentials", "function", e.along, z.along, function="exp", shape=each)
    yield vector("their sums", "copy", total.along, e.across, reduce="sum", shape=down)
    yield vector("inverse sums", "function", row.along, total.along, function="recip", shape=once)
    yield vector("shares", "mul", e.along, e.along, row.again(classes), shape=each)
    yield vector("less the labels", "sub", dz.along, e.along, labels.along, shape=each)
    yield vector("gradient of outputs", "scale", dz.along, dz.along, scalar=share, shape=each)
    yield vector(
        "outputs of labels", "mul", row.along, z.across, labels.across, reduce="sum", shape=down
    )
    yield vector("log of sums", "function", total.along, total.along, function="log", shape=once)
    yield vector("losses", "sub", total.along, total.along, row.along, shape=once)
    yield vector(
        "mean loss", "scale", loss, total.along, scalar=share, reduce="sum", fold=True, shape=once
    )
