"""ResNet-8 on the accelerator: its stages, its program, its definition, and layers of its own."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from sim.accelerator.accelerate import accelerate, prepare
from sw.accelerator import operands, tensors
from sw.accelerator.command import requested
from sw.accelerator.compile import compile_training
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.program import Program
from sw.accelerator.stages import INPUT, stages
from sw.accelerator.training import Training, train
from sw.core.convolution import Convolution
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS
from sw.train.data import Data, load
from sw.train.layers import BatchNorm, Layer, Mean, Pool, Rectifier, Residual, Weighted, dense
from sw.train.network import MODELS, Network
from sw.train.settings import Settings

from .made import SMALL, made
from .trained import (
    assert_caught,
    assert_ordered,
    assert_same,
    faulty,
    ran,
    trained,
    trained_by_squares,
)

LARGE = SMALL.replace(banks=16, bank_words=16_384, instructions=4096)


def settings(batch: int, **fields: Any) -> Settings:
    return Settings(model="resnet8", batch=batch, rate=0.05, **fields)


def network(name: str, side: int, classes: int, rng: np.random.Generator) -> Network:
    """Small networks: a convolution with 3 filters, and what a name stands for behind it."""

    def convolution(channels: int, filters: int, kernel: int = 3, stride: int = 1) -> Weighted:
        layer = Convolution.padded("convolution", channels, filters, side, kernel, stride)
        return Weighted(layer, rng)

    def block(channels: int, filters: int, stride: int) -> list[Layer]:
        nonlocal side
        around: list[Layer] = [
            convolution(channels, filters, 1, stride),
            BatchNorm(channels=filters),
        ]
        body: list[Layer] = [convolution(channels, filters, 3, stride), BatchNorm(channels=filters)]
        side = -(-side // stride)
        body += [Rectifier(), convolution(filters, filters), BatchNorm(channels=filters)]
        return [Residual(body, around)]

    first: list[Layer] = [convolution(1, 3), BatchNorm(channels=3), Rectifier()]
    more: list[Layer]
    if name == "plain":
        more, channels = [Residual([convolution(3, 3)]), Rectifier()], 3
    elif name == "strides":
        more, channels = [*block(3, 5, 2), Rectifier(), *block(5, 4, 3)], 4
    elif name == "nested":
        # The first output has three readers; sums follow sums, with and without rectifiers.
        inner = Residual([convolution(3, 3), Rectifier()])
        more, channels = [Residual([inner]), Residual([convolution(3, 3)]), Rectifier(), Pool()], 3
        side //= 2
    elif name == "many":
        more, channels = [convolution(3, 11), BatchNorm(channels=11)], 11
    else:
        # A branch that ends where the other one begins.
        more = [Residual([convolution(3, 3), Rectifier(), Residual([convolution(3, 3)])])]
        more, channels = [*more, convolution(3, 4)], 4
    return Network([*first, *more, Mean(), dense(channels, classes, rng)], planes=True)


def small(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let a small network stand for ResNet-8."""

    def model(pixels: int, classes: int, rng: np.random.Generator) -> Network:
        return network(name, round(pixels**0.5), classes, rng)

    monkeypatch.setitem(MODELS, "resnet8", model)  # pyright: ignore[reportArgumentType]


def test_stages_are_in_the_order_of_computation():
    found = stages(MODELS["resnet8"](64, 10, np.random.default_rng(1)))
    kinds = {Weighted: "w", BatchNorm: "b", Residual: "+", Mean: "m"}
    assert "".join(kinds[type(stage.part)] for stage in found) == "wbwbwb+wbwbwb+wbwbwb+mw"
    inputs = {number: stage.inputs for number, stage in enumerate(found)}
    assert inputs[0] == (INPUT,) and inputs[1] == (0,) and inputs[21] == (20,)
    # The sum of the first block reads the block's input; that of the second one a shortcut.
    assert inputs[2] == (1,) and inputs[6] == (5, 1)
    assert inputs[7] == (6,) and inputs[11] == (6,) and inputs[13] == (10, 12)
    assert [n for n, stage in enumerate(found) if stage.relu] == [1, 3, 6, 8, 13, 15, 20]
    # Arrays are numbered in the same order.
    assert [stage.number for stage in found[:8]] == [0, 1, 2, 3, 4, 5, -1, 6]


@pytest.mark.parametrize("branches", [([Rectifier()],), ([], [Rectifier()])])
def test_a_branch_begins_with_no_rectifier(branches):
    with pytest.raises(UserError, match="network must have no rectifier where it, or a branch"):
        stages(Network([dense(2, 2, np.random.default_rng(1)), Residual(*branches)]))


def test_no_other_layers():
    class Other(Layer):
        def forward(self, x: Any, run: Any) -> Any:
            return x

        def backward(self, gradient: Any, run: Any) -> Any:
            return gradient

    with pytest.raises(UserError, match="network must have layers of the accelerator"):
        stages(Network([Other()]))


def test_few_steps_of_a_training():
    options: dict[str, Any] = {"format": "hbfp8", "data": "digits", "hidden": None, "overrides": ()}
    _, data, s = requested(**options, model="resnet8", batch=16, steps=2)
    every = load("digits")
    assert data.train_x.shape == (32, 64) and s.batch == 16
    # Evenly spread over the 1438 that there are.
    assert np.array_equal(data.train_x[1], every.train_x[1438 // 32])
    assert np.array_equal(data.train_y[[0, 31]], every.train_y[[0, 31 * 1438 // 32]])
    with pytest.raises(UserError, match="steps must be an integer from 1 to 89, not 90"):
        requested(**options, batch=16, steps=90)


def test_patches_of_a_stride():
    x = np.arange(1, 26, dtype=np.float32).reshape(1, 5, 5, 1)
    # A border of one: the middle of kernels of 3 x 3 is at every other pixel.
    found = tensors.patches(x, 3, 1, stride=2).reshape(3, 3, 3, 3)
    assert found[1, 1].tolist() == [[1, 3, 5], [11, 13, 15], [21, 23, 25]]
    assert found[0, 0].tolist() == [[0, 0, 0], [0, 7, 9], [0, 17, 19]]
    # The last line and column lie beyond all kernels.
    found = tensors.patches(x[:, :4, :4], 1, 0, stride=2)
    assert found.tolist() == [[1, 3, 11, 13]]
    # The only place of a kernel, or all but the last column of it, lies in the border.
    assert not tensors.patches(x, 1, 3, stride=16).any()
    assert tensors.patches(x, 4, 3, stride=16).tolist() == [[0]] * 15 + [[1]]


def test_trained_as_by_the_definition():
    found = trained(LARGE, made(8, 16, 3), settings(4, epochs=2))
    assert found.losses[1].mean() < found.losses[0].mean()


@pytest.mark.parametrize(
    ("name", "side", "fields"),
    [
        ("strides", 7, {}),
        # Words of 32 values, which no channels fill; random words.
        ("strides", 4, {"format": "hbfp8", "columns": 16, "lanes": 8}),
        ("nested", 4, {"format": "mxint8", "lanes": 8}),
        ("other", 3, {"format": "nvfp4", "lanes": 4}),
        # Scales of what kernels see: of every second pixel, or third, in a shortcut.
        ("strides", 4, {"format": "nvfp4", "lanes": 4}),
    ],
)
def test_any_graph(name, side, fields, monkeypatch):
    small(monkeypatch, name)
    p = SMALL.replace(banks=16, bank_words=4096, instructions=4096, **fields)
    trained_by_squares("resnet8", p, side)


@pytest.mark.parametrize(
    ("name", "side", "group", "count"),
    [
        # Of 5 channels 3, then 1, then 1, each when its products are there.
        ("strides", 7, "normal3 + shift3, rectified", 3),
        # Of 11 channels 6, then 3, then 1, then 1: words of 4 values a channel that are not full,
        # or have those of two groups.
        ("many", 4, "normal3 + shift3", 4),
    ],
)
def test_channels_are_normalized_in_groups(name, side, group, count, monkeypatch):
    small(monkeypatch, name)
    for constant in ("SHORTEST", "SOON"):
        monkeypatch.setattr(operands, constant, 8)
    p = SMALL.replace(rows=1, columns=2, banks=16, bank_words=4096, instructions=8192)
    data, s = made(8, side**2, 3), settings(4, epochs=1, momentum=0.5, seed=7)
    program = compile_training(p, data, s)
    comments = [line.comment for line in program.lines]
    for each in ("y2 + bias2", "mean of y2", group):
        assert comments.count(each) == count
    assert_same(ran(program, data), train(p, data, s))
    assert_ordered(program)


@pytest.fixture(scope="module")
def strides() -> Iterator[tuple[Program, Data, Training]]:
    """A program, its data, and what it trains."""
    with pytest.MonkeyPatch.context() as patch:
        small(patch, "strides")
        p = SMALL.replace(
            banks=16, bank_words=2048, instructions=4096, format="hbfp4:block=8", lanes=8
        )
        data = made(8, 49, 3)
        program = compile_training(p, data, settings(8, epochs=1))
        yield program, data, ran(program, data)


FAULTS: dict[str, tuple[str, str, dict[str, int]]] = {
    # Instruction, part of the comment, and what is added to fields.
    "epsilon": ("vec.map", "variance + epsilon", {"imm": 1 << 26}),
    "the share": ("vec.map", "variance of y0", {"imm": 1 << 23}),
    "running mean": ("vec.map", "mean1 moved", {"imm": 1}),
    "the sign of the mean": ("vec.map", "y0 less its mean", {"lane": -1}),
    "a rectifier": ("vec.map", "shift1, rectified", {"relu": -1}),
    "gradient through the deviation": ("vec.map", "part along the input", {"lane": -2}),
    "a gradient added": ("vec.map", "sum_normal1 + dx", {"lane": 1}),
    "a sum": ("vec.map", "normal5 + normal7", {"lane": 1}),
    "all pixels": ("vec.map", "means of", {"inner": -1}),
    "apart": ("vec.counter4", "w0: dx", {"stride": -8}),
    "the stride": ("quant.counter1", "normal1", {"stride": -8, "xstep": -1}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(strides, fault):
    name, comment, changes = FAULTS[fault]
    program, data, expected = strides
    assert_caught(program, data, expected, faulty(program, name, comment, {}, changes))


def test_tokens_keep_the_order_whatever_time_operations_take(strides):
    assert_ordered(strides[0])


def test_a_residual_network_is_trained_wholly_in_the_rtl(monkeypatch):
    small(monkeypatch, "plain")
    p = AcceleratorParameters(format=BLOCK_FORMATS["hbfp6"], instructions=2048)
    data, s = made(16, 16, 3), settings(8, epochs=1)
    program, prediction = prepare(p, data, s, latency=3)
    done = accelerate(program, prediction, data, generate("accelerator", p), latency=3)
    assert done.first == "" and set(done.mismatches.values()) == {0}
    assert "momentum of scale1" in done.mismatches and "variance1" in done.mismatches
    assert done.cycles == prediction.cycles
