"""Each error with the instruction that it is of, and what is refused before a program runs."""

import pytest

from sw.accelerator.coding import encode
from sw.accelerator.machine import Machine
from sw.accelerator.parameters import AcceleratorParameters
from sw.errors import UserError

from .programs import ADD, COPY, FILL, HALT, SMALL, attempt, load, machine, run, vec, window

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
    "operation": ([2 | 3 << 4], "illegal", "seq", 0),
    "amax without a scale": (
        [GIVE, encode("quant.amax", inner=1, outer=1)],
        "illegal",
        "seq",
        1,
    ),
    "alpha without a scale": ([encode("prod.alpha")], "illegal", "seq", 0),
    "bits of no field": ([encode("barrier") | 1 << 100], "illegal", "seq", 0),
    "bits of an engine's": ([VEC_WAITS, VEC_WAITS | 1 << 55], "illegal", "seq", 1),
    "fold without a reduction": ([GIVE, vec(FILL) | 1 << 46], "illegal", "vec", 1),
    "end without loop": ([LOOP, END, END], "illegal", "seq", 2),
    "five loops": ([LOOP] * 5, "illegal", "seq", 4),
    "behind a wait": ([VEC_WAITS, vec(FILL) | 1 << 46], "watchdog", "vec", 0),
    "wait": ([GIVE, encode("wait", tokens=3)], "watchdog", "seq", 1),
    "barrier": ([DMA_WAITS, VEC_WAITS, encode("barrier")], "watchdog", "dma", 0),
    "halt": ([GIVE, VEC_WAITS, DMA_WAITS], "watchdog", "dma", 2),
    "wait behind a run": ([VEC_WAITS, encode("wait", tokens=1)], "watchdog", "vec", 0),
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
    "next panel": (
        [
            *window("prod", 2, 0, counter3=(1, 8)),
            encode("prod.multiply", m=1, n=4, blocks=1, more=29),
        ],
        "address",
        "prod",
        2,
    ),
    "next panel misaligned": (
        [*window("prod", 1, 0, counter3=(1, 2)), PROD | 1 << 88],
        "address",
        "prod",
        2,
    ),
    "next product": (
        [*window("prod", 0, 0, counter3=(1, LAST)), PROD | 1 << 88],
        "address",
        "prod",
        2,
    ),
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
