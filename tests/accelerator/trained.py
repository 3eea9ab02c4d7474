"""What the interpreter makes of programs of trainings, beside what must come of them."""

import math
from collections.abc import Mapping

import numpy as np
import pytest

from sw.accelerator.coding import decode, encode
from sw.accelerator.compile import compile_training
from sw.accelerator.machine import Machine
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.program import Program
from sw.accelerator.start import start
from sw.accelerator.training import Training, train
from sw.train.data import Data, load
from sw.train.settings import Settings

from .made import made
from .timeline import Timeline

__all__ = [
    "assert_caught",
    "assert_ordered",
    "assert_same",
    "faulty",
    "few",
    "ran",
    "trained",
    "trained_by_squares",
]


def few(images: int) -> Data:
    """The first digits."""
    data = load("digits")
    x, y = data.train_x[:images], data.train_y[:images]
    return Data(name="few", train_x=x, train_y=y, test_x=x, test_y=y)


def ran(program: Program, data: Data, code: list[int] | None = None) -> Training:
    """Return what a machine makes of a program, or of other instructions in its memory."""
    network = start(program.parameters, data, program.settings).network
    memory = bytearray(program.image(network, data))
    # What scratchpads hold after power comes on is anything.
    machine = Machine(program.parameters, memory)
    machine.words[...] = 0x7FC12345
    outcome = machine.run(program.code if code is None else code)
    assert not outcome.error, (outcome.error, outcome.engine, outcome.pc)
    for name, array in network.arrays.items():
        region = program.regions[name]
        stored = np.frombuffer(memory, np.float32, region.size // 4, region.address)
        assert not stored.reshape(region.stored)[
            ..., math.prod(array.shape[1:] or array.shape) :
        ].any()
    return Training(
        weights=program.weights(memory),
        momenta=program.momenta(memory),
        losses=program.losses(memory),
    )


def assert_same(found: Training, expected: Training) -> None:
    """Assert that every bit is the same."""
    for name in ("weights", "momenta"):
        have, want = getattr(found, name), getattr(expected, name)
        assert have.keys() == want.keys()
        for key in want:
            assert np.array_equal(have[key].view(np.uint32), want[key].view(np.uint32)), key
    assert np.array_equal(found.losses.view(np.uint32), expected.losses.view(np.uint32))


def trained(p: AcceleratorParameters, data: Data, s: Settings) -> Training:
    """Assert that the interpreter trains as the definition does, and something."""
    found = ran(compile_training(p, data, s), data)
    assert_same(found, train(p, data, s))
    assert np.isfinite(found.losses).all() and (found.momenta["weight0"] != 0).any()
    return found


def trained_by_squares(model: str, p: AcceleratorParameters, side: int) -> Training:
    """Assert it for two batches, each of a word, of made squares."""
    s = Settings(model=model, batch=p.values, rate=0.05, epochs=1, momentum=0.5, seed=7)
    return trained(p, made(2 * p.values, side**2, 3), s)


def assert_ordered(program: Program) -> None:
    """Assert that tokens keep the order of operations whatever time these take."""
    timeline = Timeline(program, 1, 8)
    timeline.run()
    timeline.check()


def assert_caught(program: Program, data: Data, expected: Training, code: list[int]) -> None:
    """Assert that other instructions train something else."""
    with pytest.raises(AssertionError):
        assert_same(ran(program, data, code), expected)


def faulty(
    program: Program, name: str, comment: str, known: Mapping[str, int], changes: Mapping[str, int]
) -> list[int]:
    """Return a program whose first instruction of a name, comment and known fields is changed.

    ``changes`` are what is added to its fields.
    """
    code = program.instructions
    pc, fields = next(
        (pc, fields)
        for pc, line in enumerate(program.lines)
        for found, fields in [decode(line.word)]
        if found.name == name
        and comment in line.comment
        and all(fields[key] == value for key, value in known.items())
    )
    code[pc] = encode(name, **fields | {key: fields[key] + by for key, by in changes.items()})
    return code
