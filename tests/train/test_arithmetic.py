"""Products of layers in each arithmetic against the plain models."""

import itertools

import numpy as np
import pytest

from sw.approx.product import Datapath
from sw.approx.product import gemm as plain_gemm
from sw.bfp.array import gemm
from sw.core.convolution import Convolution
from sw.core.products import OPERANDS, PASSES, Attention, Dense, execute
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS, BfpFormat
from sw.formats.quantize import quantize
from sw.train.arithmetic import ARITHMETICS, STORED, USES, Operand, Products, compiled, read
from sw.words import Words
from tests import words_reference

DENSE = Dense(name="dense", inputs=70, outputs=11)
CONVOLUTION = Convolution(name="c", channels=3, filters=4, size=7, kernel=3, stride=2, padding=1)
ATTENTION = Attention(name="attention", heads=2, rows=5, columns=6, depth=7)


def tensors(layer, batch: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    shapes = layer.shapes(batch)
    return {n: rng.standard_normal(shape).astype(np.float32) for n, shape in shapes.items()}


def test_binary32_is_the_definition():
    # Sums of small integers are exact in any order.
    values = {n: np.rint(4 * v).astype(np.float32) for n, v in tensors(DENSE, 5).items()}
    operands = {name: Operand(value) for name, value in values.items()}
    x, w, y = (values[key] for key in "xwy")
    for which, expected in (("forward", x @ w.T), ("input", y @ w), ("weight", y.T @ x)):
        got = Products(seed=1).run(DENSE, which, 5, operands, "binary32")
        assert np.array_equal(got, expected)


def test_formats_of_one_name_are_not_confused():
    narrow, wide = (BfpFormat(mantissa_bits=bits, block=(8, 8)) for bits in (4, 12))
    operands = {name: Operand(value) for name, value in tensors(DENSE, 5).items()}
    products = Products(seed=1)
    products.run(DENSE, "forward", 5, operands, narrow)
    got = products.run(DENSE, "input", 5, operands, wide)
    fresh = {name: Operand(operand.tensor) for name, operand in operands.items()}
    assert np.array_equal(got, products.run(DENSE, "input", 5, fresh, wide))


@pytest.mark.parametrize("name", ["fb12", "mxint8", "hbfp6"])
def test_blocks_are_those_of_the_plain_model(name):
    """Each operand has the words of its step, layer, and place in the pass."""
    format = BLOCK_FORMATS[name]
    values = tensors(DENSE, 5)
    operands = {key: Operand(value) for key, value in values.items()}
    x, w, y = (values[key] for key in "xwy")
    products = Products(seed=9)
    products.step = 12
    pairs = {"forward": (x, w), "input": (y, w.T), "weight": (y.T, x.T)}
    for place, (which, pair) in enumerate(pairs.items()):
        blocks = []
        for side, matrix in enumerate(pair):
            words = Words(key=words_reference.key(9, 12, 3, 2 * place + side))
            blocks.append(quantize(np.ascontiguousarray(matrix), format, axis=1, random=words))
        expected = gemm(blocks[0], blocks[1].transposed)
        got = products.run(DENSE, which, 5, operands, name, number=3)
        assert np.array_equal(got, expected)


def test_uses_of_random_words():
    """What must never change."""
    assert USES == {
        ("forward", 0): 0,
        ("forward", 1): 1,
        ("input", 0): 2,
        ("input", 1): 3,
        ("weight", 0): 4,
        ("weight", 1): 5,
    }
    assert STORED == 6


DEPTHWISE = Convolution(
    name="depthwise", channels=3, filters=3, size=6, kernel=3, padding=1, depthwise=True
)
LAYERS = [DENSE, CONVOLUTION, ATTENTION, DEPTHWISE]


@pytest.mark.parametrize("name", ["hbfp4", "hbfp6_8x8"])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_results_do_not_depend_on_the_order_of_products(layer, name):
    """Nor on which passes are computed at all, nor on what was computed before."""
    values = tensors(layer, 4)

    def results(order, products):
        operands = {key: Operand(value) for key, value in values.items()}
        return {which: products.run(layer, which, 4, operands, name, number=2) for which in order}

    expected = results(PASSES, Products(seed=1))
    for order in (*itertools.permutations(PASSES), PASSES[1:2], PASSES[2:]):
        products = Products(seed=1)
        products.run(DENSE, "forward", 5, {k: Operand(v) for k, v in DENSE_VALUES.items()}, name)
        for which, got in results(order, products).items():
            assert np.array_equal(got, expected[which]), (order, which)


DENSE_VALUES = tensors(DENSE, 5)


@pytest.mark.parametrize("name", ["hbfp4", "hbfp6_8x8"])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_no_operand_has_the_words_of_another(layer, name, monkeypatch):
    """Of all passes of two layers in two steps, in training and in evaluation."""
    fast = compiled("formats")
    drawn = []

    def quantize(x, format, *, random):
        side = format.reduction
        down = side if len(format.block) == 2 else 1
        count = -(-x.shape[0] // down) * -(-x.shape[1] // side) * format.block_elements
        drawn.append((random.key, random.first, random.first + count))
        return quantize_plainly(x, format, random=random)

    quantize_plainly = fast.quantize
    monkeypatch.setattr(fast, "quantize", quantize)
    values = tensors(layer, 4)
    for evaluation in (False, True):
        products = Products(seed=1, evaluation=evaluation)
        for products.step, number in itertools.product((0, 1), (0, 1)):
            operands = {key: Operand(value) for key, value in values.items()}
            for which in PASSES:
                products.run(layer, which, 4, operands, name, number=number)
    assert len(drawn) >= 2 * 2 * 2 * 3
    drawn.sort()
    for (key, _, end), (other, first, _) in itertools.pairwise(drawn):
        assert key != other or end <= first


@pytest.mark.parametrize("field", [{"seed": 2}, {"step": 1}, {"number": 1}, {"evaluation": True}])
def test_each_part_of_the_place_counts(field):
    def run(*, seed=1, step=0, number=0, evaluation=False):
        products = Products(seed=seed, evaluation=evaluation)
        products.step = step
        operands = {key: Operand(value) for key, value in DENSE_VALUES.items()}
        return products.run(DENSE, "forward", 5, operands, "hbfp4", number=number)

    assert np.array_equal(run(), run())
    assert not np.array_equal(run(), run(**field))


@pytest.mark.parametrize("layer", [DENSE, CONVOLUTION], ids=["dense", "convolution"])
def test_square_blocks_are_made_once(layer):
    operands = {name: Operand(value) for name, value in tensors(layer, 5).items()}
    products = Products(seed=3)
    for which in PASSES:
        products.run(layer, which, 5, operands, "hbfp6_8x8")
    assert [len(operand.made) for operand in operands.values()] == [1, 1, 1]
    ((x, _),), ((w, _),), ((y, _),) = (operand.made.values() for operand in operands.values())
    other = Products(seed=3)
    again = {name: Operand(operand.tensor, operand.made) for name, operand in operands.items()}
    got = other.run(layer, "weight", 5, again, "hbfp6_8x8")
    assert np.array_equal(got.reshape(len(got), -1), gemm(y.transposed, x))
    assert w.axis is None


def test_an_engine_computes_the_products():
    seen = []

    def engine(a, b):
        seen.append((a.shape, b.shape, a.axis, b.axis))
        return gemm(a, b)

    operands = {name: Operand(value) for name, value in tensors(DENSE, 5).items()}
    for which in PASSES:
        got = Products(seed=2, engine=engine).run(DENSE, which, 5, operands, "fb16")
        assert np.array_equal(got, Products(seed=2).run(DENSE, which, 5, operands, "fb16"))
    assert seen == [
        ((5, 70), (70, 11), 1, 0),
        ((5, 11), (11, 70), 1, 0),
        ((11, 5), (5, 70), 1, 0),
    ]


def test_bfloat16():
    operands = {name: Operand(value) for name, value in tensors(DENSE, 5).items()}
    got = Products(seed=1).run(DENSE, "forward", 5, operands, "bfloat16")
    exact = Products(seed=1).run(DENSE, "forward", 5, operands, "binary32")
    error = np.abs(got - exact).max() / np.abs(exact).max()
    assert 2**-12 < error < 2**-6


def test_errors():
    assert read("fb12") is BLOCK_FORMATS["fb12"]
    assert "bfloat16" in ARITHMETICS
    with pytest.raises(UserError, match="unknown arithmetic 'bf16'"):
        read("bf16")


@pytest.mark.parametrize("layer", [DENSE, CONVOLUTION, ATTENTION], ids=lambda layer: layer.name)
def test_approximate_products_are_those_of_the_plain_model(layer):
    """The definition of each pass with products by MBM, added in the order of the reduction."""
    fractions = Datapath(name="mbm", bits=5)
    values = tensors(layer, 2)
    operands = {key: Operand(value) for key, value in values.items()}
    for which in PASSES:
        left, right, target = OPERANDS[which]

        def multiply(product, c, left=left, right=right):
            a, b = product.a.gather(values[left], c), product.b.gather(values[right], c)
            return plain_gemm(fractions, a, b.T)

        shape = layer.shapes(2)[target]
        expected = execute(layer.shared(which, 2), shape, multiply)
        got = Products(seed=1).run(layer, which, 2, operands, "mbm5")
        assert np.array_equal(got, expected)
        error = got - Products(seed=1).run(layer, which, 2, operands, "binary32")
        assert 0 < np.abs(error).max() < 0.2 * np.abs(expected).max()


def test_an_engine_computes_approximate_products():
    seen = []

    def engine(a, b):
        seen.append((a.shape, b.shape, a.dtype))
        return a @ b

    operands = {name: Operand(value) for name, value in tensors(DENSE, 5).items()}
    Products(seed=1, engine=engine).run(DENSE, "input", 5, operands, "realm8")
    assert seen == [((5, 11), (11, 70), np.float32)]
