"""The accelerator: sequencer, engines, tokens and scratchpad, and how jobs begin and end."""

from collections.abc import Callable, Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from sw.accelerator.instructions import BYTES, ENGINES, WORKERS
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.timing import AHEAD

from ..base.circuit import Circuit
from ..base.field import Field
from ..base.pipeline import count_events, delay, register, wire
from ..base.restart import Restarted
from ..engine.core import Core
from ..engine.registers import Register, counter
from ..stream.buffer import StreamBuffer
from .dma import DmaEngine
from .ports import CAUSES, COMMAND, PC_BITS
from .product import ProductEngine
from .quantize import QuantizeEngine
from .scratchpad import Scratchpad, chosen
from .sequencer import ProgramSequencer
from .tokens import Tokens
from .vector import VectorEngine

__all__ = ["PROGRAM", "Accelerator"]

_ENGINES: dict[str, tuple[Callable[..., Circuit], tuple[str, ...]]] = {
    "dma": (DmaEngine, ("read",)),
    "quant": (QuantizeEngine, ("read",)),
    "prod": (ProductEngine, ("read_a", "read_b")),
    "vec": (VectorEngine, ("read_x", "read_y")),
}
"""The engines, each with the names of its read ports."""

PROGRAM = (
    Field(name="program_low", bits=32, description="address of the program, its lower bits"),
    Field(name="program_high", bits=8, description="address of the program, its upper bits"),
    Field(name="program_length", bits=16, description="instructions of the program"),
)


class Accelerator(Core):
    """A machine that carries out a program, a job, which an AXI4 master fetches for it.

    The sequencer sends each engine its instructions, `AHEAD` of which wait in front of it. Before a
    job, engines, tokens and address registers are as after reset; the scratchpad keeps its words.
    Two cycles after an error all but the master's bursts under way stop, and ``done`` follows their
    end. Latency and interval are the program's; from ``start`` to the request for the program are
    two cycles.

    Parameters
    ----------
    parameters : AcceleratorParameters

    Members
    -------
    job, start, done, busy, clear, flags
        As in `Core`; a start is refused while a job runs, with a length that is 0 or more than the
        machine stores, or with an address that is no multiple of the bytes of an instruction and
        of a beat.
    m_axi_<name>, idle, aborting
        The master, of the widths that `DmaEngine` says.
    error : Out(struct)
        Of the first error since the start: cause, see `CAUSES`, or 0; the engine's code, 0 for a
        conflict; the number of the instruction, for a conflict that of the sequencer. Of the
        watchdog it is the first engine, by the codes, that is not done with what it took, or else
        the sequencer.
    <counter> : Out(32)
        ``cycles`` of jobs, ``instructions`` carried out or sent, and of each engine cycles
        ``<engine>_busy`` and, of those, ``<engine>_starved``.
    """

    JOBS = True
    BUSY = "a job runs"
    ABORT = "the program's progress"
    FLAGS = {
        "refused": "a start while busy or aborting, with a length that is 0 or "
        "more than is stored, or with an address that is no multiple of an instruction's "
        "bytes and a beat's",
        "event": "the program asked for attention",
        "illegal": "an instruction was illegal",
        "address": "a window was outside of its bank, or not aligned to words",
        "size": "sizes of an operation did not fit together",
        "alignment": "an external address was not aligned to words",
        "bus": "the memory answered with an error",
        "token": "a token was given beyond the most that its counter holds",
        "conflict": "two readers, or two writers, used one bank at a time",
        "watchdog": "nothing moved for too long",
    }

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        self._engines = {name: kind(parameters=parameters) for name, (kind, _) in _ENGINES.items()}
        error = (
            Field(name="cause", bits=4, description="0 none, or the number of the flag's error"),
            Field(name="engine", bits=4, description="code of the engine"),
            Field(name="pc", bits=PC_BITS, description="number of the instruction"),
        )
        text = "First error since the start; causes: " + ", ".join(
            f"{code} {name}" for name, code in CAUSES.items()
        )
        self.registers = (
            Register(name="error", access="ro", fields=error, description=f"{text}."),
            counter("cycles", "cycles spent busy"),
            counter("instructions", "instructions carried out, or sent to an engine"),
            *(counter(f"{name}_busy", f"cycles in which {name} was busy") for name in WORKERS),
            *(
                counter(f"{name}_starved", f"cycles in which {name} waited for tokens")
                for name in WORKERS
            ),
        )
        dma = self._engines["dma"]
        super().__init__(
            streams={}, job=PROGRAM, masters={"m_axi": {**dma.write_port, **dma.read_port}}
        )

    def elaborate(self, platform: Any) -> Module:
        """Build what runs a program, what ends it, and the counters."""
        m = Module()
        running, draining = Signal(), Signal()
        sequencer = ProgramSequencer(parameters=self.parameters)
        tokens = Tokens(requesters=(*WORKERS, "seq"))
        dma = self._engines["dma"]
        m.submodules.sequencer = Restarted(sequencer, ~running)
        m.submodules.tokens = Restarted(tokens, ~running)
        for name, engine in self._engines.items():
            halted = ~(running | draining) if engine is dma else ~running
            m.submodules[name] = Restarted(engine, halted)
        askers = {**self._engines, "seq": sequencer}
        numbers = {"seq": sequencer.pc}
        for name in WORKERS:
            port = getattr(sequencer, f"command_{name}")
            numbers[name] = self._feed(m, name, port, running)
        for name, asker in askers.items():
            m.d.comb += [
                getattr(tokens, f"wait_{name}").eq(asker.wait),
                getattr(tokens, f"waiting_{name}").eq(asker.waiting),
                asker.granted.eq(getattr(tokens, f"granted_{name}")),
                getattr(tokens, f"signal_{name}").eq(asker.signal),
            ]
        m.d.comb += [
            sequencer.start.eq(running),
            sequencer.program_address.eq(Cat(self.job.program_low, self.job.program_high)),
            sequencer.program_length.eq(self.job.program_length),
            sequencer.idle.eq(~Cat(engine.busy for engine in self._engines.values()).any()),
            self.flags.event.eq(delay(m, 1, sequencer.event, 1, name="event", reset=True)),
        ]
        beats, conflict = self._connect_memories(m, sequencer)
        stuck = self._watch(m, running, beats | sequencer.step)
        errors = [(name, asker.error, asker.error_pc) for name, asker in askers.items()]
        errors += [
            (
                name,
                Mux(getattr(tokens, f"overflow_{name}"), CAUSES["token"], 0),
                delay(m, 1, numbers[name], 2 if name == "seq" else 1, name=f"{name}_gave"),
            )
            for name in askers
        ]
        errors.append(("", Mux(conflict, CAUSES["conflict"], 0), sequencer.pc))
        errors += [
            (name, Mux(stuck & engine.busy, CAUSES["watchdog"], 0), numbers[name])
            for name, engine in self._engines.items()
        ]
        errors.append(("seq", Mux(stuck, CAUSES["watchdog"], 0), sequencer.pc))
        failed = self._keep_error(m, running, errors)
        # What fails with the last instruction is known by then.
        done = delay(m, 1, running & sequencer.done, 1, name="done", reset=True)
        self._run(m, running, draining, done, failed)
        counted = [(self.cycles, self.busy), (self.instructions, sequencer.step)]
        for name, engine in self._engines.items():
            counted += [
                (getattr(self, f"{name}_busy"), running & engine.busy),
                (getattr(self, f"{name}_starved"), running & engine.waiting & ~engine.granted),
            ]
        count_events(m, self.clear, counted)
        return m

    def _run(
        self, m: Module, running: Signal, draining: Signal, done: Value, failed: Value
    ) -> None:
        """Start and end jobs: a job runs, then its bursts come to their end, unless it is done."""
        dma = self._engines["dma"]
        length = self.job.program_length
        unaligned = self.job.program_low & (max(BYTES, self.parameters.port_bits // 8) - 1)
        begins, drained = Signal(), Signal()
        m.d.comb += [
            self.busy.eq(running | draining),
            begins.eq(
                self.start
                & ~self.busy
                & ~self.aborting
                & (length != 0)
                & (length <= self.parameters.instructions)
                & ~unaligned.any()
            ),
            self.flags.refused.eq(self.start & ~begins),
            dma.stop.eq(draining),
            drained.eq(draining & dma.idle),
            self.idle.eq(~running & (~draining | dma.idle)),
            self.done.eq(((running & done & ~failed) | drained) & ~self.aborting),
        ]
        with m.If(begins):
            m.d.sync += running.eq(1)
        with m.Elif(running & (failed | self.aborting)):
            m.d.sync += [running.eq(0), draining.eq(1)]
        with m.Elif(running & done):
            m.d.sync += running.eq(0)
        with m.If(drained):
            m.d.sync += draining.eq(0)

    def _feed(self, m: Module, name: str, given: Any, running: Value) -> Signal:
        """Put a FIFO in front of an engine; return the number of what the engine took last.

        What is sent is offered to the engine two cycles later, when the sequencer is at its next
        instruction at the earliest: that the engine is busy tells of the FIFO too.
        """
        engine = self._engines[name]
        m.submodules[f"{name}_commands"] = Restarted(
            fifo := StreamBuffer(shape=COMMAND, depth=AHEAD), ~running
        )
        wiring.connect(m, given, fifo.i)
        wiring.connect(m, fifo.o, engine.command)
        number = Signal(PC_BITS, name=f"{name}_pc")
        with m.If(~running):
            m.d.sync += number.eq(0)
        with m.Elif(engine.command.valid & engine.command.ready):
            m.d.sync += number.eq(engine.command.payload.pc)
        return number

    def _connect_memories(self, m: Module, sequencer: Circuit) -> tuple[Value, Value]:
        """Connect engines to the scratchpad, and the master to its port and to the sequencer.

        Returns whether a beat of the master moves, and whether there was a conflict.
        """
        dma = self._engines["dma"]
        reads = {f"{n}{r[4:]}": (n, r) for n, (_, ports) in _ENGINES.items() for r in ports}
        m.submodules.scratchpad = scratchpad = Scratchpad(
            parameters=self.parameters, readers=tuple(reads), writers=tuple(self._engines)
        )
        for name, (engine, port) in reads.items():
            its = getattr(self._engines[engine], port)
            wiring.connect(m, its, getattr(scratchpad, f"read_{name}"))
        for name, engine in self._engines.items():
            wiring.connect(m, engine.write, getattr(scratchpad, f"write_{name}"))
        for name, member in self.masters["m_axi"].items():
            mine, its = getattr(self, f"m_axi_{name}"), getattr(dma, name)
            m.d.comb += its.eq(mine) if member.flow is In else mine.eq(its)
        wiring.connect(m, sequencer.fetch, dma.fetch)
        wiring.connect(m, dma.fetched, sequencer.fetched)
        beats = Cat(dma.rvalid & dma.rready, dma.wvalid & dma.wready)
        return beats.any(), scratchpad.conflict

    def _watch(self, m: Module, running: Value, moved: Value) -> Value:
        """Return whether nothing has moved for too long.

        A RUN that has its tokens moves on by itself, but for that of the engine at the master.
        """
        others = (engine for name, engine in self._engines.items() if name != "dma")
        at_work = wire(m, "at_work", 1, Cat(each.busy & ~each.waiting for each in others).any())
        still = Signal(self.parameters.watchdog + 1)
        m.d.sync += still.eq(still + 1)
        with m.If(delay(m, 1, moved | at_work | ~running, 1, name="moved", reset=True)):
            m.d.sync += still.eq(0)
        return still[-1]

    def _keep_error(
        self, m: Module, running: Value, errors: Sequence[tuple[str, Value, Value]]
    ) -> Value:
        """Keep the first of causes, each with an engine and an instruction.

        Returns whether it comes, which it does a cycle later.
        """
        codes = [register(m, 1, f"code_{n}", 4, code) for n, (_, code, _) in enumerate(errors)]
        facts = [
            Cat(code, Const(ENGINES.get(name, 0), 4), register(m, 1, f"pc_{n}", PC_BITS, number))
            for n, (code, (name, _, number)) in enumerate(zip(codes, errors, strict=True))
        ]
        come = Cat(running & code.any() for _, code, _ in errors)
        come = delay(m, 1, come, 1, name="come", reset=True)
        first = wire(m, "first", len(come), come & (~come + 1))
        found: Any = Signal(self.error.shape())
        failed = wire(m, "failed", 1, running & come.any())
        m.d.comb += Value.cast(found).eq(chosen(first, facts))
        with m.If(self.start & ~self.flags.refused):
            m.d.sync += self.error.eq(0)
        with m.If(failed):
            m.d.sync += self.error.eq(found)
        for name, code in CAUSES.items():
            m.d.comb += self.flags[name].eq(failed & (found.cause == code))
        return failed
