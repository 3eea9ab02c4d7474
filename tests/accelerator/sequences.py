"""Programs at random, and what the sequencer makes of one."""

import random
from collections.abc import Sequence

from sw.accelerator.coding import encode
from sw.accelerator.instructions import TABLE, Instruction

__all__ = [
    "END_OF_PROGRAM",
    "EVENT",
    "HALT",
    "SIGNAL",
    "WAIT",
    "Step",
    "fields",
    "model",
    "random_program",
]

END_OF_PROGRAM = encode("halt")
SETA, ADDA, LOOP, END, WAIT, SIGNAL, EVENT, HALT = 1, 2, 3, 4, 5, 6, 8, 9
ENGINES = {2: "dma", 3: "quant", 4: "prod", 5: "vec"}
Step = tuple
"""The number of an instruction; where ports show what it does: to whom or which, with what."""


def model(program: Sequence[int]) -> list[Step]:
    """Return the steps of a legal program, by the specification's words and bits."""
    steps: list[Step] = []
    registers = [0] * 16
    loops: list[list[int]] = []
    pc = 0
    while True:
        word, number = program[pc], pc
        engine, op = word & 15, word >> 4 & 15
        value, register = word >> 32 & (1 << 40) - 1, word >> 8 & 15
        tokens = word >> 8 & 0xFFFF
        pc += 1
        if engine != 1:
            add = word >> 16 & 31
            if op == 0 and add:
                word ^= value << 32
                word |= (value + registers[add - 1]) % (1 << 40) << 32
            steps.append((number, ENGINES[engine], word))
            continue
        if op == SETA:
            registers[register] = value
        elif op == ADDA:
            registers[register] = (registers[register] + value) % (1 << 40)
        elif op == LOOP:
            loops.append([pc, word >> 32 & 0xFFFFFF])
        elif op == END:
            loops[-1][1] -= 1
            if loops[-1][1]:
                pc = loops[-1][0]
            else:
                loops.pop()
        shown = [(op, tokens)] if op == WAIT or (op == SIGNAL and tokens) else []
        shown += [(op,)] if op in (EVENT, HALT) else []
        steps.append((number, *(shown or [()])[0]))
        if op == HALT:
            return steps


def fields(rng: random.Random, each: Instruction) -> dict[str, int]:
    """Return values within their bounds; of vec.map those that no rule between fields refuses."""
    values = {f.name: rng.choice([*f.bounds, rng.randint(*f.bounds)]) for f in each.fields}
    if each.name == "vec.map":
        values |= {"fold": 0, "function": 0, "lane": rng.randrange(11)}
    return values


SENT = [each for each in TABLE if each.engine != "seq" and not each.scaled]
PLAIN = [each for each in TABLE if each.name in ("wait", "signal", "barrier", "event")]


def random_program(rng: random.Random, size: int) -> list[int]:
    """Return a program of loops inside one another, with HALT."""

    def block(depth: int, size: int) -> list[int]:
        made: list[int] = []
        while len(made) < size:
            kind = rng.random()
            if kind < 0.15 and depth < 4 and size > 3:
                made.append(encode("loop", count=rng.choice([1, 1, 2, 3])))
                made += [*block(depth + 1, size // 2), encode("end")]
            elif kind < 0.35:
                name = rng.choice(["seta", "adda", "adda"])
                value = rng.choice([1, rng.getrandbits(40), (1 << 40) - 1])
                made.append(encode(name, address=rng.randrange(16), value=value))
            else:
                each = rng.choice(PLAIN if kind < 0.45 else SENT)
                made.append(encode(each.name, **fields(rng, each)))
        return made

    return [*block(0, size), END_OF_PROGRAM]
