"""External memory at the AXI4 master of a circuit in Amaranth's simulator."""

import random
from collections import deque
from typing import Any

__all__ = ["AxiMemory"]

OKAY, SLVERR = 0, 2


class AxiMemory:
    """Bytes from address 0 up; all beyond them is answered by SLVERR.

    Parameters
    ----------
    dut : Circuit
        Its members ``m_axi_*`` are a master of INCR bursts.
    size : int
        Bytes.
    stalls : float
        Chance, in a cycle, that a channel does not move.
    """

    def __init__(self, dut: Any, size: int, *, stalls: float = 0.0, seed: int = 0) -> None:
        self.dut = dut
        self.bytes = bytearray(size)
        self.stalls = stalls
        self.rng = random.Random(seed)
        self.width = len(dut.m_axi_wdata) // 8
        self.reads: deque[tuple[int, bool]] = deque()
        self.writes: deque[int] = deque()
        self.data: deque[tuple[int, int, bool]] = deque()
        self.answers: deque[int] = deque()
        self.offered = {"r": False, "b": False}
        self.bursts = 0

    def cycle(self, ctx: Any) -> None:
        """Take and give what there is in this cycle; to be called once in each."""
        for channel in ("ar", "aw", "w"):
            self._set(ctx, f"{channel}ready", self.rng.random() >= self.stalls)
        self._offer(ctx, "r", bool(self.reads))
        self._offer(ctx, "b", bool(self.answers))
        if self.offered["r"]:
            address, last = self.reads[0]
            good = address + self.width <= len(self.bytes)
            word = int.from_bytes(self.bytes[address : address + self.width], "little")
            self._set(ctx, "rdata", word if good else self.rng.getrandbits(8 * self.width))
            self._set(ctx, "rresp", OKAY if good else SLVERR)
            self._set(ctx, "rlast", last)
            if self._get(ctx, "rready"):
                self.reads.popleft()
                self.offered["r"] = False
        if self.offered["b"]:
            self._set(ctx, "bresp", self.answers[0])
            if self._get(ctx, "bready"):
                self.answers.popleft()
                self.offered["b"] = False
        self._take(ctx)

    def _take(self, ctx: Any) -> None:
        """Take addresses and data; write a burst when all of it is there."""
        for channel, queue in (("ar", self.reads), ("aw", self.writes)):
            if self._get(ctx, f"{channel}valid") and self._get(ctx, f"{channel}ready"):
                first = self._get(ctx, f"{channel}addr")
                beats = self._get(ctx, f"{channel}len") + 1
                assert self._get(ctx, f"{channel}burst") == 1
                assert 1 << self._get(ctx, f"{channel}size") == self.width
                assert first >> 12 == first + beats * self.width - 1 >> 12, "crosses 4 KiB"
                self.bursts += 1
                addresses = range(first, first + beats * self.width, self.width)
                for address in addresses:
                    last = address == addresses[-1]
                    queue.append((address, last) if channel == "ar" else address)
        if self._get(ctx, "wvalid") and self._get(ctx, "wready"):
            names = ("wdata", "wstrb", "wlast")
            self.data.append(tuple(self._get(ctx, name) for name in names))
        while self.writes and self.data:
            address = self.writes.popleft()
            data, strobes, last = self.data.popleft()
            good = address + self.width <= len(self.bytes)
            for n in range(self.width):
                if good and strobes >> n & 1:
                    self.bytes[address + n] = data >> 8 * n & 255
            if last:
                self.answers.append(OKAY if good else SLVERR)

    def _offer(self, ctx: Any, channel: str, there: bool) -> None:
        moves = self.rng.random() >= self.stalls
        self.offered[channel] = self.offered[channel] or (there and moves)
        self._set(ctx, f"{channel}valid", self.offered[channel])

    def _get(self, ctx: Any, name: str) -> int:
        return ctx.get(getattr(self.dut, f"m_axi_{name}"))

    def _set(self, ctx: Any, name: str, value: int) -> None:
        ctx.set(getattr(self.dut, f"m_axi_{name}"), value)
