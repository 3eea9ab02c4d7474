"""Columns of products that are quantized in parts, as their panel would not fit a bank."""

import pytest

from sw.accelerator.coding import decode, encode
from sw.accelerator.compile import compile_training
from sw.accelerator.operands import part_key, parts
from sw.accelerator.operations import Tensor, Window
from sw.accelerator.training import train
from sw.errors import UserError

from .made import SMALL, made
from .test_resnet import settings, small
from .trained import assert_same, ran

TIGHT = SMALL.replace(banks=16, bank_words=512, instructions=4096, format="hbfp4:block=8", lanes=8)


def test_parts():
    """A line of 2 words of 4 values is 2 tiles of 4 columns, each of 6 beats: 12 words."""
    assert parts(TIGHT, 45, 42, 2) == [(0, 42)]
    assert parts(TIGHT, 45, 43, 2) == [(0, 22), (22, 21)]
    assert parts(TIGHT, 45, 86, 2) == [(0, 29), (29, 29), (58, 28)]
    # A line alone is too long.
    assert parts(TIGHT, 45, 2, 86) == [(0, 2)]
    assert parts(TIGHT.replace(format="nvfp4"), 45, 86, 2) == [(0, 86)]


def test_keys_of_parts():
    key = 0x0123456789ABCDEF
    assert part_key(key, 0) == key
    # The part is added to bits 32 to 39, and nothing is carried beyond them.
    assert part_key(key, 1) == 0x0123456889ABCDEF
    assert part_key(key, 0x99) == 0x0123450089ABCDEF
    with pytest.raises(UserError, match="part must be an integer from 0 to 255, not 256"):
        part_key(key, 256)


def test_windows_of_parts():
    counters = (6, 40, 2, 0), (3, 4, 0, 1)
    window = Window(tensor=Tensor("x", 1), counters=counters, offset=-44, plane=(-1, -1, 5, 5))
    found = window.part(2, 3)
    assert found.counters == ((3, 40, 2, 0), (3, 4, 0, 1))
    assert found.offset == 36 and found.plane == (3, -1, 5, 5)
    flat = Window(tensor=window.tensor, counters=((6, 4), (3, 40))).part(1, 5)
    assert flat.counters == ((5, 4), (3, 40)) and flat.offset == 4 and flat.plane is None


def test_trained_as_by_the_definition(monkeypatch):
    """With random words, which are those of each part."""
    small(monkeypatch, "strides")
    data, s = made(16, 49, 3), settings(8, epochs=1)
    program = compile_training(TIGHT, data, s)
    names = [line.comment for line in program.lines]
    # The gradients of the input of both convolutions at the first output.
    assert names.count("dx = weight2^T dy2") == 2 and names.count("dx = weight4^T dy4") == 1
    expected = train(TIGHT, data, s)
    assert_same(ran(program, data), expected)
    code = program.instructions
    second = [pc for pc, name in enumerate(names) if name == "dx = weight2^T dy2"][1]
    pc = max(pc for pc in range(second) if decode(code[pc])[0].name == "quant.key")
    name, fields = decode(code[pc])
    code[pc] = encode(name.name, **fields | {"key": fields["key"] - (1 << 32)})
    with pytest.raises(AssertionError):
        assert_same(ran(program, data, code), expected)
