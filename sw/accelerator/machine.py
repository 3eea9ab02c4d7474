"""The interpreter: what a program makes of the scratchpad and of external memory, bit by bit."""

import collections
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..checks import shown, whole
from ..errors import UserError
from .coding import decode
from .engines import Dma, Engine, Multiplier, Quantizer, Vector
from .instructions import ADDRESS_BITS, ADDRESSES, BITS, BYTES, ENGINES, LOOPS, TOKENS, Instruction
from .parameters import AcceleratorParameters
from .scratchpad import MachineError, Scratchpad

__all__ = ["Machine", "Outcome"]

MOST_TOKENS = 255
"""Of a counter of tokens."""

PAYLOAD = 32
"""The lowest bit to which an address register is added."""

_decode = functools.lru_cache(maxsize=4096)(decode)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a program ended.

    Parameters
    ----------
    error : str
        Cause of an error, or nothing.
    engine : str
        That which found it, ``seq`` without one.
    pc : int
        Number, in the program, of the instruction that failed, or of the last one.
    event : bool
        Whether the event flag was set.
    instructions : mapping of str to int
        Instructions that each engine has done.
    words : mapping of str to int
        What each took at one a cycle if nothing held it up: words moved by ``dma``, beats of
        panels written by ``quant`` and of tiles by ``prod``, positions of ``vec``.
    """

    error: str
    engine: str
    pc: int
    event: bool
    instructions: Mapping[str, int]
    words: Mapping[str, int]


class Machine:
    """An accelerator with an external memory.

    Between programs the scratchpad stays as it is; all else is as after reset.

    Parameters
    ----------
    parameters : AcceleratorParameters
        Of the machine.
    memory : writable buffer of bytes
        The external memory, which programs change. Words that it does not hold wholly, and all
        outside of it, answer with an error.
    base : int
        Address of its first byte, a multiple of a word's bytes.
    """

    def __init__(self, parameters: AcceleratorParameters, memory: Any, base: int = 0) -> None:
        self.pad = pad = Scratchpad(parameters)
        self.parameters = p = pad.parameters
        size = p.word_bits // 8
        whole("base", base, 0, (1 << ADDRESS_BITS) - 1)
        if base % size:
            raise UserError(f"base must be a multiple of the {size} bytes of a word, not {base}")
        try:
            view = memoryview(memory).cast("B")
        except TypeError:
            raise UserError(f"memory must be a buffer of bytes, not {shown(memory)}") from None
        if view.readonly:
            raise UserError("memory must be writable")
        count = len(view) // size
        self._memory = np.frombuffer(view, "<u4", count * p.values).reshape(count, p.values)
        self._base = base
        self.words, self.side = pad.words, pad.side

    def run(self, program: Sequence[int] | bytes) -> Outcome:
        """Run a program until it halts or fails.

        The sequencer goes on until it has to wait, and engines do what they are sent as soon as
        they can. Engines have queues of any length here; a program that needs longer ones than the
        machine has would stop there. One in which nothing can move fails as by the watchdog, with
        the instruction that waits for tokens of the first engine, by the codes, that does, or else
        with that of the sequencer.

        After an error only what was not addressed by then is defined: it is as before.

        Parameters
        ----------
        program : sequence of int, or bytes
            Its instructions, as numbers or in memory's order.
        """
        words = _instructions(program)
        if len(words) > self.parameters.instructions:
            most = self.parameters.instructions
            raise UserError(f"program must have {most} instructions at most, not {len(words)}")
        dma = Dma(self.pad, self._memory, self._base)
        engines = dma, Quantizer(self.pad), Multiplier(self.pad), Vector(self.pad)
        scaled = self.parameters.tensor_scale
        return _Sequencer({each.name: each for each in engines}, words, scaled=scaled).run()


def _instructions(program: Sequence[int] | bytes) -> list[int]:
    """Check a program; return its instructions."""
    if isinstance(program, bytes | bytearray):
        if len(program) % BYTES:
            raise UserError(f"program must have {BYTES} bytes an instruction, not {len(program)}")
        pieces = (program[i : i + BYTES] for i in range(0, len(program), BYTES))
        return [int.from_bytes(each, "little") for each in pieces]
    return [whole("instruction of program", each, 0, (1 << BITS) - 1) for each in program]


class _Sequencer:
    """A program under way.

    Parameters
    ----------
    engines : mapping of str to Engine
        By their names.
    program : list of int
        The instructions.
    scaled : bool
        Whether tensors have a scale of their own.
    """

    def __init__(self, engines: Mapping[str, Engine], program: list[int], *, scaled: bool) -> None:
        self.engines, self.program, self.scaled = engines, program, scaled
        self.pc, self.halted, self.event = 0, False, False
        self.addresses, self.tokens = [0] * ADDRESSES, [0] * TOKENS
        self.loops: list[tuple[int, int]] = []
        # Of each engine: where from, what.
        self.queues = {name: collections.deque[tuple[int, int]]() for name in engines}
        self.instructions = dict.fromkeys(ENGINES, 0)
        self.words = dict.fromkeys(engines, 0)
        self.at = "seq", 0

    def run(self) -> Outcome:
        """Run to the end."""
        error = ""
        try:
            while not self.halted:
                self._step()
        except MachineError as stop:
            error = str(stop)
        engine, pc = self.at
        return Outcome(
            error=error,
            engine=engine,
            pc=pc,
            event=self.event,
            instructions=self.instructions,
            words=self.words,
        )

    def _step(self) -> None:
        """Do the next instruction, or send it."""
        self.at = "seq", self.pc
        if self.pc >= len(self.program):
            raise MachineError("illegal")
        word = self.program[self.pc]
        instruction, fields = _legal(word, rules=False)
        if instruction.scaled and not self.scaled:
            raise MachineError("illegal")
        name = instruction.engine
        if name in self.engines:
            if fields.get("add"):
                word = self._relocated(word, fields["add"] - 1)
            self.queues[name].append((self.pc, word))
            self.pc += 1
            self._settle()
        else:
            self.pc += 1
            self._sequence(instruction.name, fields)
            self.instructions["seq"] += 1

    def _relocated(self, word: int, register: int) -> int:
        """Return an instruction with an address register added to the low bits of its payload."""
        mask = (1 << ADDRESS_BITS) - 1
        payload = (word >> PAYLOAD) + self.addresses[register] & mask
        return word & ~(mask << PAYLOAD) | payload << PAYLOAD

    def _sequence(self, name: str, fields: Mapping[str, int]) -> None:
        """Do an instruction of the sequencer's own."""
        if name == "seta":
            self.addresses[fields["address"]] = fields["value"]
        elif name == "adda":
            total = self.addresses[fields["address"]] + fields["value"]
            self.addresses[fields["address"]] = total % (1 << ADDRESS_BITS)
        elif name == "loop":
            if len(self.loops) == LOOPS:
                raise MachineError("illegal")
            self.loops.append((self.pc, fields["count"]))
        elif name == "end":
            self._end()
        elif name == "wait":
            if not self._take(fields["tokens"]):
                self._stuck()
        elif name == "signal":
            self._give(fields["tokens"])
            self._settle()
        else:
            if any(self.queues.values()):
                self._stuck()
            self.event |= name == "event"
            self.halted = name == "halt"

    def _end(self) -> None:
        """Go back to the start of the innermost loop, or leave it."""
        if not self.loops:
            raise MachineError("illegal")
        start, left = self.loops.pop()
        if left > 1:
            self.loops.append((start, left - 1))
            self.pc = start

    def _stuck(self) -> None:
        """Stop: nothing that waits can get what it waits for."""
        for name in ENGINES:
            if self.queues.get(name):
                pc, _ = self.queues[name][0]
                self.at = name, pc
                break
        raise MachineError("watchdog")

    def _settle(self) -> None:
        """Have engines do what they can, until none can do more."""
        at = self.at
        while any([self._drive(name) for name in self.engines]):
            pass
        self.at = at

    def _drive(self, name: str) -> bool:
        """Have an engine do what it can; tell whether it did anything."""
        queue, engine, done = self.queues[name], self.engines[name], self.instructions[name]
        while queue:
            pc, word = queue[0]
            self.at = name, pc
            instruction, fields = _legal(word)
            what = instruction.name.split(".")[1]
            if instruction.slot is not None:
                engine.windows[fields["window"]].set(what, fields)
            elif self._take(fields["wait"]):
                self.words[name] += engine.run(what, fields)
                self._give(fields["signal"])
            else:
                break
            queue.popleft()
            self.instructions[name] += 1
        return self.instructions[name] > done

    def _take(self, mask: int) -> bool:
        """Take a token of each of a mask, if all are there."""
        wanted = [i for i in range(TOKENS) if mask >> i & 1]
        if not all(self.tokens[i] for i in wanted):
            return False
        for i in wanted:
            self.tokens[i] -= 1
        return True

    def _give(self, mask: int) -> None:
        """Give a token of each of a mask."""
        for i in range(TOKENS):
            self.tokens[i] += mask >> i & 1
        if max(self.tokens) > MOST_TOKENS:
            raise MachineError("token")


def _legal(word: int, *, rules: bool = True) -> tuple[Instruction, dict[str, int]]:
    """Decode an instruction, or stop the machine."""
    try:
        return _decode(word, rules=rules)
    except UserError:
        raise MachineError("illegal") from None
