"""Tokens against a model that counts."""

import random

import pytest

from hw.accelerator.tokens import Tokens
from sw.accelerator.instructions import TOKENS

from ..clocked import drive
from ..faults import Fault, planted

REQUESTERS = ("a", "b", "c")
MOST = 255


def run(cycles: int, *, seed: int, gives: float) -> int:
    """Give and take at random; return the overflows. After one of a counter it is not used."""
    dut = Tokens(requesters=REQUESTERS)
    rng = random.Random(seed)
    overflows = 0

    def mask(of: int, chance: float) -> int:
        return sum((rng.random() < chance) << t for t in range(TOKENS) if of >> t & 1)

    async def bench(ctx):
        nonlocal overflows
        counts = [0] * TOKENS
        good = (1 << TOKENS) - 1
        waits: dict[str, int | None] = dict.fromkeys(REQUESTERS)
        over = dict.fromkeys(REQUESTERS, False)
        # Who could have been granted its tokens in the cycle before, if nobody was then.
        could: list[str] = []
        for _ in range(cycles):
            given = {name: mask(good, gives) for name in REQUESTERS}
            granted = could[0] if could else None
            for name in REQUESTERS:
                if waits[name] is None and rng.random() < 0.5:
                    waits[name] = mask(good, 0.15)
                wait = waits[name]
                ctx.set(getattr(dut, f"waiting_{name}"), wait is not None)
                # What is asked for without waiting is of no account.
                ctx.set(getattr(dut, f"wait_{name}"), mask(good, 0.2) if wait is None else wait)
                ctx.set(getattr(dut, f"signal_{name}"), given[name])
                there = [counts[t] for t in range(TOKENS) if wait is not None and wait >> t & 1]
                if granted is None and wait is not None and all(there):
                    could.append(name)
            if granted:
                could = []
            taken = waits[granted] or 0 if granted else 0
            full = 0
            for t in range(TOKENS):
                counts[t] += sum(each >> t & 1 for each in given.values())
                counts[t] -= taken >> t & 1
                full |= (counts[t] > MOST) << t
            for name in REQUESTERS:
                assert ctx.get(getattr(dut, f"granted_{name}")) == (name == granted)
                assert ctx.get(getattr(dut, f"overflow_{name}")) == over[name]
                over[name] = bool(given[name] & full)
                overflows += over[name]
            if granted is not None:
                waits[granted] = None
            good &= ~full
            for name, wait in waits.items():
                waits[name] = None if wait is None else wait & good
            await ctx.tick()

    drive(dut, bench)
    return overflows


def test_takes_and_gives():
    assert run(400, seed=1, gives=0.08) == 0


def test_overflow():
    # Of all counters sooner or later; then nothing is waited for.
    assert run(300, seed=2, gives=0.4) >= TOKENS


FAULTS = {
    "none are taken": lambda s: s.taken.eq(0),
    "two are granted in a cycle": lambda s: s.granted_b.eq(s.may[1]),
    "one is granted without its tokens": lambda s: s.may[2].eq(s.waiting_c & ~s.may.any()),
    "two are granted in a row": lambda s: s.may[0].eq(s.waiting_a & ~(s.wait_a & ~s.there).any()),
    "a counter is stuck": lambda s: s.token_3.eq(1),
    "a counter wraps": lambda s: s.full[5].eq(0),
    "an overflow is laid to another": lambda s: s.overflow_a.eq((s.gave_b_0 & s.full).any()),
}


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults(name):
    with planted(Fault(Tokens, FAULTS[name])), pytest.raises(AssertionError):
        run(200, seed=1, gives=0.08)
        run(300, seed=2, gives=0.4)
