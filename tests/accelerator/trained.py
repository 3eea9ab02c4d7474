"""What the interpreter makes of programs of trainings."""

import math
from collections.abc import Mapping

import numpy as np

from sw.accelerator.coding import decode, encode
from sw.accelerator.machine import Machine
from sw.accelerator.program import Program
from sw.accelerator.start import start
from sw.accelerator.training import Training
from sw.train.data import Data

__all__ = ["assert_same", "faulty", "ran"]


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
