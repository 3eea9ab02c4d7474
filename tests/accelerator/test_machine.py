"""Programs against memories worked out by hand, and their control and errors."""

import numpy as np
import pytest

from sw.accelerator.instructions import LANE_OPS, encode
from sw.accelerator.machine import Machine
from sw.accelerator.parameters import AcceleratorParameters
from sw.errors import UserError

from .programs import HALT, SMALL, attempt, machine, put, run, values, window

COPY, FILL, ADD = (LANE_OPS.index(op) for op in ("copy", "fill", "add"))
ONE = 0x3F800000


def vec(lane, *, inner=1, outer=1, **fields):
    return encode("vec.map", lane=lane, inner=inner, outer=outer, **fields)


def load(rows=1, words=1, **fields):
    return encode("dma.load", rows=rows, words=words, **fields)


def store(rows=1, words=1, **fields):
    return encode("dma.store", rows=rows, words=words, **fields)


# Words of vectors.


def test_elements_outside_read_as_zero_and_are_not_written():
    made, _ = machine()
    put(made, 0, 0, range(1, 17))
    put(made, 1, 0, [9] * 16)
    run(
        made,
        # Pixels -1 to 2 of a plane of two; positions 1 to 4 of one of three.
        window("vec", 1, -4, bounds=(0, -1, 1, 2), counter5=(4, 4, 0, 1)),
        window("vec", 0, 0, bank=1, bounds=(0, 1, 1, 4), counter5=(4, 4, 0, 1)),
        vec(COPY, outer=4),
    )
    assert values(made, 1, 0, 16).tolist() == [0] * 4 + list(range(1, 9)) + [9] * 4


def test_single_elements_are_in_all_lanes_and_written_alone():
    made, _ = machine()
    put(made, 0, 0, range(1, 9))
    put(made, 1, 0, [9] * 8)
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
    made, _ = machine()
    put(made, 0, 0, range(8))
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
    made, _ = machine()
    put(made, 0, 0, range(24))
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
    made, _ = machine()
    put(made, 0, 0, [1, -2, 3, -4])
    run(made, window("vec", 0, 0, bank=1), vec(COPY, reduce=1, fold=1, relu=1))
    assert values(made, 1, 0, 4).tolist() == [4] * 4


def test_scalars_are_immediate_or_registers_loaded_one_after_the_other():
    made, _ = machine()
    put(made, 0, 0, [5, 6, 7, 8])
    scale = LANE_OPS.index("scale")
    run(
        made,
        window("vec", 1, 1, counter5=(2, 2)),
        encode("vec.scalar", register=0),
        encode("vec.scalar", register=3),
        window("vec", 1, 0),
        window("vec", 0, 0, bank=1, counter5=(4, 4)),
        vec(FILL, imm=0x7F800001),
        vec(FILL, scalar=1),
        vec(scale, scalar=4),
        vec(scale, scalar=2),
    )
    assert made.words[1].reshape(-1)[:4].tolist() == [0x7F800001] * 4
    assert values(made, 1, 4, 12).tolist() == [6] * 4 + [40, 48, 56, 64] + [0] * 4


def test_a_scalar_from_outside_is_zero():
    made, _ = machine()
    put(made, 0, 0, [5])
    made.vector.scalars[1] = np.uint32(7)
    run(made, window("vec", 1, -1, bounds=(0, -1, 1, 1)), encode("vec.scalar", register=1))
    assert made.vector.scalars[1] == 0


def test_windows_that_an_operation_does_not_read_stay():
    made, _ = machine()
    put(made, 0, 0, range(8))
    run(
        made,
        window("vec", 1, 0, counter5=(2, 4)),
        window("vec", 2, 0, counter5=(2, 4)),
        window("vec", 0, 0, bank=1, counter5=(4, 4)),
        vec(FILL, imm=ONE),
        vec(COPY),
        # y is still at its first word, x at its second.
        vec(ADD),
        vec(COPY),
    )
    assert values(made, 1, 0, 16).tolist() == [1] * 4 + [0, 1, 2, 3, 4, 6, 8, 10, 0, 1, 2, 3]


# External memory.


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


# The sequencer.


def test_loops_with_address_registers():
    """Words 0, 2, 4 of memory become 0, 1, 2 of the scratchpad, one added three times."""
    made, memory = machine()
    put(made, 7, 0, [1] * 4)
    memory[:96] = np.arange(24, dtype="<f4").tobytes()
    run(
        made,
        encode("seta", address=2, value=2**40 - 32),
        encode("seta", address=15, value=5),
        encode("loop", count=3),
        encode("adda", address=2, value=32),
        window("dma", 0, 2**32 - 5, add=16),
        window("dma", 1, 0, add=3),
        load(signal=1),
        window("vec", 0, 2**32 - 5, add=16),
        window("vec", 1, 2**32 - 5, add=16),
        window("vec", 2, 0, bank=7),
        encode("vec.map", lane=ADD, inner=1, outer=1, wait=1),
        encode("loop", count=2),
        vec(ADD),
        encode("end"),
        encode("adda", address=15, value=4),
        encode("end"),
    )
    expected = [3, 4, 5, 6, 11, 12, 13, 14, 19, 20, 21, 22]
    assert values(made, 0, 0, 12).tolist() == expected


def test_relocation_adds_to_40_bits_of_any_slot():
    made, _ = machine()
    put(made, 0, 0, range(16))
    counter = encode("vec.counter5", window=1, add=1, count=1, stride=0)
    run(
        made,
        # Two more to the count, four to the low bits of the stride.
        encode("seta", address=0, value=4 << 16 | 2),
        window("vec", 1, 0),
        counter,
        window("vec", 0, 0, bank=1, counter5=(3, 4)),
        vec(COPY, outer=3),
    )
    assert values(made, 1, 0, 12).tolist() == list(range(12))
    outcome = attempt(made, encode("seta", address=0, value=0xFFFF), counter)
    assert (outcome.error, outcome.engine, outcome.pc) == ("illegal", "vec", 1)


def test_a_run_waits_for_tokens_that_come_later():
    """Sent first, the copy is done last; the second copy stays behind it, in order."""
    made, _ = machine()
    put(made, 0, 0, [1] * 4)
    outcome = run(
        made,
        window("vec", 0, 0, bank=1),
        encode("vec.map", lane=COPY, inner=1, outer=1, wait=0b101),
        window("vec", 0, 0, bank=2),
        vec(COPY),
        window("dma", 0, 0),
        load(signal=0b1),
        encode("signal", tokens=0b100),
    )
    assert (made.words[1, 0] == made.words[0, 0]).all() and (made.words[0, 0] != ONE).all()
    assert (made.words[2, 0] == made.words[0, 0]).all()
    assert outcome.instructions == {"seq": 2, "dma": 2, "quant": 0, "prod": 0, "vec": 4}
    assert outcome.words == {"dma": 1, "quant": 0, "prod": 0, "vec": 2}
    assert not outcome.event and outcome.engine == "seq" and outcome.pc == 7


def test_tokens_are_counted_and_taken_one_each():
    made, _ = machine()
    wait = encode("vec.map", lane=FILL, inner=1, outer=1, wait=0x8001)
    give = encode("signal", tokens=0x8001)
    run(made, give, give, wait, wait)
    outcome = attempt(made, give, give, wait, wait, wait)
    assert (outcome.error, outcome.engine, outcome.pc) == ("watchdog", "vec", 4)
    # One of two tokens is not enough, and is not taken.
    run(
        made,
        encode("signal", tokens=1),
        wait,
        encode("signal", tokens=0x8000),
        encode("barrier"),
        encode("signal", tokens=2),
        encode("wait", tokens=2),
    )


def test_the_event_flag():
    made, _ = machine()
    assert run(made, encode("event")).event
    assert not run(made).event


def test_a_program_may_be_bytes():
    made, _ = machine()
    program = [*window("vec", 0, 4), vec(FILL, imm=ONE), HALT]
    made.run(b"".join(each.to_bytes(16, "little") for each in program))
    assert values(made, 0, 0, 8).tolist() == [0] * 4 + [1] * 4


def test_windows_stay_between_programs():
    made, _ = machine()
    run(made, window("vec", 0, 4, counter5=(2, 4)), vec(FILL, imm=ONE))
    run(made, vec(FILL, imm=0x40000000))
    assert values(made, 0, 4, 8).tolist() == [1] * 4 + [2] * 4


# Errors.

LOOP, END, GIVE = encode("loop", count=1), encode("end"), encode("signal", tokens=1)
VEC_WAITS = encode("vec.map", lane=FILL, inner=1, outer=1, wait=2)
DMA_WAITS = encode("dma.load", rows=1, words=1, wait=4)
QUANT = encode("quant.quantize", inner=1, outer=1, blocks=1)
PROD = encode("prod.multiply", m=1, n=4, blocks=1)
LAST = 64 * 4
"""The element behind the last one of a bank."""

ERRORS = {
    "engine 0": ([0], "illegal", "seq", 0),
    "engine 6": ([GIVE, 6], "illegal", "seq", 1),
    "operation": ([2 | 3 << 4], "illegal", "dma", 0),
    "bits of no field": ([encode("barrier") | 1 << 100], "illegal", "seq", 0),
    "bits of an engine's": ([GIVE, VEC_WAITS ^ 2 << 8 | 1 << 55], "illegal", "vec", 1),
    "end without loop": ([LOOP, END, END], "illegal", "seq", 2),
    "five loops": ([LOOP] * 5, "illegal", "seq", 4),
    "behind a wait": ([VEC_WAITS, 5 | 3 << 4], "watchdog", "vec", 0),
    "wait": ([GIVE, encode("wait", tokens=3)], "watchdog", "seq", 1),
    "barrier": ([DMA_WAITS, VEC_WAITS, encode("barrier")], "watchdog", "dma", 0),
    "halt": ([GIVE, VEC_WAITS, DMA_WAITS], "watchdog", "vec", 1),
    "tokens": ([encode("loop", count=256), GIVE, END], "token", "seq", 1),
    "tokens of a run": (
        [encode("loop", count=255), GIVE, END, vec(FILL, signal=1)],
        "token",
        "vec",
        3,
    ),
    "below the bank": ([*window("vec", 0, -4), vec(FILL)], "address", "vec", 1),
    "above the bank": ([*window("vec", 1, LAST), vec(COPY)], "address", "vec", 1),
    "misaligned": ([*window("vec", 1, 2), vec(COPY)], "address", "vec", 1),
    "single above": ([*window("vec", 0, LAST, single=1), vec(FILL)], "address", "vec", 1),
    "single below": ([*window("vec", 1, -1, single=1), vec(COPY)], "address", "vec", 1),
    "scalar": ([*window("vec", 1, LAST), encode("vec.scalar")], "address", "vec", 1),
    "no such bank": ([*window("vec", 0, 0, bank=8), vec(FILL)], "address", "vec", 1),
    "later position": (
        [*window("vec", 0, 0, counter5=(65, 4)), vec(FILL, outer=65)],
        "address",
        "vec",
        2,
    ),
    "y": ([*window("vec", 2, LAST), vec(ADD)], "address", "vec", 1),
    "load": ([*window("dma", 0, LAST - 4), load(words=2)], "address", "dma", 1),
    "load misaligned": ([*window("dma", 0, 1), load()], "address", "dma", 1),
    "quantize source": ([*window("quant", 1, LAST), QUANT], "address", "quant", 1),
    "panel": ([*window("quant", 0, LAST - 28), QUANT], "address", "quant", 1),
    "panel misaligned": ([*window("quant", 0, 2), QUANT], "address", "quant", 1),
    "too many words": (
        [encode("quant.quantize", inner=9, outer=1, blocks=1)],
        "size",
        "quant",
        0,
    ),
    "too many elements": (
        [encode("quant.quantize", transposed=1, inner=33, outer=1, blocks=1)],
        "size",
        "quant",
        0,
    ),
    "panel of rows": ([*window("prod", 1, LAST - 28), PROD], "address", "prod", 1),
    "panel of columns": ([*window("prod", 2, -4), PROD], "address", "prod", 1),
    "columns": ([encode("prod.multiply", m=1, n=6, blocks=1)], "size", "prod", 0),
    "product": ([*window("prod", 0, LAST), PROD], "address", "prod", 1),
    "product misaligned": ([*window("prod", 0, 2), PROD], "address", "prod", 1),
    "rows of a product": (
        [
            *window("prod", 0, 0, counter4=(1, 6)),
            encode("prod.multiply", m=2, n=4, blocks=1),
        ],
        "address",
        "prod",
        2,
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    program, error, engine, pc = ERRORS[case]
    made, memory = machine()
    made.words[:] = 0x12345678
    before = bytes(memory)
    outcome = attempt(made, program)
    assert (outcome.error, outcome.engine, outcome.pc) == (error, engine, pc)
    assert bytes(memory) == before
    if error in ("address", "size"):
        assert (made.words == 0x12345678).all()


def test_a_program_without_an_end_is_illegal_behind_it():
    made, _ = machine()
    outcome = made.run([GIVE, GIVE])
    assert (outcome.error, outcome.engine, outcome.pc) == ("illegal", "seq", 2)
    assert made.run(b"").pc == 0
    run(made, [LOOP] * 4, [END] * 4)


def test_mistakes():
    made, _ = machine()
    with pytest.raises(UserError, match="program must have 1024 instructions at most, not 1025"):
        made.run([HALT] * 1025)
    with pytest.raises(UserError, match="program must have 16 bytes an instruction, not 15"):
        made.run(bytes(15))
    with pytest.raises(UserError, match="instruction of program must be an integer from 0"):
        made.run([1 << 128])
    with pytest.raises(UserError, match="base must be a multiple of the 16 bytes of a word, not 8"):
        Machine(SMALL, bytearray(16), 8)
    with pytest.raises(UserError, match="memory must be writable"):
        Machine(SMALL, bytes(16))
    with pytest.raises(UserError, match="memory must be a buffer of bytes, not 5"):
        Machine(SMALL, 5)
    wrong: AcceleratorParameters = 5  # pyright: ignore[reportAssignmentType]
    with pytest.raises(UserError, match="parameters must be of AcceleratorParameters, not 5"):
        Machine(wrong, bytearray(16))
