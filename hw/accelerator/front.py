"""Front of an engine: takes instructions in order, waits for tokens, gives tokens, keeps errors."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import BITS, TABLE
from sw.accelerator.parameters import AcceleratorParameters

from ..base.circuit import Circuit
from .ports import PC_BITS, engine_members, field_of

__all__ = ["EngineFront", "fields_of", "outside"]

_TABLE = {each.name: each for each in TABLE}
_OP = slice(4, 8)


def fields_of(name: str, word: Value) -> dict[str, Value]:
    """Return the fields of an instruction, by the name that the table has for it."""
    return {field.name: field_of(word, field) for field in _TABLE[name].fields}


def outside(p: AcceleratorParameters, bank: Value, word: Value) -> Value:
    """Return whether a word, by its signed number in a bank, is not in the scratchpad."""
    return Cat(word[(p.bank_words - 1).bit_length() :], bank[(p.banks - 1).bit_length() :]).any()


class EngineFront(Circuit):
    """Front of an engine that does one RUN at a time.

    A SET is taken in the cycle in which it comes. A RUN is taken into ``job``, waits for its tokens
    from the next cycle on, and starts in the cycle in which they are granted, which is not the
    first one in which it waits, see `Tokens`; its tokens are given a cycle after ``end``, and the
    next instruction is taken from then on. So latency and interval are two cycles more than those
    of the RUN. Outputs come from registers, but for ``start``, ``set`` and ``busy``.

    Members
    -------
    set : Out(1)
        ``word`` sets a window.
    word : Out(128)
        The instruction that comes now.
    start : Out(1)
        ``job`` starts.
    job : Out(128)
        The RUN; it stays until ``end``.
    end : In(1)
        Its last write is issued in this cycle, or was before.
    cause : In(4)
        It fails in this cycle, see `CAUSES`; the first one is kept.
    Other members are those of `engine_members`.
    """

    def __init__(self) -> None:
        super().__init__(
            engine_members()
            | {
                "set": Out(1),
                "word": Out(BITS),
                "start": Out(1),
                "job": Out(BITS),
                "end": In(1),
                "cause": In(4),
            }
        )

    def serve(self, m: Module, engine: Circuit) -> None:
        """Connect the engine's members to those of the front."""
        wiring.connect(m, wiring.flipped(engine.command), self.command)
        for name, member in engine_members().items():
            if member.is_port:
                mine, its = getattr(self, name), getattr(engine, name)
                m.d.comb += mine.eq(its) if member.flow == In else its.eq(mine)

    @property
    def slot(self) -> Value:
        """Which slot of a window ``word`` sets."""
        return self.word[12:16]

    @property
    def payload(self) -> Value:
        """What the slot gets."""
        return self.word[32:]

    def sets(self, name: str, window: int) -> Value:
        """Return whether an instruction of the table comes that sets a window."""
        which = fields_of(name, self.word)["window"]
        return self.set & (self.slot == _TABLE[name].slot) & (which == window)

    def does(self, name: str) -> Value:
        """Return whether ``job`` is an instruction of the table."""
        return self.job[_OP] == _TABLE[name].op

    def elaborate(self, platform: Any) -> Module:
        """Build the states: no RUN, one that waits, one that runs."""
        m = Module()
        held = Signal()
        running = Signal()
        failed = Signal()
        take = Signal()
        pc = Signal(PC_BITS)
        given = self.command.payload
        is_set = given.word[_OP] == 0
        tokens = fields_of("prod.multiply", self.job)
        m.d.comb += [
            self.command.ready.eq(~held & ~failed),
            take.eq(self.command.valid & self.command.ready),
            self.word.eq(given.word),
            self.set.eq(take & is_set),
            self.waiting.eq(held & ~running & ~failed),
            self.wait.eq(tokens["wait"]),
            self.start.eq(self.waiting & self.granted),
            self.busy.eq(self.command.valid | held | self.signal.any()),
        ]
        m.d.sync += self.signal.eq(0)
        with m.If(take & ~is_set):
            m.d.sync += [held.eq(1), self.job.eq(given.word), pc.eq(given.pc)]
        with m.If(self.start):
            m.d.sync += running.eq(1)
        with m.If(running & self.end & ~failed):
            m.d.sync += [held.eq(0), running.eq(0), self.signal.eq(tokens["signal"])]
        with m.If(self.cause.any() & ~failed):
            m.d.sync += [failed.eq(1), self.error.eq(self.cause), self.error_pc.eq(pc)]
        return m
