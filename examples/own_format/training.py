"""Trains in the format of an array's configuration, by the model and through the array's RTL.

``python -m examples.own_format.training FILE.toml`` prints what comes of it.
"""

import sys
from functools import partial
from typing import Any

from sim.bfp import array as circuit
from sw.bfp.array import ArrayParameters, matmul
from sw.train.data import load
from sw.train.loop import Run, train
from sw.train.precision import Fixed
from sw.train.settings import Settings

__all__ = ["compare"]


def compare(p: ArrayParameters, *, epochs: int = 5, steps: int = 4) -> str:
    """Return how well it trains in the format, and whether it does so through the RTL."""
    data, settings, form = load("digits"), Settings(epochs=epochs), p.format

    def in_format(**options: Any) -> Run:
        return train(data, settings, precision=Fixed(form.name, {"": form}), **options)

    right, best = (run.epochs[-1].accuracy for run in (in_format(), train(data, settings)))
    bits = form.element_bits + form.exponent_bits / form.block_elements

    # Both add up in the order of the array, which adds several sums of blocks at a time.
    by_model, by_rtl = (
        in_format(engine=partial(multiply, p), steps=steps).network.arrays
        for multiply in (matmul, circuit.matmul)
    )
    differ = sum(int((by_rtl[name] != values).sum()) for name, values in by_model.items())
    return (
        f"{form.name}, {bits:.2f} bits a number: {right:.1%} of the digits are right after "
        f"{epochs} epochs, {best:.1%} in binary32\n"
        f"{steps} steps through the RTL: {differ} weights differ from the model's"
    )


if __name__ == "__main__":
    print(compare(ArrayParameters.make(config=sys.argv[1])))
