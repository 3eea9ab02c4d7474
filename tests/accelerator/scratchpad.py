"""A scratchpad of arrays for benches of engines."""

import random
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from amaranth.hdl import Value

from hw.accelerator.ports import READ_LATENCY
from sw.accelerator.parameters import AcceleratorParameters

__all__ = ["Scratchpad"]


class Scratchpad:
    """Banks of values, and the side of their words, read and written by an engine's ports.

    What a read gives in other cycles than its own is noise.

    Attributes
    ----------
    values : numpy.ndarray of uint32, banks x values of a bank
    side : list of int, for each bank
    """

    def __init__(self, p: AcceleratorParameters, seed: int = 0) -> None:
        self.p = p
        self.values = np.zeros((p.banks, p.bank_values), np.uint32)
        self.side = [[0] * p.bank_words for _ in range(p.banks)]
        self._noise = random.Random(seed)

    def word(self, bank: int, address: int) -> int:
        """Return a word."""
        at = address * self.p.values
        return int.from_bytes(
            self.values[bank, at : at + self.p.values].astype("<u4").tobytes(), "little"
        )

    def serve(self, reads: Mapping[str, Any], writes: Mapping[str, Any] | None = None) -> Any:
        """Return a bench that serves ports for ever."""
        p = self.p

        async def bench(ctx: Any) -> None:
            # What each port gives in each of the next cycles.
            following = deque([dict.fromkeys(reads)] * (READ_LATENCY - 1))
            while True:
                coming: dict[str, Any] = {}
                for name, port in reads.items():
                    coming[name] = None
                    if ctx.get(port.en):
                        bank, address = ctx.get(port.bank), ctx.get(port.address)
                        coming[name] = self.word(bank, address), self.side[bank][address]
                for port in (writes or {}).values():
                    if ctx.get(port.en):
                        self._write(ctx, port)
                following.append(coming)
                await ctx.tick()
                coming = following.popleft()
                for name, port in reads.items():
                    given = coming[name]
                    if given is None:
                        given = self._noise.getrandbits(p.word_bits), 0
                    ctx.set(port.data, given[0])
                    if p.side_bits:
                        ctx.set(port.side, given[1])

        return bench

    def _write(self, ctx: Any, port: Any) -> None:
        """Write the lanes and slices that are enabled."""
        bank, address, word, lanes, side, slices = (
            ctx.get(Value.cast(getattr(port, name)))
            for name in ("bank", "address", "data", "lanes", "side", "slices")
        )
        for lane in range(self.p.values):
            if lanes >> lane & 1:
                value = word >> 32 * lane & 0xFFFFFFFF
                self.values[bank, address * self.p.values + lane] = value
        bits = self.p.format.exponent_bits
        for n in range(self.p.slices):
            if slices >> n & 1:
                mask = (1 << bits) - 1 << n * bits
                kept = self.side[bank][address] & ~mask
                self.side[bank][address] = kept | side & mask
