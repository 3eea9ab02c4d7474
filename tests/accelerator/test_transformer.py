"""A transformer's block on the accelerator: its program, its definition, and its layers."""

import dataclasses

import numpy as np
import pytest

from hw.flow.emit import generate
from sim.accelerator.accelerate import accelerate, prepare
from sw.accelerator.assembler import Assembler
from sw.accelerator.coding import decode
from sw.accelerator.compile import compile_training
from sw.accelerator.cycles import predict
from sw.accelerator.machine import Machine
from sw.accelerator.operations import Matrix, Window, repeated, vector
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.program import Program
from sw.accelerator.training import Training, train
from sw.errors import UserError
from sw.formats import read_format
from sw.train.attention import EachToken, MeanToken, SelfAttention, Tokens
from sw.train.data import Data
from sw.train.layers import dense
from sw.train.network import MODELS, Network
from sw.train.settings import Settings

from .made import SMALL, made
from .trained import (
    assert_caught,
    assert_ordered,
    assert_same,
    faulty,
    few,
    ran,
    trained,
    trained_by_squares,
)

LARGE = SMALL.replace(bank_words=4096, banks=16, instructions=2048)


def transformer(batch: int, **fields: object) -> Settings:
    given = {"model": "transformer", "batch": batch, "rate": 0.05} | fields
    return Settings(**given)  # pyright: ignore[reportArgumentType]


def test_digits_are_trained_as_by_the_definition():
    data = few(24)
    p = AcceleratorParameters(
        format=read_format("hbfp8:block=16"), banks=16, bank_words=4096, instructions=2048
    )
    found = trained(p, data, transformer(8, epochs=2, rate=0.01))
    assert found.losses.shape == (2, 3) and found.losses[1].mean() < 0.95 * found.losses[0].mean()


@pytest.mark.parametrize(
    ("side", "fields"),
    [
        # Tokens that fill neither words, nor tiles, nor blocks; heads of two words.
        (3, {}),
        # Words of 32 values: heads, and tokens, fill a quarter of one at most.
        (3, {"format": "hbfp8:block=16", "rows": 8, "columns": 8, "lanes": 16}),
        # More tokens than a word has values.
        (5, {"format": "hbfp8:block=16", "rows": 2, "columns": 2, "lanes": 4}),
        (2, {"format": "mxfp6_e2m3", "rows": 1, "columns": 8, "lanes": 4}),
        (3, {"format": "nvfp4:rounding=stochastic", "rows": 8, "columns": 1}),
    ],
)
def test_any_extents(side, fields):
    found = trained_by_squares("transformer", LARGE.replace(**fields), side)
    assert (found.momenta["position1"] != 0).all()


@pytest.mark.parametrize("times", [1, 2, 3, 6])
def test_repeated_operations_move_their_windows(times):
    """Every second word of the source, to words from the last one back."""
    p, words = SMALL, 16
    x, y = (Matrix.make(name, words, p.values, p.values) for name in "xy")
    to = Window(tensor=y.tensor, offset=(words - 1) * p.values)
    copy = vector("copy", "copy", to, Window(tensor=x.tensor), shape=(1, 1))
    code = Assembler({x.tensor: (0, 0), y.tensor: (1, 0)}, p.values)
    code.sequence([repeated(copy, times, (-p.values, 2 * p.values))])
    code.add("halt")
    machine = Machine(p, bytearray(64))
    machine.words[0, :words] = np.arange(words, dtype=np.uint32)[:, None]
    assert not machine.run([line.word for line in code.lines]).error
    expected = [0, 2, 4, 6, 8, 10][:times]
    assert machine.words[1, :words, 0].tolist() == [0] * (words - times) + expected[::-1]


@pytest.fixture(scope="module")
def parts() -> tuple[Program, Data, Training]:
    """Attention of 32 samples, a word each sample and head, that comes in parts."""
    data = few(32)
    p = AcceleratorParameters(
        format=read_format("hbfp8:block=16"),
        rows=1,
        columns=2,
        lanes=16,
        vector_lanes=8,
        banks=16,
        bank_words=65536,
        instructions=16384,
    )
    s = transformer(32, epochs=1)
    return compile_training(p, data, s), data, train(p, data, s)


def test_attention_in_parts_of_the_samples(parts):
    program, data, expected = parts
    assert program.parameters.values == 8
    products = [line.comment for line in program.lines if decode(line.word)[1].get("more")]
    for name in ("terms5 = y3 y2^T", "mixed5 = shares5^T y4"):
        assert products.count(name) == 4
    assert_same(ran(program, data), expected)


PARTS: dict[str, tuple[str, str, dict[str, int], dict[str, int]]] = {
    "the last sample's head of a part": ("prod.multiply", "terms5", {"more": 31}, {"more": -1}),
    "a part of the shares": ("quant.quantize", "= shares5^T", {"outer": 32}, {"outer": -1}),
    "a part of the values": ("quant.quantize", "= y4^T", {"outer": 32}, {"outer": -1}),
}


@pytest.mark.parametrize("fault", PARTS)
def test_planted_faults_in_parts(parts, fault):
    name, comment, known, changes = PARTS[fault]
    program, data, expected = parts
    assert_caught(program, data, expected, faulty(program, name, comment, known, changes))


def test_cycles_of_a_step(parts):
    """The array is kept busy in 85 % of a step that others follow."""
    program, _, _ = parts
    p = program.parameters
    found = predict(p, compile_training(p, few(4 * 32), program.settings).instructions)
    products = [span for span in found.spans if span.engine == "prod"]
    starts = [span.start for span in products if span.pc == products[0].pc]
    assert starts[3] - starts[2] == starts[2] - starts[1] == 250_557
    # Of 256 tokens: four dense layers of 32 to 32 features, two of 32 and 64, and the first one,
    # which has no gradient of its input; 128 heads' scores and sums; and the last layer.
    tokens = 256 * (3 * (4 * 32 * 32 + 2 * 32 * 64) + 2 * 8 * 32)
    work = tokens + 3 * (2 * 128 * 8 * 8 * 8 + 32 * 32 * 10)
    assert 0.853 < work / (2 * 16 * 250_557) < 0.854


@pytest.fixture(scope="module")
def tokens() -> tuple[Program, Data, Training]:
    """Three tokens of three pixels each, in words of eight values, and what they train."""
    data = made(16, 9, 3)
    p = AcceleratorParameters(
        format=read_format("hbfp8:block=16"), banks=16, bank_words=2048, instructions=2048
    )
    s = transformer(8, epochs=1)
    program, expected = compile_training(p, data, s), train(p, data, s)
    assert_same(ran(program, data), expected)
    return program, data, expected


FAULTS: dict[str, tuple[str, str, dict[str, int], dict[str, int]]] = {
    # Instruction, part of the comment, fields by which it is known, and what is added to fields.
    "rows of a token": ("quant.bounds", "y2", {"height": 3}, {"height": -1}),
    "the next head": ("prod.counter3", "w0: y2", {}, {"stride": 8}),
    "weights of the next head": ("prod.counter3", "w2: columns", {}, {"stride": 8}),
    "products of heads": ("prod.multiply", "of heads", {}, {"more": -1}),
    "the next sample's queries": ("prod.counter3", "w1: rows", {}, {"stride": -8}),
    "the last head": ("vec.map", "biases2 = ", {}, {"outer": -1}),
    "tokens of a mask": ("vec.map", "masks5 of tokens", {}, {"inner": -1}),
    "places of heads in a word": ("vec.map", "of heads in place 1", {}, {"outer": -1}),
    "tokens come again": ("quant.counter4", "w1: dmixed5", {"stride": 0}, {"count": -1}),
    "the scale": ("vec.map", "scaled shares", {}, {"imm": 1 << 23}),
    "a token": ("vec.map", "add token 1 of terms", {}, {"lane": 1}),
    "a word of samples": ("vec.map", "word 0 of", {}, {"outer": -1}),
    "a sample": ("vec.map", "add value 1 of sums_position1", {}, {"lane": 1}),
    "the mean": ("vec.map", "means of", {}, {"inner": -1}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(tokens, fault):
    name, comment, known, changes = FAULTS[fault]
    program, data, expected = tokens
    assert_caught(program, data, expected, faulty(program, name, comment, known, changes))


def test_tokens_keep_the_order_whatever_time_operations_take(tokens):
    assert_ordered(tokens[0])


def attending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let attention of one head and tokens without positions stand for the transformer."""

    def model(pixels: int, classes: int, rng: np.random.Generator) -> Network:
        side = round(pixels**0.5)
        attention = SelfAttention(tokens=side, width=8, heads=1, rng=rng)
        layers = [Tokens(), EachToken(dense(side, 8, rng)), attention, MeanToken()]
        return Network([*layers, dense(8, classes, rng)], planes=True)

    monkeypatch.setitem(MODELS, "transformer", model)


def test_what_fills_up_words_has_no_part_in_a_scale(monkeypatch):
    """Ten exponentials of 1 have shares whose sum is not 1, by more than the gradients here."""
    attending(monkeypatch)
    data = made(16, 100, 3)
    data = dataclasses.replace(data, train_x=data.train_x * np.float32(1e-8))
    # Products write 10 of the 16 scores of a row.
    p = LARGE.replace(format="nvfp4", rows=8, columns=1)
    found = trained(p, data, transformer(8, epochs=1))
    assert 0 < abs(found.momenta["weight1"]).max() < 1e-12


def test_attention_is_trained_wholly_in_the_rtl(monkeypatch):
    """Two tokens of two pixels, whose program fits the machine of other tests."""
    attending(monkeypatch)
    p = AcceleratorParameters(format=read_format("hbfp6"))
    data, s = made(8, 4, 3), transformer(8, epochs=1)
    program, prediction = prepare(p, data, s, latency=3)
    done = accelerate(program, prediction, data, generate("accelerator", p), latency=3)
    assert done.first == "" and set(done.mismatches.values()) == {0}
    assert "momentum of weight4" in done.mismatches and done.cycles == prediction.cycles


@pytest.mark.parametrize(
    ("fields", "batch", "message"),
    [
        ({"columns": 16}, 16, "columns must divide the 8 features of a head, not 16"),
        ({"rows": 64}, 64, "values of a word must divide the 32 features of a token, not 64"),
    ],
)
def test_refused(fields, batch, message):
    with pytest.raises(UserError, match=message):
        compile_training(LARGE.replace(**fields), made(64, 9, 3), transformer(batch))
