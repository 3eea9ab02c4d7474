"""Programs at random that are legal, and leave the same words however long anything takes.

Of what engines do at a time, no two read or write one bank, and none reads what another writes:
between operations of which that cannot be said are tokens, a barrier, or the order of one engine.
"""

import dataclasses
import random
from collections.abc import Iterator

from sw.accelerator.coding import encode
from sw.accelerator.instructions import ADDRESS_BITS, WINDOWS
from sw.accelerator.parameters import AcceleratorParameters

from .operation import Operation
from .random_operations import Operations
from .random_windows import Move

__all__ = ["BARRIER", "HALT", "Layout", "Maker"]

HALT = encode("halt")
BARRIER = encode("barrier")
SPARE = 64
"""Instructions that the longest operation, with what loops and ends it, may take."""

PAIRS = [(a, b) for a in WINDOWS for b in WINDOWS if a != b]


@dataclasses.dataclass(frozen=True)
class Layout:
    """External memory: bytes of each part, from the first one on.

    ``data`` is only read, ``play`` is also written, ``trap`` neither, all banks are stored to
    ``dump``.
    """

    parameters: AcceleratorParameters
    base: int

    @property
    def word(self) -> int:
        """Bytes of a word."""
        return self.parameters.word_bits // 8

    @property
    def bank(self) -> int:
        """Bytes of a bank."""
        return self.parameters.bank_words * self.word

    @property
    def parts(self) -> dict[str, range]:
        """Addresses of each part."""
        p, found, start = self.parameters, {}, self.base
        banks = p.banks * self.bank
        sizes = {"data": banks, "play": 40 * self.word, "trap": 32 * self.word, "dump": banks}
        for name, size in (sizes | {"program": 16 * p.instructions}).items():
            found[name] = range(start, start + size)
            start += size
        return found

    @property
    def size(self) -> int:
        """Bytes of all."""
        return self.parts["program"].stop - self.base


class Maker:
    """Makes a program.

    Parameters
    ----------
    rng : Random
    parameters : AcceleratorParameters
    base : int
        Address of the external memory, a multiple of a word's bytes.
    again : bool
        Whether the program, begun anew where it was broken off, leaves the same: it loads nothing
        that it stores.
    """

    def __init__(
        self, rng: random.Random, parameters: AcceleratorParameters, base: int, *, again: bool
    ) -> None:
        self.rng, self.parameters = rng, parameters
        self.layout = Layout(parameters, base)
        parts = self.layout.parts
        loads = range(parts["data"].start, parts["data" if again else "play"].stop)
        self.make = Operations(rng, parameters, loads, parts["play"])
        self.code: list[int] = []
        self.steps: list[int] = []
        numbers = rng.sample(range(16), 16)
        self.tokens = dict(zip(PAIRS, numbers, strict=False))
        self.given, self.taken, self.lost = numbers[12:15]

    def program(self) -> list[int]:
        """Return a whole program: banks are loaded, used, and stored."""
        self.begin()
        for _ in range(self.rng.randint(1, 5)):
            self.part()
        return self.finish()

    def begin(self) -> None:
        """Load all banks."""
        self.code += [*self._all("load", "data"), BARRIER]

    def part(self) -> None:
        """Do something, if there is room for it."""
        self.rng.choice((self._section, self._section, self._loop, self._ring))()
        self.code.append(BARRIER)

    def finish(self) -> list[int]:
        """Store all banks and halt."""
        end = [encode("event")] if self.rng.random() < 0.3 else []
        self.code += [BARRIER, *self._all("store", "dump"), *end, HALT]
        assert len(self.code) <= self.parameters.instructions
        return self.code

    def _all(self, name: str, part: str) -> Iterator[int]:
        first = self.layout.parts[part].start
        for bank in self.rng.sample(range(self.parameters.banks), self.parameters.banks):
            yield encode("dma.base", window=0, bank=bank)
            yield encode("dma.base", window=1, address=first + bank * self.layout.bank)
            yield encode(f"dma.{name}", rows=1, words=self.parameters.bank_words)

    @property
    def _room(self) -> int:
        """Return how many instructions there may be before those that end the program."""
        # A barrier, an event, a halt, and the barrier of the part.
        ends = 4 + 3 * self.parameters.banks + 3 * len(self.make.moves)
        return self.parameters.instructions - len(self.code) - ends

    def _section(self) -> None:
        """Add operations that wait for one another where they must, by tokens."""
        operations: list[Operation] = []
        room = self._room
        for _ in range(self.rng.randint(1, 9)):
            if room < SPARE:
                break
            made = self.make.make()
            operations += made
            room -= sum(len(each.code) + 2 for each in made)
        self._link(operations)
        for each in operations:
            self.code += self._extra(each)

    def _link(self, operations: list[Operation]) -> None:
        known = dict.fromkeys(PAIRS, -1)
        for now, each in enumerate(operations):
            for other in WINDOWS:
                pair = other, each.engine
                before = [
                    i
                    for i in range(known.get(pair, now) + 1, now)
                    if operations[i].engine == other
                    and (each.follows(operations[i]) or self.rng.random() < 0.05)
                ]
                if before and other != each.engine:
                    known[pair] = before[-1]
                    operations[before[-1]].signal |= 1 << self.tokens[pair]
                    each.wait |= 1 << self.tokens[pair]

    def _extra(self, each: Operation) -> list[int]:
        """Return an operation's instructions, perhaps with tokens of the sequencer."""
        kind = self.rng.random()
        if kind < 0.1:
            each.wait |= 1 << self.given
            signal = encode("signal", tokens=1 << self.given)
            return self.rng.choice(([signal, *each.code], [*each.code, signal]))
        if kind < 0.2:
            each.signal |= 1 << self.taken
            return [*each.code, encode("wait", tokens=1 << self.taken)]
        if kind < 0.25 and len(self.make.moves) < 2:
            # A token that nobody takes.
            each.signal |= 1 << self.lost
        return each.code

    def _loop(self) -> None:
        """Add a loop of sections, or of what one engine does, which needs no barrier."""
        self._open()
        if self.rng.random() < 0.3:
            engine = self.rng.choice(("dma", "vec"))
            for _ in range(self.rng.randint(1, 3)):
                if self._room >= SPARE:
                    self.code += [w for each in self.make.make(engine) for w in each.code]
        else:
            deeper = len(self.make.moves) < 4 and self.rng.random() < 0.4
            for inner in self.rng.choice(((0,), (1,), (0, 1), (1, 0))) if deeper else (0,):
                (self._loop if inner and self._room > 2 * SPARE else self._section)()
                self.code.append(BARRIER)
        self._close()

    def _ring(self) -> None:
        """Add a loop of operations each of which waits for the one before, the first the last."""
        made: list[Operation] = []
        tokens = self.rng.sample(sorted(self.tokens.values()), 12)
        self.code += [BARRIER, encode("signal", tokens=1 << tokens[0])]
        self._open()
        room = self._room
        while not made or (room >= SPARE and len(made) < 4):
            new = self.make.make()
            made += new
            room -= sum(len(each.code) for each in new)
        for n, each in enumerate(made):
            each.wait, each.signal = 1 << tokens[n], 1 << tokens[(n + 1) % len(made)]
            self.code += each.code
        self._close()
        self.code += [BARRIER, encode("wait", tokens=1 << tokens[0])]

    def _open(self) -> None:
        """Begin a loop, each time of which has other addresses."""
        self.make.panels = []
        register, step = 2 * len(self.make.moves), self.rng.choice((-1, 0, 1, 1, 2))
        first, count = self.rng.choice((-3, 0, 0, 5)), self.rng.choice((1, 2, 2, 3))
        self.code.append(BARRIER)
        self.code += self._registers("seta", register, first)
        self.code.append(encode("loop", count=count))
        words = tuple(first + i * step for i in range(count))
        self.steps.append(step)
        self.make.moves.append(Move(register + 1, words))

    def _close(self) -> None:
        """End a loop."""
        register = self.make.moves.pop().register - 1
        self.code += [*self._registers("adda", register, self.steps.pop()), encode("end")]

    def _registers(self, name: str, register: int, words: int) -> list[int]:
        """Return what sets, or adds to, the registers of elements and of bytes."""
        size = self.parameters.values
        return [
            encode(name, address=register + n, value=words * each % (1 << ADDRESS_BITS))
            for n, each in enumerate((size, 4 * size))
        ]
