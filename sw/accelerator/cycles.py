"""When each operation of a program begins and ends, and the cycles that a program takes.

Nothing is computed: instructions pass through the sequencer and the engines' queues, wait for
tokens, and take the cycles that `sw.accelerator.timing` says. The external memory never stalls;
where tensors have a scale, each has another largest magnitude than the one before.
"""

import dataclasses
import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..checks import instance, whole
from ..errors import UserError
from ..formats.stages import SCALE_CYCLES
from .coding import decode
from .instructions import ADDRESS_BITS, ADDRESSES, BITS, TOKENS, WORKERS, Instruction
from .parameters import AcceleratorParameters
from .port import Port
from .queues import Decoded, Queue
from .timing import (
    FACTOR,
    SCALAR,
    first_element,
    product_cycles,
    quantize_cycles,
    search_cycles,
    vector_cycles,
)

__all__ = ["Prediction", "Span", "check_latency", "predict"]

BESIDE = 16
"""Cycles, at least, that the watchdog waits beside those of the memory."""


@dataclasses.dataclass(frozen=True)
class Span:
    """An operation: the number of its instruction, and the cycles of its tokens' grant and gift."""

    engine: str
    pc: int
    start: int
    end: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a program takes.

    Parameters
    ----------
    cycles : int
        From the start to the end, as the machine counts them.
    instructions : int
        Carried out or sent.
    busy, starved : mapping of str to int
        Cycles of each engine with something to do, and of those in which it waits for tokens.
    spans : tuple of Span
        The operations, in the order of their grants.
    """

    cycles: int
    instructions: int
    busy: Mapping[str, int]
    starved: Mapping[str, int]
    spans: tuple[Span, ...]


def check_latency(parameters: AcceleratorParameters, latency: int) -> None:
    """Raise `UserError` unless the watchdog waits for a memory that answers after ``latency``."""
    waits = 1 << parameters.watchdog
    name = f"latency, with a watchdog of {waits:,} cycles,"
    whole(name, latency, 1, waits - BESIDE)


def predict(
    parameters: AcceleratorParameters,
    program: Sequence[int],
    *,
    latency: int = 1,
    report: Callable[[int], object] = lambda done: None,
) -> Prediction:
    """Return what a program takes, with a memory that answers ``latency`` cycles after an address.

    ``report`` is called as repetitions of an outermost loop end, with how many have. `UserError`
    for a program in which an instruction is illegal, or in which nothing can move, and as
    `check_latency` has it.
    """
    p = instance("parameters", parameters, AcceleratorParameters)
    code = [decode(whole("instruction of program", word, 0, (1 << BITS) - 1)) for word in program]
    check_latency(p, latency)
    return _Clock(p, code, Port(p, latency), report).run()


class _Clock:
    """A program under way.

    Parameters
    ----------
    parameters : AcceleratorParameters
    code : list
        Of its instructions, decoded.
    port : Port
    report : callable
        As of `predict`.
    """

    def __init__(
        self,
        parameters: AcceleratorParameters,
        code: list[Decoded],
        port: Port,
        report: Callable[[int], object],
    ) -> None:
        self.parameters, self.code, self.port, self.report = parameters, code, port, report
        self.engines = {name: Queue() for name in WORKERS}
        first, fetched = port.fetch(len(code))
        self.engines["dma"].occupy(3, fetched)
        # When the quantizer has the scale of the largest magnitude that was found last.
        self.scaled = 0
        self.tokens: list[list[int]] = [[] for _ in range(TOKENS)]
        self.addresses = [0] * ADDRESSES
        self.loops: list[tuple[int, int]] = []
        self.pc, self.cycle, self.done = 0, first, False
        self.count, self.granted = 0, 0
        self.spans: list[Span] = []

    def run(self) -> Prediction:
        """Run to the end."""
        while not self.done:
            moved = [engine.advance() for engine in self.engines.values()]
            if not any([*moved, self._step()]):
                self._grant()
        return Prediction(
            cycles=self.cycle + 1,  # The machine is done a cycle after HALT.
            instructions=self.count,
            busy={name: engine.busy for name, engine in self.engines.items()},
            starved={name: engine.starved for name, engine in self.engines.items()},
            spans=tuple(self.spans),
        )

    def _step(self) -> bool:
        """Carry out instructions up to one that must wait; return whether any was."""
        before = self.count
        while not self.done:
            if self.pc >= len(self.code):
                raise UserError("program must end with halt")
            instruction, fields = self.code[self.pc]
            if instruction.engine == "seq":
                if not self._own(instruction.name, fields):
                    break
            elif not self._send(instruction, fields):
                break
            self.count += 1
            self.cycle += 0 if self.done else 2
        return self.count != before

    def _send(self, instruction: Instruction, fields: dict[str, int]) -> bool:
        """Send an instruction to an engine; return whether there is room."""
        engine = self.engines[instruction.engine]
        room = engine.room
        if room is None:
            return False
        if fields.get("add") and "address" in fields:
            address = fields["address"] + self.addresses[fields["add"] - 1]
            fields = fields | {"address": address % (1 << ADDRESS_BITS)}
        self.cycle = max(self.cycle, room)
        engine.send(self.cycle, self.pc, (instruction, fields))
        self.pc += 1
        return True

    def _own(self, name: str, fields: Mapping[str, int]) -> bool:
        """Carry out an instruction of the sequencer; return whether it need not wait."""
        engines = self.engines.values()
        if name == "wait":
            return False
        if name in ("barrier", "event", "halt"):
            if any(engine.sent or engine.waits for engine in engines):
                return False
            self.cycle = max(self.cycle, *(engine.idle for engine in engines))
            self.done = name == "halt"
        elif name == "signal":
            self._give(fields["tokens"], self.cycle + 2)
        elif name == "seta":
            self.addresses[fields["address"]] = fields["value"]
        elif name == "adda":
            self.addresses[fields["address"]] += fields["value"]
        elif name == "loop":
            self.loops.append((self.pc, fields["count"]))
        elif name == "end":
            self._end()
        self.pc += 1
        return True

    def _end(self) -> None:
        """Go back behind the start of the innermost loop, or leave it."""
        if not self.loops:
            raise UserError("program must have a loop for each end")
        start, left = self.loops.pop()
        if not self.loops:
            _, fields = self.code[start]
            self.report(fields["count"] - left + 1)
        if left > 1:
            self.loops.append((start, left - 1))
            self.pc = start
            self.cycle += 2

    def _ready(self, since: int, mask: int) -> int | None:
        """Return when all tokens of a mask can be taken; None if that is not known."""
        found = [self.tokens[n] for n in range(TOKENS) if mask >> n & 1]
        if not all(found):
            return None
        return max(since, self.granted + 1, *(token[0] for token in found)) + 1

    def _take(self, mask: int, cycle: int) -> None:
        """Take one each of the tokens of a mask."""
        for n in range(TOKENS):
            if mask >> n & 1:
                heapq.heappop(self.tokens[n])
        self.granted = cycle

    def _give(self, mask: int, cycle: int) -> None:
        """Give one each of the tokens of a mask, which can be taken from ``cycle`` on."""
        for n in range(TOKENS):
            if mask >> n & 1:
                heapq.heappush(self.tokens[n], cycle)

    def _candidates(self) -> Iterator[tuple[int, int, str]]:
        """Give when each that waits can be granted its tokens, and its rank in being served."""
        for rank, (name, engine) in enumerate(self.engines.items()):
            if engine.waits is not None:
                since, _, (_, fields) = engine.waits
                found = self._ready(since, fields["wait"])
                if found is not None:
                    yield found, rank, name
        instruction, fields = self.code[self.pc]
        if instruction.name == "wait":
            found = self._ready(self.cycle, fields["tokens"])
            if found is not None:
                yield found, len(self.engines), "seq"

    def _grant(self) -> None:
        """Grant tokens to the engine, or the sequencer, that can have them first."""
        found = min(self._candidates(), default=None)
        if found is None:
            raise UserError("program must not stop where no engine can go on")
        start, _, name = found
        if name == "seq":
            _, fields = self.code[self.pc]
            self._take(fields["tokens"], start)
            self.pc, self.count, self.cycle = self.pc + 1, self.count + 1, start + 2
            return
        engine = self.engines[name]
        assert engine.waits is not None
        _, pc, (instruction, fields) = engine.waits
        end = start + self._cycles(instruction.name, fields, engine.external)
        if instruction.name == "quant.amax":
            self.scaled = end + SCALE_CYCLES
        elif instruction.name == "quant.quantize":
            end += max(0, self.scaled - start - first_element(self.parameters, fields))
        self._take(fields["wait"], start)
        self._give(fields["signal"], end + 1)
        engine.work(start, end)
        self.spans.append(Span(name, pc, start, end))

    def _cycles(self, name: str, fields: Mapping[str, int], external: int) -> int:
        """Return the cycles of an operation."""
        p = self.parameters
        if name.startswith("dma"):
            return self.port.move(name, external, fields)
        if name == "vec.scalar":
            return SCALAR
        if name == "prod.alpha":
            return FACTOR
        cycles = {
            "vec.map": vector_cycles,
            "quant.quantize": quantize_cycles,
            "quant.amax": search_cycles,
            "prod.multiply": product_cycles,
        }
        return cycles[name](p, fields)
