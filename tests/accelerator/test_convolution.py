"""LeNet on the accelerator: its program, its definition, and the layers that dense ones lack."""

import numpy as np
import pytest

from sw.accelerator import tensors
from sw.accelerator.compile import compile_training
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.program import Program
from sw.accelerator.start import start
from sw.accelerator.training import train
from sw.errors import UserError
from sw.formats import read_format
from sw.train import layers
from sw.train.data import Data
from sw.train.settings import Settings

from .made import SMALL, made
from .trained import assert_caught, assert_ordered, faulty, few, trained, trained_by_squares

SMALL_LENET = SMALL.replace(bank_words=4096, banks=16)


def lenet(batch: int, **fields: object) -> Settings:
    return Settings(model="lenet", batch=batch, rate=0.05, **fields)  # pyright: ignore[reportArgumentType]


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def test_digits_are_trained_as_by_the_definition():
    data = few(128)
    p = AcceleratorParameters(
        format=read_format("hbfp8:block=16"), banks=16, bank_words=16_384, instructions=2048
    )
    found = trained(p, data, lenet(32, epochs=2))
    assert found.losses.shape == (2, 4) and found.losses[1].mean() < 0.95 * found.losses[0].mean()


@pytest.mark.parametrize(
    ("side", "fields"),
    [
        # Planes of 4 and 2 pixels; of 5 and 2, whose pools leave out a line and a column.
        (4, {}),
        # Words of 32 values, which no channels fill, nor blocks of 64.
        (4, {"format": "hbfp8", "columns": 16, "lanes": 8}),
        (5, {"format": "hbfp4:block=8", "lanes": 8, "rows": 8, "columns": 1}),
        # One of 6 and 3, rows and columns that divide neither filters nor taps.
        (6, {"format": "mxfp6_e2m3", "columns": 8, "lanes": 4}),
    ],
)
def test_any_plane(side, fields):
    found = trained_by_squares("lenet", SMALL_LENET.replace(**fields), side)
    assert (found.momenta["weight0"] != 0).all()


def test_patches():
    x = np.arange(18, dtype=np.float32).reshape(1, 3, 3, 2)
    found = tensors.patches(x, 2, 1).reshape(2, 2, 4, 4, 2)
    # The last tap sees the plane from its first pixel on, the first one all but its last pixels.
    assert np.array_equal(found[1, 1, :3, :3], x[0]) and not found[1, 1, 3].any()
    assert np.array_equal(found[0, 0, 1:, 1:], x[0]) and not found[0, 0, :, 0].any()


def test_terms_are_added_in_the_order_of_the_pixels_that_they_come_from():
    """Kernels of two taps, with a border of one: pixels 0 and 1, and 2 and 3 of a side of three."""
    big, one = np.float32(2.0**24), np.float32(1)
    terms = np.zeros((1, 2, 2, 4, 4, 1), np.float32)
    # Four terms of the pixel in the middle, of taps from the last to the first.
    for order, values, total in (
        ("first", (one, one, big, -big), 2.0),
        ("last", (big, one, one, -big), 0.0),
    ):
        for n, value in enumerate(values):
            down, across = divmod(3 - n, 2)
            terms[0, down, across, 2 - down, 2 - across] = value
        found = tensors.scattered(terms, 3, 1, 1).reshape(3, 3)
        assert found[1, 1] == total, order
        assert np.count_nonzero(found) == (total != 0)


def test_terms_of_a_stride():
    terms = np.arange(1, 37, dtype=np.float32).reshape(1, 3, 3, 2, 2, 1)
    found = tensors.scattered(terms, 4, 1, 2).reshape(4, 4)
    # Pixels of the output lie on 0 and 2; taps one before, on it, and one behind.
    assert found[0].tolist() == [17, 21 + 14, 18, 22]
    assert found[1, 1] == 33 + 26 + 11 + 4 and found[3, 3] == 36
    # The last line and column lie beyond all taps.
    found = tensors.scattered(terms, 5, 1, 2).reshape(5, 5)
    assert not found[4].any() and not found[:, 4].any()


@pytest.mark.parametrize("side", [4, 5])
def test_pools_are_those_of_the_other_training(side):
    """Of few values, so that there are equal ones."""
    x = np.rint(2 * np.abs(random(3, side, side, 4))).astype(np.float32)
    gradient = random(3, 2, 2, 4)
    pool = layers.Pool()
    samples = np.moveaxis(x, -1, 0)
    y = np.moveaxis(pool.forward(samples, None), 0, -1)
    assert np.array_equal(tensors.largest(x), y)
    dx = pool.backward(np.moveaxis(gradient, -1, 0), None)
    assert np.array_equal(tensors.spread(x, gradient), np.moveaxis(dx, 0, -1))


@pytest.fixture(scope="module")
def digits() -> tuple[Program, Data]:
    data = few(16)
    p = AcceleratorParameters(
        format=read_format("hbfp8:block=16"), banks=16, bank_words=2048, instructions=2048
    )
    return compile_training(p, data, lenet(8, epochs=1)), data


FAULTS: dict[str, tuple[str, str, dict[str, int], dict[str, int]]] = {
    # Instruction, part of the comment, fields by which it is known, and what is added to fields.
    "the border": ("quant.bounds", "", {"y": -1}, {"y": 1, "x": 1}),
    "the plane": ("quant.bounds", "", {"height": 4}, {"height": 1}),
    "a tap": ("seta", "to the second one", {"address": 15}, {"value": 8}),
    "a tap's place": ("seta", "to the second one", {"address": 14}, {"value": -8}),
    "a part of dx": ("vec.base", "dx", {}, {"address": 8}),
    "a corner": ("vec.counter3", "y0", {}, {"stride": 8}),
    "what is left": ("vec.map", "what is left for y0", {}, {"lane": -3}),
    "zeros behind": ("vec.map", "zeros behind", {}, {"imm": 0x3F800000}),
    "terms of a channel": ("prod.multiply", "terms", {"m": 54}, {"m": -1}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(digits, fault):
    name, comment, known, changes = FAULTS[fault]
    program, data = digits
    expected = train(program.parameters, data, program.settings)
    assert_caught(program, data, expected, faulty(program, name, comment, known, changes))


def test_tokens_keep_the_order_whatever_time_operations_take(digits):
    assert_ordered(digits[0])


def test_memory_map(digits):
    program, data = digits
    network = start(program.parameters, data, program.settings).network
    image = program.image(network, data)
    region = program.regions["weight1"]
    assert region.layout == "filters, channels, y, x"
    assert region.shape == (16, 6, 3, 3) and region.stored == (16, 56)
    assert np.array_equal(program.weights(image)["weight1"], network.arrays["weight1"])
    second = np.frombuffer(image, np.float32, 54, region.address + 4 * 56)
    assert np.array_equal(second, network.arrays["weight1"][1].reshape(-1))


@pytest.mark.parametrize(
    ("fields", "batch", "images", "message"),
    [
        ({}, 4, made(8, 15, 3), "pixels must be those of a square of side 4 or more, not 15"),
        ({"banks": 2}, 4, made(8, 64, 3), r"scratchpad must have \d+ words for all tensors"),
        ({"bank_words": 2048}, 4, made(8, 64, 3), "bank_words must be 2520 or more for weight3"),
        (
            {"format": "nvfp4:block=8", "rows": 16, "columns": 16},
            1024,
            made(1024, 64, 3),
            "batch must be smaller: a product on the accelerator has 65,535 columns or less",
        ),
    ],
)
def test_refused(fields, batch, images, message):
    with pytest.raises(UserError, match=message):
        compile_training(SMALL_LENET.replace(**fields), images, lenet(batch))
