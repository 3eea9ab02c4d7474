"""When an engine takes the instructions that it is sent."""

import collections

from .instructions import Instruction
from .timing import AHEAD

__all__ = ["Decoded", "Queue"]

Decoded = tuple[Instruction, dict[str, int]]
"""An instruction and its fields."""


class Queue:
    """A queue and the engine behind it: the cycles in which instructions are taken."""

    def __init__(self) -> None:
        self.sent: collections.deque[tuple[int, int, Decoded]] = collections.deque()
        self.accepted = 0
        # When each instruction came to the queue's output, and when the last one was taken.
        self.moves: list[int] = []
        self.taken = 0
        self.free: int | None = 0
        self.external = 0
        # The RUN that waits for tokens: from when on, its number, and what it is.
        self.waits: tuple[int, int, Decoded] | None = None
        self.idle = self.busy = self.starved = 0

    @property
    def room(self) -> int | None:
        """From when on the queue takes one more; None if that is not known yet."""
        before = self.accepted - AHEAD
        if before < 0:
            return 0
        return self.moves[before] + 1 if before < len(self.moves) else None

    def send(self, cycle: int, pc: int, what: Decoded) -> None:
        """Put an instruction into the queue."""
        self.sent.append((cycle, pc, what))
        self.accepted += 1

    def advance(self) -> bool:
        """Take instructions up to one that must wait; return whether any was."""
        before = self.accepted - len(self.sent), len(self.moves)
        while self.sent:
            number = self.accepted - len(self.sent)
            cycle, pc, what = self.sent[0]
            if len(self.moves) == number:
                self.moves.append(max(cycle + 1, self.taken))
            if self.free is None:
                break
            offered = self.moves[number] + 1
            self.taken = max(offered, self.free)
            self.sent.popleft()
            self.occupy(offered, self.taken)
            instruction, fields = what
            if instruction.slot is None:
                self.waits, self.free = (self.taken + 1, pc, what), None
            else:
                self.free = self.taken + 1
                if instruction.name == "dma.base" and fields["window"]:
                    self.external = fields["address"]
        return before != (self.accepted - len(self.sent), len(self.moves))

    def work(self, start: int, end: int) -> None:
        """Do the RUN that waits from its grant until it gives tokens."""
        assert self.waits is not None
        since, _, (_, fields) = self.waits
        self.starved += start - since
        # Giving tokens is work too.
        self.occupy(since, end if fields["signal"] else end - 1)
        self.waits, self.free = None, end

    def occupy(self, start: int, end: int) -> None:
        """Count cycles of being busy, both ends included, that were not counted yet."""
        self.busy += max(0, end + 1 - max(start, self.idle))
        self.idle = max(self.idle, end + 1)
