"""The sequencer: fetches a program, follows it, and sends the engines their instructions."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import (
    ADDRESS_BITS,
    ADDRESSES,
    BITS,
    ENGINES,
    LOOPS,
    TABLE,
    TOKENS,
    WORKERS,
)
from sw.accelerator.parameters import AcceleratorParameters

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from ..base.pipeline import register, wire
from .legality import Legality
from .ports import CAUSES, COMMAND, PC_BITS, field_of

__all__ = ["FETCH", "ProgramSequencer"]

FETCH = data.StructLayout({"address": ADDRESS_BITS, "count": PC_BITS})
"""What is asked of memory: where a program begins, and its instructions."""

_OWN = {each.name: each for each in TABLE if each.engine == "seq"}
_ENGINE, _OP = slice(0, 4), slice(4, 8)
# Of the bits to which an address register is added, and of its number, in all that have them.
_SUM = _OWN["seta"].named["value"]
_ADDRESS = _OWN["seta"].named["address"]
_ADD = next(each for each in TABLE if "add" in each.named).named["add"]


class ProgramSequencer(Circuit):
    """Sequencer of one program.

    At ``start`` it asks for the program, stores it, and then carries out one instruction after the
    other. Latency and interval are two cycles an instruction, unless a stream takes none, or
    tokens or a barrier are waited for: in the first it is checked, and the address register that it
    adds is read; in the second it is sent or done, while the next one leaves the store. An END that
    begins its loop anew takes two more, since another one was read. The first is done four cycles
    after the last has come. Before the next program it wants a reset, which sets all address
    registers to 0.

    Parameters
    ----------
    parameters : AcceleratorParameters

    Members
    -------
    start : In(1)
    program_address : In(40), program_length : In(16)
        Of the first byte, and instructions, 1 to ``instructions``; held.
    fetch : Out(stream.Signature(FETCH)), fetched : In(stream.Signature(128))
        One request, and the instructions that answer it.
    command_<engine> : Out(stream.Signature(COMMAND))
        Instructions of each engine, in order, relocated, each with its number in the program.
    wait, waiting, granted, signal
        As of an engine, see `hw.accelerator.ports.engine_members`.
    idle : In(1)
        All engines have done all that they were sent until two cycles before.
    step, event, done : Out(1)
        An instruction is carried out in this cycle; and is EVENT; and is HALT.
    pc : Out(16)
        The number of the instruction in hand, from a register.
    error : Out(4), error_pc : Out(16)
        0, or why it stopped, and at which instruction; both stay, and come from registers.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        super().__init__(
            {
                "start": In(1),
                "program_address": In(ADDRESS_BITS),
                "program_length": In(PC_BITS),
                "fetch": Out(stream.Signature(FETCH)),
                "fetched": In(stream.Signature(BITS)),
                **{f"command_{name}": Out(stream.Signature(COMMAND)) for name in WORKERS},
                "wait": Out(TOKENS),
                "waiting": Out(1),
                "granted": In(1),
                "signal": Out(TOKENS),
                "idle": In(1),
                **dict.fromkeys(("step", "event", "done"), Out(1)),
                "pc": Out(PC_BITS),
                "error": Out(4),
                "error_pc": Out(PC_BITS),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the states, the store, and what an instruction does."""
        m = Module()
        decode, execute = Signal(), Signal()
        again = Signal()
        following = Signal(PC_BITS)
        given = self._store(m, decode | execute)
        m.submodules.legality = legality = Legality(scaled=self.parameters.tensor_scale)
        m.d.comb += legality.word.eq(given)
        word = register(m, decode, "word", BITS, given)
        beyond = self.pc == self.program_length
        illegal = register(m, decode, "illegal", 1, ~legality.legal | beyond)
        does = {
            name: wire(m, f"is_{name}", 1, execute & ~illegal & _is(word, each.op))
            for name, each in _OWN.items()
        }
        waits = [does[name] & ~self.idle for name in ("barrier", "event", "halt")]
        waits.append(does["wait"] & ~self.granted)
        waits.append(
            self._send(m, word, self._sum(m, decode, given, word, does), execute & ~illegal)
        )
        wrong = illegal | self._loop(m, decode, word, does, again, following)
        m.d.comb += [
            self.step.eq(execute & ~wrong & ~Cat(waits).any()),
            self.wait.eq(field_of(word, _OWN["wait"].named["tokens"])),
            self.waiting.eq(does["wait"]),
            self.event.eq(self.step & does["event"]),
            self.done.eq(self.step & does["halt"]),
        ]
        m.d.sync += self.signal.eq(Mux(does["signal"], self.wait, 0))
        self._states(m, decode, execute, wrong, again, following)
        return m

    def _states(
        self,
        m: Module,
        decode: Signal,
        execute: Signal,
        wrong: Value,
        again: Value,
        following: Value,
    ) -> None:
        """Fetch, then carry out one instruction after the other."""
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.next = "ASK"
            with m.State("ASK"):
                m.d.comb += self.fetch.valid.eq(1)
                with m.If(self.fetch.ready):
                    m.next = "STORE"
            with m.State("STORE"):
                m.d.comb += self.fetched.ready.eq(1)
                with m.If(self.fetched.valid):
                    m.d.sync += self.pc.eq(self.pc + 1)
                    with m.If(self.pc + 1 == self.program_length):
                        m.d.sync += self.pc.eq(0)
                        m.next = "READ"
            with m.State("READ"):
                m.next = "KEEP"
            with m.State("KEEP"):
                m.next = "DECODE"
            with m.State("DECODE"):
                m.d.comb += decode.eq(1)
                m.next = "EXECUTE"
            with m.State("EXECUTE"):
                m.d.comb += execute.eq(1)
                with m.If(wrong):
                    m.d.sync += [self.error.eq(CAUSES["illegal"]), self.error_pc.eq(self.pc)]
                    m.next = "END"
                with m.Elif(self.step):
                    m.d.sync += self.pc.eq(following)
                    m.next = "DECODE"
                    with m.If(again):
                        m.next = "READ"
                    with m.If(self.done):
                        m.next = "END"
            with m.State("END"):
                pass

    def _store(self, m: Module, ahead: Value) -> Value:
        """Build the store, which is written where ``pc`` is.

        Returns what was read in the cycle before last, from a register: the instruction there, or
        the one behind it.
        """
        m.submodules.store = store = uninitialized_memory(
            shape=BITS, depth=self.parameters.instructions, no_collision=True
        )
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            self.fetch.payload.address.eq(self.program_address),
            self.fetch.payload.count.eq(self.program_length),
            write.en.eq(self.fetched.valid & self.fetched.ready),
            write.addr.eq(self.pc),
            write.data.eq(self.fetched.payload),
            read.en.eq(1),
            read.addr.eq(self.pc + ahead),
        ]
        return register(m, 1, "given", BITS, read.data)

    def _sum(
        self, m: Module, decode: Value, given: Value, word: Value, does: Mapping[str, Value]
    ) -> Value:
        """Return the sum of bits of ``word`` and an address register, which SETA and ADDA set."""
        m.submodules.addresses = registers = memory.Memory(
            shape=ADDRESS_BITS, depth=ADDRESSES, init=[]
        )
        write, read = registers.write_port(), registers.read_port(domain="comb")
        known = Signal(ADDRESSES)
        own = _is(given, _OWN["adda"].op)
        add = field_of(given, _ADD)
        adds = own | ((given[_ENGINE] != ENGINES["seq"]) & (given[_OP] == 0) & (add != 0))
        m.d.comb += read.addr.eq(Mux(own, field_of(given, _ADDRESS), add - 1))
        added = Mux(adds & Array(known)[read.addr], read.data, 0)
        total = field_of(word, _SUM) + register(m, decode, "added", ADDRESS_BITS, added)
        m.d.comb += [
            write.en.eq(does["seta"] | does["adda"]),
            write.addr.eq(field_of(word, _ADDRESS)),
            write.data.eq(total),
        ]
        with m.If(write.en):
            m.d.sync += known.bit_select(write.addr, 1).eq(1)
        return write.data

    def _send(self, m: Module, word: Value, total: Value, en: Value) -> Value:
        """Send an engine's instruction; return whether it waits."""
        waits = []
        low, high = _SUM.low, _SUM.low + _SUM.bits
        relocated = Mux(word[_OP] == 0, Cat(word[:low], total, word[high:]), word)
        for name in WORKERS:
            port = getattr(self, f"command_{name}")
            m.d.comb += [
                port.valid.eq(en & (word[_ENGINE] == ENGINES[name])),
                port.payload.word.eq(relocated),
                port.payload.pc.eq(self.pc),
            ]
            waits.append(port.valid & ~port.ready)
        return Cat(waits).any()

    def _loop(
        self,
        m: Module,
        decode: Value,
        word: Value,
        does: Mapping[str, Value],
        again: Signal,
        following: Signal,
    ) -> Value:
        """Keep the loops, and give the next number and whether it is that of a loop begun anew.

        Returns whether there are too many, or none.
        """
        count = _OWN["loop"].named["count"]
        left = Array(Signal(count.bits, name=f"left_{n}") for n in range(LOOPS))
        top = Array(Signal(PC_BITS, name=f"top_{n}") for n in range(LOOPS))
        depth = Signal(range(LOOPS + 1))
        inner = wire(m, "inner", range(LOOPS), depth - 1)
        outermost = register(m, decode, "outermost", 1, depth == 0)
        innermost = register(m, decode, "innermost", 1, depth == LOOPS)
        goes_on = register(m, decode, "goes_on", 1, left[inner] != 1)
        begin = register(m, decode, "begin", PC_BITS, top[inner])
        m.d.comb += [
            again.eq(does["end"] & goes_on),
            following.eq(Mux(again, begin, self.pc + 1)),
        ]
        with m.If(does["loop"]):
            m.d.sync += [
                left[depth].eq(field_of(word, count)),
                top[depth].eq(following),
                depth.eq(depth + 1),
            ]
        with m.If(again):
            m.d.sync += left[inner].eq(left[inner] - 1)
        with m.Elif(does["end"]):
            m.d.sync += depth.eq(depth - 1)
        return (does["loop"] & innermost) | (does["end"] & outermost)


def _is(word: Value, op: int) -> Value:
    """Return whether a word is an instruction of the sequencer."""
    return (word[_ENGINE] == ENGINES["seq"]) & (word[_OP] == op)
