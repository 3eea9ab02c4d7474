"""The scratchpad against arrays."""

import random

import pytest

from hw.accelerator.ports import READ_LATENCY
from hw.accelerator.scratchpad import Scratchpad
from sw.accelerator.parameters import AcceleratorParameters

from ..clocked import drive
from ..faults import Fault, planted

PARAMETERS = AcceleratorParameters(rows=2, columns=2, banks=4, bank_words=16)
READERS, WRITERS = ("a", "b", "c"), ("x", "y")


def run(cycles: int, *, seed: int, clash: float = 0.0) -> int:
    """Read and write at random; return how many conflicts there should be and are.

    Without a ``clash`` each word that is read is compared.
    """
    p = PARAMETERS
    dut = Scratchpad(parameters=p, readers=READERS, writers=WRITERS)
    rng = random.Random(seed)
    lanes, slices = ({} for _ in range(2))
    pending: list[tuple[int, str, list[int], list[int]]] = []
    conflicts = compared = 0

    async def bench(ctx):
        nonlocal conflicts, compared
        expected = False
        for cycle in range(cycles):
            assert ctx.get(dut.conflict) == expected
            conflicts += expected
            while pending and pending[0][0] == cycle:
                _, name, words, codes = pending.pop(0)
                port = getattr(dut, f"read_{name}")
                if not clash:
                    assert [ctx.get(port.data.word_select(n, 32)) for n in range(p.values)] == words
                    bits = p.format.exponent_bits
                    found = [ctx.get(port.side.word_select(n, bits)) for n in range(p.slices)]
                    assert found == codes
                    compared += 1
            expected = False
            read: set[tuple[int, int]] = set()
            for kind, names in (("read", READERS), ("write", WRITERS)):
                taken: list[int] = []
                for name in names:
                    port = getattr(dut, f"{kind}_{name}")
                    en, bank = rng.random() < 0.7, rng.randrange(p.banks)
                    address = rng.randrange(p.bank_words)
                    en &= bank not in taken or rng.random() < clash
                    en &= kind == "read" or (bank, address) not in read
                    expected |= en and bank in taken
                    ctx.set(port.en, en)
                    ctx.set(port.bank, bank)
                    ctx.set(port.address, address)
                    taken += [bank] * en
                    if kind == "read" and en:
                        read.add((bank, address))
                        words = [lanes.get((bank, address, n), 0) for n in range(p.values)]
                        codes = [slices.get((bank, address, n), 0) for n in range(p.slices)]
                        pending.append((cycle + READ_LATENCY, name, words, codes))
                    elif kind == "write":
                        parts = ((port.lanes, port.data, lanes), (port.slices, port.side, slices))
                        for enables, values, kept in parts:
                            mask, value = (
                                rng.getrandbits(len(enables)),
                                rng.getrandbits(len(values)),
                            )
                            ctx.set(enables, mask)
                            ctx.set(values, value)
                            bits = len(values) // len(enables)
                            for n in range(len(enables)):
                                if en and mask >> n & 1:
                                    part = value >> bits * n & (1 << bits) - 1
                                    kept[bank, address, n] = part
            await ctx.tick()

    drive(dut, bench)
    assert clash or compared > cycles
    return conflicts


def test_words():
    assert run(300, seed=1) == 0


def test_two_of_a_kind_at_one_bank_are_a_conflict():
    assert run(200, seed=2, clash=0.3) > 10


FAULTS = {
    "a reader has another bank's word": lambda s: s.b_bank.eq(s.read_b.bank ^ 1),
    "a reader is not heard": lambda s: s.reads_2[1].eq(0),
    "a writer is not heard": lambda s: s.writes_1[1].eq(0),
    "a writer writes to two banks": lambda s: s.writes_1.eq(s.writes_0),
    "exponent codes are lost": lambda s: s.c_side.eq(0),
    "conflicts are not seen": lambda s: s.conflict.eq(0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults(name):
    with planted(Fault(Scratchpad, FAULTS[name])), pytest.raises(AssertionError):
        run(150, seed=1)
        run(100, seed=2, clash=0.3)
