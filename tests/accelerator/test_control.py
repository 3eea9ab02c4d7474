"""Loops, address registers and tokens, and how programs begin."""

import numpy as np

from sw.accelerator.coding import encode

from .programs import (
    ADD,
    COPY,
    FILL,
    HALT,
    ONE,
    attempt,
    load,
    machine,
    put,
    run,
    values,
    vec,
    window,
)


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


def test_relocation_is_modulo_2_to_the_40():
    made, _ = machine()
    put(made, 0, 0, range(16))
    run(
        made,
        # Four elements before the address that is said.
        encode("seta", address=3, value=2**40 - 4),
        encode("vec.base", window=1, address=8, add=4),
        window("vec", 0, 0, bank=1),
        vec(COPY),
    )
    assert values(made, 1, 0, 4).tolist() == [4, 5, 6, 7]


def test_only_addresses_and_keys_are_relocated():
    made, _ = machine()
    counter = encode("vec.counter5", window=1, count=1)
    outcome = attempt(made, encode("seta", address=0, value=1), counter | 1 << 16)
    assert (outcome.error, outcome.engine, outcome.pc) == ("illegal", "seq", 1)


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


def test_a_program_begins_as_after_reset_but_for_the_scratchpad():
    made, _ = machine()
    put(made, 0, 0, [3] * 4)
    run(
        made,
        encode("seta", address=0, value=4),
        window("vec", 0, 4, counter5=(2, 4)),
        encode("vec.scalar", register=0),
        encode("signal", tokens=1),
    )
    run(made, vec(FILL, outer=2, scalar=1), window("vec", 0, 8, add=1), vec(FILL, imm=ONE))
    assert values(made, 0, 0, 16).tolist() == [0] * 8 + [1] * 4 + [0] * 4
    assert attempt(made, encode("wait", tokens=1)).error == "watchdog"
