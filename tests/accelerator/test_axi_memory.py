"""The memory behind an AXI4 slave: bursts at whims, its end, and how long they take."""

import random
from typing import Any

import pytest

from hw.bus.axi_memory import AxiMemory

from ..clocked import drive
from ..faults import Fault, planted

WORDS, BYTES, ADDRESS = 32, 4, 16
SIZES = {"data_bits": 8 * BYTES, "address_bits": ADDRESS, "words": WORDS}
OKAY, SLVERR = 0, 2


class Master:
    """Asks for bursts, and waits in one of ``stalls`` cycles where it may."""

    def __init__(self, dut: AxiMemory, seed: int, stalls: float) -> None:
        self.dut, self.random, self.stalls = dut, random.Random(seed), stalls

    async def _wait(self, ctx: Any) -> None:
        while self.random.random() < self.stalls:
            await ctx.tick()

    async def offer(self, ctx: Any, channel: str, **values: int) -> None:
        """Offer a word until it is taken."""
        await self._wait(ctx)
        for name, value in values.items():
            ctx.set(getattr(self.dut, channel + name), value)
        ctx.set(getattr(self.dut, f"{channel}valid"), 1)
        await ctx.tick().until(getattr(self.dut, f"{channel}ready"))
        ctx.set(getattr(self.dut, f"{channel}valid"), 0)

    async def take(self, ctx: Any, channel: str, *names: str) -> tuple[int, ...]:
        """Take a word, which must stay until then."""
        valid, ready = (getattr(self.dut, channel + name) for name in ("valid", "ready"))
        while not ctx.get(valid):
            await ctx.tick()
        values = [ctx.get(getattr(self.dut, channel + name)) for name in names]
        await self._wait(ctx)
        assert [ctx.get(getattr(self.dut, channel + name)) for name in names] == values
        ctx.set(ready, 1)
        await ctx.tick()
        ctx.set(ready, 0)
        return (*values,)

    async def write(self, ctx: Any, address: int, beats: list[tuple[int, int]]) -> int:
        """Write beats with their strobes; return the response."""
        await self.offer(ctx, "aw", addr=address, len=len(beats) - 1)
        for n, (data, strobes) in enumerate(beats, 1):
            await self.offer(ctx, "w", data=data, strb=strobes, last=n == len(beats))
        [response] = await self.take(ctx, "b", "resp")
        return response

    async def read(self, ctx: Any, address: int, count: int) -> list[tuple[int, int]]:
        """Read beats with their responses."""
        await self.offer(ctx, "ar", addr=address, len=count - 1)
        found = [await self.take(ctx, "r", "data", "resp", "last") for _ in range(count)]
        assert [last for *_, last in found] == [0] * (count - 1) + [1]
        return [(data, response) for data, response, _ in found]


def compared(seed: int, stalls: float, bursts: int = 25) -> None:
    """Write and read at random, and compare with bytes."""
    dut = AxiMemory(**SIZES)
    expected = bytearray(WORDS * BYTES)
    rng = random.Random(seed)

    def burst() -> tuple[int, int]:
        """Return a place near the memory, and a length."""
        return rng.randrange(WORDS + 6), rng.randint(1, 9)

    async def bench(ctx: Any) -> None:
        master = Master(dut, seed, stalls)
        for _ in range(bursts):
            first, count = burst()
            beats = [(rng.getrandbits(32), rng.getrandbits(4)) for _ in range(count)]
            address = first * BYTES + rng.randrange(BYTES)
            response = await master.write(ctx, address, beats)
            assert response == (SLVERR if first + count > WORDS else OKAY)
            for place, (data, strobes) in enumerate(beats, first):
                for byte in range(BYTES):
                    if place < WORDS and strobes >> byte & 1:
                        expected[place * BYTES + byte] = data >> 8 * byte & 0xFF
            first, count = burst()
            for place, (data, response) in enumerate(
                await master.read(ctx, first * BYTES, count), first
            ):
                assert response == (OKAY if place < WORDS else SLVERR)
                if place < WORDS:
                    word = expected[place * BYTES : (place + 1) * BYTES]
                    assert data == int.from_bytes(word, "little")
        # Far beyond the end, where the lower bits are those of the first beat.
        assert await master.write(ctx, 1 << ADDRESS - 1, [(0, 15)]) == SLVERR
        [(data, _)] = await master.read(ctx, 0, 1)
        assert data == int.from_bytes(expected[:BYTES], "little")

    drive(dut, bench)


@pytest.mark.parametrize("stalls", [0.0, 0.4])
def test_bursts_do_what_they_do_to_bytes(stalls):
    compared(1, stalls)


FAULTS = {
    "what is beyond the end is at the beginning": lambda s: s.write_beyond.eq(0),
    "a beat that waits is overtaken": lambda s: s.move.eq(s.reading),
    "a burst ends a beat early": lambda s: s.rlast.eq(s.left == 1),
    "a burst is written to one place": lambda s: s.write_place.eq(s.write_place),
}


@pytest.mark.parametrize("assign", FAULTS.values(), ids=list(FAULTS))
def test_planted_faults(assign):
    with planted(Fault(AxiMemory, assign)), pytest.raises(AssertionError):
        compared(1, 0.4)


def test_bursts_take_the_cycles_that_are_said():
    dut = AxiMemory(**SIZES, length_bits=9)
    times: dict[str, list[int]] = {"r": [], "b": [], "ar": [], "w": []}

    async def bench(ctx: Any) -> None:
        for name in ("arvalid", "rready", "awvalid", "wvalid", "bready"):
            ctx.set(getattr(dut, name), 1)
        ctx.set(dut.arlen, 2)
        beats = 0
        for cycle in range(20):
            ctx.set(dut.wlast, beats % 3 == 2)
            for name, found in times.items():
                valid, ready = (ctx.get(getattr(dut, name + s)) for s in ("valid", "ready"))
                if valid and ready:
                    found.append(cycle)
            beats += ctx.get(dut.wready)
            await ctx.tick()

    drive(dut, bench)
    assert times["ar"][:3] == [0, 4, 8] and times["r"][:6] == [2, 3, 4, 6, 7, 8]
    assert times["w"][:6] == [1, 2, 3, 6, 7, 8] and times["b"][:2] == [4, 9]
