"""Operations of the engines at random, legal each by itself, and what of memories they touch."""

import itertools
import random
from collections.abc import Sequence

from sw.accelerator.coding import encode
from sw.accelerator.instructions import FUNCTIONS, LANE_OPS
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.vector import OPERANDS

from .operation import Operation
from .random_panels import Panel, several
from .random_windows import Move, Place, Words, external, place, row, window

__all__ = ["SPECIAL", "Operations"]

NONE: Words = frozenset()
SPECIAL = (0, 1 << 31, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7FA00001, 0x80000001, 0x7F7FFFFF)
"""Zeros, infinities, NaNs, a subnormal, and the largest."""

TRIES = 50
STEPS = 20
"""Positions of the vector engine's longest walks."""


class Operations:
    """Makes operations.

    Parameters
    ----------
    rng : Random
    parameters : AcceleratorParameters
    loads, stores : range
        Addresses of external memory that may be loaded, and stored.

    Attributes
    ----------
    moves : list of Move
        Of loops: of elements and of bytes; empty outside of loops.
    panels : list of Panel
        That may be multiplied.
    stored : set of int
        Addresses of words that are stored.
    """

    def __init__(
        self, rng: random.Random, parameters: AcceleratorParameters, loads: range, stores: range
    ) -> None:
        self.rng, self.parameters, self.loads, self.stores = rng, parameters, loads, stores
        self.moves: list[Move] = []
        self.panels: list[Panel] = []
        self.stored: set[int] = set()

    def make(self, engine: str = "") -> list[Operation]:
        """Return an operation, or one that needs others with those before it."""
        kinds = {
            "dma": self._dma,
            "vec": self.rng.choice((self._map, self._map, self._map, self._scalar)),
            "quant": self._quantize,
            "prod": self._multiply,
        }
        if self.parameters.tensor_scale and self.rng.random() < 0.3:
            kinds |= {"quant": self._amax, "prod": self._alpha}
        made = kinds[engine or self.rng.choice(["vec", "vec", *kinds])]()
        for each in made:
            if each.name != "quant.quantize":
                self._spoil(each.writes)
        return made

    def _spoil(self, words: Words) -> None:
        self.panels = [each for each in self.panels if not each.place.words & words]

    def _move(self, bytes_: bool = False) -> Move:
        """Return a register and what it is in each run; that of bytes is the next one."""
        if not self.moves or self.rng.random() < 0.3:
            return Move()
        move = self.rng.choice(self.moves)
        return Move(move.register + bytes_, move.words)

    def _banks(self, *without: Place) -> list[int]:
        used = {each.window.bank for each in without}
        return [bank for bank in range(self.parameters.banks) if bank not in used]

    def _apart(self, reads: Words, steps: int) -> Place:
        """Return a window of what is written, none of it in ``reads``."""
        for _ in range(TRIES):
            found = place(self.rng, self.parameters, steps, self._move(), self._banks())
            if not found.words & reads:
                return found
        banks = set(self._banks()) - {bank for bank, _ in reads}
        return place(self.rng, self.parameters, steps, Move(), sorted(banks))

    def _dma(self) -> list[Operation]:
        load = self.rng.random() < 0.5
        rows, words = self.rng.randint(1, 3), self.rng.randint(1, 4)
        here = row(self.rng, self.parameters, rows * words, self._move(), self._banks())
        part = self.loads if load else self.stores
        move = self._move(bytes_=True)
        size = self.parameters.word_bits // 8
        address, distance, used = external(self.rng, part, size, rows, words, move)
        outside = encode("dma.base", window=1, address=address, add=move.register)
        sets = [[*window(self.rng, "dma", 0, here)], [outside]]
        self.rng.shuffle(sets)
        fields = {"rows": rows, "words": words, "distance": distance}
        if not load:
            self.stored |= used
        reads, writes = (NONE, here.words) if load else (here.words, NONE)
        name = f"dma.{'load' if load else 'store'}"
        return [Operation(name, sum(sets, []), fields, reads, writes)]

    def _scalar(self) -> list[Operation]:
        x = place(self.rng, self.parameters, 1, self._move(), self._banks())
        fields = {"register": self.rng.randrange(4)}
        return [Operation("vec.scalar", window(self.rng, "vec", 1, x), fields, x.words, NONE)]

    def _map(self) -> list[Operation]:
        """Return an operation of the vector engine, perhaps another one on the same windows."""
        rng = self.rng
        lane = rng.choice(LANE_OPS)
        reduce = rng.choice((0, 0, 1, 2))
        inner = rng.choice((1, 2, 3, 5, 8, 9, 17)) if reduce else rng.randint(1, 5)
        outer = rng.randint(1, max(STEPS // inner, 1))
        steps = inner * outer
        taken = [name for name in "xy" if name in OPERANDS[lane]]
        sources = [place(rng, self.parameters, steps, self._move(), self._banks()) for _ in taken]
        if len(sources) == 2:
            x, y = sources
            sources[1] = place(rng, self.parameters, steps, self._move(), self._banks(x))
        reads = frozenset().union(*(each.words for each in sources))
        first = sources[0] if sources else None
        if first and not reduce and not first.twice and rng.random() < 0.3:
            if len(first.move.words) > 1 or any(first.words & s.words for s in sources[1:]):
                to = self._apart(reads, steps)
            else:
                to = first
        else:
            to = self._apart(reads, outer if reduce else steps)
        sets = [window(rng, "vec", 0, to)]
        sets += [
            window(rng, "vec", 1 + "xy".index(n), s) for n, s in zip(taken, sources, strict=True)
        ]
        rng.shuffle(sets)
        made = []
        for sets_ in [sum(sets, [])] + [[]] * (rng.random() < 0.2):
            fields = {
                "lane": LANE_OPS.index(lane),
                "reduce": reduce,
                "fold": rng.randrange(2) if reduce else 0,
                "relu": rng.choice((0, 0, 1)),
                "scalar": rng.choice((0, 0, 1, 2, 3, 4)),
                "function": rng.randrange(1, len(FUNCTIONS)) if lane == "function" else 0,
                "inner": inner,
                "outer": outer,
                "imm": rng.choice((rng.getrandbits(32), 0x3F800000, 0xC0490FDB, *SPECIAL)),
            }
            made.append(Operation("vec.map", sets_, fields, reads, to.words))
            same = [op for op in LANE_OPS if [n for n in "xy" if n in OPERANDS[op]] == taken]
            lane = rng.choice(same)
        return made

    def _quantize(self) -> list[Operation]:
        return [self._panel(self.rng.randrange(2), self.rng.randint(1, 3), 0, self._banks())]

    def _element(self, engine: str, number: int) -> tuple[list[int], Words]:
        """Return what sets a window to an element, and the words that this is in."""
        where = row(self.rng, self.parameters, 1, self._move(), self._banks())
        where.window.address += self.rng.randrange(self.parameters.values)
        return window(self.rng, engine, number, where), where.words

    def _amax(self) -> list[Operation]:
        rng = self.rng
        inner, outer = rng.randint(1, 5), rng.randint(1, 4)
        source = place(rng, self.parameters, inner * outer, self._move(), self._banks())
        sets, words = self._element("quant", 0)
        sets += window(rng, "quant", 1, source)
        fields = {"inner": inner, "outer": outer}
        return [Operation("quant.amax", sets, fields, source.words, words)]

    def _alpha(self) -> list[Operation]:
        (first, a), (second, b) = (self._element("prod", number) for number in (1, 2))
        return [Operation("prod.alpha", first + second, {}, a | b, NONE)]

    def _panel(self, side: int, blocks: int, rows: int, banks: Sequence[int]) -> Operation:
        """Return what makes a panel of a side, of so many rows or more."""
        rng, p = self.rng, self.parameters
        slices = p.columns if side else p.rows
        k = blocks * p.format.reduction
        while True:
            transposed = rng.random() < 0.5
            unit, most = (p.values, k) if transposed else (1, -(-k // p.values))
            inner = rng.choice((most, rng.randint(1, most)))
            least = -(-max(rows, 1) // unit)
            outer = rng.randint(least, max(least, 8 // unit))
            count = -(-outer * unit // slices) * blocks * p.beats
            if count <= p.bank_words:
                break
        source = place(rng, p, inner * outer, self._move(), self._banks())
        to = row(rng, p, count, Move(), banks)
        for _ in range(TRIES):
            if not to.words & source.words:
                break
            to = row(rng, p, count, Move(), banks)
        else:
            source = place(rng, p, inner * outer, Move(), self._banks(to))
        sets = window(rng, "quant", 0, to)
        if rng.random() < 0.5:
            fields = {"add": rng.choice((0, rng.randint(0, 16))), "key": rng.getrandbits(64)}
            skip = rng.choice((0, rng.getrandbits(24)))
            sets.append(encode("quant.key", window=0, skip=skip, **fields))
        both = [sets, window(rng, "quant", 1, source)]
        rng.shuffle(both)
        self._spoil(to.words)
        self.panels.append(Panel(side, outer * unit, blocks, to))
        fields = {"transposed": int(transposed), "side": side, "blocks": blocks}
        fields |= {"inner": inner, "outer": outer}
        return Operation("quant.quantize", sum(both, []), fields, source.words, to.words)

    def _multiply(self) -> list[Operation]:
        """Return a product, behind what makes its panels unless there are some."""
        rng, p = self.rng, self.parameters
        pairs = [
            (a, b)
            for a in self.panels
            for b in self.panels
            if (a.side, b.side) == (0, 1)
            and a.blocks == b.blocks
            and b.rows >= p.columns
            and a.place.window.bank != b.place.window.bank
        ]
        made: list[Operation] = []
        if not pairs or rng.random() < 0.3:
            blocks = rng.choice((1, 1, 2, 3))
            bank = rng.randrange(p.banks)
            made.append(self._panel(0, blocks, 0, [bank]))
            a = self.panels[-1]
            made.append(self._panel(1, blocks, p.columns, self._banks(a.place)))
            pairs = [(a, self.panels[-1])]
        a, b = rng.choice(pairs)
        m, n = rng.randint(1, a.rows), rng.randint(1, b.rows // p.columns) * p.columns
        return [*made, self._product(a, b, m, n)]

    def _product(self, a: Panel, b: Panel, m: int, n: int) -> Operation:
        """Return the product of two panels."""
        rng, p = self.rng, self.parameters
        reads = a.place.words | b.place.words
        count = rng.choice((1, 1, 2, 3))
        for _ in range(10 * TRIES):
            stride = rng.choice((-1, 1)) * (
                n * rng.choice((1, count)) + rng.randint(0, 2) * p.columns
            )
            step = rng.choice((-1, 1)) * rng.choice((n, m * abs(stride) + p.columns))
            move = self._move()
            rows = [k * step + i * stride for k in range(count) for i in range(m)]
            low = -min(rows) - min(move.words) * p.values
            high = p.bank_values - n - max(rows) - max(move.words) * p.values
            if low > high or any(x - y < n for y, x in itertools.pairwise(sorted(rows))):
                m, count = (m, count - 1) if count > 1 else (max(m - 1, 1), 1)
                continue
            base = rng.randint(low // p.columns, high // p.columns) * p.columns
            if base < low:
                continue
            bank = rng.randrange(p.banks)
            words = frozenset(
                (bank, (base + i + j) // p.values + moved)
                for i in rows
                for j in range(n)
                for moved in move.words
            )
            if not words & reads:
                break
        else:
            raise AssertionError("no product fits")
        add, address = move.register, base % (1 << 40)
        sets = [encode("prod.base", window=0, address=address, bank=bank, add=add)]
        sets.append(encode("prod.counter4", window=0, count=rng.randint(1, 9), stride=stride))
        if count > 1 or rng.random() < 0.1:
            sets.append(encode("prod.counter3", window=0, count=rng.randint(1, 9), stride=step))
        for number, panel, slices in ((1, a, m), (2, b, n)):
            sets += window(rng, "prod", number, several(rng, p, panel, slices, count))
        fields = {"m": m, "n": n, "blocks": a.blocks, "more": count - 1}
        return Operation("prod.multiply", sets, fields, reads, words)
