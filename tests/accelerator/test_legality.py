"""Which instructions the sequencer takes as legal."""

import random

import pytest

from hw.accelerator.legality import Legality
from sw.accelerator.instructions import BITS, ENGINES, TABLE, Instruction

from ..clocked import drive
from ..faults import Fault, planted
from .sequences import fields


def words(rng: random.Random, each: Instruction) -> list[tuple[int, bool]]:
    """Return words of an instruction, and some near to them, and whether each is legal."""
    code = ENGINES[each.engine] | each.op << 4 | (each.slot or 0) << 12

    def word(**changed: int) -> int:
        values = fields(rng, each) | changed
        parts = ((values[f.name] & (1 << f.bits) - 1) << f.low for f in each.fields)
        return code | sum(parts)

    made = [(word(), True) for _ in range(4)]
    used = word(**dict.fromkeys(each.named, -1)) | (0xFFFF if each.slot is not None else 0xFF)
    made += [(word() | 1 << bit, False) for bit in range(BITS) if not used >> bit & 1]
    for field in each.fields:
        # What is beyond a bound of fewer values than the bits have.
        low, high = field.bounds
        least = -(1 << field.bits - 1) if field.signed else 0
        most = least + (1 << field.bits) - 1
        made += [(word(**{field.name: low - 1}), False)] * (low > least)
        beyond = {high + 1, most} if most > high else ()
        made += [(word(**{field.name: value}), False) for value in beyond]
    return made


def check(*, scaled: bool) -> None:
    """Compare all of them."""
    dut = Legality(scaled=scaled)
    rng = random.Random(5)
    known = {ENGINES[i.engine] | i.op << 4 for i in TABLE}
    given = [
        (word, legal and not (each.name in ("quant.amax", "prod.alpha") and not scaled))
        for each in TABLE
        for word, legal in words(rng, each)
    ]
    given += [(code, False) for code in range(256) if code not in known]

    async def bench(ctx):
        for word, expected in given:
            ctx.set(dut.word, word)
            await ctx.delay(1e-9)
            assert ctx.get(dut.legal) == expected, f"{word:032x}"

    drive(dut, bench)
    assert sum(legal for _, legal in given) == 4 * (len(TABLE) if scaled else len(TABLE) - 2)


@pytest.mark.parametrize("scaled", [False, True])
def test_legality(scaled):
    check(scaled=scaled)


FAULTS = [
    lambda s: s.zeros_3.eq(1),
    lambda s: s.fits_2.eq(1),
    lambda s: s.zeros_0.eq(0),
    lambda s: s.legal.eq(1),
]


@pytest.mark.parametrize("assign", FAULTS)
def test_planted_faults(assign):
    with planted(Fault(Legality, assign)), pytest.raises(AssertionError):
        check(scaled=True)
