"""The model of compressed sparse blocks against a slow second reading, and its words."""

import numpy as np
import pytest

from sim.compare import assert_equal
from sim.sparse.csb_encoder import random_dense
from sw.errors import UserError
from sw.sparse.csb import (
    Compressed,
    check,
    decode,
    encode,
    limited,
    read,
    requested,
    rotated,
    steps,
    transposed,
    walk,
)
from sw.sparse.csb_parameters import CsbDecoderParameters, CsbEncoderParameters, CsbParameters

SHAPES = [(3, 3), (1, 1), (2, 5), (5, 5)]


def blocks(rows: int, columns: int, count: int = 60) -> tuple[CsbParameters, np.ndarray]:
    p = CsbParameters(rows=rows, columns=columns, lanes=columns)
    dense = random_dense(p, np.random.default_rng(rows), count)
    tiny = np.abs(dense) < 2.0**-126
    return p, np.where(tiny, np.float32(0), dense)


@pytest.mark.parametrize("shape", SHAPES)
def test_against_the_second_reading(shape):
    p, dense = blocks(*shape)
    keep = np.random.default_rng(2).random(dense.shape) < 0.5
    c = encode(p, dense, keep)
    values: list[float] = []
    for b, (block, kept) in enumerate(zip(dense, keep, strict=True)):
        assert c.pointers[b] == len(values)
        stored = [bool(x) and bool(k) for x, k in zip(block.ravel(), kept.ravel(), strict=True)]
        assert c.masks[b].tolist() == stored
        values += [x for x, one in zip(block.ravel(), stored, strict=True) if one]
    assert_equal(c.values, np.array(values, np.float32))
    assert c.bits(p) == len(dense) * (p.elements + 20) + 32 * len(values)


@pytest.mark.parametrize("shape", SHAPES)
def test_there_and_back(shape):
    p, dense = blocks(*shape)
    c = encode(p, dense)
    assert not check(p, c).any()
    assert_equal(decode(p, c), dense)
    turned = np.ascontiguousarray(dense[:, ::-1, ::-1])
    assert_equal(decode(p, rotated(c)), turned)
    assert_equal(read(p, c, np.arange(len(dense)), True)[0], turned)


def test_subnormal_numbers_and_zeros_have_no_value():
    p = CsbParameters(rows=1, columns=4, lanes=1)
    dense = np.array([[[-0.0, 1e-40, -(2.0**-126), np.nan]]], np.float32)
    assert encode(p, dense).masks.tolist() == [[False, False, True, True]]
    assert not encode(p, dense, np.zeros(dense.shape, np.bool_)).masks.any()


def test_the_transpose_of_a_rotated_kernel():
    # What the backward pass reads: channels change places, planes are turned.
    p = CsbParameters()
    kernel = np.random.default_rng(3).standard_normal((4, 5, 3, 3)).astype(np.float32)
    kernel[np.random.default_rng(4).random(kernel.shape) < 0.8] = 0
    c = encode(p, kernel.reshape(-1, 3, 3))
    given, corrupt = read(p, c, transposed(4, 5), True)
    assert not corrupt.any()
    wanted = kernel.swapaxes(0, 1)[:, :, ::-1, ::-1]
    assert_equal(given.reshape(5, 4, 3, 3), np.ascontiguousarray(wanted))


@pytest.mark.parametrize("shape", SHAPES)
def test_walk(shape):
    p, dense = blocks(*shape)
    rng = np.random.default_rng(5)
    numbers, turn = rng.integers(-1, len(dense) + 1, 90), rng.random(90) < 0.5
    found = walk(p, encode(p, dense), numbers, turn)
    beats = []
    for number, rotate in zip(numbers, turn, strict=True):
        there = 0 <= number < len(dense)
        block = dense[number].ravel() if there else np.zeros(p.elements, np.float32)
        block = block[::-1] if rotate else block
        mask = (block != 0).tolist()
        items = [(x, n, False) for n, x in enumerate(block) if x != 0] or [(np.float32(0), 0, True)]
        for n, (value, place, empty) in enumerate(items):
            beats.append((value, place, mask, empty, not there, n == len(items) - 1))
    columns = [np.array(column) for column in zip(*beats, strict=True)]
    for name, column in zip(vars(found), columns, strict=True):
        assert_equal(vars(found)[name], column)
    masks = requested(p, encode(p, dense), numbers, turn)[0]
    assert steps(masks, p.elements) == len(beats)


def changed(c: Compressed, name: str, place: int, value: int) -> Compressed:
    fields = {n: v.copy() for n, v in vars(c).items()}
    if name == "values":
        fields[name] = fields[name][:place]
    elif name == "masks":
        fields[name][place, value] ^= True
    else:
        fields[name][place] ^= 1 << value
    return Compressed(**fields)


def test_every_single_change_is_found():
    p, dense = blocks(3, 3, 12)
    c = encode(p, dense)
    for place in range(12):
        for value in range(p.elements):
            found = check(p, changed(c, "masks", place, value))
            assert found[place] and found.sum() == 1
        for value in range(p.pointer_bits):
            found = check(p, changed(c, "pointers", place, value))
            assert found[place] and not found[: max(place - 1, 0)].any()
    for length in range(len(c.values)):
        found = check(p, changed(c, "values", length, 0))
        assert_equal(found, np.append(c.pointers[1:], len(c.values)) > length)
    more = Compressed(masks=c.masks, pointers=c.pointers, values=np.append(c.values, c.values))
    assert np.flatnonzero(check(p, more)).tolist() == [11]


def test_corrupt_blocks_are_empty():
    p, dense = blocks(3, 3, 12)
    c = changed(encode(p, dense), "pointers", 4, 19)
    corrupt = check(p, c)
    given, flagged = read(p, c, np.arange(12))
    assert_equal(flagged, corrupt)
    assert_equal(given, np.where(corrupt[:, None, None], np.float32(0), dense))
    with pytest.raises(UserError, match="block 3 of 12 is corrupt"):
        decode(p, c)


def test_what_a_decoder_has_no_room_for():
    p = CsbDecoderParameters(blocks=3, values=5)
    held = limited(p, encode(p, np.ones((4, 3, 3), np.float32)))
    assert (len(held.pointers), len(held.values)) == (3, 5)
    assert check(p, held).all()


ONE = CsbParameters(rows=1, columns=2, lanes=1, pointer_bits=2)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: CsbEncoderParameters(rows=0), "rows must be an integer from 1 to 16, not 0"),
        (lambda: CsbParameters(columns=17), "columns must be an integer from 1 to 16, not 17"),
        (lambda: CsbParameters(lanes=2), "lanes must divide the 9 elements of a block, not 2"),
        (
            lambda: CsbParameters(pointer_bits=33),
            "pointer_bits must be an integer from 1 to 32, not 33",
        ),
        (
            lambda: CsbEncoderParameters.make(overrides=["keep=1"]),
            "keep must be true or false, not 1",
        ),
        (
            lambda: CsbDecoderParameters(blocks=0),
            "blocks must be an integer from 1 to 4096, not 0",
        ),
        (
            lambda: CsbDecoderParameters(pointer_bits=4),
            "values must be an integer from 1 to 15, not 256",
        ),
        (
            lambda: CsbDecoderParameters(form="sparse"),
            "form must be one of walk, dense, not 'sparse'",
        ),
        (
            lambda: encode(ONE, np.zeros((3, 2, 1), np.float32)),
            "dense must have the shape (blocks, 1, 2), not (3, 2, 1)",
        ),
        (
            lambda: encode(ONE, np.zeros((3, 1, 2))),
            "dense must be an array of float32, not float64",
        ),
        (
            lambda: encode(ONE, np.zeros((3, 1, 2), np.float32), np.zeros(3, np.bool_)),
            "keep must have the shape (3, 1, 2), not (3,)",
        ),
        (
            lambda: encode(ONE, np.ones((2, 1, 2), np.float32)),
            "blocks of 4 values are too many for pointers of 2 bits",
        ),
        (
            lambda: check(CsbParameters(), encode(ONE, np.ones((1, 1, 2), np.float32))),
            "masks must have shape (1, 9), not (1, 2)",
        ),
        (
            lambda: read(ONE, encode(ONE, np.ones((1, 1, 2), np.float32)), [0.5]),
            "numbers must be an array of integer, not float64",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError) as error:
        call()
    assert message in str(error.value)
