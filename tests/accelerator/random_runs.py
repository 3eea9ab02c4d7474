"""Programs at random in the Verilog and in the interpreter: both leave the same memory.

A seed is a program, its data, and how the memory answers. Runs of one `Runner` follow one another
in one machine, whose scratchpad keeps its words.
"""

import dataclasses
import functools
import random
from collections.abc import Mapping, Sequence, Set
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hw.accelerator.machine import Accelerator
from hw.bus.top import AxiTop
from hw.flow.emit import Design, emit
from sim.accelerator.machine import simulate
from sim.bench import Memory, Result, Session, Stalls
from sw.accelerator.instructions import BYTES, ENGINES
from sw.accelerator.machine import Machine, Outcome
from sw.accelerator.parameters import AcceleratorParameters

from .random_operations import SPECIAL
from .random_programs import Layout, Maker
from .wrong_programs import CAUSES, Wrong, wrong

__all__ = ["CONFIGURATIONS", "KINDS", "Runner", "design", "image"]

KINDS = ("legal", "abort", "reset", "illegal")
"""What becomes of a program: it ends, or is broken off and run again, or fails."""

CYCLES = 200_000

CONFIGURATIONS = {
    "narrow": {
        "rows": 2,
        "columns": 2,
        "lanes": 2,
        "format": {"preset": "hbfp4", "block": 4},
        "vector_lanes": 2,
        "banks": 4,
        "bank_words": 16,
        "port_bits": 32,
        "burst": 4,
        "outstanding": 2,
    },
    "stochastic": {
        "rows": 2,
        "columns": 4,
        "lanes": 4,
        "format": {"preset": "mxfp8_e4m3", "block": 8, "rounding": "stochastic"},
        "banks": 8,
        "bank_words": 16,
        "port_bits": 128,
        "burst": 2,
        "outstanding": 1,
    },
    "wide": {
        "rows": 4,
        "columns": 1,
        "lanes": 8,
        "format": {"preset": "hbfp8", "block": 8},
        "banks": 4,
        "bank_words": 32,
        "port_bits": 256,
        "burst": 8,
        "outstanding": 4,
    },
    "scaled": {
        "rows": 2,
        "columns": 2,
        "lanes": 4,
        "format": {"preset": "nvfp4", "block": 8, "rounding": "stochastic"},
        "banks": 4,
        "bank_words": 32,
        "port_bits": 64,
        "burst": 4,
        "outstanding": 2,
    },
}
"""Small machines, by name."""

Image = npt.NDArray[np.uint8]


@functools.cache
def design(name: str) -> tuple[AcceleratorParameters, Design]:
    """Return the parameters of a configuration, and its Verilog."""
    chosen: dict[str, Any] = CONFIGURATIONS[name] | {"instructions": 256, "watchdog": 10}
    parameters = AcceleratorParameters.make(**chosen)
    top = AxiTop(unit="accelerator", core=Accelerator, parameters=parameters)
    return parameters, emit(top, "accelerator")


def image(seed: int, layout: Layout) -> Image:
    """Return data: numbers about one, numbers of all magnitudes, and what is none."""
    rng = np.random.default_rng(seed)
    count = layout.size // 4
    near = rng.standard_normal(count, np.float32).view(np.uint32)
    small = (near & 0x807FFFFF) | rng.integers(110, 140, count, np.uint32) << np.uint32(23)
    bits = rng.integers(0, 1 << 32, count, np.uint32)
    special = rng.choice(np.array(SPECIAL, np.uint32), count)
    odd = rng.choice((0.0, 0.05, 0.3))
    chances = np.array([0.5, 0.5, 0.4, 1.0]) * (1 - odd, 1 - odd, odd, odd)
    kind = rng.choice(4, count, p=chances / chances.sum())
    return np.choose(kind, (near, small, bits, special)).view(np.uint8).copy()


def _slow(rng: random.Random) -> dict[str, Any]:
    """Return how a memory answers, and the gaps of its channels."""
    gaps = (0.0, 0.0, 0.2, 0.5, 0.8)
    return {
        "latency": rng.choice((1, 1, 2, 7, 30, 100)),
        "jitter": rng.choice((0, 0, 3, 20, 60)),
        "bursts": rng.choice((1, 2, 16)),
        "stalls": Stalls(idle=rng.choice(gaps), back_pressure=rng.choice(gaps)),
    }


@dataclasses.dataclass(eq=False)
class Runner:
    """Runs programs on a design in one session; used by ``with``."""

    parameters: AcceleratorParameters
    design: Design

    def __enter__(self) -> Self:
        self._session = Session().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._session.__exit__(*error)

    def check(self, kind: str, seed: int) -> None:
        """Assert that a program of a kind (`KINDS`) does what it should."""
        rng = random.Random(f"{kind} {seed}")
        word = self.parameters.word_bits // 8
        page = 4096 * rng.randrange(1 << 27)
        base = page + rng.randrange(4096 // word) * word
        maker = Maker(rng, self.parameters, base, again=kind in ("abort", "reset"))
        case = _Case(self.parameters, self.design, seed, rng, maker)
        if kind == "illegal":
            case.fails(wrong(rng, maker), self._session)
            return
        case.program = maker.program()
        if kind != "legal":
            case.broken(kind, self._session)
        case.leaves_the_same(self._session)


class _Case:
    def __init__(
        self,
        parameters: AcceleratorParameters,
        design: Design,
        seed: int,
        rng: random.Random,
        maker: Maker,
    ) -> None:
        self.parameters, self.design, self.rng, self.seed = parameters, design, rng, seed
        self.maker, self.layout, self.base = maker, maker.layout, maker.layout.base
        self.program: list[int] = []
        self.image = image(seed, self.layout)
        self.bad = 0, 0
        self.slow = _slow(rng)

    def simulated(self, **options: Any) -> tuple[Image, Result]:
        """Return what the machine leaves of the image, which is changed."""
        answers = {name: value for name, value in self.slow.items() if name != "stalls"}
        memory = Memory(image=self.image, base=self.base, bad=self.bad, **answers)
        return simulate(
            self.parameters,
            self.program,
            memory,
            program_address=self.layout.parts["program"].start,
            design=self.design,
            writes=[("control.clear", 1)],
            stalls=self.slow["stalls"],
            seed=self.seed,
            cycles=CYCLES,
            **options,
        )

    def interpreted(self, program: Sequence[int]) -> tuple[Image, Outcome]:
        """Return what the interpreter makes of the image, which holds the case's program."""
        memory = self.image.copy()
        code = b"".join(word.to_bytes(BYTES, "little") for word in self.program)
        first = self.layout.parts["program"].start - self.base
        memory[first : first + len(code)] = np.frombuffer(code, np.uint8)
        return memory, Machine(self.parameters, memory, self.base).run(program)

    def leaves_the_same(self, session: Session | None, **options: Any) -> int:
        """Assert that the machine leaves what the interpreter does, and counts as much.

        Returns the cycles that it took.
        """
        expected, outcome = self.interpreted(self.program)
        assert outcome.error == "", outcome
        found, result = self.simulated(session=session, **options)
        values = result.registers
        assert _error(values)[0] == 0 and values["status.done"], _error(values)
        assert values["status.event"] == outcome.event
        assert values["instructions"] == sum(outcome.instructions.values())
        _same(self.layout, found, expected)
        return result.worked

    def broken(self, kind: str, session: Session) -> None:
        """Run it to know the cycles that it takes, then break it off in one of them."""
        before = self.image.copy()
        cycles = self.rng.randrange(1, self.leaves_the_same(session))
        self.image = before.copy()
        if kind == "reset":
            # A machine of its own, which begins anew.
            self.leaves_the_same(None, reset_after=cycles)
            self.image = before
            return
        later = [(cycles, "control.abort", 1)]
        found, result = self.simulated(session=session, later=later)
        values = result.registers
        assert values["status.aborted"] and not values["status.aborting"], values
        assert not values["status.busy"] and not values["error"], values
        _same(self.layout, found, before, self.written | set(self.layout.parts["dump"]))

    @property
    def written(self) -> set[int]:
        """Bytes that the program may write before its end, and those of the program."""
        stored = {a + i for a in self.maker.make.stored for i in range(self.layout.word)}
        return stored | set(self.layout.parts["program"])

    def fails(self, made: Wrong, session: Session) -> None:
        """Assert that a program fails as it should, and writes nothing but what it may."""
        self.program, self.bad = made.program, made.bad
        expected, outcome = self.interpreted(made.program if made.modelled else made.good)
        if made.modelled:
            where = outcome.error, outcome.engine, outcome.pc
            assert where == (made.cause, made.engine, made.pc), where
        found, result = self.simulated(session=session)
        values = result.registers
        assert values["status.done"] and not values["status.busy"], values
        flags = [name for name in CAUSES if values[f"status.{name}"]]
        cause = CAUSES.index(made.cause) + 1
        error = _error(values)
        engine = ENGINES.get(made.engine, 0)
        wanted = cause, engine, error[2] if made.pc is None else made.pc
        assert (flags, error) == ([made.cause], wanted), (flags, error, wanted, made)
        _same(self.layout, found, expected, self.written if made.loose else made.addressed)


def _error(registers: Mapping[str, int]) -> tuple[int, int, int]:
    """Return cause, engine and number of the instruction."""
    value = registers["error"]
    return value & 15, value >> 4 & 15, value >> 8


def _same(layout: Layout, found: Image, expected: Image, free: Set[int] = frozenset()) -> None:
    """Compare bytes, but for those at the addresses in ``free``."""
    wrong = [layout.base + int(i) for i in np.flatnonzero(found != expected)]
    wrong = [address for address in wrong if address not in free]
    if wrong:
        [part] = (name for name, part in layout.parts.items() if wrong[0] in part)
        first = wrong[0] - layout.parts[part].start
        raise AssertionError(f"{len(wrong)} bytes differ, the first is {first} of {part}")
