"""Programs at random that fail, and of what: behind legal parts comes a mistake."""

import dataclasses
import random

from .mistakes import LOOSE, MISTAKES, unreadable
from .random_programs import BARRIER, HALT, Maker

__all__ = ["CAUSES", "Wrong", "wrong"]

CAUSES = ("illegal", "address", "size", "alignment", "bus", "token", "conflict", "watchdog")
"""By their codes, from 1 on."""


@dataclasses.dataclass
class Wrong:
    """A program and how it fails.

    Parameters
    ----------
    program : list of int
    cause, engine, pc
        Of the error; no engine for a conflict, None for a number that is not defined.
    good : list of int
        A program that leaves what this one does, but for what is wrong.
    modelled : bool
        Whether the interpreter fails alike.
    loose : bool
        Whether engines may be at work, so that what they store is not known.
    addressed : set of int
        Bytes of memory that what is wrong may write.
    bad : (int, int)
        Bytes of memory that answer with an error.
    """

    program: list[int]
    cause: str
    engine: str
    pc: int | None
    good: list[int]
    modelled: bool = True
    loose: bool = False
    addressed: set[int] = dataclasses.field(default_factory=set)
    bad: tuple[int, int] = (0, 0)


def wrong(rng: random.Random, maker: Maker) -> Wrong:
    """Return a program that fails."""
    maker.begin()
    for _ in range(rng.randint(0, 3)):
        maker.part()
    make = rng.choice(MISTAKES)
    kind = make(rng, maker)
    good = [*maker.code, HALT] if make is not unreadable else [HALT]
    # Then engines may be at work.
    loose = make in LOOSE and maker.code[-1] == BARRIER and rng.random() < 0.5
    if loose:
        maker.code.pop()
    else:
        maker.code.append(BARRIER)
    program = [*maker.code, *kind.code, *([HALT] if kind.end else [])]
    assert len(program) <= maker.parameters.instructions
    return Wrong(
        program,
        kind.cause,
        kind.engine,
        len(maker.code) + len(kind.code) - kind.back if kind.number else None,
        good,
        kind.modelled,
        loose,
        kind.addressed,
        kind.bad,
    )
