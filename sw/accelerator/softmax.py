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
    each = {"inner": words, "outer": classes}
    down = {"inner": classes, "outer": words}
    once = {"inner": words}

    yield vector("highest outputs", "copy", row.along, z.across, reduce="max", **down)
    yield vector("less the highest", "sub", z.along, z.along, row.again(classes), **each)
    yield vector("exponentials", "function", e.along, z.along, function="exp", **each)
    yield vector("their sums", "copy", total.along, e.across, reduce="sum", **down)
    yield vector("inverse sums", "function", row.along, total.along, function="recip", **once)
    yield vector("shares", "mul", e.along, e.along, row.again(classes), **each)
    yield vector("less the labels", "sub", dz.along, e.along, labels.along, **each)
    yield vector("gradient of outputs", "scale", dz.along, dz.along, scalar=share, **each)
    yield vector(
        "outputs of labels", "mul", row.along, z.across, labels.across, reduce="sum", **down
    )
    yield vector("log of sums", "function", total.along, total.along, function="log", **once)
    yield vector("losses", "sub", total.along, total.along, row.along, **once)
    yield vector(
        "mean loss", "scale", loss, total.along, scalar=share, reduce="sum", fold=True, **once
    )
