"""A memory behind an AXI4 master in Amaranth's simulator, at whims, that checks its rules."""

import random
from collections import deque
from collections.abc import Sequence
from typing import Any

__all__ = ["AxiMemory"]

BOUNDARY = 4096
SLVERR, DECERR = 2, 3

ADDRESS = ("addr", "len", "size", "burst", "cache", "prot", "id", "valid", "ready")
PAYLOADS = {
    "aw": ADDRESS[:-2],
    "w": ("data", "strb", "last"),
    "ar": ADDRESS[:-2],
}


class AxiMemory:
    """Bytes that are read and written, and what happened.

    Parameters
    ----------
    size, origin : int
        Bytes, and the address of the first one.
    latency : int
        Cycles to an answer, at least.
    stall : float
        Chance of a cycle in which a channel does not move.
    bad : sequence of int
        Addresses whose bursts are answered with an error.
    burst, outstanding : int
        What the master may do at most.
    """

    def __init__(
        self,
        size: int,
        *,
        origin: int = 0,
        latency: int = 0,
        stall: float = 0.0,
        bad: Sequence[int] = (),
        burst: int,
        outstanding: int,
        seed: int = 0,
    ) -> None:
        self.random = random.Random(seed)
        self.origin = origin
        self.bytes = bytearray(self.random.randbytes(size))
        self.latency, self.stall, self.bad = latency, stall, bad
        self.burst, self.outstanding = burst, outstanding
        self.bursts: list[tuple[int, int]] = []
        self.cycle = 0
        self.moved = {"r": 0, "w": 0, "b": 0}
        # Of a write: address and beats to come; beats that came before their address.
        self.writing: deque[tuple[int, int]] = deque()
        self.beats: deque[tuple[int, int, int]] = deque()
        self.answers: deque[tuple[int, int]] = deque()
        self.reading: deque[tuple[int, int, int, int]] = deque()
        self.under_way = {"aw": 0, "ar": 0}
        self.offered = {"b": False, "r": False}

    def attach(self, dut: Any) -> Any:
        """Return a bench that answers a circuit with the members of a master."""
        names = [f"{c}{s}" for c in ("aw", "ar") for s in ADDRESS]
        names += [f"w{s}" for s in ("data", "strb", "last", "valid", "ready")]
        names += ["bvalid", "bready", "rvalid", "rready", "rlast"]
        self.width = len(dut.rdata) // 8

        async def bench(ctx: Any) -> None:
            held: dict[str, tuple[int, ...]] = {}
            while True:
                self._drive(ctx, dut)
                values = await ctx.tick().sample(*(getattr(dut, name) for name in names))
                seen = dict(zip(names, values[2:], strict=True))
                self.cycle += 1
                self._check(seen, held)
                self._move(seen)

        return bench

    def _idles(self) -> bool:
        return self.random.random() < self.stall

    def _drive(self, ctx: Any, dut: Any) -> None:
        """Offer answers and readiness; an answer that was offered and not taken stays."""
        for channel in ("aw", "w", "ar"):
            ctx.set(getattr(dut, f"{channel}ready"), not self._idles())
        if not self.offered["b"]:
            due = bool(self.answers) and self.answers[0][0] <= self.cycle
            self.offered["b"] = offered = due and not self._idles()
            ctx.set(dut.bvalid, offered)
            ctx.set(dut.bresp, self.answers[0][1] if offered else self.random.randrange(4))
        if not self.offered["r"]:
            due = bool(self.reading) and self.reading[0][0] <= self.cycle
            self.offered["r"] = offered = due and not self._idles()
            ctx.set(dut.rvalid, offered)
            _, address, response, last = self.reading[0] if offered else (0, 0, 3, 1)
            beat = self.bytes[address : address + self.width]
            ctx.set(dut.rdata, int.from_bytes(beat, "little"))
            ctx.set(dut.rresp, response)
            ctx.set(dut.rlast, last)

    def _check(self, seen: dict[str, int], held: dict[str, tuple[int, ...]]) -> None:
        """Check what the master offers against the rules."""
        for channel, fields in PAYLOADS.items():
            payload = tuple(seen[channel + field] for field in fields)
            if channel in held:
                assert seen[f"{channel}valid"], f"{channel} took an offer back"
                assert payload == held.pop(channel), f"{channel} changed an offer"
            if seen[f"{channel}valid"] and not seen[f"{channel}ready"]:
                held[channel] = payload
        for channel in ("aw", "ar"):
            if not seen[f"{channel}valid"]:
                continue
            address, beats = seen[f"{channel}addr"], seen[f"{channel}len"] + 1
            assert 1 << seen[f"{channel}size"] == self.width and seen[f"{channel}burst"] == 1
            assert address % self.width == 0 and beats <= self.burst
            assert address % BOUNDARY + beats * self.width <= BOUNDARY, "4 KiB are crossed"
            assert self.under_way[channel] < self.outstanding, f"{channel}: too many bursts"

    def _move(self, seen: dict[str, int]) -> None:
        """Do what was agreed on in this cycle."""
        moves = {c: seen[f"{c}valid"] and seen[f"{c}ready"] for c in ("aw", "w", "b", "ar", "r")}
        due = self.cycle + self.latency
        for channel in ("aw", "ar"):
            if moves[channel]:
                address, beats = seen[f"{channel}addr"] - self.origin, seen[f"{channel}len"] + 1
                assert 0 <= address <= len(self.bytes) - beats * self.width, "out of memory"
                self.bursts.append((address, beats))
                self.under_way[channel] += 1
                if channel == "aw":
                    self.writing.append((address, beats))
                    continue
                for n in range(beats):
                    at = address + n * self.width
                    response = SLVERR if at in self.bad else 0
                    self.reading.append((due, at, response, n == beats - 1))
        if moves["w"]:
            self.moved["w"] += 1
            self.beats.append((seen["wdata"], seen["wstrb"], seen["wlast"]))
        self._write(due)
        if moves["b"]:
            self.answers.popleft()
            self.offered["b"] = False
            self.moved["b"] += 1
            self.under_way["aw"] -= 1
        if moves["r"]:
            self.reading.popleft()
            self.offered["r"] = False
            self.moved["r"] += 1
            self.under_way["ar"] -= seen["rlast"]

    def _write(self, due: int) -> None:
        """Write the beats of bursts of which all are there."""
        while self.writing and len(self.beats) >= self.writing[0][1]:
            address, beats = self.writing.popleft()
            response = 0
            for n in range(beats):
                word, strobes, last = self.beats.popleft()
                assert last == (n == beats - 1), "wlast is wrong"
                for byte, value in enumerate(word.to_bytes(self.width, "little")):
                    if strobes >> byte & 1:
                        self.bytes[address + n * self.width + byte] = value
                if address + n * self.width in self.bad:
                    response = DECERR
            self.answers.append((due, response))
