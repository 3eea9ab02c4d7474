"""Where weights are kept between steps, and that a record says so truly."""

import dataclasses
import datetime
import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sw.approx.table import make
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS, BfpFormat
from sw.formats.quantize import dequantize, quantize
from sw.train.arithmetic import STORED
from sw.train.data import load
from sw.train.loop import Run, train
from sw.train.moded import Boosted
from sw.train.precision import Fixed
from sw.train.results import write
from sw.train.settings import Settings
from sw.train.storage import Storage, stored
from sw.words import Words, stream_key

HBFP6 = BLOCK_FORMATS["hbfp6"]
MINE = dataclasses.replace(HBFP6, name="mine")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def weights(run: Run) -> list[np.ndarray]:
    return list(run.network.arrays.values())


def on_grid(weight: np.ndarray) -> bool:
    """Whether values have 15 bits below the power of two above the largest of 64."""
    scaled = weight.astype(np.float64)
    scaled = scaled / 2.0 ** (np.ceil(np.log2(np.abs(scaled).max(1, keepdims=True))) - 15)
    return bool((2 * scaled == np.round(2 * scaled)).all())


def test_a_format_of_another_name_is_the_same(digits):
    named, mine = (
        train(digits, Settings(epochs=1), precision=Fixed("p", {"": format}), steps=5)
        for format in (HBFP6, MINE)
    )
    assert all(np.array_equal(a, b) for a, b in zip(weights(named), weights(mine), strict=True))
    wide = {"mantissa_bits": 16, "sign_inside": True}
    assert [f and dataclasses.replace(f, name="x") for f in mine.storage] == [
        dataclasses.replace(HBFP6, name="x", **wide)
    ] * 2
    plain = train(digits, Settings(arithmetic="hbfp6", epochs=1), steps=5)
    assert all(np.array_equal(a, b) for a, b in zip(weights(named), weights(plain), strict=True))


@pytest.mark.parametrize(
    ("arithmetic", "wide"),
    [
        ("hbfp6,0=binary32", [False, True]),
        ("binary32,0=hbfp6", [True, False]),
        ("hbfp6,1=fb24", [True, False]),
        ("binary32,weight=hbfp6", [False, False]),
        ("binary32,forward=hbfp6", [True, True]),
        ("boosters", [True, True]),
        ("flexblock", [False, False]),
        ("mbm7", [False, False]),
    ],
)
def test_storage_is_decided_layer_by_layer(digits, arithmetic, wide):
    run = train(digits, Settings(arithmetic=arithmetic), steps=1)
    assert [format is not None for format in run.storage] == wide
    layers = [layer.parameters["weight"] for layer in run.network.products]
    assert [on_grid(weight) for weight in layers] == wide


def test_stored():
    """Names decide nothing; a long mantissa is not cut."""
    assert stored("auto", "binary32") is stored("wide", "bfloat16") is None
    assert stored("binary32", HBFP6) is None and stored("auto", BLOCK_FORMATS["fb12"]) is None
    floor = dataclasses.replace(HBFP6, name="hbfp6", exponent_rule="floor")
    assert stored("auto", floor) is None
    for base, bits in ((MINE, 16), (dataclasses.replace(MINE, mantissa_bits=20), 20)):
        found = stored("auto", base)
        assert found == dataclasses.replace(base, name="mine wide", mantissa_bits=bits)
    found = stored("wide", BLOCK_FORMATS["fb24"])
    assert found is not None and (found.mantissa_bits, found.sign_inside) == (17, True)


@pytest.mark.parametrize("step", [0, 1, 7])
def test_weights_are_rounded_by_words_of_seed_step_and_layer(digits, step):
    run = train(digits, Settings(arithmetic="hbfp6", seed=5), steps=0)
    weight = run.network.products[1].parameters["weight"]
    weight[:] = np.random.default_rng(1).standard_normal(weight.shape)
    format = run.storage[1]
    assert format is not None
    key = stream_key(5, step=step, layer=1, use=STORED)
    expected = dequantize(quantize(weight, format, axis=1, random=Words(key=key)))
    Storage(run.settings, run.precision, run.network).round(step)
    assert np.array_equal(weight, expected)


def test_wide_storage_of_some_layers(digits):
    run = train(digits, Settings(arithmetic="fb12,0=binary32", storage="wide"), steps=1)
    assert [format and format.mantissa_bits for format in run.storage] == [None, 16]


@pytest.mark.parametrize("arithmetic", ["binary32", "bfloat16", "mbm7", "binary32,weight=hbfp6"])
def test_wide_storage_of_nothing_in_blocks(digits, arithmetic):
    with pytest.raises(UserError, match="^storage wide needs a layer whose forward pass is in blo"):
        train(digits, Settings(arithmetic=arithmetic, storage="wide"))


def course(run: Run, folder: Path) -> dict[str, Any]:
    write(run, folder / "w.npz")
    return json.loads((folder / "w.json").read_text())


def test_the_record_of_a_precision_of_ones_own(digits, tmp_path):
    """It said binary32."""
    two = BfpFormat(name="hbfp6", mantissa_bits=2)
    table = make("mbm", 2)
    precision = Fixed("two bits", {"": two, "1": "fb12", "1.weight": table, "1.input": "mbm5"})
    run = train(digits, Settings(), precision=precision, steps=1)
    found = course(run, tmp_path)
    assert found["settings"]["arithmetic"] == "two bits" and found["precision"] == "Fixed"
    first, second = found["layers"]
    assert first["forward"] == first["weight"] == json.loads(json.dumps(dataclasses.asdict(two)))
    assert first["forward"]["mantissa_bits"] == 2 and first["storage"] == "binary32"
    # The gradient of the input of layer 0 is never computed.
    assert first["input"] is None
    assert second["forward"] == "fb12"
    assert second["input"] == {"multiplier": "mbm", "bits": 5}
    entries = hashlib.sha256(table.entries.tobytes()).hexdigest()[:16]
    assert second["weight"] == {"table": table.name, "bits": 2, "entries": entries}


def test_the_record_says_what_ran(digits, tmp_path):
    before = datetime.datetime.now(datetime.UTC)
    run = train(digits, Settings(arithmetic="hbfp6,0=binary32", epochs=2, rate=np.float64(0.5)))
    found = course(run, tmp_path)
    assert found["data"] == {
        "name": "digits",
        "source": f"scikit-learn {version('scikit-learn')}",
        "digest": digits.digest,
        "train": 1438,
        "test": 359,
        "sample": [64],
    }
    assert found["versions"]["numpy"] == np.__version__ and found["steps"] == 46
    after = datetime.datetime.fromisoformat(found["date"])
    assert abs((after - before).total_seconds()) < 60
    assert found["settings"]["arithmetic"] == "hbfp6,0=binary32"
    assert found["settings"]["rate"] == 0.5
    stores = [layer["storage"] for layer in found["layers"]]
    assert stores[0] == "binary32" and stores[1]["mantissa_bits"] == 16
    assert [layer["input"] for layer in found["layers"]] == [None, "hbfp6"]


def test_the_record_of_modes_that_change(digits, tmp_path):
    """Layers are as they ended."""
    run = train(digits, Settings(arithmetic="boosters:1", epochs=2, hidden=(8, 8, 8)))
    assert isinstance(run.precision, Boosted)
    found = course(run, tmp_path)
    assert [layer["forward"]["mantissa_bits"] for layer in found["layers"]] == [6] * 4
    assert np.array(found["modes"])[0, 1].tolist() == [0, 0, 0]


def test_the_record_of_no_steps(digits, tmp_path):
    """An epoch that did not begin has no loss of 0."""
    assert course(train(digits, Settings(), steps=0), tmp_path)["epochs"] == []
    with pytest.raises(UserError, match="^steps must be"):
        train(digits, Settings(), steps=-3)
