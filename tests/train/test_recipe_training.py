"""Training under recipes: means of gradients, the engine that is asked, records and storage."""

import json

import numpy as np
import pytest

from sw.core.products import PASSES, Dense
from sw.errors import UserError
from sw.train.arithmetic import Operand, Products
from sw.train.data import load
from sw.train.engine import Engine
from sw.train.loop import train
from sw.train.settings import Settings

from .trained import trained


def test_gradients_are_unbiased():
    """Stochastic ones, of 3/4 and under headroom: their means are the exact products'."""
    layer = Dense(name="dense", inputs=24, outputs=16)
    rng = np.random.default_rng(3)
    values = {n: rng.standard_normal(s).astype(np.float32) for n, s in layer.shapes(16).items()}
    exact = values["y"].T @ values["x"]
    runs = 256
    for name in ("mxfp4", "tetrajet:source=tensor"):
        products, results = Products(seed=1), []
        for products.step in range(runs):
            operands = {n: Operand(v) for n, v in values.items()}
            results.append(products.run(layer, "weight", 16, operands, name))
        error = np.mean(results, 0) - exact
        deviation = np.std(results, 0, ddof=1) / runs**0.5
        # Each of 384 means within five standard errors, and all together within four.
        assert (np.abs(error) < 5 * deviation).all(), name
        assert abs((error / deviation).mean()) < 4 / error.size**0.5, name


def test_an_engine_is_asked_for_all_three():
    """For operands, transforms and products; what it gives back is what is trained with."""
    asked: list[str] = []

    class Counting(Engine):
        def quantize(self, x, format, random):
            asked.append(f"quantize {format.shape.text}")
            return super().quantize(x, format, random)

        def transform(self, x, tile, signs):
            asked.append(f"transform {tile} {signs:x}")
            return super().transform(x, tile, signs)

        def multiply(self, a, b, model=None):
            asked.append("multiply")
            return super().multiply(a, b, model)

    data = load("digits")
    settings = Settings(arithmetic="nvfp4", hidden=(18,), epochs=1)
    one, other = (
        train(data, settings, engine=engine, steps=2).network.arrays
        for engine in (Counting(), None)
    )
    assert all(np.array_equal(one[name], other[name]) for name in one)
    turned = ["transform 16 d7e8", "quantize 16"] * 2 + ["multiply"]
    forward = ["quantize 16", "quantize 16x16", "multiply"]
    # The weights' tiles serve the gradient of the input; layer 0 has none.
    step = [*forward * 2, *turned, "quantize 16", "multiply", *turned]
    # Evaluations are the model's.
    assert asked == step * 2
    with pytest.raises(UserError, match="engine must be a function or an Engine, not 3"):
        Products(seed=1, engine=3)  # pyright: ignore[reportArgumentType]


def test_the_record_names_the_recipe_and_its_operands(tmp_path):
    path = tmp_path / "x.npz"
    text = "mxfp4:y.rounding=nearest_even,last=binary32"
    out, record = trained(path, "--epochs", "1", "--arith", text)
    assert record["settings"]["arithmetic"] == text
    first, last = record["layers"]
    assert first["forward"] == {"recipe": text.partition(",")[0], "format": "bfloat16"}
    assert first["input"] is None
    assert first["weight"]["recipe"] == text.partition(",")[0]
    x, y = first["weight"]["x"], first["weight"]["y"]
    assert (x["hadamard"], x["signs"], x["factor"], x["source"]) == (32, "drawn", 0.75, "tensor")
    assert (x["format"]["rounding"], y["format"]["rounding"]) == ("stochastic", "nearest_even")
    assert x["format"]["scale"] == {"rule": "below"}
    assert last == dict.fromkeys((*PASSES, "storage"), "binary32")
    assert first["storage"] == "binary32"
    assert json.dumps(record)


def test_storage():
    with pytest.raises(UserError) as error:
        train(load("digits"), Settings(arithmetic="nvfp4", storage="wide"), steps=0)
    assert str(error.value) == (
        "storage wide needs a layer whose forward pass is in block floating point; nvfp4 has none"
    )


def test_a_recipe_of_attention_alone_has_no_effect():
    data, texts = load("digits"), ("bfloat16,5=nvfp4", "nvfp4,5.weight=mxfp4")
    for text, place in zip(texts, ("5", "5.weight"), strict=True):
        with pytest.raises(UserError) as error:
            train(data, Settings(model="transformer", arithmetic=text), steps=0)
        assert str(error.value) == (
            f"arithmetic of {place} in {text!r} has no effect: recipes leave products of two "
            "activations in bfloat16"
        )
    train(data, Settings(model="transformer", arithmetic="nvfp4,5=nvfp4_plain"), steps=1)
