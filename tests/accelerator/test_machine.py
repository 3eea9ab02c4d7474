"""Words that engines move and compute, against memories worked out by hand."""

import numpy as np
import pytest

from sw.accelerator.coding import encode
from sw.accelerator.instructions import LANE_OPS

from .programs import (
    ADD,
    COPY,
    FILL,
    attempt,
    filled,
    load,
    machine,
    put,
    run,
    store,
    values,
    vec,
    window,
)


def test_elements_outside_read_as_zero_and_are_not_written():
    made = filled((0, 0, range(1, 17)), (1, 0, [9] * 16))
    run(
        made,
        # Pixels -1 to 2 of a plane of two; positions 1 to 4 of one of three.
        window("vec", 1, -4, bounds=(0, -1, 1, 2), counter5=(4, 4, 0, 1)),
        window("vec", 0, 0, bank=1, bounds=(0, 1, 1, 4), counter5=(4, 4, 0, 1)),
        vec(COPY, outer=4),
    )
    assert values(made, 1, 0, 16).tolist() == [0] * 4 + list(range(1, 9)) + [9] * 4


def test_single_elements_are_in_all_lanes_and_written_alone():
    made = filled((0, 0, range(1, 9)), (1, 0, [9] * 8))
    run(
        made,
        window("vec", 1, 3, single=1, counter5=(2, 1)),
        window("vec", 0, 0, bank=1, counter5=(2, 4)),
        vec(COPY, outer=2),
        window("vec", 1, 0),
        window("vec", 0, 6, bank=2, single=1),
        vec(COPY),
    )
    assert values(made, 1, 0, 8).tolist() == [4] * 4 + [5] * 4
    assert values(made, 2, 0, 8).tolist() == [0] * 6 + [1, 0]


def test_a_word_may_be_written_to_its_own_place_and_the_last_of_several_stays():
    made = filled((0, 0, range(8)))
    run(
        made,
        window("vec", 0, 0, counter5=(2, 4)),
        window("vec", 1, 0, counter5=(2, 4)),
        window("vec", 2, 0, counter5=(2, 4)),
        vec(ADD, outer=2),
        window("vec", 0, 0, bank=3),
        vec(COPY, outer=2),
    )
    assert values(made, 0, 0, 8).tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    assert values(made, 3, 0, 8).tolist() == [8, 10, 12, 14, 0, 0, 0, 0]


def test_reductions_write_a_word_of_each_group_and_fold_it():
    made = filled((0, 0, range(24)))
    source = window("vec", 1, 0, counter4=(2, 12), counter5=(3, 4))
    run(
        made,
        source,
        window("vec", 0, 0, bank=1, counter5=(2, 4)),
        vec(COPY, inner=3, outer=2, reduce=1),
        window("vec", 0, 8, bank=1, counter5=(2, 4)),
        vec(COPY, inner=3, outer=2, reduce=2, fold=1),
    )
    assert values(made, 1, 0, 8).tolist() == [12, 15, 18, 21, 48, 51, 54, 57]
    assert values(made, 1, 8, 8).tolist() == [11] * 4 + [23] * 4


def test_relu_comes_before_the_reduction():
    made = filled((0, 0, [1, -2, 3, -4]))
    run(made, window("vec", 0, 0, bank=1), vec(COPY, reduce=1, fold=1, relu=1))
    assert values(made, 1, 0, 4).tolist() == [4] * 4


def test_scalars_are_immediate_or_registers():
    made = filled((0, 0, [5, 6, 7, 8]))
    scale = LANE_OPS.index("scale")
    run(
        made,
        window("vec", 1, 1),
        encode("vec.scalar", register=0),
        window("vec", 1, 3, single=1),
        encode("vec.scalar", register=3),
        window("vec", 1, 0),
        window("vec", 0, 0, bank=1),
        vec(FILL, imm=0x7F800001),
        window("vec", 0, 4, bank=1),
        vec(FILL, scalar=1),
        window("vec", 0, 8, bank=1),
        vec(scale, scalar=4),
        window("vec", 0, 12, bank=1),
        vec(scale, scalar=2),
    )
    assert made.words[1].reshape(-1)[:4].tolist() == [0x7F800001] * 4
    assert values(made, 1, 4, 12).tolist() == [6] * 4 + [40, 48, 56, 64] + [0] * 4


def test_a_scalar_from_outside_is_zero():
    made = filled((0, 0, [5]))
    scalar = encode("vec.scalar", register=1)
    run(
        made,
        scalar,
        window("vec", 1, -1, bounds=(0, -1, 1, 1)),
        scalar,
        window("vec", 0, 0),
        vec(FILL, scalar=2),
    )
    assert values(made, 0, 0, 4).tolist() == [0] * 4


def test_every_run_walks_its_windows_from_the_start():
    made = filled((0, 0, range(8)))
    run(
        made,
        window("vec", 1, 0, counter5=(2, 4)),
        window("vec", 0, 0, bank=1, counter5=(2, 4)),
        vec(COPY),
        vec(COPY, outer=3),
        encode("vec.scalar"),
        vec(COPY),
    )
    assert values(made, 1, 0, 8).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


def test_rows_of_words_with_a_distance_between_them():
    made, memory = machine(size=1024, base=0x10000)
    before = bytes(memory)
    made.side[1, 2] = 77
    run(
        made,
        window("dma", 0, 8, bank=1),
        window("dma", 1, 0x10040),
        load(rows=3, words=2, distance=96),
        window("dma", 1, 0x10000 + 768),
        store(rows=3, words=2, distance=-112),
    )
    rows = [before[64 + i * 96 : 96 + i * 96] for i in range(3)]
    assert made.words[1, 2:8].astype("<u4").tobytes() == b"".join(rows)
    assert made.side[1, 2].tolist() == [77] * 4
    expected = bytearray(before)
    for i, row in enumerate(rows):
        expected[768 - i * 112 : 800 - i * 112] = row
    assert memory == expected


def test_rows_that_overlap_are_stored_in_order():
    made, memory = machine()
    put(made, 0, 0, range(16))
    run(made, store(rows=2, words=2, distance=16))
    assert np.frombuffer(memory, "<f4", 12).tolist() == [0, 1, 2, 3, *range(8, 16)]


@pytest.mark.parametrize(
    ("address", "distance", "error"),
    [
        (0xFFF0, 0, "bus"),
        (0x10400, 0, "bus"),
        (0x103F0, 0, ""),
        (0x103E0, 16, ""),
        (0x103F0, 16, "bus"),
        (0x10000, -16, "bus"),
        (0x10008, 0, "alignment"),
        (0x10000, 8, "alignment"),
        (0, 0, "bus"),
        (2**40 - 16, 0, "bus"),
    ],
)
@pytest.mark.parametrize("move", [load, store])
def test_what_the_memory_does_not_hold(move, address, distance, error):
    made, memory = machine(size=1024 + 15, base=0x10000)
    before = bytes(memory), made.words.copy()
    outcome = attempt(made, window("dma", 1, address), move(rows=2, distance=distance))
    assert outcome.error == error
    if error:
        assert (outcome.engine, outcome.pc) == ("dma", 1)
        assert bytes(memory) == before[0] and (made.words == before[1]).all()


def test_external_addresses_wrap_at_40_bits():
    made, memory = machine(size=64)
    assert attempt(made, window("dma", 1, 2**40 - 16), load(rows=2, distance=16)).error == "bus"
    run(made, window("dma", 1, 16), load(rows=2, distance=-16))
    assert made.words[0, 1].astype("<u4").tobytes() == memory[:16]
