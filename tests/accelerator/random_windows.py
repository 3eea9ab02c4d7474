"""Windows at random whose positions are in their bank, and the words that they have."""

import dataclasses
import random
from collections.abc import Sequence

import numpy as np

from sw.accelerator.coding import decode, encode
from sw.accelerator.instructions import ADDRESS_BITS, COUNTERS, TABLE, WINDOWS, Instruction
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.window import Bounds, Counter, Window

__all__ = ["Move", "Place", "Words", "external", "place", "row", "window"]

Words = frozenset[tuple[int, int]]
"""Banks and words in them."""


_SLOTS = {
    name: [s for s in TABLE if s.engine == name and s.slot in range(1, 8)] for name in WINDOWS
}


@dataclasses.dataclass(frozen=True)
class Move:
    """An address register, one more than its number or 0, and what it is in the runs of a loop."""

    register: int = 0
    words: tuple[int, ...] = (0,)


@dataclasses.dataclass(frozen=True)
class Place:
    """A window, how it is moved, its words, and whether it has one of them twice in a run."""

    window: Window
    move: Move
    words: Words
    twice: bool


def _counters(rng: random.Random, unit: int, plane: bool) -> list[Counter]:
    def step() -> int:
        return rng.randint(-2, 2) if plane else 0

    return [
        Counter(rng.choice((2, 3, 3, 4, 7)), rng.randint(-3, 4) * unit, step(), step())
        if rng.random() < 0.4
        else Counter()
        for _ in range(COUNTERS)
    ]


def place(
    rng: random.Random, p: AcceleratorParameters, steps: int, move: Move, banks: Sequence[int]
) -> Place:
    """Return a window of so many positions, all those inside of its plane in one of the banks."""
    single = int(rng.random() < 0.2)
    unit = 1 if single else p.values
    for tries in range(100):
        bounds = None
        if rng.random() < 0.25:
            y, x, height, width = (rng.randint(low, 5) for low in (-4, -4, 1, 1))
            bounds = Bounds(y, x, height, width)
        counters = _counters(rng, unit, bounds is not None)
        if tries > 90 or (bounds is None and not single and rng.random() < 0.4):
            counters = [*[Counter()] * 5, Counter(min(steps, 4), unit)]
        made = Window(0, rng.choice(banks), single, bounds=bounds, counters=counters)
        address, inside = made.walk(steps)
        used = address[inside]
        low = -min([*used.tolist(), 0]) - min(move.words) * p.values
        high = p.bank_values - 1 - max([*used.tolist(), 0]) - max(move.words) * p.values
        if -(-low // unit) <= high // unit:
            break
    else:
        raise AssertionError("no window fits")
    made.address = rng.randint(-(-low // unit), high // unit) * unit
    found = (used[:, None] + made.address) // p.values + np.array(move.words)
    words = frozenset((made.bank, int(word)) for word in found.ravel())
    twice = len(set(used.tolist())) < len(used) or bool(single)
    return Place(made, move, words, twice)


def row(
    rng: random.Random, p: AcceleratorParameters, count: int, move: Move, banks: Sequence[int]
) -> Place:
    """Return a window of words one behind the other, without counters."""
    low, high = -min(move.words), p.bank_words - count - max(move.words)
    assert low <= high, "no row fits"
    first, bank = rng.randint(low, high), rng.choice(banks)
    words = frozenset((bank, first + i + w) for i in range(count) for w in move.words)
    return Place(Window(first * p.values, bank), move, words, len(move.words) > 1)


def external(
    rng: random.Random, part: range, word: int, rows: int, words: int, move: Move
) -> tuple[int, int, set[int]]:
    """Return an address in a part of memory, the distance of rows, and the words' addresses."""
    size = len(part) // word
    moved = [w + i for w in move.words for i in range(words)]
    room = size - (max(moved) - min(moved) + 1)
    most = room // max(rows - 1, 1)
    distance = rng.choice((words, rng.randint(-most, most)))
    if abs(distance) > most:
        distance = 0
    offsets = [w + i * distance for w in moved for i in range(rows)]
    first = rng.randint(-min(offsets), size - 1 - max(offsets))
    address = part.start + first * word
    return address, distance * word, {address + each * word for each in offsets}


def window(rng: random.Random, engine: str, number: int, given: Place) -> list[int]:
    """Return what sets a window, in a random order behind its base, perhaps what has no effect."""
    made = given.window
    code = []
    for n, counter in enumerate(made.counters):
        if counter != Counter() or rng.random() < 0.02:
            fields = dataclasses.asdict(counter)
            code.append(encode(f"{engine}.counter{n}", window=number, **fields))
    if made.bounds:
        code.append(encode(f"{engine}.bounds", window=number, **dataclasses.asdict(made.bounds)))
    rng.shuffle(code)
    # What is beyond the bits of an element's address is of no account.
    high = rng.getrandbits(8) << 32 if rng.random() < 0.2 else 0
    base = encode(
        f"{engine}.base",
        window=number,
        address=(made.address + high) % (1 << ADDRESS_BITS),
        bank=made.bank,
        single=made.single,
        add=given.move.register,
    )
    before = [_changed(rng, rng.choice(_SLOTS[engine]), number)] if rng.random() < 0.1 else []
    if code and rng.random() < 0.1:
        instruction, _ = decode(rng.choice(code))
        code.insert(0, _changed(rng, instruction, number))
    return [*before, base, *code]


def _changed(rng: random.Random, slot: Instruction, number: int) -> int:
    """Return what sets a slot to anything, which what comes behind it undoes."""
    values = {field.name: rng.randint(*field.bounds) for field in slot.fields}
    return encode(slot.name, **values | {"window": number})
