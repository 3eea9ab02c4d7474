"""Programs of trainings: what the machine makes of them, and that tokens keep their order."""

import itertools

import numpy as np
import pytest

from sw.accelerator.coding import decode, encode
from sw.accelerator.compile import compile_training
from sw.accelerator.instructions import BYTES
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.program import listing
from sw.accelerator.start import start
from sw.accelerator.training import train
from sw.errors import UserError
from sw.train.data import load
from sw.train.network import mlp
from sw.train.settings import Settings

from .made import SMALL, made, small_program
from .trained import assert_same, ran


@pytest.mark.parametrize(
    "fields",
    [
        {"format": "hbfp8"},
        {"format": "hbfp6"},
        {"format": "fb16_linear", "lanes": 4},  # single panels
    ],
    ids=["hbfp8", "hbfp6", "fb16_linear"],
)
def test_digits_are_trained_as_by_the_definition(fields):
    data = load("digits")
    p = AcceleratorParameters(**fields)
    s = Settings(hidden=(32, 32), epochs=1)
    program = compile_training(p, data, s)
    found = ran(program, data)
    assert found.losses.shape == (1, 22) and found.losses[0, -1] < 0.9 * found.losses[0, 0]
    assert_same(found, train(p, data, s))


@pytest.mark.parametrize(
    ("shape", "hidden", "fields"),
    [
        # No extent is one of words, tiles or blocks; batches are left over.
        ((23, 7, 3), (5, 9), {}),
        ((23, 7, 3), (5,), {"rows": 8, "columns": 1, "lanes": 2, "bank_words": 512}),
        ((33, 20, 2), (), {"rows": 1, "columns": 8, "lanes": 16}),
        ((17, 3, 5), (17, 2, 3), {"format": "hbfp4", "lanes": 8, "bank_words": 512}),
        ((40, 9, 4), (6,), {"format": "mxfp6_e2m3", "lanes": 4, "banks": 16}),
        ((23, 7, 3), (5, 9), {"format": "nvfp4", "banks": 2, "bank_words": 512}),
        ((9, 3, 2), (5,), {"format": "nvfp4:rounding=stochastic", "bank_words": 512}),
    ],
)
def test_any_shape(shape, hidden, fields):
    data = made(*shape)
    p = SMALL.replace(**fields)
    s = Settings(hidden=hidden, epochs=2, batch=p.values, rate=0.1, momentum=0.5, seed=7)
    found = ran(compile_training(p, data, s), data)
    expected = train(p, data, s)
    assert found.losses.shape == (2, shape[0] // p.values)
    assert_same(found, expected)
    assert np.isfinite(found.losses).all()


FAULTS = {
    "a key": ("quant.key", {"key": 1}),
    "the key of all steps": ("quant.key", {"add": -4}),
    "a rectifier": ("vec.map", {"relu": -1}),
    "the rate of an epoch": ("vec.base", {"add": -5}),
    "momentum": ("vec.map", {"imm": 1}),
    "the next batch": ("adda", {"value": 32}),
    "rows": ("prod.multiply", {"m": -1}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(fault):
    name, changes = FAULTS[fault]
    data = made(9, 3, 2)
    p = SMALL.replace(format="hbfp4", lanes=8, bank_words=512)
    s = Settings(hidden=(5,), epochs=2, batch=p.values, rate=0.1)
    program = compile_training(p, data, s)
    code = program.instructions
    # The first one of which the fields that change are not 0.
    pc, fields = next(
        (pc, fields)
        for pc, (found, fields) in enumerate(map(decode, code))
        if found.name == name and all(fields[key] for key in changes)
    )
    code[pc] = encode(name, **fields | {key: fields[key] + by for key, by in changes.items()})
    expected = train(p, data, s)
    assert_same(ran(program, data), expected)
    with pytest.raises(AssertionError):
        assert_same(ran(program, data, code), expected)


def test_listing_and_code():
    program = small_program()
    text = listing(program).splitlines()
    assert text[0].startswith("   0  dma.base") and "pixels" in text[0]
    halt = next(n for n, line in enumerate(text) if " halt" in line)
    assert halt == len(program.instructions) - 1
    assert any("weight1: bank" in line for line in text[halt:])
    assert any("weight1: byte" in line and "outputs, inputs" in line for line in text[halt:])
    assert len(program.code) == BYTES * len(program.instructions)
    assert int.from_bytes(program.code[:BYTES], "little") == program.instructions[0]


def test_memory_map():
    data = made(14, 7, 3)
    program = small_program()
    network = start(SMALL, data, program.settings).network
    image = program.image(network, data)
    rng = np.random.default_rng(program.settings.seed)
    mlp(7, 3, rng, (5, 6))
    order = rng.permutation(14)
    pixels = program.regions["pixels"].read(image)
    assert np.array_equal(pixels[2], data.train_x[order[8:12]].T)
    assert np.array_equal(pixels[3], pixels[0])
    labels = program.regions["labels"].read(image)
    assert np.array_equal(labels[1].argmax(0), data.train_y[order[4:8]])
    assert (labels.sum(1) == 1).all()
    regions = sorted(program.regions.values(), key=lambda region: region.address)
    for first, second in itertools.pairwise(regions):
        assert first.address + first.size == second.address
    assert len(image) == regions[-1].address + regions[-1].size
    assert all(region.address % (SMALL.word_bits // 8) == 0 for region in regions)
    for name, values in network.arrays.items():
        assert np.array_equal(program.weights(image)[name], values)
        assert not program.momenta(image)[name].any()
    with pytest.raises(UserError, match="memory must have"):
        program.losses(image[:100])
    with pytest.raises(UserError, match="network must have the layers"):
        program.image(mlp(7, 3, rng, (5, 7)), data)


@pytest.mark.parametrize(
    ("fields", "settings", "message"),
    [
        ({"instructions": 256}, {}, r"instructions must be \d+ or more"),
        ({"bank_words": 16}, {}, r"scratchpad must have \d+ words"),
        ({}, {"batch": 6}, "values of a word must divide the batch of 6, not 4"),
        ({}, {"batch": 16}, "batch must be 14 or less"),
        ({}, {"arithmetic": "hbfp8"}, "arithmetic must be binary32"),
        ({}, {"storage": "wide", "arithmetic": "hbfp8"}, "arithmetic must be binary32"),
        ({}, {"update": "essop"}, "update must be exact"),
    ],
)
def test_refused(fields, settings, message):
    p = SMALL.replace(**fields)
    s = Settings(**{"batch": 4} | settings)
    with pytest.raises(UserError, match=message):
        compile_training(p, made(14, 7, 3), s)


def test_keys_differ_above_what_steps_change(monkeypatch):
    monkeypatch.setattr("sw.accelerator.operands.stream_key", lambda seed, **place: place["use"])
    with pytest.raises(UserError, match="seed must give operands keys that differ above bit 39"):
        compile_training(
            SMALL.replace(format="hbfp4", lanes=8, bank_words=512),
            made(14, 7, 3),
            Settings(batch=8),
        )
