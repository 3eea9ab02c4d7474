"""The tokens of a program at work: operations that take any time, and what they overlap."""

import collections
import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from sw.accelerator.coding import decode
from sw.accelerator.instructions import ENGINES
from sw.accelerator.program import Program
from sw.accelerator.window import Window

__all__ = ["Run", "Timeline"]


@dataclasses.dataclass(eq=False)
class Run:
    """A RUN under way: what it reads and writes, as banks and their words."""

    pc: int
    number: int
    reads: list[tuple[int, np.ndarray]]
    writes: list[tuple[int, np.ndarray]]
    begin: float = 0.0
    end: float = 0.0

    def clashes(self, other: "Run") -> bool:
        """Whether they must not be under way at the same time, or change their order."""

        def banks(places: list[tuple[int, np.ndarray]]) -> set[int]:
            return {bank for bank, _ in places}

        def meet(some: list[tuple[int, np.ndarray]], others: list[tuple[int, np.ndarray]]) -> bool:
            pairs = itertools.product(some, others)
            return any(a == b and len(np.intersect1d(x, y)) for (a, x), (b, y) in pairs)

        return bool(
            banks(self.reads) & banks(other.reads)
            or banks(self.writes) & banks(other.writes)
            or meet(self.writes, other.writes + other.reads)
            or meet(other.writes, self.reads)
        )


class Timeline:
    """Runs a program's tokens, with operations that take any time, and engines of any speed.

    ``depth`` is how many instructions an engine's queue takes. The instruction ``wrong`` does not
    wait for the tokens that it takes.
    """

    def __init__(self, program: Program, seed: int, depth: int, wrong: int = -1) -> None:
        self.rng = np.random.default_rng(seed)
        self.code = [decode(word) for word in program.instructions]
        self.parameters = program.parameters
        self.depth, self.wrong = depth, wrong
        self.tokens = [0] * 16
        self.time = 0.0
        self.queues: dict[str, list[tuple[int, int]]] = {engine: [] for engine in ENGINES}
        self.slow = {engine: 30 ** self.rng.uniform(-1, 1) for engine in ENGINES}
        self.windows: collections.defaultdict[tuple[str, int], Window] = collections.defaultdict(
            Window
        )
        self.active: dict[str, Run] = {}
        self.done: list[Run] = []
        self.sent = 0

    def mask(self, mask: int) -> list[int]:
        return [n for n in range(16) if mask >> n & 1]

    def begin(self, engine: str) -> None:
        """Begin what is first in a queue, if it may."""
        queue = self.queues[engine]
        while queue and engine not in self.active:
            pc, number = queue[0]
            instruction, fields = self.code[pc]
            if instruction.slot is not None:
                name = instruction.name.partition(".")[2]
                self.windows[engine, fields["window"]].set(name, fields)
            else:
                wanted = self.mask(fields["wait"])
                if pc != self.wrong and not all(self.tokens[n] > 0 for n in wanted):
                    return
                for n in wanted:
                    self.tokens[n] -= 1
                self.active[engine] = self.run_of(engine, pc, number)
            queue.pop(0)

    def run_of(self, engine: str, pc: int, number: int) -> Run:
        """Return what an instruction is at its beginning."""
        name, fields = self.code[pc][0].name, self.code[pc][1]
        p = self.parameters
        to, x, y = (self.windows[engine, n] for n in range(3))
        reads: list[tuple[int, np.ndarray]] = []
        writes = []
        if name in ("dma.load", "dma.store"):
            place = self.behind(to, fields["rows"] * fields["words"])
            reads, writes = ([place], []) if name == "dma.store" else ([], [place])
        elif name == "quant.quantize":
            rows = fields["outer"] * (p.values if fields["transposed"] else 1)
            tiles = -(-rows // (p.columns if fields["side"] else p.rows))
            reads = [self.walked(x, fields["inner"] * fields["outer"])]
            writes = [self.behind(to, tiles * fields["blocks"] * p.beats)]
        elif name == "prod.multiply":
            tiles = -(-fields["m"] // p.rows), fields["n"] // p.columns
            # From where each product has its words.
            apart = [
                (np.arange(fields["more"] + 1) * window.counters[3].stride)[:, None]
                for window in (to, x, y)
            ]
            reads = [
                (bank, (words + step // p.values).reshape(-1))
                for window, count, step in zip((x, y), tiles, apart[1:], strict=True)
                for bank, words in [self.behind(window, count * fields["blocks"] * p.beats)]
            ]
            rows = np.arange(fields["m"]) * to.counters[4].stride
            tiles_of_rows = (apart[0] + rows).reshape(-1, 1) + np.arange(0, fields["n"], p.columns)
            writes = [(to.bank, np.unique((to.address + tiles_of_rows) // p.values))]
        elif name == "quant.amax":
            reads = [self.walked(x, fields["inner"] * fields["outer"])]
            writes = [self.behind(to, 1)]
        elif name == "prod.alpha":
            reads = [self.behind(window, 1) for window in (x, y)]
        elif name == "vec.scalar":
            reads = [self.walked(x, 1)]
        elif name == "vec.map":
            # fill; copy, scale, shift and function; the others.
            count = {1: 0, 0: 1, 5: 1, 7: 1, 11: 1}.get(fields["lane"], 2)
            steps = fields["inner"] * fields["outer"]
            reads = [self.walked(window, steps) for window in (x, y)[:count]]
            writes = [self.walked(to, fields["outer"] if fields["reduce"] else steps)]
        else:
            raise AssertionError(f"no {name} is known here")
        end = self.time + self.rng.exponential() * self.slow[engine]
        return Run(pc, number, reads, writes, self.time, end)

    def walked(self, window: Window, steps: int) -> tuple[int, np.ndarray]:
        """The bank and the words of a window's first positions."""
        address, inside = window.walk(steps)
        return window.bank, np.unique(address[inside] // self.parameters.values)

    def behind(self, window: Window, words: int) -> tuple[int, np.ndarray]:
        """The bank and so many words from where a window begins."""
        return window.bank, window.address // self.parameters.values + np.arange(words)

    def advance(self) -> None:
        """Go to the end of the first operation that ends."""
        assert self.active, "nothing can move"
        engine = min(self.active, key=lambda each: self.active[each].end)
        run = self.active.pop(engine)
        self.time = run.end
        self.done.append(run)
        for n in self.mask(self.code[run.pc][1]["signal"]):
            self.tokens[n] += 1
        self.settle()

    def settle(self) -> None:
        """Begin what may begin."""
        for engine in self.queues:
            self.begin(engine)

    def all_done(self) -> None:
        while self.active or any(self.queues.values()):
            self.advance()

    def run(self) -> None:
        """Run to the end; no token is left."""
        for pc in self.order():
            instruction, fields = self.code[pc]
            if instruction.engine != "seq":
                while len(self.queues[instruction.engine]) >= self.depth:
                    self.advance()
                self.queues[instruction.engine].append((pc, self.sent))
                self.sent += 1
                self.settle()
            elif instruction.name == "signal":
                for n in self.mask(fields["tokens"]):
                    self.tokens[n] += 1
                self.settle()
            elif instruction.name == "wait":
                for n in self.mask(fields["tokens"]):
                    assert self.tokens[n] > 0
                    self.tokens[n] -= 1
            elif instruction.name in ("barrier", "halt"):
                self.all_done()
        assert self.tokens == [0] * 16

    def order(self) -> Iterator[int]:
        """Give program counters, those in loops as often as they come."""
        loops: list[tuple[int, int]] = []
        pc = 0
        while pc < len(self.code):
            yield pc
            instruction, fields = self.code[pc]
            if instruction.name == "loop":
                loops.append((pc, fields["count"]))
            elif instruction.name == "end":
                start, left = loops.pop()
                if left > 1:
                    loops.append((start, left - 1))
                    pc = start
            pc += 1

    def check(self) -> None:
        """Check that what clashes was done in the order of the program."""
        runs = sorted(self.done, key=lambda run: run.number)
        for first, second in itertools.combinations(runs, 2):
            if second.begin < first.end:
                assert not first.clashes(second), (first, second)
